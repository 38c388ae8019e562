use std::io::Read as _;
use std::path::{Component, Path};

use steadfast_actors::clock::saturating_nanos;
use steadfast_actors::settings::parse_duration;

use super::mistake::Notes;
use super::reader::{LONGEST, text};
use super::tree::Node;

/// A million arrivals with their keys.
const MOST_BYTES: u64 = 32 * 1_024 * 1_024;

/// One arrival of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// When, in nanoseconds.
    pub at: u64,
    /// Whose it is.
    pub key: Option<String>,
}

/// Reads the arrivals of a file in the scenario's own directory.
pub(crate) fn read(node: &Node, directory: &Path, notes: &mut Notes<'_>) -> Option<Vec<Arrival>> {
    let name = text(node, notes)?;
    let inside = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    if !inside || name.is_empty() {
        notes.add(&node.span, "a trace lies beside its scenario: name it without a leading / or ..");
        return None;
    }
    let mut written = String::new();
    let opened = std::fs::File::open(directory.join(name));
    let read = opened.and_then(|file| file.take(MOST_BYTES + 1).read_to_string(&mut written));
    if let Err(error) = read {
        notes.add(&node.span, format!("this trace cannot be read: {error}"));
        return None;
    }
    if written.len() as u64 > MOST_BYTES {
        notes.add(&node.span, format!("this trace is larger than {MOST_BYTES} bytes, the most"));
        return None;
    }
    let read = parse(&written).map_err(|(line, message)| format!("line {line} of this trace: {message}"));
    notes.keep(&node.span, read)
}

/// One arrival a line: seconds since the start, and optionally a comma and a key. `#` begins a comment.
fn parse(written: &str) -> Result<Vec<Arrival>, (usize, String)> {
    let mut arrivals = Vec::new();
    let mut last = 0;
    for (index, line) in written.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let (time, key) = match line.split_once(',') {
            Some((time, key)) => (time.trim(), Some(key.trim().to_owned())),
            None => (line, None),
        };
        let fail = |message: String| Err((index + 1, message));
        let at = match parse_duration(&format!("{time:.40}s")) {
            Ok(duration) => saturating_nanos(duration),
            Err(_) => return fail(format!("{time:.40?} is no number of seconds")),
        };
        if at > LONGEST {
            return fail("this is later than a week".to_owned());
        }
        if at < last {
            return fail("arrivals stand in the order of their times".to_owned());
        }
        last = at;
        arrivals.push(Arrival { at, key });
    }
    Ok(arrivals)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_has_a_time_and_perhaps_a_key_on_each_line() {
        let arrivals = parse("# seconds, key\n0\n0.25, anna\n\n1.000000001,bob\n").unwrap();
        let read: Vec<(u64, Option<&str>)> =
            arrivals.iter().map(|arrival| (arrival.at, arrival.key.as_deref())).collect();
        assert_eq!(read, [(0, None), (250_000_000, Some("anna")), (1_000_000_001, Some("bob"))]);
    }

    #[test]
    fn a_trace_out_of_order_or_without_numbers_is_refused_with_its_line() {
        assert_eq!(parse("1\n0.5\n").unwrap_err().0, 2);
        for wrong in ["soon", "-1", "NaN", "1e9", "99999999999", "1 2"] {
            assert_eq!(parse(wrong).unwrap_err().0, 1, "{wrong}");
        }
    }
}
