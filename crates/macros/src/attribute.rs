//! The grammar of each attribute, as far as it differs from the others'.

/// What the value is that stands without a key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Positional {
    /// As behind a key.
    Value,
    Type,
}

/// One attribute.
pub(crate) struct Attribute {
    pub(crate) name: &'static str,
    /// The key under which the value without a key stands.
    pub(crate) positional: Option<(&'static str, Positional)>,
    /// Keys whose values are paths.
    pub(crate) paths: &'static [&'static str],
    /// How its arguments look, for messages.
    pub(crate) example: &'static str,
}

const fn named(name: &'static str, example: &'static str) -> Attribute {
    Attribute { name, positional: None, paths: &[], example }
}

const fn with_value(
    name: &'static str,
    key: &'static str,
    sort: Positional,
    example: &'static str,
) -> Attribute {
    Attribute { name, positional: Some((key, sort)), paths: &[], example }
}

impl Attribute {
    const fn paths(mut self, paths: &'static [&'static str]) -> Self {
        self.paths = paths;
        self
    }

    pub(crate) fn of(name: &str) -> Option<&'static Attribute> {
        ATTRIBUTES.iter().find(|attribute| attribute.name == name)
    }

    /// Whether it must be given its value without a key.
    pub(crate) fn needs_name(&self) -> bool {
        matches!(self.positional, Some(("name", _)))
    }
}

/// All attributes, in the order in which the crate's page lists them.
pub(crate) static ATTRIBUTES: [Attribute; 19] = [
    with_value("circuit_breaker", "name", Positional::Value, "(\"payments\")"),
    with_value("fallback", "path", Positional::Value, "(\"cached_reviews\")").paths(&["path"]),
    named("retry", "(attempts = 3)").paths(&["backoff"]),
    named("idempotent", "(key = \"header:Idempotency-Key\")"),
    with_value("timeout", "total", Positional::Value, "(\"30s\")"),
    with_value("timeout_cascade", "total", Positional::Value, "(percentage = 30)"),
    with_value("bulkhead", "name", Positional::Value, "(\"orders\", capacity = 50)").paths(&["cost"]),
    with_value("bulkhead_priority", "name", Positional::Value, "(\"orders\", priority = \"high\")")
        .paths(&["cost"]),
    named("rate_limit", "(requests = 10, per = \"minute\")").paths(&["cost"]),
    named("throttle", "(max_concurrent = 5)"),
    named("degrade_gracefully", ""),
    named("adaptive_timeout", "(base_timeout = \"5s\", max_timeout = \"30s\")"),
    named("hedge", "(after = \"p95\")"),
    named("shed", "(target_delay = \"5ms\")"),
    with_value("service_method", "route", Positional::Value, "(\"GET /orders/:id\")"),
    named("require_auth", ""),
    with_value("validate", "type", Positional::Type, "(Order)"),
    named("metrics", ""),
    named("audit_log", "(on_full = \"continue\")"),
];
