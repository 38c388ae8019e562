use serde::{Deserialize, Serialize};

/// Why a bulkhead or throttle refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FullReason {
    /// Every permit is out and the queue has no room.
    QueueFull,
    /// It waited as long as it may.
    WaitedTooLong,
    /// A caller of a higher class took its place in the queue.
    Displaced,
    /// A caller of a higher class took its permit.
    Preempted,
    /// What was asked for is more than the whole capacity: it can never fit.
    NeverFits,
    /// The pool was closed.
    Closed,
}

impl std::fmt::Display for FullReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            FullReason::QueueFull => "every permit is out and its queue is full",
            FullReason::WaitedTooLong => "no permit came free in time",
            FullReason::Displaced => "a caller of higher priority took the place in its queue",
            FullReason::Preempted => "a caller of higher priority took the permit",
            FullReason::NeverFits => "more was asked for than its whole capacity",
            FullReason::Closed => "it is closed",
        })
    }
}

/// Why an idempotency key was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ConflictReason {
    /// The first call with this key still runs. HTTP 409.
    InFlight,
    /// The key was used with another payload. HTTP 422.
    OtherPayload,
    /// The first call was cut, so nobody knows whether it took effect. HTTP 409.
    Unknown,
    /// The call is done, but its result was too large to keep. HTTP 409.
    ResultNotKept,
    /// A key is required and none, or a malformed one, was sent. HTTP 400.
    BadKey,
}

impl std::fmt::Display for ConflictReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            ConflictReason::InFlight => "a call with this key still runs",
            ConflictReason::OtherPayload => "this key was used with another payload",
            ConflictReason::Unknown => "whether the first call with this key took effect is unknown",
            ConflictReason::ResultNotKept => "the call with this key is done, its result was not kept",
            ConflictReason::BadKey => "a key of 1 to 255 visible characters is required, once",
        })
    }
}

/// Why an actor could not decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum UnavailableReason {
    /// Its mailbox is full.
    MailboxFull,
    /// It did not answer within `ask_timeout`.
    NoAnswer,
    /// It crashed on this very request.
    Crashed,
    /// It crashed too often and is not asked until its pause is over.
    Failed,
    /// This key's message crashed it before.
    Quarantined,
    /// A table is full and nothing in it can be given up.
    TableFull,
    /// The audit trail takes nothing, and nothing may happen that is not on record.
    NotOnRecord,
    /// The runtime is shutting down, or is gone.
    ShuttingDown,
    /// The operating system gives no further thread.
    NoThread,
}

impl std::fmt::Display for UnavailableReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            UnavailableReason::MailboxFull => "its mailbox is full",
            UnavailableReason::NoAnswer => "its actor did not answer in time",
            UnavailableReason::Crashed => "its actor crashed on this request",
            UnavailableReason::Failed => "its actor crashed too often and is being left alone for a while",
            UnavailableReason::Quarantined => "this key is quarantined because it crashed the actor",
            UnavailableReason::TableFull => "its table is full",
            UnavailableReason::NotOnRecord => "the audit trail cannot be written",
            UnavailableReason::ShuttingDown => "the runtime is shutting down",
            UnavailableReason::NoThread => "the operating system gives it no thread",
        })
    }
}
