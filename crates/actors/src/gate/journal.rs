//! What one thread writes down for the actor to read: entries of two words, in order.
//!
//! # Why nothing is lost and nothing is read half written
//! Only its thread writes, and only the actor reads, one at a time. An entry is there once it is counted as written, which
//! happens after its words were; its room is free once it is counted as read, which happens after they were. Where there is no
//! room nothing is written: whoever has something to write looks first, and only itself could take that room.

use std::sync::OnceLock;

use super::cell::{AtomicU32, AtomicU64, Ordering};

/// Entries that wait to be read: the actor reads them all at once, and whoever asked it waits meanwhile.
#[cfg(not(loom))]
const ROOM: u32 = 128;
#[cfg(loom)]
const ROOM: u32 = 2;

#[derive(Debug)]
struct Entry(AtomicU64, AtomicU64);

/// The entries of one thread.
#[derive(Debug)]
pub(crate) struct Journal {
    /// Made with the first one: most threads have nothing to write.
    entries: OnceLock<Box<[Entry]>>,
    written: AtomicU32,
    read: AtomicU32,
}

impl Default for Journal {
    fn default() -> Self {
        Journal { entries: OnceLock::new(), written: AtomicU32::new(0), read: AtomicU32::new(0) }
    }
}

impl Journal {
    fn entry(&self, number: u32) -> &Entry {
        let made = || (0..ROOM).map(|_| Entry(AtomicU64::new(0), AtomicU64::new(0))).collect();
        &self.entries.get_or_init(made)[(number % ROOM) as usize]
    }

    /// Whether one more has room. For its thread alone.
    pub(crate) fn has_room(&self) -> bool {
        let written = self.written.load(Ordering::Relaxed);
        written.wrapping_sub(self.read.load(Ordering::Acquire)) < ROOM
    }

    /// Writes one more, for which there is room. For its thread alone.
    pub(crate) fn write(&self, words: (u64, u64)) {
        let written = self.written.load(Ordering::Relaxed);
        let Entry(first, second) = self.entry(written);
        first.store(words.0, Ordering::Relaxed);
        second.store(words.1, Ordering::Relaxed);
        self.written.store(written.wrapping_add(1), Ordering::Release);
    }

    /// Reads all that was written since the last time. For the actor alone.
    pub(crate) fn read(&self, mut each: impl FnMut((u64, u64))) {
        let (read, written) = (self.read.load(Ordering::Relaxed), self.written.load(Ordering::Acquire));
        let unread = written.wrapping_sub(read);
        if unread == 0 {
            return;
        }
        for number in (0..unread).map(|number| read.wrapping_add(number)) {
            let Entry(first, second) = self.entry(number);
            each((first.load(Ordering::Relaxed), second.load(Ordering::Relaxed)));
        }
        self.read.store(written, Ordering::Release);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_once_and_in_order_and_makes_room_again() {
        let journal = Journal::default();
        let read = || {
            let mut read = Vec::new();
            journal.read(|words| read.push(words));
            read
        };
        assert!(read().is_empty());
        for round in 0..3 {
            let words: Vec<(u64, u64)> = (0..u64::from(ROOM)).map(|number| (round, number)).collect();
            for words in &words {
                assert!(journal.has_room());
                journal.write(*words);
            }
            assert!(!journal.has_room());
            assert_eq!(read(), words);
            assert!(read().is_empty());
        }
    }
}
