use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Damaged files that are kept beside the one in use; the last of them is overwritten.
const MOST_SET_ASIDE: u32 = 10;

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The bytes at `path`; `None` where there is no file yet.
pub(super) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // A folder that does not exist would be noticed by the first write only, when it is too late.
            fs::metadata(folder(path)).map(|_| None)
        }
        Err(error) => Err(error),
    }
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Puts `bytes` in the place of what was at `path`: whoever reads it finds all of the old ones or all of the new ones,
/// also after a power cut.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let writing = beside(path, ".writing");
    let result = write_new(&writing, bytes).and_then(|()| fs::rename(&writing, path));
    if result.is_err() {
        let _ = fs::remove_file(&writing);
        return result;
    }
    // The name is in the folder only once the folder is on disk; not every system can say so.
    if let Ok(folder) = File::open(folder(path)) {
        let _ = folder.sync_all();
    }
    Ok(())
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        // Results of calls stand in it: they are nobody else's business.
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Takes a file out of the way so that it can be looked at; says where it is now.
pub(super) fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let place = |number| beside(path, &format!(".damaged-{number}"));
    let free = (1..MOST_SET_ASIDE).map(place).find(|place| !place.exists());
    let place = free.unwrap_or_else(|| place(MOST_SET_ASIDE));
    fs::rename(path, &place)?;
    Ok(place)
}
