//! Callers that wait for an answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{timeout, timeout_at};

use super::hosted::{Hosted, lock};
use super::question::{Asking, Question};
use super::reply::{Answered, AskError, Reply};
use super::slot::Asker;
use crate::clock::Time;
use crate::machine::{Answer, Machine, Ticket};
use crate::supervise::Quarantine;

/// Who is told.
enum Teller<M: Machine> {
    /// Who asked.
    Asker(Asker<M>),
    /// Who has had an answer, and gets another one.
    Further(oneshot::Sender<Answered<M::Reply>>),
}

impl<M: Machine> Teller<M> {
    fn send(self, answer: Answered<M::Reply>) {
        match self {
            Teller::Asker(asker) => asker.send(answer),
            Teller::Further(more) => _ = more.send(answer),
        }
    }

    /// Tells it until when it is in line, where it wants no answer to that.
    fn tell_in_line(&self, until: Time) -> bool {
        match self {
            Teller::Asker(asker) => asker.tell_in_line(until),
            Teller::Further(_) => false,
        }
    }
}

/// All who wait for an answer of one machine.
pub(super) struct Waiting<M: Machine> {
    /// Whose request is being decided: most are answered with that.
    present: Option<(Ticket, Teller<M>)>,
    held: BTreeMap<Ticket, Teller<M>>,
}

impl<M: Machine> Default for Waiting<M> {
    fn default() -> Self {
        Waiting { present: None, held: BTreeMap::new() }
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
        if let Some((ticket, asker)) = self.present.take() {
            self.held.insert(ticket, asker);
        }
    }

    fn of(&self, ticket: Ticket) -> Option<&Teller<M>> {
        match &self.present {
            Some((present, asker)) if *present == ticket => Some(asker),
            _ => self.held.get(&ticket),
        }
    }

    fn take(&mut self, ticket: Ticket) -> Option<Teller<M>> {
        match self.present.take_if(|(present, _)| *present == ticket) {
            Some((_, asker)) => Some(asker),
            None => self.held.remove(&ticket),
        }
    }

    pub(super) fn answer(&mut self, answer: Answer<M::Reply>) {
        let Answer { ticket, reply, more, until } = answer;
        if let Some(until) = until
            && self.of(ticket).is_some_and(|teller| teller.tell_in_line(until))
        {
            return;
        }
        let Some(teller) = self.take(ticket) else { return };
        let more = more.then(|| {
            let (further, more) = oneshot::channel();
            self.held.insert(ticket, Teller::Further(further));
            more
        });
        teller.send(Ok(Reply { reply, more }));
    }

    /// It gets none.
    fn fail(&mut self, ticket: Ticket, why: AskError) {
        if let Some(teller) = self.take(ticket) {
            teller.send(Err(why));
        }
    }

    /// Nobody is left waiting.
    pub(super) fn dismiss(&mut self, why: AskError) {
        self.hold();
        for teller in std::mem::take(&mut self.held).into_values() {
            teller.send(Err(why));
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
        let question = Question::Decision { ticket, input, waits_in_line: false };
        self.asked(question, self.ground.options.ask_timeout).await.0
    }

    /// The same; whoever is put in line waits there for the answer that ends that, until the time that it is told and
    /// `ask_timeout`. It is not woken to hear that it is in line. Also says whether it was.
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
    ) -> (Answered<M::Reply>, bool) {
        let question = Question::Decision { ticket, input, waits_in_line: true };
        self.asked(question, self.ground.options.ask_timeout).await
    }

    /// The same for a caller who has no more time than `patience`.
    pub(crate) async fn ask_within(
        self: &Arc<Self>,
        ticket: Ticket,
        input: M::Input,
        patience: Duration,
    ) -> Answered<M::Reply> {
        let question = Question::Decision { ticket, input, waits_in_line: false };
        self.asked(question, patience).await.0
    }

    async fn asked(self: &Arc<Self>, question: Question<M>, grace: Duration) -> (Answered<M::Reply>, bool) {
        if let Some(why) = self.asks_nobody(&question) {
            return (Err(why), false);
        }
        let actor = match self.actor.get() {
            Some(actor) => actor,
            None => match timeout(grace, self.actor()).await {
                Ok(Some(actor)) => actor,
                Ok(None) => return (Err(AskError::Gone), false),
                Err(_) => return (Err(AskError::NoAnswer), false),
            },
        };
        let mut asking = Asking::new(self, actor, question);
        if let Some(answer) = self.ground.within(grace, &mut asking).await {
            return (answer, asking.in_line().is_some());
        }
        // One timer at a time, and for who is answered soon only the first: it may be told to wait on more than once.
        let mut heard = None;
        while let Some(until) = asking.in_line().filter(|until| heard != Some(*until)) {
            heard = Some(until);
            if let Ok(answer) = timeout_at(self.instant(until.after(grace)), &mut asking).await {
                return (answer, true);
            }
        }
        (Err(AskError::NoAnswer), heard.is_some())
    }

    /// Why this is not even sent.
    fn asks_nobody(&self, question: &Question<M>) -> Option<AskError> {
        // Also while the name is left alone: an outage must not free a key that is quarantined.
        if let Question::Decision { input, .. } = question
            && let Some(rest) = self.quarantined_with(input)
        {
            return Some(AskError::Quarantined(rest));
        }
        self.failed_for().map(AskError::Failed)
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
            asker.send(Err(AskError::Quarantined(rest)));
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
