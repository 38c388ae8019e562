//! One cell for each thread.

use std::sync::OnceLock;

use super::place::{Owner, place, places};

/// Padded so that no two share what processors fetch together: a line, and on x86 the one beside it.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Padded<T>(pub(crate) T);

/// One cell for each thread, made when the first is needed: an actor that nobody calls has none.
#[derive(Debug)]
pub(crate) struct Slots<T>(OnceLock<Box<[Padded<T>]>>);

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Slots(OnceLock::new())
    }
}

impl<T: Default> Slots<T> {
    /// The cell of this thread.
    #[inline]
    pub(crate) fn own(&self) -> (&T, Owner) {
        let slots = self.0.get_or_init(|| (0..places()).map(|_| Padded::default()).collect());
        let (number, owner) = place();
        (&slots[number].0, owner)
    }

    /// All cells, in the order of their numbers; none before the first is needed.
    pub(crate) fn all(&self) -> impl Iterator<Item = &T> {
        self.0.get().into_iter().flatten().map(|padded| &padded.0)
    }
}
