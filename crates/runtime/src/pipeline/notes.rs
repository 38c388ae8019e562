use std::sync::atomic::{AtomicU8, Ordering};

/// What others say of a call while it runs.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(super) enum Note {
    /// A call inside had used up its own retries, so repeating it from here would multiply them.
    InnerRetriesUsed = 1,
    /// Its answer lacks something.
    Degraded = 2,
    /// An annotated callee failed, and its caller went on.
    PartFailed = 4,
}

/// All that was said of one call, in one word: of most calls nothing is, which costs one look.
#[derive(Debug, Default)]
pub(super) struct Notes(AtomicU8);

// Relaxed: who reads a note has heard of the call that it is about from whoever wrote it.
impl Notes {
    pub(super) fn add(&self, note: Note) {
        self.0.fetch_or(note as u8, Ordering::Relaxed);
    }

    #[inline]
    pub(super) fn has(&self, note: Note) -> bool {
        self.0.load(Ordering::Relaxed) & note as u8 != 0
    }

    /// Whether it was said, which is forgotten by that.
    #[inline]
    pub(super) fn take(&self, note: Note) -> bool {
        self.has(note) && self.0.fetch_and(!(note as u8), Ordering::Relaxed) & note as u8 != 0
    }

    #[inline]
    pub(super) fn are_none(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}
