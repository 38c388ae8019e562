use std::collections::BTreeMap;
use std::time::Duration;

use super::quota::Quota;
use crate::clock::{Time, saturating_nanos};
use crate::gate::{LAST_PART, Left};

/// Tokens that were granted in advance for one part of a window: callers spend them without saying when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lease {
    pub(super) part: u64,
    /// Tells it from the others of its key, modulo 256.
    pub(super) turn: u8,
    pub(super) tokens: u64,
}

/// What was left of a key's lease when a caller went on with it in another part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Carried {
    /// Where the table keeps its key.
    pub(super) slot: u32,
    /// What was left of it, and of which part.
    pub(super) left: Left,
    /// The code of the part in which it goes on.
    pub(super) part: u32,
}

/// What a limiter offers to one key's callers without a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offer {
    /// Tokens to be used before the part ends.
    Tokens {
        /// The number of the part.
        part: u64,
        /// Tells this lease from the others of its key.
        turn: u8,
        /// How many.
        tokens: u64,
        /// How many more are left, which are not offered.
        spare: u64,
        /// When more will be left than now, once one of them is used.
        more_at: Time,
    },
    /// A refusal: nothing is left before this time.
    UsedUp(Time),
}

/// Where the gate keeps what is leased to all callers together; no key has this spot.
#[cfg_attr(not(feature = "host"), allow(dead_code, reason = "only callers of a hosted one find it"))]
pub(super) const SHARED: u32 = u32::MAX;

/// How long before the end of a part its leases are only good for who has looked at the clock. tokio's timers are up to a
/// millisecond late, and two that are due together fire in any order: so one is due to say so, and one to see that it
/// was said in time.
const GUARD: Duration = Duration::from_millis(3);
const CONFIRMED_AFTER: Duration = Duration::from_millis(1);

/// The part for which leases are given, and until when callers may rely on it without looking at a clock.
///
/// # Why the bound holds however late a lease is used
/// What was used of a lease counts as used in its part, which is what whoever asks gets for the same call. That is true
/// while callers stop in time: from [`GUARD`] before the end on they look at the clock themselves. Where it cannot be
/// told that they heard of that in time, the part is noted here with the time at which it was found over, and all that
/// was used of its leases counts as used then, which is the latest that it can have been.
#[derive(Debug, Default)]
pub(super) struct Parts {
    current: Option<Part>,
    /// Until when leases may go on from one part to the next.
    go_on_until: Time,
    /// Parts that may have lasted longer than they should have, and until when.
    late: BTreeMap<u64, Time>,
}

/// A part as it was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) number: u64,
    pub(super) end: Time,
    /// Whether callers are to look at the clock.
    pub(super) timed: bool,
    /// Since when they are told so; `None` where they were told so in time.
    unconfirmed: Option<Time>,
    /// Whether anything is leased in it: else nobody has to be told that it ends.
    leased: bool,
}

impl Part {
    /// Whether callers may not know that they are to look at the clock.
    fn is_unsure(&self) -> bool {
        !self.timed || self.unconfirmed.is_some()
    }

    fn guard(&self) -> Time {
        Time::from_nanos(self.end.as_nanos().saturating_sub(saturating_nanos(GUARD)))
    }
}

impl Parts {
    /// When to look again.
    pub(super) fn deadline(&self) -> Option<Time> {
        let part = self.current.filter(|part| part.leased)?;
        let confirm = part.unconfirmed.map(|since| since.after(CONFIRMED_AFTER));
        if part.timed { confirm } else { Some(part.guard()) }
    }

    /// A lease was taken back, at the latest at this time, which is not the time of the step that did so: there it may
    /// still have been before the end.
    pub(super) fn taken_back_by(&mut self, time: Time) {
        if let Some(part) = self.current.filter(|part| part.end <= time && part.is_unsure()) {
            self.late.insert(part.number, time);
        }
    }

    /// Notices how time has passed since the last look. To be called before anything is returned or published; what it
    /// changes is published before it is called at a later time.
    pub(super) fn look(&mut self, quota: &Quota, now: Time) {
        let Some(part) = &mut self.current else { return };
        if part.end <= now {
            if part.leased && part.is_unsure() {
                self.late.insert(part.number, now);
            }
            self.current = None;
        } else if !part.timed && part.guard() <= now {
            // What is leased from here on is leased to callers who look at the clock.
            (part.timed, part.unconfirmed) = (true, part.leased.then_some(now));
        } else if part.unconfirmed.is_some_and(|since| since < now) {
            part.unconfirmed = None;
        }
        // Hardly ever is there any, and to find that out by going through them takes long.
        if !self.late.is_empty() {
            self.late.retain(|_, until| quota.leaves_at(*until).max(quota.edge(*until)) > now);
        }
    }

    /// The part around `now`; `None` where the quota has no parts.
    pub(super) fn enter(&mut self, quota: &Quota, now: Time) -> Option<Part> {
        self.look(quota, now);
        if self.current.is_none() {
            let number = quota.part_at(now)?;
            let end = quota.part(number).1;
            let leased = now < self.go_on_until;
            let part = Part { number, end, timed: false, unconfirmed: None, leased };
            self.current = Some(Part { timed: part.guard() <= now, ..part });
        }
        self.current
    }

    /// Something was leased in the current part, and may go on until then.
    pub(super) fn leased(&mut self, until: Time) {
        self.go_on_until = self.go_on_until.max(until);
        if let Some(part) = &mut self.current {
            part.leased = true;
        }
    }

    /// The time as which what was used of a lease counts.
    pub(super) fn used_at(&self, quota: &Quota, part: u64) -> Time {
        self.late.get(&part).copied().unwrap_or_else(|| quota.part(part).0)
    }

    /// All leases were returned, and parts may have another length from now on.
    pub(super) fn forget(&mut self) {
        *self = Parts::default();
    }
}

/// Numbers that a gate's word can tell apart; zero means none, and the last one that there is nothing.
const CODES: u64 = LAST_PART as u64 - 1;

/// More parts than any window has.
const BACK: u64 = 1_000;

/// A part's number as a gate's word holds it. Two parts share one only if 2^24 lie between them.
pub(super) fn code(part: u64) -> u32 {
    u32::try_from(part % CODES + 1).unwrap_or(LAST_PART)
}

/// The latest part up to `latest` with this code; `None` where that lies too far back to matter.
pub(super) fn part_of(code: u32, latest: u64) -> Option<u64> {
    let back = (latest % CODES + 1 + CODES).wrapping_sub(u64::from(code)) % CODES;
    latest.checked_sub(back).filter(|_| code != 0 && back <= BACK)
}

/// The part with this code at or after `part`; `None` where that lies further on than any lease goes.
pub(super) fn later_part(part: u64, code_of: u32) -> Option<u64> {
    let ahead = (CODES + u64::from(code_of) - u64::from(code(part))) % CODES;
    part.checked_add(ahead).filter(|_| code_of != 0 && ahead <= BACK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_found_again_by_its_code() {
        for latest in [0, 1, 999, CODES - 1, CODES, CODES + 1, u64::MAX] {
            for back in [0, 1, 60, 1_000] {
                let Some(part) = latest.checked_sub(back) else { continue };
                assert_ne!(code(part), 0);
                assert_eq!(part_of(code(part), latest), Some(part), "{part} from {latest}");
            }
        }
        assert_eq!(part_of(0, 7), None);
        assert_eq!(part_of(code(1), 5_000), None);
    }

    #[test]
    fn what_was_used_of_a_lease_that_was_taken_back_after_its_part_counts_as_used_then() {
        use crate::limiter::Algorithm::SlidingWindow;
        // Parts of a second.
        let quota =
            Quota { algorithm: SlidingWindow, requests: 6_000, per: 60_000_000_000, burst: 6_000, origin: 0 };
        let millis = |millis: u64| Time::from_nanos(millis * 1_000_000);
        let begun = || {
            let mut parts = Parts::default();
            parts.enter(&quota, Time::ZERO).unwrap();
            parts.leased(Time::ZERO);
            parts
        };
        let mut parts = begun();
        parts.taken_back_by(millis(999));
        assert_eq!(parts.used_at(&quota, 0), Time::ZERO);
        parts.taken_back_by(millis(1_500));
        assert_eq!(parts.used_at(&quota, 0), millis(1_500));
        // Told to look at the clock, and told in time: they stop by themselves.
        let mut parts = begun();
        parts.look(&quota, millis(997));
        parts.look(&quota, millis(998));
        parts.taken_back_by(millis(1_500));
        assert_eq!(parts.used_at(&quota, 0), Time::ZERO);
    }
}
