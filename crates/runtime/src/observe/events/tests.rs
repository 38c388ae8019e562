use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex};

use steadfast_actors::clock::Time;
use steadfast_actors::event::{Event, EventSink, Happening};
use steadfast_actors::machine::Kind;
use steadfast_actors::outcome::{Ending, ErrorKind};

use super::*;

/// A disk that takes nothing while it is shut, and that a test can wait on.
#[derive(Clone, Default)]
struct Disk(Arc<(Mutex<Platter>, Condvar)>);

#[derive(Default)]
struct Platter {
    written: Vec<u8>,
    asked: bool,
    shut: bool,
    full: bool,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.0.lock().unwrap();
        state.asked = true;
        self.0.1.notify_all();
        state = self.0.1.wait_while(state, |state| state.shut).unwrap();
        if state.full {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        // Short writes: a line must still come out whole.
        let some = &bytes[..bytes.len().min(1_000)];
        state.written.extend_from_slice(some);
        Ok(some.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Disk {
    fn set(&self, change: impl FnOnce(&mut Platter)) {
        change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
    }

    /// Waits until somebody wants to write.
    fn asked(&self) {
        drop(self.0.1.wait_while(self.0.0.lock().unwrap(), |state| !state.asked).unwrap());
    }

    fn lines(&self) -> Vec<serde_json::Value> {
        let text = String::from_utf8(self.0.0.lock().unwrap().written.clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn of_call(at: u64, what: Happening) -> Event {
    Event { at: Time::from_nanos(at), kind: None, name: "shop::charge".into(), what }
}

fn of_breaker(at: u64, what: Happening) -> Event {
    Event { at: Time::from_nanos(at), kind: Some(Kind::Breaker), name: "db".into(), what }
}

fn arrival(call: u64) -> Event {
    of_call(call, Happening::Arrival { call })
}

fn opened(at: u64) -> Event {
    let (from, to, reason) = ("closed".to_owned(), "open".to_owned(), "5 failures".to_owned());
    of_breaker(at, Happening::Transition { from, to, reason })
}

fn line(event: &Event) -> String {
    let mut buffer = Vec::new();
    write_event(&mut buffer, 7, event);
    String::from_utf8(buffer).unwrap()
}

#[test]
fn a_line_says_when_which_who_and_what() {
    let ending = Ending::Error(ErrorKind::Unavailable);
    assert_eq!(
        line(&of_call(1_500, Happening::Attempt { call: 3, number: 2, ending, latency_ns: 20_000_000 })),
        "{\"t\":1500,\"n\":7,\"actor\":\"call/shop::charge\",\"kind\":\"attempt\",\"call\":3,\"number\":2,\
         \"ending\":\"unavailable\",\"latency_ns\":20000000}\n"
    );
    assert_eq!(
        line(&opened(1_500)),
        "{\"t\":1500,\"n\":7,\"actor\":\"breaker/db\",\"kind\":\"transition\",\"from\":\"closed\",\
         \"to\":\"open\",\"reason\":\"5 failures\"}\n"
    );
}

#[test]
fn every_event_has_its_kind_and_all_of_its_fields() {
    let retry_at = Time::from_nanos(9);
    let (reason, quarantined) = ("odd \"key\"\n\\".to_owned(), Some("ab12".to_owned()));
    let events = [
        (Happening::Arrival { call: 1 }, "arrival"),
        (Happening::Decision { call: None, verdict: "granted".into(), reason: "permit".into() }, "decision"),
        (Happening::Attempt { call: 1, number: 1, ending: Ending::TimedOut, latency_ns: 0 }, "attempt"),
        (Happening::Answer { call: 1, ending: Ending::Success, degraded: true }, "answer"),
        (Happening::Transition { from: "a".into(), to: "b".into(), reason: "c".into() }, "transition"),
        (Happening::Notice { text: "full".into() }, "notice"),
        (Happening::Crash { reason, quarantined }, "crash"),
        (Happening::Restart { restarts: 2 }, "restart"),
        (Happening::Escalation { retry_at }, "escalation"),
    ];
    for (what, kind) in events {
        let told: serde_json::Value = serde_json::from_str(&line(&of_breaker(1, what.clone()))).unwrap();
        assert_eq!(told["kind"], kind);
        let serde_json::Value::Object(fields) = serde_json::to_value(&what).unwrap() else {
            panic!("{what:?}")
        };
        for (field, value) in fields.into_iter().filter(|(field, _)| field != "event") {
            // Endings are words here; a decision that belongs to no call has number 0.
            let same = told[&field] == value || field == "ending" || value.is_null() && told[&field] == 0;
            assert!(same, "{field} of {told} is not {value}");
        }
    }
}

#[test]
fn a_log_begins_with_the_time_of_day_and_numbers_its_lines() {
    let disk = Disk::default();
    let log = EventLog::writer(disk.clone()).unwrap();
    (1..=3).for_each(|call| log.record(arrival(call)));
    log.flush();
    let lines = disk.lines();
    assert_eq!(
        (&lines[0]["actor"], &lines[0]["kind"], &lines[0]["t"]),
        (&"log".into(), &"begins".into(), &1.into())
    );
    assert!(lines[0]["unix_ns"].as_u64().unwrap() > 1_700_000_000_000_000_000);
    let numbers: Vec<_> = lines.iter().map(|line| line["n"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [0, 1, 2, 3]);
    assert_eq!(lines[3]["call"], 3);
}

#[test]
fn a_sample_keeps_a_call_whole_or_not_at_all_and_what_befalls_actors_always() {
    let disk = Disk::default();
    let log = EventLog::writer(disk.clone()).unwrap().sampled(0.25);
    for call in 0..2_000 {
        log.record(arrival(call));
        log.record(of_call(call, Happening::Answer { call, ending: Ending::Success, degraded: false }));
        log.record(opened(call));
    }
    log.flush();
    let lines = disk.lines();
    let calls = |kind: &str| -> Vec<u64> {
        lines.iter().filter(|line| line["kind"] == kind).filter_map(|line| line["call"].as_u64()).collect()
    };
    assert_eq!(calls("arrival"), calls("answer"));
    // Four standard deviations around a quarter of 2,000.
    assert!((423..=577).contains(&calls("arrival").len()), "{}", calls("arrival").len());
    assert_eq!(lines.iter().filter(|line| line["kind"] == "transition").count(), 2_000);
    for (share, kept) in [(0.0, 0), (1.0, 100)] {
        let disk = Disk::default();
        let log = EventLog::writer(disk.clone()).unwrap().sampled(share);
        (0..100).for_each(|call| log.record(arrival(call)));
        log.flush();
        assert_eq!(disk.lines().iter().filter(|line| line["kind"] == "arrival").count(), kept);
    }
}

#[test]
fn what_finds_the_queue_full_is_lost_counted_and_told_and_nobody_waits_for_it() {
    let disk = Disk::default();
    disk.set(|state| state.shut = true);
    let log = EventLog::writer(disk.clone()).unwrap();
    log.record(arrival(0));
    disk.asked();
    // The writer is stuck with the first one, so that exactly a queue of them fits.
    (1..=16_384 + 10).for_each(|call| log.record(arrival(call)));
    assert_eq!(log.lost(), 10);
    disk.set(|state| state.shut = false);
    log.flush();
    let lines = disk.lines();
    let told: u64 =
        lines.iter().filter(|line| line["kind"] == "lost").filter_map(|line| line["count"].as_u64()).sum();
    assert_eq!(told, 10);
    assert_eq!(lines.iter().filter(|line| line["kind"] == "arrival").count(), 1 + 16_384);
    log.record(arrival(20_000));
    log.flush();
    assert_eq!(disk.lines().last().unwrap()["call"], 20_000);
    assert_eq!(log.lost(), 10);
}

#[test]
fn a_full_disk_is_tried_again_and_loses_nothing_that_was_taken() {
    let disk = Disk::default();
    disk.set(|state| state.full = true);
    let log = EventLog::writer(disk.clone()).unwrap();
    log.record(arrival(1));
    disk.asked();
    disk.set(|state| state.full = false);
    log.record(arrival(2));
    log.flush();
    let calls: Vec<_> = disk.lines().iter().filter_map(|line| line["call"].as_u64()).collect();
    assert_eq!(calls, [1, 2]);
}

#[test]
fn numbers_are_written_in_as_many_digits_as_they_have() {
    let edges = (0..20).flat_map(|power| {
        let ten = 10_u64.pow(power);
        [ten - 1, ten, ten + 1, ten.saturating_mul(7).saturating_sub(3)]
    });
    for call in edges.chain([u64::MAX, 12_345_678, 1_020_304_050_607, 90_000_000_000_000_000]) {
        let written: serde_json::Value = serde_json::from_str(&line(&arrival(call))).unwrap();
        assert_eq!((written["call"].as_u64(), written["t"].as_u64()), (Some(call), Some(call)));
        assert!(line(&arrival(call)).contains(&format!("\"call\":{call}}}")));
    }
}

#[test]
fn whatever_a_text_holds_and_wherever_it_stands_it_is_read_back_as_it_was() {
    for odd in ["\"", "\\", "\n", "\u{0}", "\u{1f}", " ", "!", "#", "\u{7f}", "ä", "\u{10ffff}"] {
        for before in 0..20 {
            for after in [0, 1, 7, 8, 9] {
                let text = format!("{}{odd}{}", "x".repeat(before), "y".repeat(after));
                let notice = of_breaker(1, Happening::Notice { text: text.clone() });
                let written: serde_json::Value = serde_json::from_str(&line(&notice)).unwrap();
                assert_eq!(written["text"].as_str(), Some(text.as_str()));
            }
        }
    }
}
