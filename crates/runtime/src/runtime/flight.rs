use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many calls are in flight, counted in parts so that threads do not write to one another's cache lines.
#[derive(Debug)]
pub(super) struct InFlight {
    parts: Box<[Part]>,
}

/// Two lines of 64 bytes: processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Part(AtomicUsize);

/// More parts than this would only make the sum slower.
const MOST_PARTS: usize = 64;

/// Which part a call is counted in: where it began, wherever it ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place(usize);

impl InFlight {
    pub(super) fn new() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let parts = threads.next_power_of_two().min(MOST_PARTS);
        InFlight { parts: (0..parts).map(|_| Part::default()).collect() }
    }

    /// Counts one more.
    #[inline]
    pub(super) fn add(&self) -> Place {
        let place = thread() & (self.parts.len() - 1);
        self.parts[place].0.fetch_add(1, Ordering::SeqCst);
        Place(place)
    }

    /// Counts one less.
    #[inline]
    pub(super) fn remove(&self, Place(place): Place) {
        self.parts[place].0.fetch_sub(1, Ordering::SeqCst);
    }

    /// How many there are. Whoever was there all along is counted; whoever comes or goes meanwhile may be.
    pub(super) fn count(&self) -> usize {
        self.parts.iter().map(|part| part.0.load(Ordering::SeqCst)).sum()
    }
}

/// A number for this thread; those of living threads are spread evenly.
#[inline]
fn thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    NUMBER.with(|number| {
        if number.get() == usize::MAX {
            number.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        number.get()
    })
}
