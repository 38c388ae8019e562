use std::collections::BTreeMap;

use super::Priority;
use crate::machine::Ticket;

/// Who holds a permit, and whether it can be told to go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holder {
    pub(super) weight: u64,
    /// `None` where nothing is known of it: such a one is never told to go.
    class: Option<Priority>,
    /// By when it was granted; later ones have done less work.
    arrival: u64,
    /// It was told to go, and is still unwinding.
    leaving: bool,
}

impl Holder {
    /// Whether somebody listens for a word to go.
    pub(super) fn is_listening(&self) -> bool {
        self.class.is_some() && !self.leaving
    }
}

/// All who hold permits.
#[derive(Debug, Default)]
pub(super) struct Holders {
    holders: BTreeMap<Ticket, Holder>,
    /// What they come to.
    in_use: u64,
    /// What those of them come to that are leaving.
    leaving: u64,
    arrivals: u64,
}

impl Holders {
    pub(super) fn contains(&self, ticket: Ticket) -> bool {
        self.holders.contains_key(&ticket)
    }

    pub(super) fn in_use(&self) -> u64 {
        self.in_use
    }

    /// What will come back of itself.
    pub(super) fn leaving(&self) -> u64 {
        self.leaving
    }

    /// Takes one in, of a class if it listens for a word to go.
    pub(super) fn add(&mut self, ticket: Ticket, weight: u64, class: Option<Priority>) {
        self.arrivals += 1;
        self.holders.insert(ticket, Holder { weight, class, arrival: self.arrivals, leaving: false });
        self.in_use = self.in_use.saturating_add(weight);
    }

    pub(super) fn remove(&mut self, ticket: Ticket) -> Option<Holder> {
        let holder = self.holders.remove(&ticket)?;
        self.in_use = self.in_use.saturating_sub(holder.weight);
        if holder.leaving {
            self.leaving = self.leaving.saturating_sub(holder.weight);
        }
        Some(holder)
    }

    /// Those of the lowest classes below `class`, the youngest of each first, that come to `weight` together; `None`
    /// where all of them do not: then none is cut for nothing.
    pub(super) fn below(&self, class: Priority, weight: u64) -> Option<Vec<Ticket>> {
        let listening = self.holders.iter().filter(|(_, holder)| holder.is_listening());
        let mut lower: Vec<_> = listening
            .filter_map(|(ticket, holder)| Some((holder.class?, holder.arrival, *ticket, holder.weight)))
            .filter(|(lower, ..)| *lower > class)
            .collect();
        lower.sort_unstable_by(|a, b| b.cmp(a));
        let mut chosen = Vec::new();
        let mut found = 0_u64;
        for (_, _, ticket, holds) in lower {
            if found >= weight {
                break;
            }
            found = found.saturating_add(holds);
            chosen.push(ticket);
        }
        (found >= weight).then_some(chosen)
    }

    /// Notes that one was told to go.
    pub(super) fn tell(&mut self, ticket: Ticket) {
        if let Some(holder) = self.holders.get_mut(&ticket).filter(|holder| holder.is_listening()) {
            holder.leaving = true;
            self.leaving = self.leaving.saturating_add(holder.weight);
        }
    }
}
