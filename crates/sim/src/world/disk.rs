use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use steadfast::snapshots::Disk;
use steadfast_actors::clock::Clock;

/// What a process that begins finds of what the last one wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// All of it.
    None,
    /// The last write was cut somewhere: this number says where.
    Torn(u64),
    /// The last write is lost, and the one before it stands there.
    Stale,
    /// One bit is wrong: this number says which.
    Bitflip(u64),
}

/// The disk of a simulated process, which outlives it.
#[derive(Debug, Default)]
pub(crate) struct MemoryDisk(Mutex<Platter>);

#[derive(Debug, Default)]
struct Platter {
    /// What was written and when: the last, and the one before it.
    versions: VecDeque<(u64, Vec<u8>)>,
    full: bool,
    damaged: bool,
    /// The process that may write: one that is dead may not.
    process: u64,
}

impl MemoryDisk {
    fn platter(&self) -> MutexGuard<'_, Platter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn fill(&self, full: bool) {
        self.platter().full = full;
    }

    /// Ends the process that wrote so far, and damages what it wrote.
    pub(crate) fn crash(&self, damage: Damage) {
        let mut platter = self.platter();
        platter.process += 1;
        platter.damaged = false;
        let Some((_, bytes)) = platter.versions.back_mut() else { return };
        let length = bytes.len() as u64;
        let place = |number: u64, of: u64| usize::try_from(number % of.max(1)).unwrap_or(0);
        match damage {
            Damage::None => {}
            Damage::Torn(number) => bytes.truncate(place(number, length)),
            Damage::Bitflip(number) => {
                let bit = place(number, length * 8);
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
            Damage::Stale => drop(platter.versions.pop_back()),
        }
        platter.damaged = matches!(damage, Damage::Torn(_) | Damage::Bitflip(_));
    }

    /// Until when everything that was recorded stands on it, in nanoseconds of wall time; `None` where that cannot be said.
    pub(crate) fn whole_until(&self) -> Option<u64> {
        let platter = self.platter();
        let (at, _) = platter.versions.back()?;
        (!platter.damaged).then_some(*at)
    }

    /// The disk as the process that begins now writes to it.
    pub(crate) fn mounted(self: &Arc<Self>, clock: &Arc<Clock>) -> Mounted {
        Mounted { disk: Arc::clone(self), process: self.platter().process, clock: Arc::clone(clock) }
    }
}

/// The disk in the hands of one process.
#[derive(Debug)]
pub(crate) struct Mounted {
    disk: Arc<MemoryDisk>,
    process: u64,
    clock: Arc<Clock>,
}

impl Disk for Mounted {
    fn place(&self) -> &Path {
        Path::new("simulated.states")
    }

    fn read(&self) -> io::Result<Option<Vec<u8>>> {
        Ok(self.disk.platter().versions.back().map(|(_, bytes)| bytes.clone()))
    }

    fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        let mut platter = self.disk.platter();
        if platter.full {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        if platter.process != self.process {
            return Err(io::Error::other("this process is dead"));
        }
        platter.versions.push_back((self.clock.wall().as_nanos(), bytes.to_vec()));
        if platter.versions.len() > 2 {
            platter.versions.pop_front();
        }
        Ok(())
    }

    fn set_aside(&self) -> io::Result<PathBuf> {
        let mut platter = self.disk.platter();
        // The next write is then the first.
        platter.versions.clear();
        Ok(PathBuf::from("simulated.states.damaged"))
    }

    fn blocks(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> (Arc<MemoryDisk>, Mounted) {
        let disk = Arc::new(MemoryDisk::default());
        let mounted = disk.mounted(&Arc::new(Clock::system()));
        for bytes in [b"first", b"later"] {
            mounted.replace(bytes).unwrap();
        }
        (disk, mounted)
    }

    #[test]
    fn a_full_disk_keeps_what_it_has_and_a_dead_process_writes_nothing() {
        let (disk, mounted) = written();
        disk.fill(true);
        assert_eq!(mounted.replace(b"more").unwrap_err().kind(), io::ErrorKind::StorageFull);
        disk.fill(false);
        assert_eq!(mounted.read().unwrap().unwrap(), b"later");
        disk.crash(Damage::None);
        assert!(mounted.replace(b"more").is_err());
        assert_eq!(mounted.read().unwrap().unwrap(), b"later");
        assert!(disk.whole_until().is_some());
    }

    #[test]
    fn each_damage_leaves_what_it_says() {
        for number in 0..50 {
            let (disk, mounted) = written();
            disk.crash(Damage::Torn(number));
            let left = mounted.read().unwrap().unwrap();
            assert!(left.len() < 5 && b"later".starts_with(&left), "{left:?}");
            assert_eq!(disk.whole_until(), None);
            let (disk, mounted) = written();
            disk.crash(Damage::Bitflip(number));
            let left = mounted.read().unwrap().unwrap();
            let wrong: u32 = left.iter().zip(b"later").map(|(a, b)| (a ^ b).count_ones()).sum();
            assert_eq!((left.len(), wrong), (5, 1));
        }
        let (disk, mounted) = written();
        disk.crash(Damage::Stale);
        assert_eq!(mounted.read().unwrap().unwrap(), b"first");
    }
}
