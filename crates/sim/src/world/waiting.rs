use std::collections::VecDeque;

use super::message::MessageId;
use crate::scenario::Discipline;

/// One request copy at a service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    pub(crate) message: MessageId,
    /// When it came.
    pub(crate) since: u64,
    /// When a server took it up.
    pub(crate) began: u64,
    /// Which server.
    pub(crate) server: u32,
}

/// The requests that wait for a server.
#[derive(Debug)]
pub(crate) struct Waiting {
    discipline: Discipline,
    /// One line; for priorities one for each class, the most important first.
    lines: [VecDeque<Work>; 4],
    codel: Codel,
}

/// The next request, or one that is dropped in its turn.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Next {
    Serve(Work),
    Drop(Work),
}

impl Waiting {
    pub(crate) fn new(discipline: Discipline) -> Self {
        Waiting { discipline, lines: Default::default(), codel: Codel::default() }
    }

    pub(crate) fn len(&self) -> u64 {
        self.lines.iter().map(|line| line.len() as u64).sum()
    }

    pub(crate) fn push(&mut self, work: Work, priority: u8) {
        let line = match self.discipline {
            Discipline::Priority => usize::from(priority.min(3)),
            _ => 0,
        };
        self.lines[line].push_back(work);
    }

    pub(crate) fn pop(&mut self, now: u64) -> Option<Next> {
        match self.discipline {
            Discipline::Lifo => self.lines[0].pop_back().map(Next::Serve),
            Discipline::Fifo | Discipline::Priority => {
                self.lines.iter_mut().find_map(VecDeque::pop_front).map(Next::Serve)
            }
            Discipline::Codel => {
                let work = self.lines[0].pop_front();
                let sojourn = work.map(|work| now - work.since);
                let last = self.lines[0].is_empty();
                let drops = self.codel.drops(now, sojourn, last);
                work.map(|work| if drops { Next::Drop(work) } else { Next::Serve(work) })
            }
        }
    }

    /// Takes all out, in the order in which they would have been served.
    pub(crate) fn clear(&mut self) -> Vec<Work> {
        self.lines.iter_mut().flat_map(std::mem::take).collect()
    }
}

/// Controlled delay, RFC 8289: sheds while the least wait of an interval stays above the target.
#[derive(Debug, Default)]
struct Codel {
    above_until: Option<u64>,
    dropping: bool,
    next_drop: u64,
    count: u64,
    last_count: u64,
}

impl Codel {
    /// 5 ms and 100 ms, the RFC's own.
    const TARGET: u64 = 5_000_000;
    const INTERVAL: u64 = 100_000_000;

    fn drops(&mut self, now: u64, sojourn: Option<u64>, last: bool) -> bool {
        let late = match sojourn {
            Some(sojourn) if sojourn >= Self::TARGET && !last => {
                let until = *self.above_until.get_or_insert(now + Self::INTERVAL);
                now >= until
            }
            _ => {
                self.above_until = None;
                false
            }
        };
        if self.dropping {
            if !late {
                self.dropping = false;
                return false;
            }
            if now < self.next_drop {
                return false;
            }
            self.count += 1;
            self.next_drop = Self::control(self.next_drop, self.count);
            return true;
        }
        if !late {
            return false;
        }
        self.dropping = true;
        let delta = self.count - self.last_count;
        // Having dropped not long ago, it goes on from about the rate that had worked.
        let recent = now.saturating_sub(self.next_drop) < 16 * Self::INTERVAL;
        self.count = if delta > 1 && recent { delta } else { 1 };
        self.next_drop = Self::control(now, self.count);
        self.last_count = self.count;
        true
    }

    fn control(from: u64, count: u64) -> u64 {
        let root = libm::sqrt(crate::engine::float(count));
        from + crate::engine::nanos(crate::engine::float(Self::INTERVAL) / root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::message::{About, Callee, Messages};

    fn served(discipline: Discipline, priorities: &[u8]) -> Vec<u64> {
        let mut messages = Messages::default();
        let mut waiting = Waiting::new(discipline);
        for (since, priority) in (0..).zip(priorities) {
            let (priority, entry) = (*priority, About::NO_ENTRY);
            let about = About { request: since, key: 0, priority, deadline: u64::MAX, held: 0, entry };
            let (reply, _) = tokio::sync::oneshot::channel();
            let message = messages.add(Callee::Service(0), 0, about, reply);
            waiting.push(Work { message, since, began: 0, server: 0 }, priority);
        }
        let order = std::iter::from_fn(|| waiting.pop(10));
        order
            .map(|next| match next {
                Next::Serve(work) | Next::Drop(work) => work.since,
            })
            .collect()
    }

    #[test]
    fn each_discipline_serves_in_its_own_order() {
        let priorities = [3, 1, 0, 1];
        assert_eq!(served(Discipline::Fifo, &priorities), [0, 1, 2, 3]);
        assert_eq!(served(Discipline::Lifo, &priorities), [3, 2, 1, 0]);
        assert_eq!(served(Discipline::Priority, &priorities), [2, 1, 3, 0]);
        assert_eq!(served(Discipline::Codel, &priorities), [0, 1, 2, 3]);
    }

    #[test]
    fn codel_drops_only_once_every_wait_of_an_interval_was_too_long_and_stops_when_one_is_short() {
        const MS: u64 = 1_000_000;
        let mut codel = Codel::default();
        assert!(!codel.drops(0, Some(50 * MS), false));
        assert!(!codel.drops(99 * MS, Some(50 * MS), false));
        assert!(codel.drops(100 * MS, Some(50 * MS), false));
        assert!(!codel.drops(150 * MS, Some(50 * MS), false));
        assert!(codel.drops(200 * MS, Some(50 * MS), false));
        assert!(!codel.drops(300 * MS, Some(MS), false));
        assert!(!codel.drops(301 * MS, Some(50 * MS), false));
    }
}
