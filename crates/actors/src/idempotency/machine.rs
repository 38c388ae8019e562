use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::config::{IdempotencyConfig, Terms};
#[cfg(feature = "host")]
use super::gate::Done;
#[cfg(feature = "host")]
use super::key::KeyState;
use super::key::{Fingerprint, RecordKey};
use super::message::{IdempotencyInput, IdempotencyReply, IdempotencyStatus, Resolution};
use super::record::{Record, State};
use super::saved::Saved;
use super::table::{Place, Table};
use super::waiters::{MOST_WAITING, Waiter, Waiters};
use crate::clock::{Moment, Time, WallTime};
use crate::event::Happening;
use crate::machine::{Effects, Machine, Ticket};
use crate::rejection::ConflictReason;
use crate::snapshot::{self, SnapshotError};

/// A decision of a store.
#[derive(Debug)]
pub struct IdempotencyChange(Change);

#[derive(Debug)]
enum Change {
    Nothing,
    Answer(Ticket, IdempotencyReply),
    Replay(Ticket, Place),
    Run { ticket: Ticket, key: RecordKey, fingerprint: Fingerprint, terms: Terms },
    Wait { key: RecordKey, waiter: Waiter },
    Renew(Place),
    Settle(Place, Verdict, WallTime),
    Leave(Ticket),
    Replayed(u64),
    Resolve(Option<Ticket>, Place, Verdict),
    Lapse,
}

#[derive(Debug)]
enum Verdict {
    Done(Option<Arc<[u8]>>),
    Free,
    Unknown(&'static str),
}

/// Records that are over and are dropped with one run, so that they never pile up.
const DROPPED_PER_RUN: usize = 2;

/// The idempotency store as a pure machine.
#[derive(Debug)]
pub struct IdempotencyMachine {
    config: IdempotencyConfig,
    table: Table,
    waiters: Waiters,
    runs: u64,
    replayed: u64,
    refused: u64,
    full: u64,
    full_said: bool,
}

fn replay(result: Option<&Arc<[u8]>>) -> IdempotencyReply {
    match result {
        Some(result) => IdempotencyReply::Replay(Arc::clone(result)),
        // Neither a run nor an empty answer that looks like a result.
        None => IdempotencyReply::Refused(ConflictReason::ResultNotKept, None),
    }
}

fn unknown(rest: Duration) -> IdempotencyReply {
    IdempotencyReply::Refused(ConflictReason::Unknown, Some(rest))
}

impl IdempotencyMachine {
    fn begin(
        &self,
        moment: Moment,
        ticket: Ticket,
        key: &RecordKey,
        fingerprint: &Fingerprint,
        terms: Terms,
        wait: Option<Time>,
    ) -> Change {
        let run = || Change::Run { ticket, key: key.clone(), fingerprint: *fingerprint, terms };
        let Some((place, record)) = self.table.live(key, moment.wall) else {
            let first_end = self.table.first_end();
            let has_room = self.table.len() < self.config.max_records
                || self.table.find(key).is_some()
                || first_end.is_some_and(|end| end <= moment.wall);
            if has_room {
                return run();
            }
            let room_in = first_end.map(|end| moment.wall.until(end));
            return Change::Answer(ticket, IdempotencyReply::TableFull(room_in));
        };
        if record.fingerprint != *fingerprint {
            let refused = IdempotencyReply::Refused(ConflictReason::OtherPayload, None);
            return Change::Answer(ticket, refused);
        }
        match &record.state {
            State::Done { .. } => Change::Replay(ticket, place),
            State::Unknown { .. } if terms.rerun => run(),
            State::Unknown { until } => Change::Answer(ticket, unknown(moment.wall.until(*until))),
            State::InFlight { lease_end } => match wait.filter(|until| *until > moment.now) {
                Some(until) if self.waiters.of(key) < MOST_WAITING => {
                    Change::Wait { key: key.clone(), waiter: Waiter { ticket, until, terms } }
                }
                _ => {
                    let rest = moment.now.until(*lease_end);
                    let refused = IdempotencyReply::Refused(ConflictReason::InFlight, Some(rest));
                    Change::Answer(ticket, refused)
                }
            },
        }
    }

    /// What a report of `ticket` means; nothing where another run has taken its place.
    fn report(&self, moment: Moment, ticket: Ticket, change: impl FnOnce(Place) -> Change) -> Change {
        self.table.owned(ticket, moment.wall).map_or(Change::Nothing, |(place, _)| change(place))
    }

    fn give_back(&self, moment: Moment, ticket: Ticket) -> Change {
        match self.table.owned(ticket, moment.wall) {
            None => Change::Leave(ticket),
            Some((place, _)) => Change::Settle(place, Verdict::Free, moment.wall),
        }
    }

    /// What an operator's order means: it concerns only records that are `such`.
    fn order(
        &self,
        moment: Moment,
        ticket: Option<Ticket>,
        key: &RecordKey,
        verdict: Verdict,
        such: impl FnOnce(&Record) -> bool,
    ) -> Change {
        match self.table.live(key, moment.wall) {
            Some((place, record)) if such(record) => Change::Resolve(ticket, place, verdict),
            _ => ticket
                .map_or(Change::Nothing, |ticket| Change::Answer(ticket, IdempotencyReply::Resolved(false))),
        }
    }

    fn answer(&mut self, ticket: Ticket, reply: IdempotencyReply, effects: &mut Effects<IdempotencyReply>) {
        match &reply {
            IdempotencyReply::Run => self.runs += 1,
            IdempotencyReply::Replay(_) => self.replayed += 1,
            IdempotencyReply::Refused(..) => self.refused += 1,
            IdempotencyReply::TableFull(_) => {
                self.refused += 1;
                self.full += 1;
                if !std::mem::replace(&mut self.full_said, true) {
                    let most = self.config.max_records;
                    let text = format!("all {most} records are in use: calls with new keys are refused");
                    effects.happened(Happening::Notice { text });
                }
            }
            IdempotencyReply::Waiting | IdempotencyReply::Resolved(_) => {}
        }
        effects.reply(ticket, reply);
    }

    fn run(
        &mut self,
        moment: Moment,
        ticket: Ticket,
        key: &RecordKey,
        fingerprint: Fingerprint,
        terms: Terms,
        effects: &mut Effects<IdempotencyReply>,
    ) {
        for _ in 0..DROPPED_PER_RUN {
            if !self.table.drop_ended(moment.wall) {
                break;
            }
        }
        let lease_end = moment.now.after(self.config.lease);
        self.table.put(key, Record::running(ticket, fingerprint, terms, lease_end));
        self.full_said &= self.table.len() >= self.config.max_records;
        self.answer(ticket, IdempotencyReply::Run, effects);
    }

    fn settle(
        &mut self,
        moment: Moment,
        place: Place,
        verdict: Verdict,
        done_at: WallTime,
        effects: &mut Effects<IdempotencyReply>,
    ) {
        match verdict {
            Verdict::Free => {
                let Some((key, record)) = self.table.remove(place) else { return };
                if let Some(next) = self.waiters.next(&key, |_| true) {
                    self.run(moment, next.ticket, &key, record.fingerprint, next.terms, effects);
                }
            }
            Verdict::Done(result) => {
                let mut kept = None;
                self.table.change(place, |record| {
                    let result = result.filter(|result| result.len() <= record.terms.max_result);
                    let until = done_at.after(record.terms.ttl);
                    kept.clone_from(&result);
                    record.owner = None;
                    record.state = State::Done { result, until };
                });
                for waiter in self.dismissed(place) {
                    self.answer(waiter.ticket, replay(kept.as_ref()), effects);
                }
            }
            Verdict::Unknown(why) => self.forget_outcome(moment, place, why, Some(done_at), effects),
        }
    }

    /// Takes out all who wait for a record.
    fn dismissed(&mut self, place: Place) -> VecDeque<Waiter> {
        match self.table.get(place) {
            Some((key, _)) if self.waiters.len() > 0 => self.waiters.dismiss(key),
            _ => VecDeque::new(),
        }
    }

    /// Nobody knows what became of the run: the first that would run all the same does, else all who wait are told. An
    /// owner that may only have been slow stays: what it reports then still tells the truth.
    fn forget_outcome(
        &mut self,
        moment: Moment,
        place: Place,
        why: &str,
        ended_at: Option<WallTime>,
        effects: &mut Effects<IdempotencyReply>,
    ) {
        let Some((key, record)) = self.table.get(place) else { return };
        let text = format!("the outcome of {key} is unknown: {why}");
        effects.happened(Happening::Notice { text });
        let (key, fingerprint, rest) = (key.clone(), record.fingerprint, record.terms.unknown_ttl);
        self.table.change(place, |record| {
            record.owner = record.owner.filter(|_| ended_at.is_none());
            record.state = State::Unknown { until: ended_at.unwrap_or(moment.wall).after(rest) };
        });
        if let Some(next) = self.waiters.next(&key, |waiter| waiter.terms.rerun) {
            self.run(moment, next.ticket, &key, fingerprint, next.terms, effects);
            return;
        }
        for waiter in self.waiters.dismiss(&key) {
            self.answer(waiter.ticket, unknown(rest), effects);
        }
    }

    /// Calls `each` for keys that are asked for again and whose result came, went or changed since the last time, with what a
    /// repeat gets now.
    #[cfg(feature = "host")]
    pub(super) fn settled(&mut self, mut each: impl FnMut(RecordKey, Option<Done>)) {
        self.table.changed(|key, record| {
            let done = record.and_then(|record| match &record.state {
                State::Done { result: Some(result), until } => {
                    let result = Arc::clone(result);
                    Some(Done { fingerprint: record.fingerprint, result, until: *until })
                }
                _ => None,
            });
            each(key, done);
        });
    }

    /// How keys are hashed here.
    #[cfg(feature = "host")]
    pub(super) fn key_state(&self) -> KeyState {
        self.table.key_state()
    }

    /// How many calls wait for a run.
    #[cfg(feature = "host")]
    pub(super) fn waiting(&self) -> usize {
        self.waiters.len()
    }

    fn lapse(&mut self, moment: Moment, effects: &mut Effects<IdempotencyReply>) {
        while let Some(place) = self.table.lapsed(moment.now) {
            self.forget_outcome(moment, place, "its lease ended without a word", None, effects);
        }
        while let Some(ticket) = self.waiters.impatient(moment.now) {
            let key = self.waiters.leave(ticket);
            let record = key.and_then(|key| self.table.live(&key, moment.wall));
            let rest = record.and_then(|(_, record)| record.lease_end()).map(|end| moment.now.until(end));
            self.answer(ticket, IdempotencyReply::Refused(ConflictReason::InFlight, rest), effects);
        }
    }
}

impl Machine for IdempotencyMachine {
    type Config = IdempotencyConfig;
    type Input = IdempotencyInput;
    type Change = IdempotencyChange;
    type Reply = IdempotencyReply;
    type Status = IdempotencyStatus;
    #[cfg(feature = "host")]
    type Gate = super::IdempotencyGate;
    #[cfg(not(feature = "host"))]
    type Gate = ();

    fn new(config: IdempotencyConfig, moment: Moment) -> Self {
        IdempotencyMachine {
            config,
            table: Table::new(moment.random),
            waiters: Waiters::default(),
            runs: 0,
            replayed: 0,
            refused: 0,
            full: 0,
            full_said: false,
        }
    }

    fn decide(&self, moment: Moment, ticket: Option<Ticket>, input: &IdempotencyInput) -> IdempotencyChange {
        IdempotencyChange(match input {
            IdempotencyInput::Begin { key, fingerprint, terms, wait } => match ticket {
                Some(ticket) => self.begin(moment, ticket, key, fingerprint, *terms, *wait),
                None => Change::Nothing,
            },
            IdempotencyInput::Renew(owner) => self.report(moment, *owner, Change::Renew),
            // What ended counts as of when it did, whenever that is heard of.
            IdempotencyInput::Complete { ticket: owner, result, at } => {
                let moment = Moment { wall: at.unwrap_or(moment.wall), ..moment };
                let done = |place| Change::Settle(place, Verdict::Done(result.clone()), moment.wall);
                self.report(moment, *owner, done)
            }
            IdempotencyInput::Release(owner) => {
                self.report(moment, *owner, |place| Change::Settle(place, Verdict::Free, moment.wall))
            }
            IdempotencyInput::Cut { ticket: owner, why, at } => {
                let moment = Moment { wall: at.unwrap_or(moment.wall), ..moment };
                self.report(moment, *owner, |place| Change::Settle(place, Verdict::Unknown(why), moment.wall))
            }
            IdempotencyInput::GiveBack(ticket) => self.give_back(moment, *ticket),
            IdempotencyInput::Replayed(number) => Change::Replayed(*number),
            IdempotencyInput::Resolve { key, resolution } => {
                let verdict = match resolution {
                    Resolution::TookEffect(result) => Verdict::Done(result.clone()),
                    Resolution::DidNot => Verdict::Free,
                };
                self.order(moment, ticket, key, verdict, Record::is_unknown)
            }
            IdempotencyInput::Forget { key } => {
                self.order(moment, ticket, key, Verdict::Free, |record| record.until().is_some())
            }
        })
    }

    fn apply(&mut self, moment: Moment, change: IdempotencyChange, effects: &mut Effects<IdempotencyReply>) {
        match change.0 {
            Change::Nothing => {}
            Change::Answer(ticket, reply) => self.answer(ticket, reply, effects),
            Change::Replay(ticket, place) => {
                self.table.seek(place);
                if let Some((_, Record { state: State::Done { result, .. }, .. })) = self.table.get(place) {
                    let reply = replay(result.as_ref());
                    self.answer(ticket, reply, effects);
                }
            }
            Change::Run { ticket, key, fingerprint, terms } => {
                self.run(moment, ticket, &key, fingerprint, terms, effects);
            }
            Change::Wait { key, waiter } => {
                self.waiters.join(key, waiter);
                effects.reply_and_hold(waiter.ticket, IdempotencyReply::Waiting);
            }
            Change::Renew(place) => {
                let lease_end = moment.now.after(self.config.lease);
                self.table.change(place, |record| record.state = State::InFlight { lease_end });
            }
            Change::Settle(place, verdict, done_at) => self.settle(moment, place, verdict, done_at, effects),
            Change::Leave(ticket) => {
                self.waiters.leave(ticket);
            }
            Change::Replayed(number) => self.replayed += number,
            Change::Resolve(ticket, place, verdict) => {
                self.settle(moment, place, verdict, moment.wall, effects);
                if let Some(ticket) = ticket {
                    self.answer(ticket, IdempotencyReply::Resolved(true), effects);
                }
            }
            Change::Lapse => self.lapse(moment, effects),
        }
    }

    fn deadline(&self) -> Option<Time> {
        self.table.first_lease_end().into_iter().chain(self.waiters.first_end()).min()
    }

    fn expire(&self, _moment: Moment) -> IdempotencyChange {
        IdempotencyChange(Change::Lapse)
    }

    fn status(&self, _now: Time) -> IdempotencyStatus {
        IdempotencyStatus {
            records: self.table.len(),
            in_flight: self.table.in_flight(),
            unknown: self.table.unknown(),
            waiting: self.waiters.len(),
            runs: self.runs,
            replayed: self.replayed,
            refused: self.refused,
            full: self.full,
        }
    }

    fn describe(status: &IdempotencyStatus) -> String {
        let IdempotencyStatus { records, in_flight, unknown, waiting, .. } = status;
        format!("{records} records, {in_flight} in flight, {unknown} unknown, {waiting} waiting")
    }

    fn reconfigure(
        &mut self,
        _moment: Moment,
        config: IdempotencyConfig,
        _effects: &mut Effects<IdempotencyReply>,
    ) {
        self.config = config;
    }

    fn snapshot(&self, moment: Moment) -> Vec<u8> {
        self.snapshot_later(moment)()
    }

    /// Encoding tens of megabytes of results takes longer than a caller waits for an answer.
    fn snapshot_later(&self, moment: Moment) -> Box<dyn FnOnce() -> Vec<u8> + Send> {
        let saved = Saved::new(&self.table, moment);
        Box::new(move || snapshot::encode(&saved).unwrap_or_default())
    }

    /// What this process knows already is not overwritten: it is newer.
    fn restore(&mut self, moment: Moment, bytes: &[u8]) -> Result<(), SnapshotError> {
        let saved: Saved = snapshot::decode(bytes)?;
        for (key, record) in saved.into_records(moment, self.config.lease) {
            if self.table.find(&key).is_none() {
                self.table.put(&key, record);
            }
        }
        Ok(())
    }

    fn key(input: &IdempotencyInput) -> Option<Cow<'_, str>> {
        match input {
            IdempotencyInput::Begin { key, .. }
            | IdempotencyInput::Resolve { key, .. }
            | IdempotencyInput::Forget { key } => Some(key.to_string().into()),
            _ => None,
        }
    }
}
