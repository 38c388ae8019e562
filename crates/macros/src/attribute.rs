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

#[cfg(test)]
mod tests {
    use steadfast_actors::declare::check;
    use steadfast_actors::settings::Settings;

    use super::*;

    #[test]
    fn every_setting_stands_on_its_attributes_page() {
        for Attribute { name, positional, .. } in &ATTRIBUTES {
            let page = format!("{}/docs/{name}.md", env!("CARGO_MANIFEST_DIR"));
            let page = std::fs::read_to_string(page).unwrap();
            let problems = check(name, &Settings::new().with("no such setting", 1)).unwrap_err();
            let known = problems.iter().find_map(|problem| problem.message.split_once("(known: "));
            let (_, known) = known.expect("an unknown setting is told with those that are known");
            for key in known.trim_end_matches(')').split(", ").filter(|key| *key != "none") {
                let is_first = positional.is_some_and(|(first, _)| first == key);
                let row = if is_first { "| first value |".to_owned() } else { format!("`{key}`") };
                assert!(page.contains(&row), "{key} does not stand on the page of {name}");
            }
        }
    }
}
