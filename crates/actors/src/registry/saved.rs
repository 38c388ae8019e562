use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use super::{AnyHosted, Registry};
use crate::clock::WallTime;
use crate::machine::Kind;
use crate::snapshot::SnapshotError;

/// How long the state of a name is carried on that no process declares any more: a deploy that was rolled back finds
/// it again, and a name that is gone for good does not stay for ever.
const CARRIED_FOR: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The state of one actor, for the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedActor {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// When its state was taken.
    pub written: WallTime,
    /// Its state, in the machine's own form.
    pub state: Vec<u8>,
}

/// A state that could not be taken over: its actor began as a new one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the saved state of {kind} {name:?} cannot be taken over, so it begins as new: {error}")]
pub struct NotRestored {
    /// Whose.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Why.
    #[source]
    pub error: SnapshotError,
}

/// What an earlier process left.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// By the names that nobody has declared yet.
    states: BTreeMap<(Kind, String), SavedActor>,
    failed: Vec<NotRestored>,
}

impl Registry {
    fn left(&self) -> MutexGuard<'_, Left> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what an earlier process wrote. Each actor gets its state before anybody can ask it: at once where its name
    /// is declared, else as soon as it is.
    pub fn remember(&self, saved: impl IntoIterator<Item = SavedActor>) {
        for saved in saved {
            let place = (saved.kind, saved.name.clone());
            let all = self.lock();
            let known: &BTreeMap<(Kind, &str), _> = &all;
            let present: Option<Arc<dyn AnyHosted>> = known.get(&(saved.kind, &*saved.name)).cloned();
            // Under the lock of the names, so that nobody declares this one in between and finds nothing.
            self.left().states.insert(place, saved);
            if let Some(hosted) = present {
                self.recall(&*hosted);
            }
        }
    }

    /// Gives an actor that nobody has asked yet what an earlier process left of it.
    pub(super) fn recall(&self, hosted: &dyn AnyHosted) {
        let (kind, name) = hosted.place();
        let mut left = self.left();
        // What most processes begin with, and then a name is not put together to be looked for.
        if left.states.is_empty() {
            return;
        }
        let Some(saved) = left.states.remove(&(kind, name.to_owned())) else { return };
        drop(left);
        if let Err(error) = hosted.restore(&saved.state) {
            let failure = NotRestored { kind, name: name.to_owned(), error };
            hosted.notice(failure.to_string());
            self.left().failed.push(failure);
        }
    }

    /// States that could not be taken over, and were not told before.
    #[must_use]
    pub fn take_not_restored(&self) -> Vec<NotRestored> {
        std::mem::take(&mut self.left().failed)
    }

    /// The state of every actor, for the disk, by kind and name; with what an earlier process left of names that nobody
    /// has declared yet.
    #[must_use]
    pub fn snapshots(&self) -> Vec<SavedActor> {
        let now = self.ground.clock().wall();
        // These first: a name that is declared in between is then in both, rather than in none.
        let mut states = self.left().states.clone();
        states.retain(|_, saved| saved.written.until(now) < CARRIED_FOR);
        let all: Vec<Arc<dyn AnyHosted>> = self.lock().values().cloned().collect();
        for hosted in all {
            let (kind, name) = hosted.place();
            let (name, written, state) = (name.to_owned(), self.ground.clock().wall(), hosted.snapshot());
            if !state.is_empty() {
                states.insert((kind, name.clone()), SavedActor { kind, name, written, state });
            }
        }
        states.into_values().collect()
    }
}
