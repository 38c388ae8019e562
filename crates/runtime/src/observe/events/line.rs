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
    #[inline(always)]
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

    #[inline(always)]
    fn key(&mut self, key: &str) {
        self.buffer.extend_from_slice(b",\"");
        self.buffer.extend_from_slice(key.as_bytes());
        self.buffer.extend_from_slice(b"\":");
    }

    /// A field that is a number.
    #[inline(always)]
    pub fn number(mut self, key: &str, value: u64) -> Self {
        self.key(key);
        push_number(self.buffer, value);
        self
    }

    /// A field that is a text.
    #[inline(always)]
    pub fn word(mut self, key: &str, value: &str) -> Self {
        self.key(key);
        self.buffer.push(b'"');
        push_text(self.buffer, value);
        self.buffer.push(b'"');
        self
    }

    /// A field that is true or false.
    #[inline(always)]
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

/// What eight digits hold.
const EIGHT: u64 = 100_000_000;

/// The digits of a number below 10^8, each in a byte of its own, the first one lowest: halved until each part is one digit,
/// all parts at once.
#[inline]
fn eight_digits(value: u64) -> u64 {
    let fours = (value / 10_000) | ((value % 10_000) << 32);
    // Divided by 100 and by 10, rounded down: exact for four and for two digits.
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let twos = hundreds | ((fours - hundreds * 100) << 16);
    let tens = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | ((twos - tens * 10) << 8)
}

const ZEROS: u64 = 0x3030_3030_3030_3030;

/// A number in digits.
fn push_number(buffer: &mut Vec<u8>, value: u64) {
    if value >= EIGHT {
        push_number(buffer, value / EIGHT);
        buffer.extend_from_slice(&(eight_digits(value % EIGHT) | ZEROS).to_le_bytes());
        return;
    }
    let digits = eight_digits(value);
    // Of a zero one digit stands all the same.
    let leading = (digits.trailing_zeros() / 8).min(7);
    // Taken over in one piece of a length that is known before: that costs less than a call for as many as there are.
    buffer.extend_from_slice(&((digits | ZEROS) >> (leading * 8)).to_le_bytes());
    buffer.truncate(buffer.len() - leading as usize);
}

/// Whether one of eight bytes has to be escaped: a quote, a backslash, or a control character.
#[inline]
fn has_odd(bytes: [u8; 8]) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let word = u64::from_le_bytes(bytes);
    // The well-known test for a byte that is zero, or less than 32; it may take what follows such a byte for one, too.
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
    control | zero(word ^ (ONES * u64::from(b'"'))) | zero(word ^ (ONES * u64::from(b'\\'))) != 0
}

/// Whether any byte of a text has to be escaped; it may say so of one that has not.
#[inline]
fn may_be_odd(text: &[u8]) -> bool {
    let Some(last) = text.last_chunk::<8>() else {
        return text.iter().any(|byte| *byte < 0x20 || *byte == b'"' || *byte == b'\\');
    };
    // The last eight overlap those before them.
    has_odd(*last) || text.as_chunks::<8>().0.iter().any(|word| has_odd(*word))
}

/// A text inside quotes, escaped where it has to be.
fn push_text(buffer: &mut Vec<u8>, text: &str) {
    if !may_be_odd(text.as_bytes()) {
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
