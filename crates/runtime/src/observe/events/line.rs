use steadfast_actors::clock::Time;
use steadfast_actors::event::{Event, Happening};
use steadfast_actors::outcome::Ending;

/// One line while it is put together; it ends when it is dropped.
///
/// Keys and kinds are plain words; everything else is escaped where it has to be.
#[derive(Debug)]
pub struct EventLine<'a> {
    buffer: &'a mut Vec<u8>,
}

impl<'a> EventLine<'a> {
    /// Begins a line: when, which, who, what.
    pub fn begin(
        buffer: &'a mut Vec<u8>,
        at: Time,
        number: u64,
        actor: &str,
        name: &str,
        kind: &str,
    ) -> Self {
        buffer.extend_from_slice(b"{\"t\":");
        push_number(buffer, at.as_nanos());
        buffer.extend_from_slice(b",\"n\":");
        push_number(buffer, number);
        buffer.extend_from_slice(b",\"actor\":\"");
        buffer.extend_from_slice(actor.as_bytes());
        if !name.is_empty() {
            buffer.push(b'/');
            push_text(buffer, name);
        }
        buffer.extend_from_slice(b"\",\"kind\":\"");
        buffer.extend_from_slice(kind.as_bytes());
        buffer.push(b'"');
        EventLine { buffer }
    }

    fn key(&mut self, key: &str) {
        self.buffer.extend_from_slice(b",\"");
        self.buffer.extend_from_slice(key.as_bytes());
        self.buffer.extend_from_slice(b"\":");
    }

    /// A field that is a number.
    pub fn number(mut self, key: &str, value: u64) -> Self {
        self.key(key);
        push_number(self.buffer, value);
        self
    }

    /// A field that is a text.
    pub fn word(mut self, key: &str, value: &str) -> Self {
        self.key(key);
        self.buffer.push(b'"');
        push_text(self.buffer, value);
        self.buffer.push(b'"');
        self
    }

    /// A field that is true or false.
    pub fn flag(mut self, key: &str, value: bool) -> Self {
        self.key(key);
        self.buffer.extend_from_slice(if value { b"true" } else { b"false" });
        self
    }
}

impl Drop for EventLine<'_> {
    fn drop(&mut self) {
        self.buffer.extend_from_slice(b"}\n");
    }
}

/// Writes the line of one event of a runtime.
pub fn write_event(buffer: &mut Vec<u8>, number: u64, event: &Event) {
    let actor = event.kind.map_or("call", |kind| kind.as_str());
    let line = EventLine::begin(buffer, event.at, number, actor, &event.name, kind_word(&event.what));
    drop(match &event.what {
        Happening::Arrival { call } => line.number("call", *call),
        Happening::Decision { call, verdict, reason } => {
            line.number("call", call.unwrap_or(0)).word("verdict", verdict).word("reason", reason)
        }
        Happening::Attempt { call, number, ending, latency_ns } => line
            .number("call", *call)
            .number("number", u64::from(*number))
            .word("ending", ending_word(*ending))
            .number("latency_ns", *latency_ns),
        Happening::Answer { call, ending, degraded } => {
            line.number("call", *call).word("ending", ending_word(*ending)).flag("degraded", *degraded)
        }
        Happening::Transition { from, to, reason } => {
            line.word("from", from).word("to", to).word("reason", reason)
        }
        Happening::Notice { text } => line.word("text", text),
        Happening::Crash { reason, quarantined } => {
            line.word("reason", reason).word("quarantined", quarantined.as_deref().unwrap_or_default())
        }
        Happening::Restart { restarts } => line.number("restarts", *restarts),
        Happening::Escalation { retry_at } => line.number("retry_at", retry_at.as_nanos()),
        other => line.word("event", &serde_json::to_string(other).unwrap_or_default()),
    });
}

fn kind_word(what: &Happening) -> &'static str {
    match what {
        Happening::Arrival { .. } => "arrival",
        Happening::Decision { .. } => "decision",
        Happening::Attempt { .. } => "attempt",
        Happening::Answer { .. } => "answer",
        Happening::Transition { .. } => "transition",
        Happening::Notice { .. } => "notice",
        Happening::Crash { .. } => "crash",
        Happening::Restart { .. } => "restart",
        Happening::Escalation { .. } => "escalation",
        _ => "other",
    }
}

/// How an ending is called in the log: `success`, an error's or a refusal's kind, `timed_out`, `panicked`, `cancelled`.
#[must_use]
pub fn ending_word(ending: Ending) -> &'static str {
    match ending {
        Ending::Success => "success",
        Ending::Error(kind) => kind.as_str(),
        Ending::Rejected(kind) => kind.as_str(),
        Ending::TimedOut => "timed_out",
        Ending::Panicked => "panicked",
        Ending::Cancelled => "cancelled",
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
fn push_text(buffer: &mut Vec<u8>, text: &str) {
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
