//! What a limiter grants in advance: tokens, and refusals.
//!
//! ```text
//!   the actor answers a key  --> the key still has some   --> they are leased to its callers, for the present part
//!                            --> it is used up until then --> its callers are refused until then
//!   anything about that key  --> what is left is taken back first, and what was used of it is entered
//! ```
//!
//! | quota | grants | refusals |
//! |---|---|---|
//! | `sliding_window` above 256, `fixed_window` | leased for one part of the window: a sixtieth, or all of it | at once |
//! | `sliding_window` up to 256, `token_bucket` | asked for: the time of every grant matters | at once |
//! | with `max_wait` | leased | asked for: whoever waits stands in the actor's line |
//!
//! The quota that all callers share is leased into one cell; where it is large, each thread takes a share of that at a
//! time. Keys have a cell each, found by a keyed digest, so that no key from outside is kept twice.
//!
//! # Why it never grants too much
//! What is leased is not in the table: while it is out, nobody else can be granted it. What was used of a lease is
//! entered in the part that it was for, which ends no earlier than its latest use: see `lease`. So at any time all that
//! was granted in the last window, in advance or not, is at most the quota.
//!
//! # Why it decides nothing
//! A lease is all that is left of its key, and its part ends before anything comes back: as long as a token is left, the
//! machine would have granted; once none is, it would have refused until more comes back. Both are the machine's own
//! words, published. Everything else is asked: another cost than one, a key without a lease, a part that is over.

use std::time::Duration;

use siphasher::sip128::{Hash128, Hasher128 as _, SipHasher13};
use std::hash::Hasher as _;

use super::lease::{Offer, code};
use super::machine::{LimiterInput, LimiterMachine, Unsure};
use super::table::LONGEST_TEXT;
use super::{Decision, LimiterConfig};
use crate::clock::{Clock, Time, saturating_nanos};
use crate::gate::cell::{AtomicU64, Ordering};
use crate::gate::{Cause, Count, Digest, Gate, KeyCells, Left, Noted, Padded, Slots, Tokens};
use crate::settings::{Grants, Mode};

/// Callers are to look at the clock before they rely on the present part.
const TIMED: u64 = 1 << 63;
/// Something is published. Without it, everybody asks.
const OPEN: u64 = 1 << 62;
/// Whoever finds nothing may wait for its turn, and asks for that.
const WAITS: u64 = 1 << 61;
/// The code of a word that refuses: no part has it.
const USED_UP: u32 = u32::MAX;
/// The spot of the quota that all callers share.
const SHARED: u32 = u32::MAX;
/// What a thread takes of the shared lease at most, and which share of what is left.
const BATCH: u32 = 1_024;
const SHARE: u32 = 64;
/// Below so many left no thread takes more than it needs: small quotas are exact to the last token, from any thread.
const LEAST_SHARED_OUT: u32 = 4_096;

const fn code_in(span: u64) -> u32 {
    (span & 0xffff_ffff) as u32
}

/// How many of a part are left there.
#[inline]
fn left_of(tokens: &Tokens, part: u32) -> u32 {
    tokens.left().filter(|left| left.part == part).map_or(0, |left| left.tokens)
}

/// What a caller finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It may pass, and the quota stands like this.
    Granted(Decision, Taken),
    /// It may not before that time, in nanoseconds, and so long from now.
    Refused(u64, Duration),
    /// It is to ask.
    Ask,
}

/// Where a token was taken, so that it can be put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    part: u32,
    spot: u32,
}

impl Taken {
    /// The part that it was leased for, for a message.
    pub(super) fn part(self) -> u32 {
        self.part
    }
}

/// The lease of the quota that all callers share.
#[derive(Debug, Default)]
struct Shared {
    tokens: Tokens,
    /// When more is left than now.
    more_at: AtomicU64,
    /// Left, and not leased.
    spare: AtomicU64,
}

/// The gate of one limiter. It belongs to its host, and is empty where nothing is granted in advance.
#[derive(Debug)]
pub struct LimiterGate {
    on: bool,
    /// Whether something is published, whether to look at the clock, and the code of the present part.
    span: AtomicU64,
    /// When the present part ends.
    end: AtomicU64,
    limit: AtomicU64,
    window: AtomicU64,
    secret: AtomicU64,
    shared: Padded<Shared>,
    /// Each thread's share of the shared lease.
    shares: Slots<Tokens>,
    keys: std::sync::OnceLock<KeyCells>,
    /// Refusals that were given here.
    refused: Count,
}

impl LimiterGate {
    /// Looks for `key` among what was granted, for one request. The clock is only read where the time matters.
    pub(super) fn take(&self, key: &str, clock: &Clock) -> Found {
        let span = self.span.load(Ordering::Acquire);
        if span & OPEN == 0 || (span & TIMED != 0 && !self.runs(span, clock.now())) {
            return Found::Ask;
        }
        let found = if key.is_empty() {
            self.take_shared(code_in(span), clock)
        } else {
            self.take_keyed(key, span, clock)
        };
        match found {
            Found::Granted(_, taken) if !self.is_in_time(span, clock) => self.too_late(key, taken),
            found => found,
        }
    }

    /// Whether a token that was taken on the word of `span` was taken before its part ended. A thread may have lost its
    /// processor since it read that, for as long as it pleases the system.
    #[inline]
    fn is_in_time(&self, span: u64, clock: &Clock) -> bool {
        // While it does not say to look at the clock, the end is still away.
        let seen = self.span.load(Ordering::Acquire);
        (seen == span && span & TIMED == 0) || self.still_runs(span, seen, clock)
    }

    #[cold]
    fn still_runs(&self, span: u64, seen: u64, clock: &Clock) -> bool {
        code_in(seen) == code_in(span) && self.runs(seen, clock.now())
    }

    /// Puts back what was taken too late. Where its lease was taken back meanwhile it stays used: never more than is.
    #[cold]
    fn too_late(&self, key: &str, taken: Taken) -> Found {
        let _ = self.put_back(key, taken);
        Found::Ask
    }

    /// Whether the part that was published with `span` still runs.
    fn runs(&self, span: u64, now: Time) -> bool {
        let end = self.end.load(Ordering::Acquire);
        now.as_nanos() < end && self.span.load(Ordering::Acquire) == span
    }

    /// Takes a token out of this thread's share of the shared lease, where it has one and no clock has to be read.
    #[inline]
    pub(super) fn take_share(&self, clock: &Clock) -> Option<Decision> {
        let span = self.span.load(Ordering::Acquire);
        if span & (OPEN | TIMED) != OPEN {
            return None;
        }
        let part = code_in(span);
        let own = self.share(part)?;
        if self.is_in_time(span, clock) {
            return Some(self.shared_decision(part, own));
        }
        self.too_late("", Taken { part, spot: SHARED });
        None
    }

    /// Takes a token out of this thread's share; how many are left in it.
    #[inline]
    fn share(&self, part: u32) -> Option<u32> {
        self.shares.own_at_once()?.take(part, 1, || true)
    }

    /// How the quota that all callers share stands for a thread that has so many of its own.
    #[inline]
    fn shared_decision(&self, part: u32, own: u32) -> Decision {
        let Shared { tokens, more_at, spare } = &self.shared.0;
        let remaining = u64::from(own) + u64::from(left_of(tokens, part)) + spare.load(Ordering::Relaxed);
        self.decision(remaining, more_at.load(Ordering::Relaxed))
    }

    /// What a thread without a share of its own finds.
    fn take_shared(&self, part: u32, clock: &Clock) -> Found {
        let tokens = &self.shared.0.tokens;
        let taken = Taken { part, spot: SHARED };
        if let Some(own) = self.share(part) {
            return Found::Granted(self.shared_decision(part, own), taken);
        }
        let Some(left) = tokens.left() else { return Found::Ask };
        if left.part == USED_UP {
            return self.shared_used_up().map_or(Found::Ask, |nanos| self.refuse(nanos, clock));
        }
        if left.tokens >= LEAST_SHARED_OUT
            && let Some(batch) = tokens.take_share(part, BATCH, SHARE)
        {
            let own = self.shares.own().any();
            // One is for this call. Where another thread without a slot of its own was faster, or where all was
            // recalled meanwhile and this came too late, the rest stays with the lease as used: never more than is.
            if !own.put(part, batch - 1) {
                let _ = tokens.put_back(part, batch - 1);
            }
        } else if tokens.take(part, 1, || true).is_none() {
            return Found::Ask;
        }
        let own = left_of(self.shares.own().any(), part);
        Found::Granted(self.shared_decision(part, own), taken)
    }

    fn take_keyed(&self, key: &str, span: u64, clock: &Clock) -> Found {
        let part = code_in(span);
        let Some(digest) = self.digest(key) else { return Found::Ask };
        let Some((cell, spot)) = self.keys.get().and_then(|keys| keys.find(digest)) else {
            return Found::Ask;
        };
        if let Some(left) = cell.tokens.take(part, 1, || cell.is_of(digest)) {
            let decision = self.decision(u64::from(left), cell.more_at());
            return Found::Granted(decision, Taken { part, spot });
        }
        let Some(left) = cell.tokens.left() else { return Found::Ask };
        // A lease that was used up is a refusal, too, until more comes back: also after its part is over.
        if left.tokens == 0 && left.part != 0 && span & WAITS == 0 {
            let nanos = cell.more_at();
            if cell.tokens.left() == Some(left) && cell.is_of(digest) {
                return self.refuse(nanos, clock);
            }
        }
        Found::Ask
    }

    /// Until when the quota that all callers share is used up, as published, in nanoseconds.
    #[inline]
    fn shared_used_up(&self) -> Option<u64> {
        let Shared { tokens, more_at, .. } = &self.shared.0;
        let left = tokens.left().filter(|left| left.part == USED_UP)?;
        let nanos = more_at.load(Ordering::Acquire);
        (tokens.left() == Some(left)).then_some(nanos)
    }

    /// The same where no clock has to be read before: it is what [`take`](LimiterGate::take) finds.
    #[inline]
    pub(super) fn refuse_share(&self, clock: &Clock) -> Option<(u64, Duration)> {
        if self.span.load(Ordering::Acquire) & (OPEN | TIMED) != OPEN {
            return None;
        }
        let more_at = self.shared_used_up()?;
        Some((more_at, self.rest(more_at, clock)?))
    }

    fn refuse(&self, more_at: u64, clock: &Clock) -> Found {
        self.rest(more_at, clock).map_or(Found::Ask, |rest| Found::Refused(more_at, rest))
    }

    /// How long a caller that is refused is refused.
    #[inline]
    fn rest(&self, more_at: u64, clock: &Clock) -> Option<Duration> {
        let rest = clock.left_until(Time::from_nanos(more_at));
        if rest.is_zero() {
            return None;
        }
        self.refused.add();
        Some(rest)
    }

    /// Somebody asks about `key`: until it has its answer, nobody gets anything in advance.
    pub(super) fn ask(&self, key: &str) {
        if !self.on {
            return;
        }
        if key.is_empty() {
            self.shared.0.tokens.ask();
            self.shares.all().for_each(Tokens::ask);
        } else if let Some(digest) = self.digest(key)
            && let Some((cell, _)) = self.keys.get().and_then(|keys| keys.find(digest))
        {
            cell.tokens.ask();
        }
    }

    /// Puts a token back as if it had never been taken; `false` where its lease is over, and the actor is to be told.
    #[must_use = "what came too late is to be told to the actor"]
    pub(super) fn put_back(&self, key: &str, Taken { part, spot }: Taken) -> bool {
        if spot == SHARED {
            return self.shares.own().any().put_back(part, 1) || self.shared.0.tokens.put_back(part, 1);
        }
        let own = || self.digest(key).zip(self.keys.get()?.cell(spot));
        own().is_some_and(|(digest, cell)| cell.is_of(digest) && cell.tokens.put_back(part, 1))
    }

    /// How the quota stands where nothing is left before that time.
    #[inline]
    pub(super) fn used_up(&self, more_at: u64) -> Decision {
        self.decision(0, more_at)
    }

    #[inline]
    fn decision(&self, remaining: u64, more_at: u64) -> Decision {
        Decision {
            remaining,
            limit: self.limit.load(Ordering::Relaxed),
            window: Duration::from_nanos(self.window.load(Ordering::Relaxed)),
            more_at: Time::from_nanos(more_at),
        }
    }

    /// `None` for keys of which the table itself keeps but a digest.
    #[inline]
    fn digest(&self, key: &str) -> Option<Digest> {
        if key.len() > LONGEST_TEXT {
            return None;
        }
        let secret = self.secret.load(Ordering::Relaxed);
        let mut hasher = SipHasher13::new_with_keys(secret, !secret.rotate_left(32));
        hasher.write(key.as_bytes());
        let Hash128 { h1, h2 } = hasher.finish128();
        Some([h1 | 1, h2])
    }

    /// Takes back what is left of a lease, by part.
    fn take_back(&self, spot: u32) -> Vec<(u32, u64)> {
        let one = |left: Left| (left.part, u64::from(left.tokens));
        if spot == SHARED {
            // The shared cell first: nobody can then fill a share that was emptied already from what is counted twice.
            let shared = one(self.shared.0.tokens.recall());
            return [shared].into_iter().chain(self.shares.all().map(|share| one(share.recall()))).collect();
        }
        let cell = self.keys.get().and_then(|keys| keys.cell(spot));
        cell.map(|cell| one(cell.tokens.recall())).into_iter().collect()
    }

    fn recall_one(&self, machine: &mut LimiterMachine, now: Time, unsure: Unsure) {
        let left = self.take_back(unsure.spot);
        if unsure.leaving
            && unsure.spot != SHARED
            && let Some(keys) = self.keys.get()
        {
            keys.free(unsure.spot, self.part());
        }
        machine.taken_back(now, unsure, &left);
    }

    /// The code of the part that was published last; zero where quotas have none.
    fn part(&self) -> u32 {
        code_in(self.span.load(Ordering::Relaxed))
    }

    /// The spot of a key, new where it has none; `None` where there is no room.
    fn spot(&self, machine: &LimiterMachine, key: &str, known: Option<u32>) -> Option<u32> {
        if key.is_empty() {
            return Some(SHARED);
        }
        if known.is_some() {
            return known;
        }
        let keys = self.keys.get_or_init(|| KeyCells::new(machine.max_keys()));
        let part = self.part();
        keys.assign(self.digest(key)?, if part == 0 { USED_UP } else { part })
    }

    /// Puts an offer where the key's callers find it, and returns where; `None` where it cannot be kept.
    fn put(&self, machine: &LimiterMachine, key: &str, known: Option<u32>, offer: Offer) -> Option<u32> {
        let (left, spare, more_at) = match offer {
            Offer::Tokens { part, tokens, spare, more_at } => {
                let tokens = u32::try_from(tokens).unwrap_or(u32::MAX);
                (Left { part: code(part), tokens }, spare, more_at)
            }
            Offer::UsedUp(until) => (Left { part: USED_UP, tokens: 0 }, 0, until),
        };
        // A key's cell has no room for what is left besides.
        if spare > 0 && !key.is_empty() {
            return None;
        }
        let spot = self.spot(machine, key, known)?;
        if spot == SHARED {
            let shared = &self.shared.0;
            // A lease that ends by itself is not recalled: what threads have of it is worth nothing by now, and a question
            // about it, which would keep their places, is answered by this offer.
            for share in self.shares.all() {
                let _ = share.recall();
            }
            shared.more_at.store(more_at.as_nanos(), Ordering::Release);
            shared.spare.store(spare, Ordering::Release);
            shared.tokens.lease(left);
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
            limit: zero(),
            window: zero(),
            secret: zero(),
            shared: Padded::default(),
            shares: Slots::default(),
            keys: std::sync::OnceLock::new(),
            refused: Count::default(),
        }
    }

    fn recall(&self, machine: &mut LimiterMachine, cause: Cause<'_, LimiterInput>, now: Time) {
        if !self.on {
            return;
        }
        if machine.is_over(now) {
            self.withdraw();
        }
        machine.look(now);
        match cause {
            Cause::Input(input) => {
                while let Some(unsure) = machine.unsure(input, now) {
                    self.recall_one(machine, now, unsure);
                }
            }
            // Only keys in line are served then, and those are never leased.
            Cause::Deadline => {}
            Cause::All => {
                self.withdraw();
                for unsure in machine.all_unsure() {
                    self.recall_one(machine, now, unsure);
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
            let (limit, window) = machine.capacity();
            self.span.store(0, Ordering::Release);
            self.end.store(part.map_or(u64::MAX, |part| part.end.as_nanos()), Ordering::Release);
            self.limit.store(limit, Ordering::Release);
            self.window.store(saturating_nanos(window), Ordering::Release);
            self.secret.store(machine.secret(), Ordering::Release);
            self.span.store(span, Ordering::Release);
        }
        if let Some((place, offer)) = machine.offer(now)
            && let Some((key, known)) = machine.shown(place)
            && let Some(spot) = self.put(machine, key, known, offer)
        {
            machine.leased(place, offer, spot);
        }
    }

    fn withdraw(&self) {
        self.span.store(0, Ordering::Release);
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
