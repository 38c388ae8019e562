use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use steadfast::ErrorKind;

use super::*;
use crate::engine::{CallError, Verdict};
use crate::fixture::scenario;

fn outage() -> String {
    scenario("20s", "servers = 10\nlatency = \"20ms\"", OUTAGE)
}

const OUTAGE: &str = r#"
[[variant]]
name = "guarded"
[variant.checkout]
circuit_breaker = { name = "db", recovery_timeout = "2s" }
[[load]]
handler = "checkout"
arrivals = "uniform"
stages = [{ for = "20s", rate = "50/s" }]
[[fault]]
at = "5s"
for = "5s"
target = "service:db"
kind = "crash"
[[expect]]
variant = "guarded"
metric = "transitions.db"
min = 3
"#;

#[test]
fn a_bound_function_runs_inside_the_policies_and_its_calls_reach_the_simulated_world() {
    let runs = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&runs);
    let report = Simulation::builder()
        .seed(7)
        .scenario(outage())
        .handler("checkout", move |request: Request| {
            counted.fetch_add(1, Ordering::Relaxed);
            async move { request.call("db").await }
        })
        .run()
        .unwrap();
    assert_eq!(report.verdict, Verdict::Pass, "{:#?}", report.expect);
    let guarded = &report.variants[0];
    assert!(guarded.rejected["open"] > 50, "{:?}", guarded.rejected);
    assert_eq!(runs.load(Ordering::Relaxed), guarded.attempts, "what the breaker refuses does not run");
}

#[test]
fn a_bound_functions_own_sleeps_stand_in_virtual_time_and_two_runs_are_the_same() {
    let run = || {
        let simulation =
            Simulation::builder().scenario(outage()).handler("checkout", |request: Request| async move {
                tokio::time::sleep(Duration::from_millis(100)).await;
                request.call("db").await
            });
        simulation.run().unwrap()
    };
    let report = run();
    let p50 = report.variants[0].latency_ms.p50;
    assert!((119.0..122.0).contains(&p50), "{p50}");
    assert_eq!(run().digest, report.digest);
}

#[test]
fn an_error_of_a_bound_function_is_classified_and_a_call_that_is_not_declared_is_not_found() {
    let report = Simulation::builder()
        .scenario(outage())
        .handler("checkout", |request: Request| async move { request.call("elsewhere").await })
        .run()
        .unwrap();
    let failed = &report.variants[0].failed;
    assert_eq!(failed.keys().map(String::as_str).collect::<Vec<_>>(), [ErrorKind::NotFound.as_str()]);
}

#[test]
fn what_the_scenario_does_not_have_is_refused() {
    let nothing = Simulation::builder().run();
    assert!(matches!(nothing, Err(SimulationError::NoScenario)));
    let unknown =
        Simulation::builder().scenario(outage()).handler("chekout", |_| async { Ok::<(), CallError>(()) });
    assert!(matches!(unknown.run(), Err(SimulationError::NoHandler(name)) if name == "chekout"));
    let wrong = Simulation::builder().scenario(outage()).set("duration", "soon").run();
    assert!(matches!(wrong, Err(SimulationError::Scenario(_))));
}

mod annotated {
    use steadfast::prelude::*;

    use crate::{CallError, Request};

    #[retry(attempts = 2, base_delay = "100ms")]
    #[circuit_breaker("annotated-db", recovery_timeout = "2s")]
    pub(super) async fn checkout(request: Request) -> Result<(), CallError> {
        request.call("db").await
    }
}

#[test]
fn an_annotated_function_brings_its_own_actors_and_they_meet_the_simulated_outage() {
    let run = || {
        let simulation =
            Simulation::builder().scenario(outage()).set("variant.0.checkout.circuit_breaker", "false");
        let simulation = simulation.set("expect", "[]").handler("checkout", annotated::checkout);
        simulation.run().unwrap()
    };
    let report = run();
    let guarded = &report.variants[0];
    assert!(guarded.transitions["annotated-db"] >= 3, "{:?}", guarded.transitions);
    assert!(guarded.rejected["open"] > 50, "{:?}", guarded.rejected);
    assert_eq!(run().digest, report.digest);
}
