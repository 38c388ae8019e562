use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex};

use super::*;

/// A disk that can be full, and on which a test can wait for a number of lines.
#[derive(Clone, Default)]
struct Disk(Arc<(Mutex<Platter>, Condvar)>);

/// What was written, and whether it is full.
type Platter = (Vec<u8>, bool);

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.0.lock().unwrap();
        self.0.1.notify_all();
        if state.1 {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        // Short writes: a line must still come out whole.
        let some = &bytes[..bytes.len().min(7)];
        state.0.extend_from_slice(some);
        Ok(some.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Disk {
    fn full(&self, full: bool) {
        self.0.0.lock().unwrap().1 = full;
    }

    fn lines(&self, wanted: usize) -> Vec<serde_json::Value> {
        let lines = |state: &Platter| state.0.iter().filter(|byte| **byte == b'\n').count();
        let state = self.0.1.wait_while(self.0.0.lock().unwrap(), |state| lines(state) < wanted).unwrap();
        let text = String::from_utf8(state.0.clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn entry(second: u64, outcome: &str) -> AuditEntry {
    AuditEntry {
        at_unix_ns: second * 1_000_000_000,
        site: "shop::charge".to_owned(),
        caller: Some("user:u1".to_owned()),
        outcome: outcome.to_owned(),
        latency_ns: 5,
        degraded: false,
        count: 1,
    }
}

#[test]
fn refusals_in_a_flood_are_counted_by_the_second_and_everything_else_is_written_singly() {
    let disk = Disk::default();
    let audit = Audit::writer(disk.clone()).unwrap();
    for _ in 0..1_000 {
        audit.record(entry(1, "rate_limited"), true);
    }
    audit.record(entry(1, "success"), false);
    audit.record(entry(2, "success"), false);
    let lines = disk.lines(13);
    let counts: Vec<u64> = lines.iter().map(|line| line["count"].as_u64().unwrap()).collect();
    assert_eq!(counts, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 990, 1]);
    assert_eq!(audit.lost(), 0);
}

#[test]
fn a_full_disk_is_said_and_loses_nothing_that_was_accepted() {
    let disk = Disk::default();
    let audit = Audit::writer(disk.clone()).unwrap();
    disk.full(true);
    audit.record(entry(1, "success"), false);
    while audit.ready() != Err(AuditFailure::CannotWrite) {
        std::thread::yield_now();
    }
    disk.full(false);
    audit.record(entry(2, "success"), false);
    assert_eq!(disk.lines(2).len(), 2);
    while audit.ready().is_err() {
        std::thread::yield_now();
    }
    assert_eq!(audit.lost(), 0);
}
