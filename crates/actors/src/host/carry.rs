use super::hosted::Hosted;
#[cfg(feature = "interpose")]
use super::interpose::{Passage, Place};
use crate::clock::Moment;
use crate::machine::{Effects, Machine, Ticket};

impl<M: Machine> Hosted<M> {
    /// One step of the machine.
    #[cfg(not(feature = "interpose"))]
    pub(super) fn carry(
        &self,
        machine: &mut M,
        moment: Moment,
        ticket: Option<Ticket>,
        input: &M::Input,
        effects: &mut Effects<M::Reply>,
    ) {
        machine.step(moment, ticket, input, effects);
    }

    /// One step of the machine, or of what a test made of it.
    #[cfg(feature = "interpose")]
    pub(super) fn carry(
        &self,
        machine: &mut M,
        mut moment: Moment,
        ticket: Option<Ticket>,
        input: &M::Input,
        effects: &mut Effects<M::Reply>,
    ) {
        let Some(interposer) = self.ground.interposer.get() else {
            return machine.step(moment, ticket, input, effects);
        };
        let place = Place { kind: self.kind, name: self.name(), ticket };
        match interposer.input(place, &mut moment, input) {
            Passage::Pass => machine.step(moment, ticket, input, effects),
            Passage::Drop => machine.catch_up(moment, effects),
            Passage::Replace(other) => {
                // What is of another type is no input of this machine: it never arrives.
                if let Some(other) = other.downcast_ref::<M::Input>() {
                    machine.step(moment, ticket, other, effects);
                }
            }
        }
        interposer.effects(place, effects);
    }
}
