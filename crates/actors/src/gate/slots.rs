//! One cell for each thread.

use std::sync::OnceLock;

use super::place::{own_place, place, places};

/// Padded so that no two share what processors fetch together: a line, and on x86 the one beside it.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Padded<T>(pub(crate) T);

/// A cell, and who writes it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cell<'a, T> {
    /// This thread alone: plain loads and stores do.
    Own(&'a T),
    /// Others too.
    Shared(&'a T),
}

impl<'a, T> Cell<'a, T> {
    /// For what is written so that it makes no difference.
    #[inline]
    pub(crate) fn any(self) -> &'a T {
        match self {
            Cell::Own(cell) | Cell::Shared(cell) => cell,
        }
    }
}

/// Cells that are there: one for each thread that has a number, and one for all others.
#[derive(Debug)]
struct Made<T> {
    own: Box<[Padded<T>]>,
    shared: Box<Padded<T>>,
}

impl<T> Made<T> {
    fn cells(&self) -> impl Iterator<Item = &T> {
        self.own.iter().chain([&*self.shared]).map(|padded| &padded.0)
    }
}

/// One cell for each thread, made when the first is needed: an actor that nobody calls has none.
#[derive(Debug)]
pub(crate) struct Slots<T>(OnceLock<Made<T>>);

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Slots(OnceLock::new())
    }
}

impl<T: Default> Slots<T> {
    /// The cell of this thread.
    #[inline]
    pub(crate) fn own(&self) -> Cell<'_, T> {
        match self.own_at_once() {
            Some(own) => Cell::Own(own),
            None => self.found(),
        }
    }

    /// The cell that is this thread's alone, if it has been here before.
    #[inline]
    pub(crate) fn own_at_once(&self) -> Option<&T> {
        Some(&self.0.get()?.own.get(own_place())?.0)
    }

    fn made(&self) -> &Made<T> {
        self.0.get_or_init(|| {
            let own = (0..places()).map(|_| Padded::default()).collect();
            Made { own, shared: Box::default() }
        })
    }

    #[cold]
    #[inline(never)]
    fn found(&self) -> Cell<'_, T> {
        let made = self.made();
        match place().and_then(|number| made.own.get(number)) {
            Some(own) => Cell::Own(&own.0),
            None => Cell::Shared(&made.shared.0),
        }
    }

    /// All cells, in the order of their numbers, the shared one last; none before the first is needed.
    pub(crate) fn all(&self) -> impl Iterator<Item = &T> {
        self.0.get().into_iter().flat_map(Made::cells)
    }

    /// The same, made now where they were not yet.
    pub(crate) fn all_made(&self) -> impl Iterator<Item = &T> {
        self.made().cells()
    }
}
