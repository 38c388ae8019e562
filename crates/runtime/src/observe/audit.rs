use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// Entries that may wait for the writer; one more is full.
const QUEUE: usize = 4_096;
/// So many refusals of one sort at one site are written singly in one second; the rest of them are counted.
const SINGLE_REFUSALS: u64 = 10;

/// One line of the audit trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditEntry {
    /// Nanoseconds since 1970-01-01 00:00 UTC.
    pub at_unix_ns: u64,
    /// The site.
    pub site: String,
    /// Who called, if known: `user:u1`, `api_key:<hash>`, `ip:192.0.2.1`.
    pub caller: Option<String>,
    /// `success`, an error's or a refusal's kind, `panic`, `cancelled`.
    pub outcome: String,
    /// How long it took, in nanoseconds.
    pub latency_ns: u64,
    /// Whether something was left out of the answer.
    pub degraded: bool,
    /// How many calls this line stands for: more than one for refusals in a flood.
    pub count: u64,
}

/// Why the trail cannot take an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuditFailure {
    /// The writer does not keep up.
    #[error("the audit trail's queue is full")]
    QueueFull,
    /// The last write failed, as on a full disk.
    #[error("the audit trail cannot be written")]
    CannotWrite,
}

/// An append-only trail of calls as JSON lines, written by a thread of its own.
///
/// A line that cannot be written is kept and tried again with the next one, so that a disk that was full loses nothing
/// that was accepted. Meanwhile [`Audit::ready`] says so, and calls follow their `on_full`.
#[derive(Debug)]
pub struct Audit {
    sender: flume::Sender<AuditEntry>,
    state: Arc<State>,
    flood: Mutex<Flood>,
}

#[derive(Debug, Default)]
struct State {
    failing: AtomicBool,
    lost: AtomicU64,
}

/// Room in the queue that was promised, and refusals of the present second by site and kind.
#[derive(Debug, Default)]
struct Flood {
    /// A line is only sent into room that was promised before, so none that was promised finds the queue full.
    promised: usize,
    second: u64,
    refused: BTreeMap<(String, String), u64>,
}

impl Audit {
    /// A trail appended to `path`, which is created where it does not exist.
    ///
    /// # Errors
    /// Where the file cannot be opened for appending.
    pub fn file(path: &Path) -> io::Result<Self> {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
        Self::writer(file)
    }

    /// A trail written to anything.
    ///
    /// # Errors
    /// Where the writer's thread cannot be started.
    pub fn writer(writer: impl Write + Send + 'static) -> io::Result<Self> {
        let (sender, receiver) = flume::bounded(QUEUE);
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        std::thread::Builder::new()
            .name("steadfast-audit".to_owned())
            .spawn(move || write_all(writer, &receiver, &shared))?;
        Ok(Audit { sender, state, flood: Mutex::default() })
    }

    /// Whether an entry would be taken now.
    ///
    /// # Errors
    /// Why it would not.
    pub fn ready(&self) -> Result<(), AuditFailure> {
        self.has_room(&self.flood())?;
        if self.state.failing.load(Ordering::Acquire) {
            return Err(AuditFailure::CannotWrite);
        }
        Ok(())
    }

    /// Promises room for one entry of a call that must not run without: many of them may be on their way at once.
    ///
    /// # Errors
    /// As [`ready`](Audit::ready).
    pub(crate) fn promise(&self) -> Result<(), AuditFailure> {
        self.ready()?;
        self.promise_room()
    }

    fn promise_room(&self) -> Result<(), AuditFailure> {
        let mut flood = self.flood();
        self.has_room(&flood)?;
        flood.promised += 1;
        Ok(())
    }

    fn has_room(&self, flood: &Flood) -> Result<(), AuditFailure> {
        if self.sender.len() + flood.promised < QUEUE { Ok(()) } else { Err(AuditFailure::QueueFull) }
    }

    fn flood(&self) -> MutexGuard<'_, Flood> {
        self.flood.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Entries that could not be taken.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.state.lost.load(Ordering::Relaxed)
    }

    /// Takes an entry. Never blocks; what cannot be taken is counted.
    pub fn record(&self, entry: AuditEntry, refused: bool) {
        if self.promise_room().is_err() {
            self.state.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.keep(entry, refused);
    }

    /// Takes an entry that room was promised for. Of refusals the first of a second are written one by one, the others
    /// as one line with their number as soon as another second begins.
    pub(crate) fn keep(&self, entry: AuditEntry, refused: bool) {
        let second = entry.at_unix_ns / 1_000_000_000;
        let mut flood = self.flood();
        if flood.second != second {
            self.end(&mut flood);
            flood.second = second;
        }
        if refused {
            let count = flood.refused.entry((entry.site.clone(), entry.outcome.clone())).or_default();
            *count += 1;
            match (*count).cmp(&(SINGLE_REFUSALS + 1)) {
                std::cmp::Ordering::Less => {}
                // Its room is kept for the line that tells their number.
                std::cmp::Ordering::Equal => return,
                std::cmp::Ordering::Greater => {
                    flood.promised = flood.promised.saturating_sub(1);
                    return;
                }
            }
        }
        self.send(&mut flood, entry);
    }

    fn send(&self, flood: &mut Flood, entry: AuditEntry) {
        flood.promised = flood.promised.saturating_sub(1);
        // Only a writer whose thread is gone takes nothing.
        if self.sender.try_send(entry).is_err() {
            self.state.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Writes the counts of a second that is over.
    fn end(&self, flood: &mut Flood) {
        for entry in flood.end() {
            self.send(flood, entry);
        }
    }

    /// Writes the counts of a flood that has not ended with its second.
    pub fn flush(&self) {
        self.end(&mut self.flood());
    }
}

impl Drop for Audit {
    fn drop(&mut self) {
        self.flush();
    }
}

impl Flood {
    fn end(&mut self) -> Vec<AuditEntry> {
        let at_unix_ns = self.second.saturating_add(1).saturating_mul(1_000_000_000) - 1;
        std::mem::take(&mut self.refused)
            .into_iter()
            .filter(|(_, count)| *count > SINGLE_REFUSALS)
            .map(|((site, outcome), count)| AuditEntry {
                at_unix_ns,
                site,
                caller: None,
                outcome,
                latency_ns: 0,
                degraded: false,
                count: count - SINGLE_REFUSALS,
            })
            .collect()
    }
}

fn write_all(mut writer: impl Write, entries: &flume::Receiver<AuditEntry>, state: &State) {
    while let Ok(entry) = entries.recv() {
        let Ok(mut line) = serde_json::to_vec(&entry) else { continue };
        line.push(b'\n');
        let mut rest = line.as_slice();
        while !rest.is_empty() {
            match writer.write(rest).and_then(|written| writer.flush().map(|()| written)) {
                Ok(0) => report(state, &io::Error::from(io::ErrorKind::WriteZero)),
                Ok(written) => {
                    rest = rest.get(written..).unwrap_or_default();
                    if state.failing.swap(false, Ordering::AcqRel) {
                        tracing::info!("the audit trail can be written again");
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => report(state, &error),
            }
        }
    }
}

/// Says once that the trail fails, then waits: the disk will not be freed faster for being asked more often.
fn report(state: &State, error: &io::Error) {
    if !state.failing.swap(true, Ordering::AcqRel) {
        tracing::error!(%error, "the audit trail cannot be written; calls follow their on_full until it can");
    }
    std::thread::park_timeout(RETRY_WRITE);
}

const RETRY_WRITE: std::time::Duration = std::time::Duration::from_millis(100);
