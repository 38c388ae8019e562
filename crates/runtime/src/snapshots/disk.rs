use std::io;
use std::path::{Path, PathBuf};

use super::file;

/// Where saved states lie. Production keeps them in a file; whoever tests what a process finds after a crash can give a
/// runtime a disk that tears, forgets or is full.
pub trait Disk: Send + Sync + 'static {
    /// What it is called in messages.
    fn place(&self) -> &Path;

    /// What stands there; `None` where nothing was written yet.
    ///
    /// # Errors
    /// Where it cannot be said: the runtime then does not start.
    fn read(&self) -> io::Result<Option<Vec<u8>>>;

    /// Puts `bytes` in the place of what stood there, or leaves that as it is.
    ///
    /// # Errors
    /// Where it was left.
    fn replace(&self, bytes: &[u8]) -> io::Result<()>;

    /// Takes damaged bytes out of the way, to be looked at; says where they are now.
    ///
    /// # Errors
    /// Where they are still in the way: the runtime then does not start.
    fn set_aside(&self) -> io::Result<PathBuf>;

    /// Whether its calls may block a thread. Those of one that lives in memory do not, and are made in place.
    fn blocks(&self) -> bool {
        true
    }
}

/// A file on disk.
#[derive(Debug)]
pub(crate) struct FileDisk(pub(crate) PathBuf);

impl Disk for FileDisk {
    fn place(&self) -> &Path {
        &self.0
    }

    fn read(&self) -> io::Result<Option<Vec<u8>>> {
        file::read(&self.0)
    }

    fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        file::replace(&self.0, bytes)
    }

    fn set_aside(&self) -> io::Result<PathBuf> {
        file::set_aside(&self.0)
    }
}
