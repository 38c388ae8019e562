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
use crate::machine::{Machine, Ticket};

/// What an actor is asked.
pub(super) enum Question<M: Machine> {
    /// To decide.
    Decision {
        ticket: Ticket,
        input: M::Input,
        /// Whether its caller only wants to hear what becomes of it in the end, where it is put in line.
        waits_in_line: bool,
    },
    /// To publish what follows from what was noted. There is no answer to that.
    Published,
}

impl<M: Machine> Question<M> {
    fn waits_in_line(&self) -> bool {
        matches!(self, Question::Decision { waits_in_line: true, .. })
    }

    fn asked_by(self, asker: Asker<M>) -> Envelope<M> {
        match self {
            Question::Decision { ticket, input, .. } => Envelope::Ask { ticket, input, asker },
            Question::Published => Envelope::Publish(asker),
        }
    }
}

/// A question that is sent when it is first polled, and then waits for its answer.
///
/// # Cancel safety
/// Dropped, it may still be carried out.
pub(super) struct Asking<'a, M: Machine> {
    actor: &'a ActorRef<Host<M>>,
    question: Option<Question<M>>,
    lent: Lent<'a, M>,
}

impl<M: Machine> Unpin for Asking<'_, M> {}

impl<'a, M: Machine> Asking<'a, M> {
    pub(super) fn new(hosted: &'a Hosted<M>, actor: &'a ActorRef<Host<M>>, question: Question<M>) -> Self {
        Asking { actor, question: Some(question), lent: hosted.spare.lend(hosted.ground.timers()) }
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
        let Some(question) = self.question.take() else {
            // What went down with its mailbox says that nothing comes.
            return self.lent.poll(context.waker()).map(|answer| answer.unwrap_or(Err(AskError::Gone)));
        };
        let listens = self.lent.listen(context.waker(), question.waits_in_line());
        let Some((asker, used)) = listens else { return Poll::Ready(Err(AskError::Gone)) };
        let envelope = question.asked_by(asker);
        let message = match used {
            Some(mut message) => {
                *message = envelope;
                message
            }
            None => Box::new(envelope),
        };
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
