use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use steadfast_actors::event::{Event, EventSink, Happening};
use steadfast_actors::outcome::Ending;

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
    /// How a line of this time begins: many events share one.
    opening: Vec<u8>,
    opening_at: Option<u64>,
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
            opening: Vec::with_capacity(32),
            opening_at: None,
            broken: None,
            requests: 0,
            transitions: 0,
        }
    }

    /// Begins a line: when, which, who, what. The line counts once it is dropped.
    pub(crate) fn line(&mut self, at: u64, actor: &'static str, name: &str, kind: &'static str) -> Line<'_> {
        let number = self.sequence;
        self.sequence += 1;
        match kind {
            "request" => self.requests += 1,
            "transition" => self.transitions += 1,
            _ => {}
        }
        if self.opening_at != Some(at) {
            self.opening_at = Some(at);
            self.opening.clear();
            self.opening.extend_from_slice(b"{\"t\":");
            push_number(&mut self.opening, at);
            self.opening.extend_from_slice(b",\"n\":");
        }
        self.buffer.extend_from_slice(&self.opening);
        push_number(&mut self.buffer, number);
        self.buffer.extend_from_slice(b",\"actor\":\"");
        self.buffer.extend_from_slice(actor.as_bytes());
        if !name.is_empty() {
            self.buffer.push(b'/');
            // Names of scenarios are plain; those of bound functions may hold anything.
            push_plain(&mut self.buffer, name);
        }
        self.buffer.extend_from_slice(b"\",\"kind\":\"");
        self.buffer.extend_from_slice(kind.as_bytes());
        self.buffer.push(b'"');
        Line { log: self }
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

/// A line while it is written.
pub(crate) struct Line<'a> {
    log: &'a mut Log,
}

impl Line<'_> {
    fn key(&mut self, key: &str) {
        self.log.buffer.extend_from_slice(b",\"");
        self.log.buffer.extend_from_slice(key.as_bytes());
        self.log.buffer.extend_from_slice(b"\":");
    }

    pub(crate) fn number(mut self, key: &str, value: u64) -> Self {
        self.key(key);
        push_number(&mut self.log.buffer, value);
        self
    }

    pub(crate) fn word(mut self, key: &str, value: &str) -> Self {
        self.key(key);
        self.log.buffer.push(b'"');
        push_plain(&mut self.log.buffer, value);
        self.log.buffer.push(b'"');
        self
    }

    pub(crate) fn flag(mut self, key: &str, value: bool) -> Self {
        self.key(key);
        self.log.buffer.extend_from_slice(if value { b"true" } else { b"false" });
        self
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        self.log.buffer.extend_from_slice(b"}\n");
        if self.log.buffer.len() >= CHUNK {
            self.log.flush();
        }
    }
}

/// All numbers of two digits, one behind the other.
const PAIRS: &[u8; 200] = b"0001020304050607080910111213141516171819\
    2021222324252627282930313233343536373839\
    4041424344454647484950515253545556575859\
    6061626364656667686970717273747576777879\
    8081828384858687888990919293949596979899";

fn push_number(buffer: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0u8; 20];
    let mut start = digits.len();
    while value >= 100 {
        let pair = (value % 100) as usize * 2;
        value /= 100;
        start -= 2;
        digits[start..start + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
    }
    if value >= 10 {
        let pair = value as usize * 2;
        start -= 2;
        digits[start..start + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
    } else {
        start -= 1;
        digits[start] = b'0' + value as u8;
    }
    buffer.extend_from_slice(&digits[start..]);
}

/// A text inside quotes, escaped where it has to be.
fn push_plain(buffer: &mut Vec<u8>, text: &str) {
    // Looked at whole: without a way out in between, the compiler looks at many bytes at once.
    let odd = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    if !text.bytes().fold(false, |found, byte| found | odd(byte)) {
        buffer.extend_from_slice(text.as_bytes());
        return;
    }
    for character in text.chars() {
        match character {
            '"' => buffer.extend_from_slice(b"\\\""),
            '\\' => buffer.extend_from_slice(b"\\\\"),
            control if control < ' ' => {
                buffer.extend_from_slice(format!("\\u{:04x}", u32::from(control)).as_bytes());
            }
            other => buffer.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
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

/// How an ending is called in logs.
pub(crate) fn ending_name(ending: Ending) -> &'static str {
    match ending {
        Ending::Success => "success",
        Ending::Error(kind) => kind.as_str(),
        Ending::Rejected(kind) => kind.as_str(),
        Ending::TimedOut => "timed_out",
        Ending::Panicked => "panicked",
        Ending::Cancelled => "cancelled",
    }
}

impl EventSink for Recorder {
    fn record(&self, event: Event) {
        let mut record = Recorder::record(self);
        let record = &mut *record;
        record.invariants.saw(&event);
        let at = event.at.as_nanos();
        let actor = event.kind.map_or("call", |kind| kind.as_str());
        let name = event.name.as_str();
        let log = &mut record.log;
        match &event.what {
            Happening::Arrival { call } => {
                log.line(at, actor, name, "arrival").number("call", *call);
            }
            Happening::Attempt { call, number, ending, latency_ns } => {
                let line = log.line(at, actor, name, "attempt").number("call", *call);
                line.number("number", u64::from(*number))
                    .word("ending", ending_name(*ending))
                    .number("latency_ns", *latency_ns);
                record.came(ending_name(*ending));
            }
            Happening::Answer { call, ending, degraded } => {
                let line = log.line(at, actor, name, "answer").number("call", *call);
                line.word("ending", ending_name(*ending)).flag("degraded", *degraded);
                record.came(ending_name(*ending));
            }
            Happening::Decision { call, verdict, reason } => {
                let line = log.line(at, actor, name, "decision").number("call", call.unwrap_or(0));
                line.word("verdict", verdict).word("reason", reason);
                record.came(verdict);
            }
            Happening::Transition { from, to, reason } => {
                let line = log.line(at, actor, name, "transition");
                line.word("from", from).word("to", to).word("reason", reason);
                record.measures.transition(at, actor, name, from, to, reason);
                record.came(&format!("{actor}:{name}={to}"));
            }
            Happening::Notice { text } => {
                log.line(at, actor, name, "notice").word("text", text);
            }
            Happening::Crash { reason, quarantined } => {
                let line = log.line(at, actor, name, "crash").word("reason", reason);
                line.word("quarantined", quarantined.as_deref().unwrap_or_default());
                record.came("crash");
            }
            Happening::Restart { restarts } => {
                log.line(at, actor, name, "restart").number("restarts", *restarts);
                record.came("restart");
            }
            Happening::Escalation { retry_at } => {
                log.line(at, actor, name, "escalation").number("retry_at", retry_at.as_nanos());
                record.came("escalation");
            }
            other => {
                let text = serde_json::to_string(other).unwrap_or_default();
                log.line(at, actor, name, "other").word("event", &text);
            }
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
