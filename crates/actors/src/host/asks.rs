//! Callers that wait for an answer.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{timeout, timeout_at};

use super::actor::Envelope;
use super::aside::later;
use super::hosted::{Hosted, lock};
use super::question::Asking;
use super::reply::{Answered, AskError, Reply};
use super::slot::{Asker, InLine};
use crate::clock::Time;
use crate::machine::{Answer, Machine, Ticket};
use crate::supervise::Quarantine;

/// Room for so many who wait stays where it is.
const MOST_KEPT: usize = 16;

/// Who is told.
enum Teller<M: Machine> {
    /// Who asked.
    Asker(Asker<M>),
    /// Who has had an answer, and gets another one.
    Further(oneshot::Sender<Answered<M::Reply>>),
}

impl<M: Machine> Teller<M> {
    fn send(self, answer: Answered<M::Reply>, now: Option<Time>) {
        match self {
            Teller::Asker(asker) => asker.send(answer, now),
            Teller::Further(more) => _ = more.send(answer),
        }
    }

    /// Tells it until when it is in line, where it wants no answer to that.
    fn tell_in_line(&self, now: Time, until: Time) -> bool {
        match self {
            Teller::Asker(asker) => asker.tell_in_line(now, until),
            Teller::Further(_) => false,
        }
    }
}

type Held<M> = VecDeque<(Ticket, Teller<M>)>;

fn place<M: Machine>(held: &Held<M>, ticket: Ticket) -> Result<usize, usize> {
    match held.front() {
        Some((first, _)) if *first == ticket => Ok(0),
        _ => held.binary_search_by_key(&ticket, |(held, _)| *held),
    }
}

/// All who wait for an answer of one machine.
pub(super) struct Waiting<M: Machine> {
    /// Whose request is being decided: most are answered with that.
    present: Option<(Ticket, Teller<M>)>,
    /// By ticket: most come in that order and leave in it. Made for the first of them, since in most actors nobody waits.
    held: Option<Box<Held<M>>>,
}

impl<M: Machine> Default for Waiting<M> {
    fn default() -> Self {
        Waiting { present: None, held: None }
    }
}

impl<M: Machine> Waiting<M> {
    /// A request is about to be decided.
    pub(super) fn begin(&mut self, asker: Option<(Ticket, Asker<M>)>) {
        self.hold();
        self.present = asker.map(|(ticket, asker)| (ticket, Teller::Asker(asker)));
    }

    /// It was decided: whoever asked it and has no answer yet is held until there is one.
    pub(super) fn hold(&mut self) {
        if let Some((ticket, teller)) = self.present.take() {
            self.keep(ticket, teller);
        }
    }

    fn keep(&mut self, ticket: Ticket, teller: Teller<M>) {
        let held = self.held.get_or_insert_default();
        if held.back().is_none_or(|(last, _)| *last < ticket) {
            return held.push_back((ticket, teller));
        }
        match place(held, ticket) {
            Ok(index) => held[index] = (ticket, teller),
            Err(index) => held.insert(index, (ticket, teller)),
        }
    }

    fn of(&self, ticket: Ticket) -> Option<&Teller<M>> {
        match &self.present {
            Some((present, teller)) if *present == ticket => Some(teller),
            _ => {
                let held = self.held.as_ref()?;
                held.get(place(held, ticket).ok()?).map(|(_, teller)| teller)
            }
        }
    }

    fn take(&mut self, ticket: Ticket) -> Option<Teller<M>> {
        match self.present.take_if(|(present, _)| *present == ticket) {
            Some((_, teller)) => Some(teller),
            None => {
                let held = self.held.as_mut()?;
                let (_, teller) = held.remove(place(held, ticket).ok()?)?;
                // A crowd's room is given back.
                if held.is_empty() && held.capacity() > MOST_KEPT {
                    held.shrink_to(MOST_KEPT);
                }
                Some(teller)
            }
        }
    }

    pub(super) fn answer(&mut self, answer: Answer<M::Reply>, now: Time) {
        let Answer { ticket, reply, more, until } = answer;
        if let Some(until) = until
            && self.of(ticket).is_some_and(|teller| teller.tell_in_line(now, until))
        {
            return;
        }
        let Some(teller) = self.take(ticket) else { return };
        let more = more.then(|| {
            let (further, more) = oneshot::channel();
            self.keep(ticket, Teller::Further(further));
            more
        });
        teller.send(Ok(Reply { reply, more }), Some(now));
    }

    /// It gets none.
    fn fail(&mut self, ticket: Ticket, why: AskError) {
        if let Some(teller) = self.take(ticket) {
            teller.send(Err(why), None);
        }
    }

    /// Nobody is left waiting.
    pub(super) fn dismiss(&mut self, why: AskError) {
        self.hold();
        for (_, teller) in self.held.take().into_iter().flat_map(|held| *held) {
            teller.send(Err(why), None);
        }
    }
}

/// Whether a caller only wants to hear what becomes of it in the end, where it is put in line, and how long it was there.
type WaitsInLine<'a> = Option<&'a mut Option<Duration>>;

impl<M: Machine> Hosted<M> {
    /// Asks the actor and waits at most `ask_timeout` for its first answer.
    ///
    /// # Errors
    /// Where the actor could not decide; the caller's policy says what then.
    ///
    /// # Cancel safety
    /// A dropped ask may still be carried out: whoever drops it notes that its ticket is no longer needed.
    pub fn ask(
        self: &Arc<Self>,
        ticket: Ticket,
        input: M::Input,
    ) -> impl Future<Output = Answered<M::Reply>> + Send {
        self.asked(ticket, input, None, self.ground.options.ask_timeout)
    }

    /// The same; whoever is put in line waits there for the answer that ends that, until the time that it is told and
    /// `ask_timeout`. It is not woken to hear that it is in line. `waited` is how long it was there; nothing where it was in
    /// none.
    ///
    /// # Errors
    /// As [`ask`](Hosted::ask), also of one that is in line.
    ///
    /// # Cancel safety
    /// As [`ask`](Hosted::ask).
    pub(crate) fn ask_in_line<'a>(
        self: &'a Arc<Self>,
        ticket: Ticket,
        input: M::Input,
        waited: &'a mut Option<Duration>,
    ) -> impl Future<Output = Answered<M::Reply>> + Send {
        self.asked(ticket, input, Some(waited), self.ground.options.ask_timeout)
    }

    /// The same for a caller who has no more time than `patience`.
    pub(crate) fn ask_within(
        self: &Arc<Self>,
        ticket: Ticket,
        input: M::Input,
        patience: Duration,
    ) -> impl Future<Output = Answered<M::Reply>> + Send {
        self.asked(ticket, input, None, patience)
    }

    async fn asked(
        self: &Arc<Self>,
        ticket: Ticket,
        input: M::Input,
        waits_in_line: WaitsInLine<'_>,
        grace: Duration,
    ) -> Answered<M::Reply> {
        // Also while the name is left alone: an outage must not free a key that is quarantined.
        if let Some(rest) = self.quarantined_with(&input) {
            return Err(AskError::Quarantined(rest));
        }
        if let Some(rest) = self.failed_for() {
            return Err(AskError::Failed(rest));
        }
        let actor = match self.actor.get() {
            Some(actor) => actor,
            // Aside: it is started once, and each question would hold the room for that.
            None => match later(|| timeout(grace, self.start())).await {
                Ok(Some(actor)) => actor,
                Ok(None) => return Err(AskError::Gone),
                Err(_) => return Err(AskError::NoAnswer),
            },
        };
        let envelope = |asker| Envelope::Ask { ticket, input, asker };
        let mut asking = Asking::new(self, actor, waits_in_line.is_some(), envelope);
        let answer = self.ground.within(grace, &mut asking).await;
        let Some(waited) = waits_in_line else { return answer.unwrap_or(Err(AskError::NoAnswer)) };
        let answer = match answer {
            Some(answer) => answer,
            None => later(|| self.answered_in_line(&mut asking, grace)).await,
        };
        *waited = asking.in_line().map(InLine::waited);
        answer
    }

    /// Waits on in line. One timer at a time, and none before the first was over: it may be told to wait on more than once.
    async fn answered_in_line(&self, asking: &mut Asking<'_, M>, grace: Duration) -> Answered<M::Reply> {
        let mut heard = None;
        while let Some(InLine { until, .. }) = asking.in_line().filter(|line| heard != Some(line.until)) {
            heard = Some(until);
            if let Ok(answer) = timeout_at(self.instant(until.after(grace)), &mut *asking).await {
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
        asker: Asker<M>,
    ) -> std::thread::Result<()> {
        if asker.is_closed() {
            return Ok(());
        }
        // It may have been sent before its key was quarantined.
        if let Some(rest) = self.quarantined_with(input) {
            asker.send(Err(AskError::Quarantined(rest)), None);
            return Ok(());
        }
        let result = self.step(Some((ticket, asker)), input, Time::MAX);
        if result.is_err() {
            let why = M::key(input).map_or(AskError::Crashed, |_| AskError::Quarantined(Quarantine::PERIOD));
            lock(&self.cell).waiting.fail(ticket, why);
        }
        result
    }
}

#[cfg(test)]
mod tests;
