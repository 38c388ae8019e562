//! What a limiter grants in advance: tokens, and refusals.
//!
//! ```text
//!   the actor answers a key  --> the key still has some   --> they are leased to its callers, for the present part,
//!                                                             and go on in the next ones until more comes back
//!                            --> it is used up until then --> its callers are refused until then
//!   anything about that key  --> what is left is taken back first, and what was used of it is entered
//! ```
//!
//! | quota | grants | refusals |
//! |---|---|---|
//! | `sliding_window` above 256, `fixed_window` | leased for one part of the window at a time: a sixtieth, or all of it | at once |
//! | `sliding_window` up to 256, `token_bucket` | asked for: the time of every grant matters | at once |
//! | with `max_wait` | leased | asked for: whoever waits stands in the actor's line |
//!
//! The quota that all callers share is leased into one cell; where it is large, each thread takes a [share](shared) of that
//! at a time. Keys have a cell each, found by a keyed digest, so that no key from outside is kept twice.
//!
//! # Why it never grants too much
//! What is leased is not in the table: while it is out, nobody else can be granted it. What was used of a lease is
//! entered in the part that it was for, which ends no earlier than its latest use: see `lease`. So at any time all that
//! was granted in the last window, in advance or not, is at most the quota.
//!
//! # Why nothing leased is used late
//! A thread may lose its processor between reading that a part runs and taking one of its tokens, for as long as it
//! pleases the system; and so may the actor between reading the time and ending a part. Where it is looked at:
//!
//! * **Shares of threads** are emptied before callers are told to look at the clock, and filled no more in that part: whoever
//!   takes one of a share has taken it by then, by one change of one word. `tokens` says why.
//! * **All other cells**: a caller looks *after* it has taken, at what the actor publishes, and from [`TIMED`] on at the clock.
//!   If the part is over, or another one runs, it puts the token back and asks. While it is not said to look at the clock,
//!   the actor has not said so yet when the token was taken.
//! * **The actor** says so three milliseconds before the end, and looks again to see that it was said in time. Where it was
//!   not, or where it takes a lease back and finds the part over by then, all that was used of it counts as used at a time
//!   that it read *after* nobody could take any more: the latest at which any of it can have been taken.
//!
//! # Why a key's lease may go on in a later part
//! Until more comes back, a key's quota changes by what its callers take and by nothing else: what is left of its lease at the
//! end of a part is what the machine would lease in the next. Who finds a lease of an earlier part, in a part that ends by
//! then, takes one of it for the present part, by one change of the word, and writes into its thread's journal what was left
//! before: so the actor learns what was used in each part. It reads all journals whenever it takes a lease back. What a thread
//! did before it asks is written then; what another one is still to write counts as used in the part that the lease has come
//! to, which is late and never early. Of a whole quota nobody can say when more comes back before one of it is used: that,
//! and what a thread has no room to write down, is asked for.
//!
//! # Why it decides nothing
//! A lease is all that is left of its key, and is over before anything comes back: as long as a token is left, the machine
//! would have granted; once none is, it would have refused until more comes back. Both are the machine's own words,
//! published. Everything else is asked: another cost than one, a key without a lease, one whose lease is over.

use std::num::NonZeroU64;

use super::lease::{Offer, SHARED, code};
use super::machine::{LimiterInput, LimiterMachine, Unsure};
use super::table::Place;
use super::{Decision, LimiterConfig};
use crate::clock::{Clock, Time};
use crate::gate::cell::{AtomicU64, Ordering};
use crate::gate::{Cause, Count, Gate, Journal, KeyCells, LAST_PART, Left, Noted, Slots, Term};
use crate::settings::{Grants, Mode};
pub(super) use keyed::{ASK, Looked};
use shared::Shared;
use standing::Standing;

mod carried;
mod digest;
mod keyed;
mod shared;
mod standing;

/// Callers are to look at the clock before they rely on the present part.
const TIMED: u64 = 1 << 63;
/// Something is published. Without it, everybody asks.
const OPEN: u64 = 1 << 62;
/// Whoever finds nothing may wait for its turn, and asks for that.
const WAITS: u64 = 1 << 61;
/// The code of a word that refuses: no part has it.
const USED_UP: u32 = LAST_PART;

const fn code_in(span: u64) -> u32 {
    (span & 0xffff_ffff) as u32
}

/// Until when a caller is refused, in nanoseconds, and how many that are from now. Two words, so that they need not go by memory:
/// read from there as one right after each was written, they hold the processor up.
pub(super) type Wait = (u64, NonZeroU64);

/// What a caller finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It may pass, and the quota stands like this.
    Granted(Decision, Taken),
    /// It may not.
    Refused(Wait),
    /// It is to ask.
    Ask,
}

/// Where a token was taken, so that it can be put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    term: Term,
    of: Of,
}

/// Whose quota a token is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    All,
    Key,
}

impl Taken {
    /// The part that it was leased for, for a message.
    pub(super) fn part(self) -> u32 {
        self.term.part()
    }
}

/// The gate of one limiter. It belongs to its host, and is empty where nothing is granted in advance.
#[derive(Debug)]
pub struct LimiterGate {
    on: bool,
    /// Whether something is published, whether to look at the clock, and the code of the present part.
    span: AtomicU64,
    /// When the present part ends.
    end: AtomicU64,
    /// The code of the part that was published last, also once that is withdrawn; zero where quotas have none.
    part: AtomicU64,
    secret: AtomicU64,
    standing: Standing,
    shared: Shared,
    keys: std::sync::OnceLock<KeyCells>,
    /// What was left of leases that went on in a later part.
    carried: Slots<Journal>,
    /// Refusals that were given here.
    refused: Count,
}

impl LimiterGate {
    /// Looks among what was granted to all callers, for one request. The clock is only read where the time matters.
    pub(super) fn take(&self, clock: &Clock) -> Found {
        if let Some((decision, term)) = self.shared.take_share(&self.standing) {
            return Found::Granted(decision, Taken { term, of: Of::All });
        }
        let span = self.span.load(Ordering::SeqCst);
        if span & OPEN == 0 {
            return Found::Ask;
        }
        match self.take_shared(span, clock) {
            Found::Granted(_, taken) if !self.is_in_time(span, clock) => {
                self.too_late("", taken);
                Found::Ask
            }
            found => found,
        }
    }

    /// Whether a token that was taken on the word of `span` was taken before its part ended.
    #[inline]
    fn is_in_time(&self, span: u64, clock: &Clock) -> bool {
        // While it does not say to look at the clock, the end is still away.
        let seen = self.span.load(Ordering::SeqCst);
        (seen == span && span & TIMED == 0) || self.still_runs(span, seen, clock)
    }

    #[cold]
    fn still_runs(&self, span: u64, seen: u64, clock: &Clock) -> bool {
        code_in(seen) == code_in(span) && seen & OPEN != 0 && self.runs(seen, clock.now())
    }

    /// Whether the part that was published with `span` still runs.
    fn runs(&self, span: u64, now: Time) -> bool {
        let end = self.end.load(Ordering::Acquire);
        now.as_nanos() < end && self.span.load(Ordering::Acquire) == span
    }

    /// Puts back what was taken too late. Where its lease was taken back meanwhile it stays used: never more than is.
    #[cold]
    fn too_late(&self, key: &str, taken: Taken) {
        let _ = self.put_back(key, taken);
    }

    /// Takes a token out of this thread's share of the lease that all callers share, where it has one.
    #[inline]
    pub(super) fn take_share(&self) -> Option<Decision> {
        self.shared.take_share(&self.standing).map(|(decision, _)| decision)
    }

    /// The same for who does not ask how the quota stands then.
    #[inline]
    pub(super) fn spend_share(&self) -> bool {
        self.shared.spend_share()
    }

    /// What a thread without a share of its own finds.
    fn take_shared(&self, span: u64, clock: &Clock) -> Found {
        let part = code_in(span);
        if let Some(more_at) = self.shared.used_up() {
            return self.wait_until(more_at, clock).map_or(Found::Ask, Found::Refused);
        }
        let taken = self.shared.take(part, span & TIMED == 0, &self.standing);
        taken.map_or(Found::Ask, |(decision, term)| Found::Granted(decision, Taken { term, of: Of::All }))
    }

    /// What a caller finds where the quota that all share is used up; [`take`](LimiterGate::take) finds the same.
    #[inline]
    pub(super) fn refuse_share(&self, clock: &Clock) -> Option<Wait> {
        if self.span.load(Ordering::Acquire) & OPEN == 0 {
            return None;
        }
        self.wait_until(self.shared.used_up()?, clock)
    }

    /// How long a caller that is refused is refused; `None` where the time is over.
    #[inline]
    fn wait_until(&self, more_at: u64, clock: &Clock) -> Option<Wait> {
        let nanos = NonZeroU64::new(clock.nanos_left_until(Time::from_nanos(more_at)))?;
        self.refused.add();
        Some((more_at, nanos))
    }

    /// Somebody asks about `key`: until it has its answer, nobody gets anything in advance.
    pub(super) fn ask(&self, key: &str) {
        if !self.on {
            return;
        }
        if key.is_empty() {
            self.shared.ask();
        } else if let Some(seat) = self.seat(key.as_bytes()) {
            seat.cell.tokens.ask();
        }
    }

    /// Puts a token back as if it had never been taken; `false` where its lease is over, and the actor is to be told.
    #[must_use = "what came too late is to be told to the actor"]
    pub(super) fn put_back(&self, key: &str, Taken { term, of }: Taken) -> bool {
        if of == Of::All {
            return self.shared.put_back(term);
        }
        let own = self.digest(key.as_bytes()).zip(self.keys.get());
        own.is_some_and(|(digest, keys)| keys.put_back(digest, term))
    }

    /// How the quota stands where nothing is left before that time.
    #[inline]
    pub(super) fn used_up(&self, more_at: u64) -> Decision {
        self.standing.decision(0, more_at)
    }

    /// Takes back what is left of a lease: how many in all, and the code of the part that it has come to.
    fn take_back(&self, spot: Option<u32>) -> (u32, u64) {
        if spot == Some(SHARED) {
            return self.shared.take_back();
        }
        let cell = spot.and_then(|spot| self.keys.get()?.cell(spot));
        let left = cell.map(|cell| cell.tokens.recall());
        left.map_or((0, 0), |left| (left.term.part(), left.tokens.into()))
    }

    fn recall_one(&self, machine: &mut LimiterMachine, again: &dyn Fn() -> Time, unsure: Unsure) {
        let key = machine.shown(unsure.place);
        let spot = key
            .and_then(|key| if key.is_empty() { Some(SHARED) } else { self.seat(key).map(|seat| seat.spot) });
        let left = self.take_back(spot);
        if unsure.leaving
            && let Some(keys) = self.keys.get()
            && let Some(spot) = spot.filter(|spot| *spot != SHARED)
        {
            keys.free(spot, self.part());
        }
        machine.taken_back_by(again());
        // Behind what is left by now: what was carried over before that stands in the journals.
        self.hand_over_carried(machine);
        machine.taken_back(unsure, spot, left);
    }

    fn part(&self) -> u32 {
        code_in(self.part.load(Ordering::Relaxed))
    }

    /// The spot of a key, new where it has none; `None` where there is no room.
    fn spot(&self, machine: &LimiterMachine, place: Place, key: &[u8]) -> Option<u32> {
        if key.is_empty() {
            return Some(SHARED);
        }
        if machine.is_shown(place) {
            return machine.taken_back_at(place).or_else(|| self.seat(key).map(|seat| seat.spot));
        }
        let keys = self.keys.get_or_init(|| KeyCells::new(machine.max_keys()));
        let part = self.part();
        keys.assign(self.digest(key)?, place.slot(), if part == 0 { USED_UP } else { part })
    }

    /// Puts an offer where the key's callers find it, and returns where; `None` where it cannot be kept.
    fn put(&self, machine: &LimiterMachine, place: Place, offer: Offer) -> Option<u32> {
        let key = machine.shown(place)?;
        let (left, spare, more_at) = match offer {
            Offer::Tokens { part, turn, tokens, spare, more_at } => {
                let tokens = u32::try_from(tokens).unwrap_or(u32::MAX);
                (Left { term: Term::new(code(part), turn), tokens }, spare, more_at)
            }
            Offer::UsedUp(until) => (Left { term: Term::new(USED_UP, 0), tokens: 0 }, 0, until),
        };
        // A key's cell has no room for what is left besides.
        if spare > 0 && !key.is_empty() {
            return None;
        }
        let spot = self.spot(machine, place, key)?;
        if spot == SHARED {
            let is_timed = self.span.load(Ordering::Relaxed) & TIMED != 0;
            self.shared.lease(left, !is_timed, spare, more_at);
        } else {
            let cell = self.keys.get()?.cell(spot)?;
            cell.set_more_at(more_at.as_nanos());
            cell.tokens.lease(left);
        }
        Some(spot)
    }
}

impl Gate<LimiterMachine> for LimiterGate {
    fn new(config: &LimiterConfig, runtime: Grants) -> Self {
        let on = config.grants().unwrap_or(runtime) == Grants::On && config.mode() == Mode::Enforce;
        let zero = || AtomicU64::new(0);
        LimiterGate {
            on,
            span: zero(),
            end: zero(),
            part: zero(),
            secret: zero(),
            standing: Standing::default(),
            shared: Shared::default(),
            keys: std::sync::OnceLock::new(),
            carried: Slots::default(),
            refused: Count::default(),
        }
    }

    fn end(&self, now: Time) -> bool {
        let is_over =
            self.span.load(Ordering::Relaxed) != 0 && self.end.load(Ordering::Relaxed) <= now.as_nanos();
        if is_over {
            self.withdraw();
        }
        is_over
    }

    fn recall(
        &self,
        machine: &mut LimiterMachine,
        cause: Cause<'_, LimiterInput>,
        now: Time,
        again: &dyn Fn() -> Time,
    ) {
        if !self.on {
            return;
        }
        machine.look(now);
        match cause {
            Cause::Input(input) => {
                let concerned = machine.concerned(input);
                while let Some(unsure) = machine.unsure(concerned, now) {
                    self.recall_one(machine, again, unsure);
                }
            }
            // Only keys in line are served then, and those are never leased.
            Cause::Deadline => {}
            Cause::All => {
                self.withdraw();
                for unsure in machine.all_unsure() {
                    self.recall_one(machine, again, unsure);
                }
            }
        }
    }

    fn publish(&self, machine: &mut LimiterMachine, now: Time) {
        if !self.on {
            return;
        }
        let part = machine.part(now);
        let timed = part.is_some_and(|part| part.timed);
        let flag = |flag: u64, is_set: bool| if is_set { flag } else { 0 };
        let flags = OPEN | flag(TIMED, timed) | flag(WAITS, machine.lets_wait());
        let span = flags | part.map_or(0, |part| u64::from(code(part.number)));
        if span != self.span.load(Ordering::Relaxed) {
            self.withdraw();
            self.part.store(code_in(span).into(), Ordering::Relaxed);
            self.end.store(part.map_or(u64::MAX, |part| part.end.as_nanos()), Ordering::Release);
            self.standing.publish(machine.capacity());
            self.secret.store(machine.secret(), Ordering::Release);
            self.span.store(span, Ordering::SeqCst);
        }
        if let Some((place, offer)) = machine.offer(now)
            && let Some(spot) = self.put(machine, place, offer)
        {
            machine.leased(place, offer, spot == SHARED);
        }
    }

    fn withdraw(&self) {
        // Seen by all before any clock is read that it is followed by.
        self.span.swap(0, Ordering::SeqCst);
        self.shared.close();
    }

    fn take(&self, noted: &mut Vec<Noted<LimiterInput>>) {
        let refused = self.refused.take();
        if refused > 0 {
            noted.push(Noted::now(LimiterInput::Refused(refused)));
        }
    }
}

#[cfg(all(test, feature = "host"))]
mod tests;
