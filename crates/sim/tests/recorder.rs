//! A production runtime under paused time records what the simulator does: the same lines, at the same nanoseconds.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use steadfast::actors::clock::Time;
use steadfast::actors::machine::Kind;
use steadfast::actors::settings::Settings;
use steadfast::observe::EventLog;
use steadfast::pipeline::Pipeline;
use steadfast::{ErrorKind, Runtime};
use steadfast_sim::CallError;
use steadfast_sim::engine::{RunOptions, run_with};
use steadfast_sim::scenario::Document;

/// At no millisecond do two things happen that do not follow from each other: which of them tokio would let come first
/// is all that the simulator and a program's own timers may differ in.
const SCENARIO: &str = r#"
schema = 1
name = "twin"
duration = "12s"
seed = 7
[[service]]
name = "db"
servers = 1000
latency = "31ms"
[[handler]]
name = "checkout"
calls = ["db"]
[[variant]]
name = "guarded"
[variant.checkout]
timeout = { total = "2s", per_attempt = "500ms" }
retry = { attempts = 2, base_delay = "104ms", jitter = false }
circuit_breaker = { name = "db", failure_threshold = 5, recovery_timeout = "2s", success_threshold = 2 }
bulkhead = { name = "db", capacity = 1, queue = 1 }
[[load]]
handler = "checkout"
arrivals = "uniform"
stages = [{ for = "12s", rate = "25/s" }]
[[fault]]
at = "3s"
for = "3s"
target = "service:db"
kind = "errors"
errors = [{ kind = "unavailable", probability = 1.0 }]
[[fault]]
at = "8005ms"
target = "actor:breaker/db"
kind = "crash"
"#;

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Kept {
    /// What its lines say of calls and actors, without their numbers: those of the world count in one of the two logs.
    fn of_the_runtime(&self) -> Vec<Value> {
        const OF_THE_WORLD: [&str; 6] = ["variant", "load", "service", "link", "fault", "log"];
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut lines: Vec<Value> = lines
            .filter(|line| {
                let actor = line["actor"].as_str().unwrap();
                !OF_THE_WORLD.contains(&actor.split('/').next().unwrap())
            })
            .collect();
        lines.iter_mut().for_each(|line| drop(line.as_object_mut().unwrap().remove("n")));
        lines
    }
}

fn simulated() -> Vec<Value> {
    let scenario = Document::parse("twin.toml", SCENARIO.as_bytes()).unwrap().scenario().unwrap();
    let kept = Kept::default();
    let mut options = RunOptions::default();
    options.log = Some(Box::new(kept.clone()));
    run_with(&scenario, options).unwrap();
    kept.of_the_runtime()
}

/// The same calls in a runtime as a program builds it: its handler, its clock and its timers are tokio's.
async fn in_production() -> Vec<Value> {
    let kept = Kept::default();
    let events = Arc::new(EventLog::writer(kept.clone()).unwrap());
    let runtime =
        Runtime::builder().isolated().seed(7).environment([]).events(events.clone()).build().unwrap();
    let clock = Arc::clone(runtime.clock());
    let began = clock.instant(Time::from_nanos(0));
    let timeout = Settings::new().with("total", "2s").with("per_attempt", "500ms");
    let retry = Settings::new().with("attempts", 2).with("base_delay", "104ms").with("jitter", false);
    let breaker = Settings::new().with("name", "db").with("failure_threshold", 5);
    let breaker = breaker.with("recovery_timeout", "2s").with("success_threshold", 2);
    let bulkhead = Settings::new().with("name", "db").with("capacity", 1).with("queue", 1);
    let checkout = Pipeline::builder("checkout")
        .layer("timeout", timeout)
        .layer("retry", retry)
        .layer("circuit_breaker", breaker)
        .layer("bulkhead", bulkhead)
        .build(&runtime)
        .unwrap();
    let checkout = Arc::new(checkout);
    let struck = runtime.clone();
    tokio::spawn(async move {
        tokio::time::sleep_until(began + Duration::from_millis(8_005)).await;
        struck.registry().crash(Kind::Breaker, "db").await.unwrap().unwrap();
    });
    let db = move || {
        let clock = Arc::clone(&clock);
        async move {
            tokio::time::sleep(Duration::from_millis(31)).await;
            match clock.now().as_nanos() / 1_000_000_000 {
                3..6 => Err(CallError::Kind(ErrorKind::Unavailable)),
                _ => Ok(()),
            }
        }
    };
    for number in 0..300 {
        tokio::time::sleep_until(began + Duration::from_millis(40) * number).await;
        let (checkout, db) = (Arc::clone(&checkout), db.clone());
        tokio::spawn(async move { checkout.call(db).await });
    }
    tokio::time::sleep_until(began + Duration::from_secs(12)).await;
    events.flush();
    assert_eq!(events.lost(), 0);
    kept.of_the_runtime()
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_production_runtime_records_what_the_simulator_does() {
    let (simulated, recorded) = (std::thread::spawn(simulated).join().unwrap(), in_production().await);
    let kinds = |lines: &[Value]| {
        lines.iter().map(|line| line["kind"].to_string()).collect::<std::collections::BTreeSet<_>>()
    };
    let all = ["answer", "arrival", "attempt", "crash", "decision", "restart", "transition"];
    assert_eq!(kinds(&simulated), all.iter().map(|kind| format!("{kind:?}")).collect());
    for (number, (simulated, recorded)) in simulated.iter().zip(&recorded).enumerate() {
        assert_eq!(recorded, simulated, "line {number}");
    }
    assert_eq!(recorded.len(), simulated.len());
    assert!(recorded.len() > 1_000, "{}", recorded.len());
}
