use crate::outcome::{Ending, ErrorKind};
use crate::rejection::RejectionKind;
use crate::settings::{Reader, Value};

use super::super::FailureKind;

/// Whether a failure of this kind may pass by itself, so that a repeat has a chance.
fn may_pass(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Timeout
            | ErrorKind::ConnectionError
            | ErrorKind::RateLimit
            | ErrorKind::ServerError
            | ErrorKind::Unavailable
            | ErrorKind::Unknown
    )
}

/// Refusals that no error kind stands for: a repeat would work against what refused, so only their own name opts in.
fn needs_its_own_name(kind: RejectionKind) -> bool {
    matches!(
        kind,
        RejectionKind::Open
            | RejectionKind::Full
            | RejectionKind::Preempted
            | RejectionKind::Shed
            | RejectionKind::Misconfigured
    )
}

/// Whether a run that ended so is repeated where neither `retry_on` nor `dont_retry_on` is written.
#[must_use]
pub fn is_repeated_by_default(ending: Ending) -> bool {
    if let Ending::Rejected(kind) = ending
        && needs_its_own_name(kind)
    {
        return false;
    }
    ending.error_kind().is_some_and(may_pass)
}

/// Which endings are repeated: the defaults, narrowed by `retry_on`, without those of `dont_retry_on`.
///
/// Our own `open`, `full` and `shed` are seen as `unavailable`, yet `retry_on = ["unavailable"]` does not repeat them:
/// they are opted in by their own names alone. `dont_retry_on = ["unavailable"]` leaves them out with the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetryRules {
    only: Option<Vec<FailureKind>>,
    never: Vec<FailureKind>,
    /// Whether a call that was cut for one of a higher class may run again.
    preempted: bool,
}

impl RetryRules {
    /// Reads `retry_on` and `dont_retry_on`.
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let words = FailureKind::names();
        let only = reader.choices("retry_on", &words);
        let never = reader.choices("dont_retry_on", &words).unwrap_or_default();
        if matches!(reader.value("retry_on"), Some(Value::List(list)) if list.is_empty()) {
            reader.problem("retry_on", "an empty list repeats nothing; write attempts = 1 for that");
        }
        if let Some(only) = &only {
            for word in only {
                check_can_be_repeated(reader, *word);
                if never.contains(word) {
                    let message = format!("{:?} stands in retry_on too", word.as_str());
                    reader.problem("dont_retry_on", message);
                }
            }
        }
        Self { only, never, preempted: false }
    }

    pub(super) fn repeating_preempted(mut self) -> Self {
        self.preempted = true;
        self
    }

    /// Whether a run that ended so is repeated, as far as its kind goes.
    #[must_use]
    pub fn repeats(&self, ending: Ending) -> bool {
        if self.never.iter().any(|word| word.stands_for(ending)) {
            return false;
        }
        let Some(only) = &self.only else {
            let preempted = ending == Ending::Rejected(RejectionKind::Preempted);
            return is_repeated_by_default(ending) || (preempted && self.preempted);
        };
        only.iter().any(|word| match (word, ending) {
            (FailureKind::Error(_), Ending::Rejected(kind)) if needs_its_own_name(kind) => false,
            _ => word.stands_for(ending),
        })
    }
}

/// `not_found` and `conflict` pass: another writer can change them between two runs. What is left is the same fault
/// again however often it is sent.
fn check_can_be_repeated(reader: &mut Reader<'_>, word: FailureKind) {
    let hopeless = match word {
        FailureKind::Error(kind) => matches!(
            kind,
            ErrorKind::ValidationError
                | ErrorKind::AuthenticationError
                | ErrorKind::AuthorizationError
                | ErrorKind::Cancelled
        ),
        FailureKind::Rejection(kind) => matches!(
            kind,
            RejectionKind::Misconfigured
                | RejectionKind::Unauthenticated
                | RejectionKind::Forbidden
                | RejectionKind::Invalid
        ),
    };
    if hopeless {
        let message = format!("{:?} is never repeated: the same call would be refused again", word.as_str());
        reader.problem("retry_on", message);
    }
}
