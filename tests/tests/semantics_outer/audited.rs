//! Section 11: what is on record, and what becomes of calls that can't be.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex};

use steadfast::RejectionKind;
use steadfast::observe::{Audit, AuditFailure};
use steadfast::prelude::*;
use tokio::sync::Notify;

use super::support::{Runs, millis};

/// A disk that hangs, or says that it is full, while a test wants it so.
#[derive(Clone, Default)]
struct Disk(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    written: Vec<u8>,
    hangs: bool,
    full: bool,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (state, changed) = &*self.0;
        let mut state = changed.wait_while(state.lock().unwrap(), |state| state.hangs).unwrap();
        if state.full {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        state.written.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Disk {
    fn runtime(&self) -> Runtime {
        let audit = Audit::writer(self.clone()).unwrap();
        Runtime::builder().isolated().environment([]).audit(audit).build().unwrap()
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
    }

    /// Every line, once `wanted` of them are written.
    fn lines(&self, wanted: usize) -> Vec<serde_json::Value> {
        loop {
            let text = String::from_utf8(self.0.0.lock().unwrap().written.clone()).unwrap();
            if text.lines().count() >= wanted {
                return text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            }
            std::thread::yield_now();
        }
    }
}

/// As many as wait for the writer.
const ROOM: usize = 4_096;

static STRICT: Runs = Runs::new();
static STRICT_END: Notify = Notify::const_new();

#[audit_log]
async fn strict(fails: bool) -> Result<(), Rejection> {
    let _running = STRICT.begin();
    STRICT_END.notified().await;
    if fails { Err(Rejection::shed("inside", None)) } else { Ok(()) }
}

#[tokio::test(start_paused = true)]
async fn no_call_runs_that_could_not_be_put_on_record() {
    let disk = Disk::default();
    let runtime = disk.runtime();
    disk.set(|disk| disk.hangs = true);
    let calls: Vec<_> = (0..ROOM + 100)
        .map(|_| {
            tokio::spawn({
                let runtime = runtime.clone();
                async move { runtime.scope(strict(false)).await }
            })
        })
        .collect();
    millis(1).await;
    assert_eq!(STRICT.all() as usize, ROOM);
    STRICT_END.notify_waiters();
    let mut refused = 0;
    for call in calls {
        if let Err(rejection) = call.await.unwrap() {
            assert_eq!((rejection.kind(), rejection.http_status()), (RejectionKind::Unavailable, 503));
            refused += 1;
        }
    }
    disk.set(|disk| disk.hangs = false);
    let lines = disk.lines(ROOM);
    assert_eq!((refused, lines.len(), runtime.audit().unwrap().lost()), (100, ROOM, 0));
}

#[audit_log(on_full = "continue")]
async fn lax() -> Result<(), Rejection> {
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn where_calls_go_on_without_a_record_the_lost_ones_are_counted() {
    let disk = Disk::default();
    let runtime = disk.runtime();
    disk.set(|disk| disk.hangs = true);
    let more = 100;
    for _ in 0..ROOM + more {
        runtime.scope(lax()).await.unwrap();
    }
    let lost = runtime.audit().unwrap().lost() as usize;
    disk.set(|disk| disk.hangs = false);
    // The writer may hold one line in its hand.
    assert!(lost == more || lost == more - 1, "{lost}");
    assert_eq!(disk.lines(ROOM + more - lost).len(), ROOM + more - lost);
}

#[audit_log]
#[rate_limit(requests = 1, per = "hour", by = "user", name = "audited")]
async fn audited(_msg: Message) -> Result<(), Rejection> {
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn while_the_disk_is_full_calls_are_refused_and_go_on_once_it_is_not() {
    let disk = Disk::default();
    let runtime = disk.runtime();
    let message = || Message::builder().user_id("u1").build();
    disk.set(|disk| disk.full = true);
    assert_eq!(runtime.scope(audited(message())).await, Ok(()));
    let audit = runtime.audit().unwrap();
    while audit.ready() != Err(AuditFailure::CannotWrite) {
        std::thread::yield_now();
    }
    assert_eq!(runtime.scope(audited(message())).await.unwrap_err().http_status(), 503);
    disk.set(|disk| disk.full = false);
    let first = disk.lines(1).remove(0);
    assert_eq!((&first["outcome"], &first["caller"]), (&json!("success"), &json!("user:u1")));
    while audit.ready().is_err() {
        std::thread::yield_now();
    }
    assert_eq!(runtime.scope(audited(message())).await.unwrap_err().http_status(), 429);
    assert_eq!((disk.lines(2)[1]["outcome"].as_str(), audit.lost()), (Some("rate_limited"), 0));
}

#[tokio::test(start_paused = true)]
async fn refusals_in_a_flood_are_counted_by_the_second_and_not_written_one_by_one() {
    let disk = Disk::default();
    let runtime = disk.runtime();
    for _ in 0..1_001 {
        let _ = runtime.scope(audited(Message::builder().user_id("u1").build())).await;
    }
    runtime.shutdown(std::time::Duration::ZERO).await;
    let lines = disk.lines(12);
    let counts: Vec<_> = lines.iter().map(|line| line["count"].as_u64().unwrap()).collect();
    assert_eq!(counts, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 990]);
}
