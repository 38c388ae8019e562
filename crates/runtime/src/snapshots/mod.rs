//! What outlives the process: the state of every actor in one file.
//!
//! ```text
//!   build ---- reads ----> FILE <---- writes ---- every 30 s, beside the calls; and at shutdown
//!                           |
//!                           `-- damaged or of another version: set aside, reported, what is whole is taken over
//! ```
//!
//! | what | how | why |
//! |---|---|---|
//! | period | 30 s | as long as a run's lease: a process that dies loses no more than what ran meanwhile |
//! | content | what REMAINED, and wall times | monotonic clocks begin anew; permits and probes begin empty |
//! | writing | a new file, synced, then renamed | a crash or a full disk in the middle leaves the old one whole |
//! | reading | every part by its own checksum | a flipped bit costs one actor's state, not all of them |
//! | names that nobody declares | carried on for 30 days | a deploy that is rolled back finds its state again |
//!
//! One process has one file. What happens between two writes is lost with the process; a call that must not run twice
//! even then keeps its own record where it takes effect.

mod disk;
mod file;
mod form;
#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use steadfast_actors::machine::Kind;
use steadfast_actors::registry::Registry;
use tokio_util::sync::CancellationToken;

pub use disk::Disk;
pub(crate) use disk::FileDisk;

/// How often the states are written.
pub const PERIOD: Duration = Duration::from_secs(30);

/// What came of the file at the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// How many actors' states were read.
    pub actors: usize,
    /// What could not be read, in words.
    pub problems: Vec<String>,
    /// Where the file is now, if it had problems.
    pub set_aside: Option<PathBuf>,
}

/// The file of one runtime.
pub(crate) struct Snapshots {
    disk: Arc<dyn Disk>,
    restored: Restored,
    state: Mutex<State>,
    failing: AtomicBool,
    /// Ends the periodic writing.
    pub(crate) ended: CancellationToken,
}

#[derive(Debug, Default)]
struct State {
    /// What stands in the file.
    latest: Option<Vec<(Kind, String, [u8; 32])>>,
    /// The last write was the last one: the file may be another process's by now.
    closed: bool,
}

impl Snapshots {
    /// Reads the file into `registry`.
    ///
    /// # Errors
    /// Where there is a file that cannot be read, or cannot be set aside though it is damaged: whoever went on would
    /// forget what was done, and overwrite what is left of it.
    pub(crate) fn open(disk: Arc<dyn Disk>, registry: &Registry) -> io::Result<Self> {
        let mut restored = Restored::default();
        if let Some(bytes) = disk.read()? {
            let contents = form::read(&bytes);
            restored.actors = contents.saved.len();
            restored.problems = contents.problems;
            if !restored.problems.is_empty() {
                restored.set_aside = Some(disk.set_aside()?);
                tracing::error!(
                    file = %disk.place().display(),
                    set_aside = ?restored.set_aside,
                    taken_over = restored.actors,
                    problems = restored.problems.join("; "),
                    "the file of saved states is damaged; what was whole is taken over"
                );
            }
            registry.remember(contents.saved);
        }
        Ok(Snapshots {
            disk,
            restored,
            state: Mutex::default(),
            failing: AtomicBool::new(false),
            ended: CancellationToken::new(),
        })
    }

    /// Whether writing may block a thread.
    pub(crate) fn blocks(&self) -> bool {
        self.disk.blocks()
    }

    pub(crate) fn restored(&self) -> &Restored {
        &self.restored
    }

    /// Writes the states as they stand; says whether there was anything new. Blocks.
    pub(crate) fn write(&self, registry: &Registry, last: bool) -> io::Result<bool> {
        for failure in registry.take_not_restored() {
            tracing::error!(%failure, "a saved state is of another shape");
        }
        // Held while the states are taken, too: an older one must never be written over a newer one.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return Ok(false);
        }
        state.closed = last;
        let saved = registry.snapshots();
        let written: Vec<_> = saved
            .iter()
            .map(|saved| (saved.kind, saved.name.clone(), form::checksum(&saved.state)))
            .collect();
        if state.latest.as_ref() == Some(&written) {
            return Ok(false);
        }
        let result = form::write(&saved)
            .map_err(io::Error::other)
            .and_then(|bytes| self.disk.replace(&bytes))
            .inspect(|()| state.latest = Some(written));
        self.tell(&result);
        result.map(|()| true)
    }

    /// Says once that writing fails, and once that it works again.
    fn tell(&self, result: &io::Result<()>) {
        let failed = self.failing.swap(result.is_err(), Ordering::AcqRel);
        match result {
            Ok(()) if failed => {
                tracing::info!(file = %self.disk.place().display(), "states can be saved again")
            }
            Err(error) if !failed => {
                tracing::error!(file = %self.disk.place().display(), %error, "states cannot be saved; the last ones stay");
            }
            _ => {}
        }
    }
}

impl std::fmt::Debug for Snapshots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshots").field("place", &self.disk.place()).finish_non_exhaustive()
    }
}

impl Drop for Snapshots {
    fn drop(&mut self) {
        self.ended.cancel();
    }
}
