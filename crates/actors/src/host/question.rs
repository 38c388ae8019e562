use std::pin::Pin;
use std::task::{Context, Poll};

use kameo::actor::ActorRef;
use kameo::mailbox::Signal;
use kameo::message::BoxMessage;
use tokio::sync::mpsc::error::TrySendError;

use super::actor::{Envelope, Host};
use super::hosted::Hosted;
use super::reply::{Answered, AskError};
use super::slot::{Asker, InLine, Lent};
use crate::clock::timer::Timer;
use crate::machine::Machine;

/// A question that is sent when it is first polled, and then waits for its answer.
///
/// # Cancel safety
/// Dropped, it may still be carried out.
pub(super) struct Asking<'a, M: Machine> {
    actor: &'a ActorRef<Host<M>>,
    /// Until it is sent.
    message: Option<Box<Envelope<M>>>,
    lent: Lent<'a, M>,
}

impl<M: Machine> Unpin for Asking<'_, M> {}

impl<'a, M: Machine> Asking<'a, M> {
    /// What `question` makes of who asks it is written to where it is sent from: handed on by value, it would cost more than
    /// the rest.
    pub(super) fn new(
        hosted: &'a Hosted<M>,
        actor: &'a ActorRef<Host<M>>,
        waits_in_line: bool,
        question: impl FnOnce(Asker<M>) -> Envelope<M>,
    ) -> Self {
        let mut lent = hosted.spare.lend(hosted.ground.timers());
        let message = lent.asker(waits_in_line).map(|(asker, used)| match used {
            Some(mut message) => {
                *message = question(asker);
                message
            }
            None => Box::new(question(asker)),
        });
        Asking { actor, message, lent }
    }

    /// What bounds its wait, where that is no timer of tokio's.
    pub(super) fn timer(&self) -> Option<&Timer> {
        self.lent.timer()
    }

    /// How it stands in line, or stood, as far as its caller was told.
    pub(super) fn in_line(&self) -> Option<InLine> {
        self.lent.in_line()
    }
}

impl<M: Machine> Future for Asking<'_, M> {
    type Output = Answered<M::Reply>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(message) = self.message.take() else {
            // What went down with its mailbox says that nothing comes.
            return self.lent.poll(context.waker()).map(|answer| answer.unwrap_or(Err(AskError::Gone)));
        };
        self.lent.listen(context.waker());
        match send(self.actor, message) {
            Ok(()) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

/// Puts a message into the mailbox as it is: `tell` makes another box for each.
pub(super) fn send<M: Machine>(
    actor: &ActorRef<Host<M>>,
    message: BoxMessage<Host<M>>,
) -> Result<(), AskError> {
    let signal = Signal::Message {
        message,
        actor_ref: actor.clone(),
        reply: None,
        // Machines ask nobody.
        sent_within_actor: false,
        message_name: "message",
    };
    actor.mailbox_sender().try_send(signal).map_err(|refused| match refused {
        TrySendError::Full(_) => AskError::MailboxFull,
        TrySendError::Closed(_) => AskError::Gone,
    })
}
