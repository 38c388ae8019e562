//! Taking a permit from a holder of a lower class.
//!
//! The machine only says who is to go. The permit stays that one's until it has unwound and given it back, so what is
//! out never exceeds the capacity; then it goes to whoever is first in line.

use super::{Acquire, BulkheadMachine, BulkheadReply, Priority};
use crate::machine::{Effects, Ticket};

impl BulkheadMachine {
    /// Who has to go so that those for whom holders go come to `claims` together; `None` where that cannot be had.
    fn who_goes(&self, class: Priority, claims: u64) -> Option<Vec<Ticket>> {
        let coming = self.free().saturating_add(self.held.leaving());
        match claims.saturating_sub(coming) {
            0 => Some(Vec::new()),
            missing => self.held.below(class, missing),
        }
    }

    /// Whether a place comes free for this caller because another goes, so that it may wait for it in a line that is
    /// full: no more of them can wait so than there are permits.
    pub(super) fn would_be_made_room_for(&self, acquire: &Acquire) -> bool {
        if !(acquire.preempts && self.config.preempts()) {
            return false;
        }
        let waiting = self.line.preempting().map(|waiter| waiter.weight);
        let claims = waiting.fold(acquire.weight, u64::saturating_add);
        self.who_goes(acquire.priority, claims).is_some()
    }

    /// Tells holders to go for those who wait, the youngest of the lowest class first.
    pub(super) fn preempt(&mut self, effects: &mut Effects<BulkheadReply>) {
        if !self.config.preempts() {
            return;
        }
        let waiting: Vec<(Priority, u64)> =
            self.line.preempting().map(|waiter| (waiter.class, waiter.weight)).collect();
        let mut claims = 0_u64;
        for (class, weight) in waiting {
            let with_it = claims.saturating_add(weight);
            let Some(leaving) = self.who_goes(class, with_it) else { continue };
            claims = with_it;
            for ticket in leaving {
                self.held.tell(ticket);
                effects.reply(ticket, BulkheadReply::Preempted);
            }
        }
    }
}
