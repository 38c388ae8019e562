use std::any::Any;
use std::time::Duration;

use steadfast_actors::outcome::Ending;
use steadfast_actors::rejection::Rejection;

/// How an attempt, or the whole call, came to its end.
pub(crate) enum Finished<T, E> {
    /// The handler returned.
    Answer {
        /// What.
        result: Result<T, E>,
        /// How the layers see it.
        ending: Ending,
        /// What is known of its error beside that, if anything is.
        cause: Option<Box<Cause>>,
    },
    /// A layer refused.
    Refused(Box<Rejection>),
    /// The handler panicked.
    Panicked(Box<dyn Any + Send>),
}

/// Boxed, as a refusal is: what ends well is handed on from layer to layer, and is as small as what it carries.
pub(crate) struct Cause {
    /// When the dependency, or the refusal that it is, asked to be tried again.
    pub(super) retry_after: Option<Duration>,
    /// The refusal of ours that its error is.
    pub(super) rejection: Option<Rejection>,
}

impl<T, E> Finished<T, E> {
    pub(super) fn refused(rejection: Rejection) -> Self {
        Finished::Refused(Box::new(rejection))
    }

    pub(super) fn ending(&self) -> Ending {
        match self {
            Finished::Answer { ending, .. } => *ending,
            Finished::Refused(rejection) => match **rejection {
                Rejection::TimedOut { .. } => Ending::TimedOut,
                _ => Ending::Rejected(rejection.kind()),
            },
            Finished::Panicked(_) => Ending::Panicked,
        }
    }

    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Finished::Answer { cause, .. } => cause.as_ref().and_then(|cause| cause.retry_after),
            Finished::Refused(rejection) => rejection.retry_after(),
            Finished::Panicked(_) => None,
        }
    }
}
