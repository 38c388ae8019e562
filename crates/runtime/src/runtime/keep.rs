use std::io;
use std::sync::Arc;

use super::{BuildError, Inner, Runtime};
use crate::snapshots::{Disk, PERIOD, Restored, Snapshots};

impl Runtime {
    /// What came of the file of saved states at the start; `None` where there is none.
    #[must_use]
    pub fn restored(&self) -> Option<&Restored> {
        self.inner.snapshots.get().map(Snapshots::restored)
    }

    /// Saves what the actors know now, beside the calls. Says whether there was anything new; also where no file was
    /// named, or the runtime was shut down, there is not.
    ///
    /// # Errors
    /// Where the file cannot be written; what was saved before is still there.
    ///
    /// # Cancel safety
    /// What was begun goes on.
    pub async fn save(&self) -> io::Result<bool> {
        write(&self.inner, false).await
    }

    /// Reads the file, and writes it from now on.
    pub(super) fn keep_snapshots(&self, disk: Arc<dyn Disk>) -> Result<(), BuildError> {
        let path = disk.place().to_owned();
        let snapshots = Snapshots::open(disk, self.registry())
            .map_err(|source| BuildError::Snapshots { path, source })?;
        let ended = snapshots.ended.clone();
        // A runtime is built once, so the place is free.
        let _ = self.inner.snapshots.set(snapshots);
        let inner = Arc::downgrade(&self.inner);
        self.ground().tokio().spawn(ended.run_until_cancelled_owned(async move {
            loop {
                tokio::time::sleep(PERIOD).await;
                // Weak: nobody's runtime lives on because it is saved.
                let Some(inner) = inner.upgrade() else { return };
                // A failure has been told, and the next write may work.
                let _ = write(&inner, false).await;
            }
        }));
        Ok(())
    }

    pub(super) async fn save_for_good(&self) {
        if let Some(snapshots) = self.inner.snapshots.get() {
            snapshots.ended.cancel();
            // A failure has been told; shutting down goes on all the same.
            let _ = write(&self.inner, true).await;
        }
    }
}

async fn write(inner: &Arc<Inner>, last: bool) -> io::Result<bool> {
    let keep = move |inner: &Inner| match inner.snapshots.get() {
        Some(snapshots) => snapshots.write(&inner.registry, last),
        None => Ok(false),
    };
    if inner.snapshots.get().is_none_or(|snapshots| !snapshots.blocks()) {
        return keep(inner);
    }
    let beside = Arc::clone(inner);
    let written = inner.registry.ground().tokio().spawn_blocking(move || keep(&beside)).await;
    // The tokio runtime of its actors may have ended already; then nobody is held up by writing here.
    written.unwrap_or_else(|_| keep(inner))
}
