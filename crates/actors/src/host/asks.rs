//! Callers that wait for an answer.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout_at;

use super::actor::Envelope;
use super::hosted::{Hosted, lock};
use super::reply::{Answered, AskError, Reply};
use crate::clock::Time;
use crate::machine::{Answer, Machine, Ticket};
use crate::supervise::Quarantine;

/// Until when a caller is in line, as its actor told it without waking it.
#[derive(Debug, Default)]
pub(crate) struct InLine(AtomicU64);

impl InLine {
    /// `None` where it is in no line, as far as it was told.
    pub(crate) fn until(&self) -> Option<Time> {
        Some(Time::from_nanos(self.0.load(Ordering::Acquire))).filter(|until| *until > Time::ZERO)
    }
}

/// One caller.
pub(super) struct Asker<R> {
    pub(super) reply: oneshot::Sender<Answered<R>>,
    /// Where it is told that it is in line, unless that is an answer to it like any other.
    pub(super) in_line: Option<Arc<InLine>>,
}

/// All who wait for an answer of one machine.
pub(super) struct Waiting<R> {
    /// Whose request is being decided: most are answered with that.
    present: Option<(Ticket, Asker<R>)>,
    held: BTreeMap<Ticket, Asker<R>>,
}

impl<R> Default for Waiting<R> {
    fn default() -> Self {
        Waiting { present: None, held: BTreeMap::new() }
    }
}

impl<R> Waiting<R> {
    /// A request is about to be decided.
    pub(super) fn begin(&mut self, asker: Option<(Ticket, Asker<R>)>) {
        self.hold();
        self.present = asker;
    }

    /// It was decided: whoever asked it and has no answer yet is held until there is one.
    pub(super) fn hold(&mut self) {
        if let Some((ticket, asker)) = self.present.take() {
            self.held.insert(ticket, asker);
        }
    }

    fn of(&self, ticket: Ticket) -> Option<&Asker<R>> {
        match &self.present {
            Some((present, asker)) if *present == ticket => Some(asker),
            _ => self.held.get(&ticket),
        }
    }

    fn take(&mut self, ticket: Ticket) -> Option<Asker<R>> {
        match self.present.take_if(|(present, _)| *present == ticket) {
            Some((_, asker)) => Some(asker),
            None => self.held.remove(&ticket),
        }
    }

    pub(super) fn answer(&mut self, answer: Answer<R>) {
        let Answer { ticket, reply, more, until } = answer;
        if let Some(until) = until
            && let Some(in_line) = self.of(ticket).and_then(|asker| asker.in_line.as_ref())
        {
            return in_line.0.store(until.as_nanos(), Ordering::Release);
        }
        let Some(asker) = self.take(ticket) else { return };
        let more = more.then(|| {
            let (reply, more) = oneshot::channel();
            self.held.insert(ticket, Asker { reply, in_line: None });
            more
        });
        let _ = asker.reply.send(Ok(Reply { reply, more }));
    }

    /// Nobody is left waiting.
    pub(super) fn dismiss(&mut self, why: AskError) {
        self.hold();
        for asker in std::mem::take(&mut self.held).into_values() {
            let _ = asker.reply.send(Err(why));
        }
    }
}

impl<M: Machine> Hosted<M> {
    /// Asks the actor and waits at most `ask_timeout` for its first answer.
    ///
    /// # Errors
    /// Where the actor could not decide; the caller's policy says what then.
    ///
    /// # Cancel safety
    /// A dropped ask may still be carried out: whoever drops it notes that its ticket is no longer needed.
    pub async fn ask(self: &Arc<Self>, ticket: Ticket, input: M::Input) -> Answered<M::Reply> {
        self.asked(ticket, input, None, self.ground.options.ask_timeout).await
    }

    /// The same; whoever is put in line waits there for the answer that ends that, until the time that `in_line` says and
    /// `ask_timeout`. It is not woken to hear that it is in line.
    ///
    /// # Errors
    /// As [`ask`](Hosted::ask), also of one that is in line.
    ///
    /// # Cancel safety
    /// As [`ask`](Hosted::ask).
    pub(crate) async fn ask_in_line(
        self: &Arc<Self>,
        ticket: Ticket,
        input: M::Input,
        in_line: &Arc<InLine>,
    ) -> Answered<M::Reply> {
        self.asked(ticket, input, Some(in_line), self.ground.options.ask_timeout).await
    }

    /// The same for a caller who has no more time than `patience`.
    pub(crate) async fn ask_within(
        self: &Arc<Self>,
        ticket: Ticket,
        input: M::Input,
        patience: Duration,
    ) -> Answered<M::Reply> {
        self.asked(ticket, input, None, patience).await
    }

    async fn asked(
        self: &Arc<Self>,
        ticket: Ticket,
        input: M::Input,
        in_line: Option<&Arc<InLine>>,
        grace: Duration,
    ) -> Answered<M::Reply> {
        // Also while the name is left alone: an outage must not free a key that is quarantined.
        if let Some(rest) = self.quarantined_with(&input) {
            return Err(AskError::Quarantined(rest));
        }
        if let Some(rest) = self.failed_for() {
            return Err(AskError::Failed(rest));
        }
        let (reply, answer) = oneshot::channel();
        let asker = Asker { reply, in_line: in_line.cloned() };
        let mut asked = pin!(async {
            let actor = self.actor().await.ok_or(AskError::Gone)?;
            actor.tell(Envelope::Ask { ticket, input, asker }).try_send()?;
            // A channel that closes without an answer went down with its mailbox.
            answer.await.map_err(|_| AskError::Gone)?
        });
        match self.ground.within(grace, asked.as_mut()).await {
            Some(answer) => return answer,
            None if in_line.is_none() => return Err(AskError::NoAnswer),
            None => {}
        }
        // One timer at a time, and for who is answered soon only the first: it may be told to wait on more than once.
        let mut heard = None;
        while let Some(until) =
            in_line.and_then(|in_line| in_line.until()).filter(|until| heard != Some(*until))
        {
            heard = Some(until);
            if let Ok(answer) = timeout_at(self.instant(until.after(grace)), &mut asked).await {
                return answer;
            }
        }
        Err(AskError::NoAnswer)
    }

    /// Answers one request.
    ///
    /// # Errors
    /// The panic of the machine; the caller is answered all the same.
    pub(super) fn answer(
        &self,
        ticket: Ticket,
        input: &M::Input,
        asker: Asker<M::Reply>,
    ) -> std::thread::Result<()> {
        if asker.reply.is_closed() {
            return Ok(());
        }
        // It may have been sent before its key was quarantined.
        if let Some(rest) = self.quarantined_with(input) {
            let _ = asker.reply.send(Err(AskError::Quarantined(rest)));
            return Ok(());
        }
        let result = self.step(Some((ticket, asker)), input, Time::MAX);
        if result.is_err() {
            let why = M::key(input).map_or(AskError::Crashed, |_| AskError::Quarantined(Quarantine::PERIOD));
            if let Some(asker) = lock(&self.cell).waiting.take(ticket) {
                let _ = asker.reply.send(Err(why));
            }
        }
        result
    }
}
