/// One layer of the canonical order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Its name in `describe`.
    pub name: &'static str,
    /// The attributes that declare it.
    pub attributes: &'static [&'static str],
    /// Why it stands where it stands.
    pub why: &'static str,
}

const fn layer(name: &'static str, attributes: &'static [&'static str], why: &'static str) -> Layer {
    Layer { name, attributes, why }
}

/// The canonical order, outermost first. Attributes may stand in any order on a function: this one holds.
pub const ORDER: [Layer; 17] = [
    layer("audit_log", &["audit_log"], "what is refused is on record too"),
    layer("metrics", &["metrics"], "counts what callers see, refusals and fallbacks included"),
    layer(
        "rate_limit (before)",
        &["rate_limit"],
        "by ip, header or all: guessing at a password is limited too",
    ),
    layer("require_auth", &["require_auth"], "nothing below runs for a caller who is not known"),
    layer("rate_limit (after)", &["rate_limit"], "by user, API key or argument: known only now"),
    layer("validate", &["validate"], "an invalid request takes no slot and no key"),
    layer("fallback", &["fallback"], "answers every refusal below it, and is never stored as a result"),
    layer("idempotent", &["idempotent"], "one key is one run with all its attempts; a replay takes no slot"),
    layer("timeout (total)", &["timeout", "timeout_cascade"], "covers all waiting and all attempts"),
    layer("shed", &["shed"], "load is turned away before it waits for anything"),
    layer("throttle", &["throttle"], "bounds calls in the house, their backoffs included"),
    layer("retry", &["retry"], "each attempt passes the layers below anew"),
    layer("hedge", &["hedge"], "a second attempt counts for the breaker as the first does"),
    layer("circuit_breaker", &["circuit_breaker"], "sees every attempt"),
    layer(
        "bulkhead",
        &["bulkhead", "bulkhead_priority"],
        "a slot is held for an attempt, never through a backoff",
    ),
    layer(
        "timeout (per attempt)",
        &["timeout", "adaptive_timeout"],
        "counts from the slot, not from the queue",
    ),
    layer(
        "degrade_gracefully",
        &["degrade_gracefully"],
        "no layer: breaker, bulkhead, throttle and shed read it",
    ),
];
