//! What waits for an actor, for operators.

use super::hosted::Hosted;
use crate::machine::Machine;

impl<M: Machine> Hosted<M> {
    /// Messages in its mailbox.
    #[must_use]
    pub fn mailbox_depth(&self) -> usize {
        let Some(actor) = self.actor.get() else { return 0 };
        let room = actor.mailbox_sender().capacity().unwrap_or(0);
        self.ground.options.mailbox.saturating_sub(room)
    }
}
