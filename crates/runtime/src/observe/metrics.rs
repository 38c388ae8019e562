use std::time::Duration;

use steadfast_actors::outcome::Ending;

/// The word for how a call ended, in metrics and on record.
pub(crate) fn outcome(ending: Ending) -> &'static str {
    match ending {
        Ending::Success => "success",
        Ending::Error(kind) => kind.as_str(),
        Ending::Rejected(kind) => kind.as_str(),
        Ending::TimedOut => "timeout",
        Ending::Panicked => "panic",
        Ending::Cancelled => "cancelled",
    }
}

/// Counts one call for `#[metrics]`, through the `metrics` facade: whichever recorder the program has installed.
///
/// `steadfast_calls_total{site, outcome}` and `steadfast_call_seconds{site}`. Labels are sites and kinds, both bounded:
/// no key, path or user is ever one.
pub(crate) fn record(site: &str, ending: Ending, degraded: bool, latency: Duration) {
    let outcome = if degraded && ending == Ending::Success { "degraded" } else { outcome(ending) };
    metrics::counter!("steadfast_calls_total", "site" => site.to_owned(), "outcome" => outcome).increment(1);
    metrics::histogram!("steadfast_call_seconds", "site" => site.to_owned()).record(latency.as_secs_f64());
}
