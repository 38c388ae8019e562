//! What a test can put between actors and their machines.

use std::any::Any;
use std::sync::Arc;

use super::ground::Ground;
use crate::clock::Moment;
use crate::machine::{Kind, Ticket};

/// Stands between the actors of one runtime and their machines, for tests that must see their own checks fail: it can
/// drop an input, change it or its time, and change what comes of it. Machines and actors know nothing of it.
///
/// Only with the feature `interpose`, which nothing but tests turns on.
pub trait Interposer: Send + Sync + 'static {
    /// An input is on its way to a machine, as the `Input` of the machine's type. One that does not pass never happened;
    /// whoever waits for an answer to it gets none.
    fn input(&self, to: Place<'_>, moment: &mut Moment, input: &dyn Any) -> Passage;

    /// What came of it is on its way out, as [`Effects`](crate::machine::Effects) of the machine's `Reply`.
    fn effects(&self, of: Place<'_>, effects: &mut dyn Any);
}

/// Whose input, or whose effects.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The actor's kind.
    pub kind: Kind,
    /// The actor's name.
    pub name: &'a str,
    /// The request; `None` for what nobody waits for.
    pub ticket: Option<Ticket>,
}

/// What becomes of an input.
#[derive(Debug)]
pub enum Passage {
    /// It passes as it is.
    Pass,
    /// It never arrives.
    Drop,
    /// Another one of the same type arrives in its place.
    Replace(Box<dyn Any>),
}

impl Ground {
    /// Puts `interposer` between the actors and their machines; for good, and before any of them is asked.
    pub fn interpose(&self, interposer: Arc<dyn Interposer>) {
        let _ = self.interposer.set(interposer);
    }
}
