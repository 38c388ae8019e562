use std::sync::Arc;
use std::time::Duration;

use metrics::{Key, Label, Level, Metadata};
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

/// What `#[metrics]` counts the calls of one site by, through the `metrics` facade: whichever recorder the program has
/// installed by then.
///
/// `steadfast_calls_total{site, outcome}` and `steadfast_call_seconds{site}`. Labels are sites and kinds, both bounded:
/// no key, path or user is ever one. The names of what nearly all calls count are put together once.
#[derive(Debug)]
pub(crate) struct Metered {
    site: Arc<str>,
    success: Key,
    seconds: Key,
}

static METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

impl Metered {
    pub(crate) fn new(site: &str) -> Self {
        let site: Arc<str> = site.into();
        let seconds = Key::from_parts("steadfast_call_seconds", vec![Label::new("site", Arc::clone(&site))]);
        Metered { success: calls(&site, "success"), seconds, site }
    }

    /// Counts one call.
    pub(crate) fn record(&self, ending: Ending, degraded: bool, latency: Duration) {
        let other = match (ending, degraded) {
            (Ending::Success, false) => None,
            (Ending::Success, true) => Some(calls(&self.site, "degraded")),
            (ending, _) => Some(calls(&self.site, outcome(ending))),
        };
        metrics::with_recorder(|recorder| {
            recorder.register_counter(other.as_ref().unwrap_or(&self.success), &METADATA).increment(1);
            recorder.register_histogram(&self.seconds, &METADATA).record(latency.as_secs_f64());
        });
    }
}

fn calls(site: &Arc<str>, outcome: &'static str) -> Key {
    let labels = vec![Label::new("site", Arc::clone(site)), Label::new("outcome", outcome)];
    Key::from_parts("steadfast_calls_total", labels)
}
