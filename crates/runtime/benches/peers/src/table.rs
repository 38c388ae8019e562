//! What is printed: a table for people, a list for programs.

use serde::Serialize;

/// One line of the table.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) what: String,
    pub(crate) peer: String,
    pub(crate) threads: usize,
    /// `ns` a call, unless it says otherwise.
    pub(crate) unit: &'static str,
    pub(crate) ours_ns: f64,
    pub(crate) peer_ns: f64,
    pub(crate) ratio: f64,
    pub(crate) limit: Option<f64>,
    /// Ours where every permit is asked for and every outcome is a message.
    pub(crate) grants_off_ns: Option<f64>,
    /// Messages that our actors got for each call.
    pub(crate) messages: Option<f64>,
    pub(crate) allocations: Option<f64>,
    pub(crate) peer_allocations: Option<f64>,
}

impl Line {
    /// A figure on one thread, beside its peer's or beside a bound.
    pub(crate) fn of(
        what: &str,
        peer: &str,
        unit: &'static str,
        ours: f64,
        peers: f64,
        limit: Option<f64>,
    ) -> Self {
        Line {
            what: what.to_owned(),
            peer: peer.to_owned(),
            threads: 1,
            unit,
            ours_ns: ours,
            peer_ns: peers,
            ratio: ours / peers,
            limit,
            grants_off_ns: None,
            messages: None,
            allocations: None,
            peer_allocations: None,
        }
    }

    fn keeps_its_limit(&self) -> Option<bool> {
        self.limit.map(|limit| self.ratio <= limit)
    }
}

pub(crate) fn json(lines: &[Line]) -> serde_json::Result<String> {
    serde_json::to_string_pretty(lines)
}

pub(crate) fn head() {
    println!(
        "{:<52} {:<30} {:>2} {:>10} {:>10} {:>7} {:>6}  {:>10} {:>9} {:>12}",
        "what", "peer", "t", "ours_ns", "peer_ns", "ratio", "limit", "asks_ns", "messages", "allocations"
    );
}

pub(crate) fn print(line: &Line) {
    let number = |value: Option<f64>, digits: usize| {
        value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
    };
    let verdict = match line.keeps_its_limit() {
        Some(false) => " over",
        _ => "",
    };
    let unit = if line.unit == "ns" { String::new() } else { format!(" ({})", line.unit) };
    let allocations = match (line.allocations, line.peer_allocations) {
        (None, None) => "-".to_owned(),
        (ours, peers) => format!("{} / {}", number(ours, 1), number(peers, 1)),
    };
    println!(
        "{:<52} {:<30} {:>2} {:>10.1} {:>10.1} {:>7.2} {:>6}  {:>10} {:>9} {:>12}{verdict}",
        format!("{}{unit}", line.what),
        line.peer,
        line.threads,
        line.ours_ns,
        line.peer_ns,
        line.ratio,
        number(line.limit, 2),
        number(line.grants_off_ns, 1),
        number(line.messages, 3),
        allocations,
    );
}
