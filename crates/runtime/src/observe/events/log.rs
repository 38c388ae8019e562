use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use steadfast_actors::clock::{Clock, Time, WallTime};
use steadfast_actors::event::{Event, EventSink, Happening};

use super::line::{EventLine, write_event};

/// Events that may wait for the writer; one more is lost, and counted.
const QUEUE: usize = 16_384;
/// Bytes that are put together before they are written.
const BATCH: usize = 64 * 1_024;
/// A disk that is full is tried again after this: it will not be freed faster for being asked more often.
const RETRY_WRITE: Duration = Duration::from_millis(100);

/// Keeps a runtime's events as lines of JSON, off the path of its calls.
///
/// A thread of its own writes them. Calls and actors never wait for it: what finds its queue of 16,384 events full is
/// lost, and the next line that is written says how many there were (`"kind":"lost"`), as does [`EventLog::lost`].
/// The first line says what time of day its `t` stands for, and which share of the calls is kept.
///
/// ```no_run
/// use std::sync::Arc;
/// use steadfast::observe::EventLog;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let events = Arc::new(EventLog::file("events.jsonl".as_ref())?.sampled(0.01));
/// let runtime = steadfast::Runtime::builder().events(events.clone()).build()?;
/// // .. serve, then at the end:
/// events.flush();
/// # drop(runtime);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct EventLog {
    sender: flume::Sender<Entry>,
    state: Arc<State>,
    /// Calls whose mixed number lies at or above it are left out; `None` keeps all.
    below: Option<u64>,
}

#[derive(Debug)]
enum Entry {
    Event(Event),
    /// Everything before it is written; who waits for that is told by dropping it.
    Flush(flume::Sender<()>),
}

#[derive(Debug, Default)]
struct State {
    lost: AtomicU64,
    /// The first event's time and the time of day at which it came.
    began: OnceLock<(Time, WallTime)>,
}

impl EventLog {
    /// A log appended to `path`, which is created where it does not exist.
    ///
    /// # Errors
    /// Where the file cannot be opened for appending, or the writer's thread not be started.
    pub fn file(path: &Path) -> io::Result<Self> {
        Self::writer(std::fs::OpenOptions::new().create(true).append(true).open(path)?)
    }

    /// A log written to anything.
    ///
    /// # Errors
    /// Where the writer's thread cannot be started.
    pub fn writer(writer: impl Write + Send + 'static) -> io::Result<Self> {
        let (sender, receiver) = flume::bounded(QUEUE);
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        std::thread::Builder::new()
            .name("steadfast-events".to_owned())
            .spawn(move || Writing::new(writer, receiver, shared).run())?;
        Ok(EventLog { sender, state, below: None })
    }

    /// Keeps only this share of the calls, from 0.0 to 1.0: each of them whole, or nothing of it. What befalls actors is
    /// kept always. Which calls these are goes by their numbers, so that two logs of one run keep the same ones.
    #[must_use]
    pub fn sampled(mut self, share: f64) -> Self {
        #[expect(clippy::cast_precision_loss, clippy::cast_sign_loss, clippy::cast_possible_truncation)]
        let below = (share.clamp(0.0, 1.0) * u64::MAX as f64) as u64;
        self.below = (share < 1.0).then_some(below);
        self
    }

    /// Events that found the queue full.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.state.lost.load(Ordering::Relaxed)
    }

    /// Waits until everything that was taken so far is written. It blocks its thread: call it at the end, or from a
    /// thread that may wait.
    pub fn flush(&self) {
        let (told, written) = flume::bounded(0);
        // It fails only where the writer is gone, and then there is nothing to wait for.
        if self.sender.send(Entry::Flush(told)).is_ok() {
            let _ = written.recv();
        }
    }

    fn keeps(&self, event: &Event) -> bool {
        let Some(below) = self.below else { return true };
        let number = match &event.what {
            Happening::Arrival { call }
            | Happening::Attempt { call, .. }
            | Happening::Answer { call, .. }
            | Happening::Decision { call: Some(call), .. } => *call,
            // Code asked a handle directly: there is no call that it could be kept with.
            Happening::Decision { call: None, .. } => event.at.as_nanos(),
            _ => return true,
        };
        mixed(number) < below
    }
}

impl EventSink for EventLog {
    fn record(&self, event: Event) {
        if !self.keeps(&event) {
            return;
        }
        self.state.began.get_or_init(|| (event.at, Clock::system().wall()));
        if self.sender.try_send(Entry::Event(event)).is_err() {
            self.state.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Spreads numbers evenly over all of `u64`: the last step of SplitMix64 (Steele, Lea and Flood, OOPSLA'14).
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The writer's thread.
struct Writing<W> {
    writer: W,
    entries: flume::Receiver<Entry>,
    state: Arc<State>,
    /// The next line's.
    number: u64,
    /// Lost events that a line has told of.
    told: u64,
    /// The last event's time.
    last: Time,
}

impl<W: Write> Writing<W> {
    fn new(writer: W, entries: flume::Receiver<Entry>, state: Arc<State>) -> Self {
        Writing { writer, entries, state, number: 0, told: 0, last: Time::default() }
    }

    fn run(mut self) {
        let mut lines = Vec::new();
        while let Ok(first) = self.entries.recv() {
            let mut waiting = Vec::new();
            let mut next = Some(first);
            while let Some(entry) = next.take() {
                match entry {
                    Entry::Event(event) => self.line(&mut lines, &event),
                    Entry::Flush(told) => {
                        self.tell_lost(&mut lines, self.last);
                        waiting.push(told);
                    }
                }
                if lines.len() < BATCH {
                    next = self.entries.try_recv().ok();
                }
            }
            self.write(&lines);
            lines.clear();
        }
    }

    fn line(&mut self, lines: &mut Vec<u8>, event: &Event) {
        if self.number == 0
            && let Some((at, wall)) = self.state.began.get().copied()
        {
            drop(self.begin(lines, at, "begins").number("unix_ns", wall.as_nanos()));
        }
        self.tell_lost(lines, event.at);
        write_event(lines, self.number, event);
        self.number += 1;
        self.last = event.at;
    }

    fn tell_lost(&mut self, lines: &mut Vec<u8>, at: Time) {
        let lost = self.state.lost.load(Ordering::Relaxed);
        if lost > self.told {
            // Said again only once there are twice as many: a log that does not keep up must not fill another one.
            if lost.ilog2() > self.told.checked_ilog2().unwrap_or(0) || self.told == 0 {
                tracing::warn!(lost, "the event log does not keep up; what it could not take is lost");
            }
            let count = lost - std::mem::replace(&mut self.told, lost);
            drop(self.begin(lines, at, "lost").number("count", count));
        }
    }

    /// A line about the log itself.
    fn begin<'a>(&mut self, lines: &'a mut Vec<u8>, at: Time, kind: &str) -> EventLine<'a> {
        self.number += 1;
        EventLine::begin(lines, at, self.number - 1, "log", "", kind)
    }

    /// Writes lines out, whole: what a full disk does not take is tried again until it does, while the queue fills up.
    fn write(&mut self, lines: &[u8]) {
        let (mut rest, mut failing) = (lines, false);
        while !rest.is_empty() {
            let error = match self.writer.write(rest) {
                Ok(0) => io::Error::from(io::ErrorKind::WriteZero),
                Ok(written) => {
                    rest = rest.get(written..).unwrap_or_default();
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => error,
            };
            if !std::mem::replace(&mut failing, true) {
                tracing::error!(%error, "the event log cannot be written; it is tried again");
            }
            if self.entries.is_disconnected() {
                return;
            }
            std::thread::park_timeout(RETRY_WRITE);
        }
        let _ = self.writer.flush();
    }
}
