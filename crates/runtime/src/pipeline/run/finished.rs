use std::any::Any;
use std::time::Duration;

use steadfast_actors::outcome::Ending;
use steadfast_actors::rejection::Rejection;

/// How an attempt, or the whole call, came to its end.
pub(super) enum Finished<T, E> {
    /// The handler returned.
    Answer {
        /// What.
        result: Result<T, E>,
        /// How the layers see it.
        ending: Ending,
        /// When the dependency, or the refusal that it is, asked to be tried again.
        retry_after: Option<Duration>,
        /// The refusal of ours that its error is.
        rejection: Option<Rejection>,
    },
    /// A layer refused.
    Refused(Rejection),
    /// The handler panicked.
    Panicked(Box<dyn Any + Send>),
}

impl<T, E> Finished<T, E> {
    pub(super) fn ending(&self) -> Ending {
        match self {
            Finished::Answer { ending, .. } => *ending,
            Finished::Refused(Rejection::TimedOut { .. }) => Ending::TimedOut,
            Finished::Refused(rejection) => Ending::Rejected(rejection.kind()),
            Finished::Panicked(_) => Ending::Panicked,
        }
    }

    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Finished::Answer { retry_after, .. } => *retry_after,
            Finished::Refused(rejection) => rejection.retry_after(),
            Finished::Panicked(_) => None,
        }
    }
}
