use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::Time;

/// A connection, and when it is too old.
#[derive(Debug)]
pub(super) struct Opened<C> {
    pub(super) connection: C,
    pub(super) retires: Time,
}

/// Those that nobody uses. The newest is lent first, so that the others age.
#[derive(Debug)]
pub(super) struct Idle<C> {
    /// With the time since which each is unused, which rises from front to back.
    unused: VecDeque<(Time, Opened<C>)>,
}

impl<C> Default for Idle<C> {
    fn default() -> Self {
        Idle { unused: VecDeque::new() }
    }
}

impl<C> Idle<C> {
    pub(super) fn len(&self) -> usize {
        self.unused.len()
    }

    pub(super) fn put(&mut self, now: Time, opened: Opened<C>) {
        self.unused.push_back((now, opened));
    }

    pub(super) fn take(&mut self) -> Option<Opened<C>> {
        self.unused.pop_back().map(|(_, opened)| opened)
    }

    /// Takes those out that are too old, and those unused too long beyond `least`.
    pub(super) fn retire(&mut self, now: Time, least: usize, idle_timeout: Duration) -> Vec<Opened<C>> {
        let (mut kept, mut retired) = (VecDeque::new(), Vec::new());
        for (since, opened) in self.unused.drain(..) {
            if opened.retires <= now { retired.push(opened) } else { kept.push_back((since, opened)) }
        }
        while kept.len() > least && kept.front().is_some_and(|(since, _)| since.after(idle_timeout) <= now) {
            retired.extend(kept.pop_front().map(|(_, opened)| opened));
        }
        self.unused = kept;
        retired
    }

    /// When [`retire`](Idle::retire) would next take one out.
    pub(super) fn next_end(&self, least: usize, idle_timeout: Duration) -> Option<Time> {
        let unused = self.unused.front().filter(|_| self.len() > least);
        let unused = unused.map(|(since, _)| since.after(idle_timeout));
        self.unused.iter().map(|(_, opened)| opened.retires).chain(unused).min()
    }
}
