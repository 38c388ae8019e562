//! Leases of keys that go on in a later part.

use super::LimiterGate;
use crate::gate::cell::Ordering;
use crate::gate::{Cell, Left, Seat};
use crate::limiter::lease::Carried;
use crate::limiter::machine::LimiterMachine;

const fn words(carried: Carried) -> (u64, u64) {
    ((carried.slot as u64) << 32 | carried.part as u64, carried.left.word())
}

const fn carried((place, left): (u64, u64)) -> Carried {
    Carried { slot: (place >> 32) as u32, left: Left::of(left), part: place as u32 }
}

impl LimiterGate {
    /// Takes one of what is `left` of a key's lease for an earlier part, for the one that runs; `None` where it is to be
    /// asked for.
    pub(super) fn carry_over(&self, seat: &Seat<'_>, left: Left, part: u32) -> Option<Left> {
        let (more_at, slot) = (seat.cell.more_at(), seat.slot());
        // Of a whole quota more comes back once one of it is used: when, it takes the actor to say.
        let is_whole = u64::from(left.tokens) >= self.standing.limit();
        let goes_on = part != 0 && self.end.load(Ordering::Acquire) <= more_at;
        if is_whole || !goes_on || left.term.part() == part {
            return None;
        }
        let Cell::Own(journal) = self.carried.own() else { return None };
        if !journal.has_room() {
            return None;
        }
        let now_left = seat.carry(left, part)?;
        journal.write(words(Carried { slot, left, part }));
        Some(now_left)
    }

    /// Tells the machine what was used of leases that went on in a later part.
    pub(super) fn hand_over_carried(&self, machine: &mut LimiterMachine) {
        for journal in self.carried.all() {
            journal.read(|words| machine.carried(carried(words)));
        }
    }
}
