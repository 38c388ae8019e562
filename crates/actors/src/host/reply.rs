use std::time::Duration;

use tokio::sync::oneshot;

use super::hosted::Hosted;
use crate::machine::{Kind, Machine};
use crate::rejection::{Name, Rejection, UnavailableReason};

/// An answer, and where the next one comes from if the caller was queued.
#[derive(Debug)]
pub struct Reply<R> {
    /// The answer.
    pub reply: R,
    /// The second answer of a caller that was queued.
    pub more: Option<oneshot::Receiver<Answered<R>>>,
}

/// What comes back to whoever asked.
pub type Answered<R> = Result<Reply<R>, AskError>;

impl<M: Machine> Hosted<M> {
    /// The second answer of a caller that was queued, and that nobody lets wait longer than `patience`: the machine
    /// answers it by then, so what outlasts that by a whole `ask_timeout` is an actor that does not answer.
    pub(crate) async fn second(
        &self,
        more: Option<oneshot::Receiver<Answered<M::Reply>>>,
        patience: Duration,
    ) -> Answered<M::Reply> {
        let Some(more) = more else { return Err(AskError::NoAnswer) };
        let longest = patience.saturating_add(self.options().ask_timeout);
        match tokio::time::timeout(longest, more).await {
            Ok(answer) => answer.unwrap_or(Err(AskError::Gone)),
            Err(_) => Err(AskError::NoAnswer),
        }
    }
}

/// Why there was no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// The mailbox has no room.
    #[error("the mailbox is full")]
    MailboxFull,
    /// It did not answer in time.
    #[error("no answer within the time to ask")]
    NoAnswer,
    /// It crashed on this request, which concerns no key.
    #[error("the actor crashed on this request")]
    Crashed,
    /// It crashed on a message with this key, which is not taken any more for so long.
    #[error("this key crashed the actor")]
    Quarantined(Duration),
    /// It crashed too often and is left alone for so long.
    #[error("the actor crashed too often")]
    Failed(Duration),
    /// It was stopped, or the tokio runtime that it lives on has ended.
    #[error("the actor's runtime has ended")]
    Gone,
}

impl AskError {
    /// The refusal of a policy that rejects calls while its actor cannot decide.
    #[must_use]
    pub fn rejection(self, kind: Kind, name: impl Into<Name>) -> Rejection {
        let (reason, retry_after) = match self {
            AskError::MailboxFull => (UnavailableReason::MailboxFull, None),
            AskError::NoAnswer => (UnavailableReason::NoAnswer, None),
            AskError::Crashed => (UnavailableReason::Crashed, None),
            AskError::Quarantined(rest) => (UnavailableReason::Quarantined, Some(rest)),
            AskError::Failed(rest) => (UnavailableReason::Failed, Some(rest)),
            AskError::Gone => (UnavailableReason::ShuttingDown, None),
        };
        Rejection::unavailable(kind, name, reason, retry_after)
    }
}
