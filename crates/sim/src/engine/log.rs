use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use steadfast::observe::events::{EventLine, ending_word, write_event};
use steadfast_actors::clock::Time;
use steadfast_actors::event::{Event, EventSink, Happening};

use super::invariants::Invariants;
use super::measures::Measures;
use crate::scenario::Scenario;

/// Bytes that are put together before they are hashed and written.
const CHUNK: usize = 64 * 1_024;

/// The event log: one line of JSON for each event, hashed as it grows and kept nowhere but in its sink.
///
/// Its digest is the blake3 of exactly these bytes, so that `b3sum events.jsonl` gives it too.
pub(crate) struct Log {
    buffer: Vec<u8>,
    hasher: blake3::Hasher,
    sink: Option<Box<dyn Write + Send>>,
    sequence: u64,
    broken: Option<std::io::Error>,
    /// Lines of requests from outside, and of transitions, of the present variant.
    pub(crate) requests: u64,
    pub(crate) transitions: u64,
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log").field("sequence", &self.sequence).finish_non_exhaustive()
    }
}

impl Log {
    pub(crate) fn new(sink: Option<Box<dyn Write + Send>>) -> Self {
        let buffer = Vec::with_capacity(CHUNK + 4_096);
        Log {
            buffer,
            hasher: blake3::Hasher::new(),
            sink,
            sequence: 0,
            broken: None,
            requests: 0,
            transitions: 0,
        }
    }

    /// Begins a line: when, which, who, what. It ends when it is dropped.
    pub(crate) fn line(&mut self, at: u64, actor: &str, name: &str, kind: &'static str) -> EventLine<'_> {
        let number = self.next(kind);
        EventLine::begin(&mut self.buffer, Time::from_nanos(at), number, actor, name, kind)
    }

    /// Takes an event of the runtime, in the form in which production keeps it.
    fn event(&mut self, event: &Event) {
        let number =
            self.next(if matches!(event.what, Happening::Transition { .. }) { "transition" } else { "" });
        write_event(&mut self.buffer, number, event);
    }

    /// Counts a line of this kind, and makes room for it.
    fn next(&mut self, kind: &str) -> u64 {
        match kind {
            "request" => self.requests += 1,
            "transition" => self.transitions += 1,
            _ => {}
        }
        if self.buffer.len() >= CHUNK {
            self.flush();
        }
        self.sequence += 1;
        self.sequence - 1
    }

    /// How many events there are.
    pub(crate) fn events(&self) -> u64 {
        self.sequence
    }

    fn flush(&mut self) {
        self.hasher.update(&self.buffer);
        if let Some(sink) = &mut self.sink
            && self.broken.is_none()
            && let Err(error) = sink.write_all(&self.buffer)
        {
            // Told at the end: the run itself does not depend on the disk.
            self.broken = Some(error);
        }
        self.buffer.clear();
    }

    /// Ends the log and gives its digest.
    ///
    /// # Errors
    /// Where the sink could not be written.
    pub(crate) fn finish(&mut self) -> std::io::Result<String> {
        self.flush();
        if let Some(error) = self.broken.take() {
            return Err(error);
        }
        if let Some(sink) = &mut self.sink {
            sink.flush()?;
        }
        Ok(self.hasher.finalize().to_hex().to_string())
    }
}

/// The log and what is measured of one variant, shared by the world and by the runtime's events.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) log: Log,
    pub(crate) measures: Measures,
    pub(crate) invariants: Invariants,
    /// Events that faults wait for, by what they are called; empty once they have come.
    pub(crate) awaited: Vec<String>,
    /// Of these, the ones that came and that the world has not been told of.
    pub(crate) came: Vec<String>,
}

/// Takes the runtime's own events into the log.
#[derive(Clone, Debug)]
pub(crate) struct Recorder(pub(crate) Arc<Mutex<Record>>);

impl Recorder {
    /// One for a world without variants.
    pub(crate) fn new(scenario: &Scenario, sink: Option<Box<dyn Write + Send>>) -> Self {
        let measures = Measures::new(scenario.services.len(), Vec::new(), false);
        let (log, invariants) = (Log::new(sink), Invariants::default());
        let record = Record { log, measures, invariants, awaited: Vec::new(), came: Vec::new() };
        Recorder(Arc::new(Mutex::new(record)))
    }

    /// What did not hold that always must.
    pub(crate) fn broken(&self) -> Option<String> {
        let reports = self.record().invariants.report("the test's world");
        let broken = reports.into_iter().find(|report| !report.ok);
        broken.map(|report| format!("{}: {}", report.name, report.detail))
    }

    /// Gives everything so far to the log's sink.
    pub(crate) fn flush(&self) {
        self.record().log.flush();
    }

    pub(crate) fn record(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventSink for Recorder {
    fn record(&self, event: Event) {
        let mut record = Recorder::record(self);
        let record = &mut *record;
        record.invariants.saw(&event);
        record.log.event(&event);
        let at = event.at.as_nanos();
        let actor = event.kind.map_or("call", |kind| kind.as_str());
        let name = &*event.name;
        match &event.what {
            Happening::Attempt { ending, .. } | Happening::Answer { ending, .. } => {
                record.came(ending_word(*ending));
            }
            Happening::Decision { verdict, .. } => record.came(verdict),
            Happening::Transition { from, to, reason } => {
                record.measures.transition(at, actor, name, from, to, reason);
                record.came(&format!("{actor}:{name}={to}"));
            }
            Happening::Crash { .. } => record.came("crash"),
            Happening::Restart { .. } => {
                record.measures.restarts.entry(name.to_owned()).or_default().add(at, 1);
                record.came("restart");
            }
            Happening::Escalation { .. } => {
                record.measures.escalations.entry(name.to_owned()).or_default().add(at, 1);
                record.came("escalation");
            }
            _ => {}
        }
    }
}

impl Record {
    /// Notes that something of this name happened, for faults that wait for it and for what must be reached.
    pub(crate) fn came(&mut self, name: &str) {
        if !self.measures.reached.contains(name) {
            self.measures.reached.insert(name.to_owned());
        }
        if let Some(index) = self.awaited.iter().position(|awaited| awaited == name) {
            let awaited = self.awaited.remove(index);
            self.came.push(awaited);
        }
    }
}
