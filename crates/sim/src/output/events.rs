use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::io::BufRead;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::engine::{histogram, seconds};

/// Events that are kept before the first call that failed.
const LAST: usize = 60;

/// Bands of latency in the heat map: half octaves from 1 ms; the last holds all above.
pub(crate) const BANDS: usize = 36;

/// One line of the event log, as far as it is read here.
#[derive(Debug, Deserialize)]
struct Line<'a> {
    t: u64,
    #[serde(borrow)]
    actor: Cow<'a, str>,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    call: Option<u64>,
    #[serde(borrow, default)]
    ending: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    target: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    what: Option<Cow<'a, str>>,
    #[serde(default)]
    degraded: bool,
}

/// What a page shows of one variant beyond the figures.
#[derive(Debug, Serialize)]
pub(crate) struct Details {
    pub(crate) name: String,
    /// Seconds in one column of the heat map.
    pub(crate) column_s: u64,
    /// Successes by column and band of latency.
    pub(crate) heat: Vec<Vec<u32>>,
    pub(crate) faults: Vec<Fault>,
    /// The events before the first call that failed, oldest first; of a run without one, the last.
    pub(crate) last: Vec<serde_json::Value>,
    #[serde(skip)]
    pub(crate) latency: Histogram<u64>,
}

/// A fault, from its beginning to its end.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Fault {
    pub(crate) actor: String,
    pub(crate) target: String,
    pub(crate) what: String,
    pub(crate) from_s: f64,
    pub(crate) to_s: Option<f64>,
}

/// Reads an event log of a run of so many seconds, line by line.
///
/// # Errors
/// Where it cannot be read, or a line is none.
pub(crate) fn read(log: impl BufRead, seconds: u64) -> std::io::Result<Vec<Details>> {
    let mut read: Vec<Reading> = Vec::new();
    for line in log.lines() {
        let text = line?;
        let line: Line<'_> = serde_json::from_str(&text)?;
        if line.kind == "begins"
            && let Some(name) = line.actor.strip_prefix("variant/")
        {
            read.push(Reading::new(name, seconds));
        }
        if let Some(reading) = read.last_mut() {
            reading.take(&line, &text);
        }
    }
    read.into_iter().map(Reading::finish).collect()
}

struct Reading {
    details: Details,
    /// When each call in flight began. Only ever looked up.
    begun: HashMap<u64, u64>,
    /// Sites that are called from outside: latency is theirs.
    outer: Vec<String>,
    last: VecDeque<String>,
    failed: bool,
}

impl Reading {
    fn new(name: &str, seconds: u64) -> Self {
        let column_s = (seconds / 240).max(1);
        let columns = usize::try_from(seconds.div_ceil(column_s)).unwrap_or(0);
        let details = Details {
            name: name.to_owned(),
            column_s,
            heat: vec![vec![0; BANDS]; columns],
            faults: Vec::new(),
            last: Vec::new(),
            latency: histogram(),
        };
        Reading { details, begun: HashMap::new(), outer: Vec::new(), last: VecDeque::new(), failed: false }
    }

    fn take(&mut self, line: &Line<'_>, text: &str) {
        let (kind, name) = line.actor.split_once('/').unwrap_or((&line.actor, ""));
        match (kind, &*line.kind) {
            ("load", "request") if !self.outer.iter().any(|outer| outer == name) => {
                self.outer.push(name.to_owned());
            }
            ("fault", "fault_end") => {
                let ended = self.details.faults.iter_mut().rev().find(|fault| fault.actor == line.actor);
                if let Some(fault) = ended {
                    fault.to_s = Some(seconds(line.t));
                }
            }
            ("fault", _) => self.details.faults.push(Fault {
                actor: line.actor.to_string(),
                target: line.target.as_deref().unwrap_or_default().to_owned(),
                what: line.what.as_deref().unwrap_or_default().to_owned(),
                from_s: seconds(line.t),
                to_s: None,
            }),
            ("call", "arrival") => {
                if let Some(call) = line.call {
                    self.begun.insert(call, line.t);
                }
            }
            ("call", "answer") => self.answered(line, name),
            _ => {}
        }
        if !self.failed {
            self.last.push_back(text.to_owned());
            if self.last.len() > LAST {
                self.last.pop_front();
            }
            let ending = line.ending.as_deref().unwrap_or("success");
            self.failed = (kind, &*line.kind) == ("call", "answer") && ending != "success";
        }
    }

    fn answered(&mut self, line: &Line<'_>, name: &str) {
        let Some(begun) = line.call.and_then(|call| self.begun.remove(&call)) else { return };
        let good = line.ending.as_deref() == Some("success") && !line.degraded;
        if !good || !self.outer.iter().any(|outer| outer == name) {
            return;
        }
        let latency = line.t.saturating_sub(begun);
        self.details.latency.saturating_record(latency.max(1));
        let column = usize::try_from(line.t / 1_000_000_000 / self.details.column_s).unwrap_or(usize::MAX);
        if let Some(column) = self.details.heat.get_mut(column) {
            column[band(latency)] += 1;
        }
    }

    fn finish(mut self) -> std::io::Result<Details> {
        for text in &self.last {
            self.details.last.push(serde_json::from_str(text)?);
        }
        Ok(self.details)
    }
}

/// The half octave of a latency: 0 below 1 ms, 1 below 1.41 ms, and so on.
fn band(latency: u64) -> usize {
    let mut bound = 1_000_000u64;
    let mut band = 0;
    // Two half octaves are exactly one: no rounding adds up.
    while latency >= bound && band < BANDS - 1 {
        band += 1;
        bound = if band % 2 == 1 { bound / 10_000 * 14_142 } else { 1_000_000 << (band / 2) };
    }
    band
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = r#"{"t":0,"n":0,"actor":"variant/bare","kind":"begins","seed":1}
{"t":1000000000,"n":1,"actor":"load/checkout","kind":"request","request":0}
{"t":1000000000,"n":2,"actor":"call/checkout","kind":"arrival","call":1}
{"t":1000000000,"n":3,"actor":"call/inner","kind":"arrival","call":2}
{"t":1050000000,"n":4,"actor":"call/inner","kind":"answer","call":2,"ending":"success","degraded":false}
{"t":1100000000,"n":5,"actor":"call/checkout","kind":"answer","call":1,"ending":"success","degraded":false}
{"t":2000000000,"n":6,"actor":"fault/0","kind":"fault_begin","target":"link:app->db","what":"hold"}
{"t":2500000000,"n":7,"actor":"call/checkout","kind":"arrival","call":3}
{"t":3500000000,"n":8,"actor":"call/checkout","kind":"answer","call":3,"ending":"timed_out","degraded":false}
{"t":4000000000,"n":9,"actor":"fault/0","kind":"fault_end","target":"link:app->db","what":"hold"}
{"t":0,"n":10,"actor":"variant/guarded","kind":"begins","seed":1}
"#;

    #[test]
    fn successes_of_outer_calls_fill_the_heat_map_and_the_histogram() {
        let details = read(LOG.as_bytes(), 10).unwrap();
        assert_eq!(details.len(), 2);
        let bare = &details[0];
        assert_eq!(bare.latency.len(), 1);
        assert!((99_000_000..101_000_000).contains(&bare.latency.max()));
        assert_eq!(bare.heat[1].iter().sum::<u32>(), 1);
        assert_eq!(bare.heat[1][band(100_000_000)], 1);
        assert_eq!(details[1].latency.len(), 0);
    }

    #[test]
    fn faults_have_a_beginning_and_an_end_and_the_events_before_the_first_failure_are_kept() {
        let bare = &read(LOG.as_bytes(), 10).unwrap()[0];
        let fault = &bare.faults[0];
        assert_eq!((fault.from_s, fault.to_s, fault.what.as_str()), (2.0, Some(4.0), "hold"));
        assert_eq!(bare.last.last().unwrap()["n"], 8);
    }

    #[test]
    fn bands_are_half_octaves() {
        assert_eq!(band(0), 0);
        assert_eq!(band(999_999), 0);
        assert_eq!(band(1_000_000), 1);
        assert_eq!(band(1_414_100), 1);
        assert_eq!(band(1_415_000), 2);
        assert_eq!(band(2_000_000), 3);
        assert_eq!(band(u64::MAX), BANDS - 1);
    }

    #[test]
    fn a_log_that_is_none_is_an_error() {
        assert!(read(&b"not a log\n"[..], 10).is_err());
    }
}
