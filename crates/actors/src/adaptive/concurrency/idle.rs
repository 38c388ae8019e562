use std::time::Duration;

use super::window::Seen;
use crate::clock::Time;

/// How often it looks: often enough to follow a dependency that became slower, seldom enough to cost little.
const EVERY: Duration = Duration::from_secs(10);
/// A latency that falls by less than a twentieth has not fallen.
const FALLS: u64 = 20;

/// What a dependency needs while nobody waits for another call.
///
/// It is found by a search: the limit goes a quarter down for a window. Where latency falls with it, calls were waiting,
/// and it goes on from there; where it does not, nobody was, and that latency is the idle one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Idle {
    nanos: Option<u64>,
    search: Option<Search>,
    looked: Time,
}

#[derive(Clone, Copy, Debug)]
struct Search {
    /// The latency one step above.
    above: u64,
    /// The limit before it began, and the latency there.
    from: u64,
    first: u64,
    /// The present window began before the step down took effect.
    settling: bool,
}

/// What a window means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Go to this limit, and look again.
    Look(u64),
    /// The idle latency is known; the limit is this for now.
    Known {
        /// In nanoseconds.
        idle: u64,
        /// From where to go on.
        limit: u64,
    },
}

impl Idle {
    pub(super) fn new(now: Time) -> Self {
        Idle { nanos: None, search: None, looked: now }
    }

    /// What a window of calls with that mean latency at that limit means.
    pub(super) fn look(&mut self, now: Time, seen: Seen, latency: u64, limit: u64) -> Step {
        if !seen.presses(limit) {
            // Nobody waits who is let in at once and alone below the limit: this is idle, whatever was known.
            if self.search.is_none() && seen.most * 2 <= limit {
                self.nanos = Some(latency);
            }
            return self.known(latency, limit);
        }
        match self.search {
            None => {
                if self.nanos.is_none() || now.since(self.looked) >= EVERY {
                    let (above, first) = (latency, latency);
                    self.search = Some(Search { above, first, from: limit, settling: true });
                    return Step::Look(lower(limit));
                }
            }
            Some(search) if search.settling => {
                self.search = Some(Search { settling: false, ..search });
                return Step::Look(limit);
            }
            Some(search) => {
                let falls = latency.saturating_add(search.above / FALLS) < search.above;
                if falls && limit > 1 {
                    self.search = Some(Search { above: latency, settling: true, ..search });
                    return Step::Look(lower(limit));
                }
                // Nobody waited at the step above this one either: two windows tell more than one.
                let idle = latency.midpoint(search.above.min(latency + latency / FALLS));
                self.nanos = Some(idle);
                self.search = None;
                self.looked = now;
                // Of those who were in before the search, so many did not wait.
                let served = u128::from(search.from) * u128::from(idle) / u128::from(search.first.max(1));
                let served = u64::try_from(served).unwrap_or(search.from);
                return Step::Known { idle, limit: served.clamp(limit, search.from) };
            }
        }
        self.known(latency, limit)
    }

    fn known(&self, latency: u64, limit: u64) -> Step {
        Step::Known { idle: self.nanos.unwrap_or(latency), limit }
    }
}

fn lower(limit: u64) -> u64 {
    (limit * 3 / 4).max(1)
}
