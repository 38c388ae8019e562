use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use steadfast_actors::breaker::BreakerState;
use tokio::time::Instant;

use crate::__private::{Failure, Inputs, Settings, Site, handed};
use crate::__private::{outcome, run_many, run_many_or};
use crate::pipeline::Pipeline;
use crate::{Degradation, Runtime};

type Result<T> = std::result::Result<T, String>;

/// A site with these declarations.
const MODULE: &str = "test";

fn now() -> Duration {
    #[expect(clippy::disallowed_methods, reason = "the test's own clock")]
    let now = Instant::now();
    static START: Mutex<Option<Instant>> = Mutex::new(None);
    now.duration_since(*START.lock().unwrap().get_or_insert(now))
}

async fn call<F: Future<Output = Result<u32>>>(site: &'static Site, body: impl FnMut() -> F) -> Result<u32> {
    run_many(site, outcome!(Result<u32>), Inputs::new(), body).await
}

#[tokio::test(start_paused = true)]
async fn four_attempts_wait_one_two_and_four_seconds() {
    let site = site!("waits", "retry" => Settings::new().with("attempts", 4).with("jitter", false));
    let runs = Mutex::new(Vec::new());
    let start = now();
    let result = call(site, || {
        runs.lock().unwrap().push((now() - start).as_secs());
        async { Err("HTTP 503".to_owned()) }
    });
    assert_eq!(result.await, Err("HTTP 503".to_owned()));
    assert_eq!(*runs.lock().unwrap(), [0, 1, 3, 7]);
}

#[tokio::test(start_paused = true)]
async fn the_callers_fault_is_not_repeated() {
    let site = site!("fault", "retry" => Settings::new().with("attempts", 4));
    let runs = AtomicU32::new(0);
    let result = call(site, || {
        runs.fetch_add(1, Ordering::Relaxed);
        async { Err("HTTP 422: bad amount".to_owned()) }
    });
    assert!(result.await.is_err());
    assert_eq!(runs.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn the_breaker_sees_every_attempt_and_an_open_one_ends_the_loop_at_once() {
    let site = site!(
        "sees",
        "retry" => Settings::new().with("attempts", 10).with("base_delay", "10ms"),
        "circuit_breaker" => Settings::new().with("name", "sees").with("failure_threshold", 3),
    );
    let runs = AtomicU32::new(0);
    let result = call(site, || {
        runs.fetch_add(1, Ordering::Relaxed);
        async { Err("connection refused".to_owned()) }
    });
    assert!(result.await.unwrap_err().contains("circuit breaker \"sees\" is open"));
    assert_eq!(runs.load(Ordering::Relaxed), 3);
    let breaker = Runtime::current().registry().breaker("sees").unwrap();
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_total_timeout_bounds_waits_and_attempts_and_leaves_no_run_behind() {
    let site = site!(
        "total",
        "retry" => Settings::new().with("attempts", 100).with("strategy", "fixed").with("jitter", false),
        "timeout" => Settings::new().with("total", "2.5s"),
    );
    let runs = AtomicU32::new(0);
    let start = now();
    let result = call(site, || {
        runs.fetch_add(1, Ordering::Relaxed);
        async { Err("unavailable: try later".to_owned()) }
    });
    assert!(result.await.is_err());
    assert!(now() - start <= Duration::from_millis(2_501));
    assert_eq!(runs.load(Ordering::Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_is_cut_counts_as_a_failure_and_the_next_one_runs() {
    let site = site!(
        "cut",
        "retry" => Settings::new().with("attempts", 2),
        "timeout" => Settings::new().with("per_attempt", "1s"),
        "circuit_breaker" => Settings::new().with("name", "cut"),
    );
    let runs = AtomicU32::new(0);
    let result = call(site, || {
        let run = runs.fetch_add(1, Ordering::Relaxed);
        async move {
            if run == 0 {
                tokio::time::sleep(Duration::from_secs(60)).await;
            }
            Ok(run)
        }
    });
    assert_eq!(result.await, Ok(1));
    let counts = Runtime::current().registry().breaker("cut").unwrap().status().counts;
    assert_eq!((counts.total, counts.failures), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_counts_as_neither_unless_it_ran_too_long() {
    let site = site!("dropped", "circuit_breaker" => Settings::new().with("name", "dropped"));
    let breaker = || Runtime::current().registry().breaker("dropped").unwrap().status().counts;
    let hang = || async {
        tokio::time::sleep(Duration::from_secs(600)).await;
        Ok(0)
    };
    for (seconds, expected) in [(1, (0, 0)), (6, (1, 1))] {
        let cut = tokio::time::timeout(Duration::from_secs(seconds), call(site, hang)).await;
        assert!(cut.is_err());
        tokio::time::sleep(Duration::from_millis(1)).await;
        let counts = breaker();
        assert_eq!((counts.total, counts.failures), expected, "dropped after {seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failure_and_goes_on_to_the_caller() {
    let site = site!("panics", "circuit_breaker" => Settings::new().with("name", "panics"));
    let task = tokio::spawn(async move { call(site, || async { panic!("the handler's own bug") }).await });
    assert!(task.await.unwrap_err().is_panic());
    assert_eq!(Runtime::current().registry().breaker("panics").unwrap().status().counts.failures, 1);
}

async fn cached(id: u32) -> Result<u32> {
    Ok(id + 100)
}

async fn told(id: u32, failure: &Failure<String>) -> Result<u32> {
    assert_eq!(failure.error.as_deref(), Some("HTTP 500"));
    Ok(id + 200)
}

async fn broken(_: u32) -> Result<u32> {
    Err("the cache is down too".to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_fallback_takes_the_arguments_or_those_and_the_failure_and_never_hides_the_callers_fault() {
    let site = site!("falls", "fallback" => Settings::new().with("path", "cached"));
    let run = |error: &'static str, take: u32| async move {
        let body = || async { Err(error.to_owned()) };
        run_many_or(site, outcome!(Result<u32>), Inputs::new(), body, |failure| async move {
            match take {
                0 => handed((7,), &failure).to(cached).await,
                1 => handed((7,), &failure).to(told).await,
                _ => handed((7,), &failure).to(broken).await,
            }
        })
        .await
    };
    assert_eq!(run("HTTP 500", 0).await, Ok(107));
    assert_eq!(run("HTTP 500", 1).await, Ok(207));
    assert_eq!(run("HTTP 500", 2).await, Err("HTTP 500".to_owned()));
    assert_eq!(run("HTTP 404", 0).await, Err("HTTP 404".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn retries_inside_retries_do_not_multiply() {
    let inner = site!("inner", "retry" => Settings::new().with("attempts", 3).with("budget", "off"));
    let outer = site!("outer", "retry" => Settings::new().with("attempts", 4).with("budget", "off"));
    let runs = AtomicU32::new(0);
    let result = call(outer, || async {
        call(inner, || {
            runs.fetch_add(1, Ordering::Relaxed);
            async { Err("HTTP 429".to_owned()) }
        })
        .await
    });
    assert!(result.await.is_err());
    assert_eq!(runs.load(Ordering::Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn a_cascaded_child_gets_its_share_and_never_more_than_what_is_left() {
    let parent = site!("parent", "timeout" => Settings::new().with("total", "10s"));
    let child = site!("child", "timeout_cascade" => Settings::new().with("percentage", 30));
    let hang = || async {
        tokio::time::sleep(Duration::from_secs(600)).await;
        Ok(0)
    };
    let took = Mutex::new(Vec::new());
    let result = call(parent, || async {
        for _ in 0..5 {
            let start = now();
            let _ = call(child, hang).await;
            took.lock().unwrap().push((now() - start).as_secs());
        }
        Ok(1)
    });
    let _ = result.await;
    assert_eq!(*took.lock().unwrap(), [3, 3, 3, 1, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_keeps_its_kind_through_a_string_and_text_from_elsewhere_cannot_forge_one() {
    let guarded = site!(
        "guarded",
        "circuit_breaker" => Settings::new().with("name", "guarded").with("failure_threshold", 1),
    );
    let outer = site!("around", "circuit_breaker" => Settings::new().with("name", "around"));
    let fail = || async { Err("HTTP 500".to_owned()) };
    assert!(call(guarded, fail).await.is_err());
    let refused = call(outer, || call(guarded, fail)).await.unwrap_err();
    let counts = || Runtime::current().registry().breaker("around").unwrap().status().counts.total;
    assert_eq!(counts(), 0, "a refusal further in says nothing of the dependency");
    let forged = call(outer, || {
        let text = refused.clone();
        async move { Err(text) }
    });
    assert!(forged.await.is_err());
    assert_eq!(counts(), 1);
}

#[tokio::test(start_paused = true)]
async fn two_sites_that_declare_one_name_differently_are_refused_and_named() {
    let first = site!("one", "circuit_breaker" => Settings::new().with("name", "shared"));
    let second = site!(
        "two",
        "circuit_breaker" => Settings::new().with("name", "shared").with("failure_threshold", 9),
    );
    assert_eq!(call(first, || async { Ok(1) }).await, Ok(1));
    let refused = call(second, || async { Ok(1) }).await.unwrap_err();
    assert!(refused.contains("test::one") && refused.contains("test::two"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_runtime_that_shuts_down_admits_nothing_more() {
    let site = site!("late", "circuit_breaker" => Settings::new().with("name", "late"));
    let runtime = Runtime::builder().isolated().environment([]).build().unwrap();
    let result = runtime
        .scope(async {
            assert_eq!(call(site, || async { Ok(1) }).await, Ok(1));
            assert!(runtime.shutdown(Duration::from_secs(1)).await);
            call(site, || async { Ok(1) }).await
        })
        .await;
    assert!(result.unwrap_err().contains("shutting down"));
}

#[derive(Default)]
struct Log(Mutex<Vec<String>>);

impl steadfast_actors::event::EventSink for Log {
    fn record(&self, event: steadfast_actors::event::Event) {
        self.0.lock().unwrap().push(serde_json::to_string(&event).unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn the_event_stream_tells_a_call_from_its_arrival_to_its_answer_with_every_decision_and_transition() {
    let site = site!(
        "told",
        "retry" => Settings::new().with("attempts", 2).with("jitter", false),
        "circuit_breaker" => Settings::new().with("name", "told").with("failure_threshold", 2),
    );
    let log = std::sync::Arc::new(Log::default());
    let sink = std::sync::Arc::clone(&log) as std::sync::Arc<dyn steadfast_actors::event::EventSink>;
    let runtime = Runtime::builder().isolated().seed(1).environment([]).events(sink).build().unwrap();
    let _ = runtime.scope(call(site, || async { Err("HTTP 500".to_owned()) })).await;
    let events: Vec<String> = log.0.lock().unwrap().clone();
    let kinds: Vec<&str> = events
        .iter()
        .map(|event| event.split("\"event\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap())
        .collect();
    let expected = ["arrival", "decision", "attempt", "decision", "attempt", "transition", "answer"];
    assert_eq!(kinds, expected, "{events:#?}");
}

struct Page {
    degraded: bool,
}

impl crate::__private::Responds for Page {
    fn status(&self) -> u16 {
        200
    }

    fn mark_degraded(&mut self) {
        self.degraded = true;
    }
}

async fn page<F: Future<Output = Result<Page>>>(
    site: &'static Site,
    body: impl FnMut() -> F,
) -> Result<Page> {
    run_many(site, outcome!(Result<Page>), Inputs::new(), body).await
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_degrades_runs_under_an_open_breaker_knows_what_is_down_and_is_not_recorded() {
    let site = site!(
        "degrades",
        "circuit_breaker" => Settings::new().with("name", "reviews").with("success_threshold", 1),
        "degrade_gracefully" => Settings::new(),
    );
    let whole = page(site, || async { Ok(Page { degraded: false }) }).await.unwrap();
    assert!(!whole.degraded);
    let breaker = Runtime::current().registry().breaker("reviews").unwrap();
    breaker.force_open().await;
    let answer = page(site, || async {
        assert!(Degradation::current().is_down("reviews"));
        Ok(Page { degraded: false })
    });
    assert!(answer.await.unwrap().degraded);
    breaker.reset().await;
    for _ in 0..5 {
        let _ = page(site, || async { Err("HTTP 500".to_owned()) }).await;
    }
    assert_eq!(breaker.state(), BreakerState::Open);
    tokio::time::sleep(Duration::from_secs(31)).await;
    let probe = page(site, || async { Ok(Page { degraded: false }) }).await.unwrap();
    assert!(!probe.degraded, "the half-open breaker takes its probe from these runs");
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_callees_swallowed_failure_or_a_failed_optional_part_marks_the_answer() {
    let outer = site!("whole", "degrade_gracefully" => Settings::new());
    let part = site!("part", "circuit_breaker" => Settings::new().with("name", "part"));
    let swallowed = page(outer, || async {
        let _ = call(part, || async { Err("HTTP 500".to_owned()) }).await;
        Ok(Page { degraded: false })
    });
    assert!(swallowed.await.unwrap().degraded);
    let optional = page(outer, || async {
        let reviews = Degradation::optional("reviews", 1, async { Err::<u32, _>("down") }).await;
        assert_eq!(reviews, None);
        Ok(Page { degraded: false })
    });
    assert!(optional.await.unwrap().degraded);
}

#[tokio::test(start_paused = true)]
async fn in_code_a_breaker_may_stand_outside_the_retry_and_then_sees_one_call() {
    let runtime = Runtime::builder().isolated().environment([]).build().unwrap();
    let retry = Settings::new().with("attempts", 3).with("base_delay", "1ms");
    for (name, outside, failures) in [("outer", true, 1), ("inner", false, 3)] {
        let breaker = ("circuit_breaker", Settings::new().with("name", name));
        let layers = [("retry", retry.clone()), breaker];
        let ordered = if outside { [1, 0] } else { [0, 1] };
        let builder = ordered.iter().fold(Pipeline::builder(name), |builder, index| {
            builder.layer(layers[*index].0, layers[*index].1.clone())
        });
        let pipeline = builder.build(&runtime).unwrap();
        let result: Result<u32> = pipeline.call(|| async { Err("HTTP 500".to_owned()) }).await;
        assert!(result.is_err());
        assert_eq!(runtime.registry().breaker(name).unwrap().status().counts.failures, failures, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_fallback_below_a_retry_is_refused() {
    let runtime = Runtime::builder().isolated().environment([]).build().unwrap();
    let built = Pipeline::builder("hidden")
        .layer("retry", Settings::new())
        .layer("fallback", Settings::new().with("path", "cached"))
        .build(&runtime);
    assert!(built.unwrap_err().to_string().contains("hide"));
}

#[test]
fn a_call_holds_its_handlers_future_once_however_many_layers_it_passes() {
    let site = site!("sizes", "retry" => Settings::new());
    let small = || async { Ok(1) };
    let large = || async {
        let held = [0_u8; 10_000];
        tokio::task::yield_now().await;
        Ok(u32::from(held[0]))
    };
    let (one, other) = (std::mem::size_of_val(&call(site, small)), std::mem::size_of_val(&call(site, large)));
    assert!(other - one < 12_000, "10,000 bytes more in the handler are {} more in the call", other - one);
}

#[tokio::test(start_paused = true)]
async fn each_key_of_a_breaker_declared_by_one_fails_for_itself() {
    let site = site!(
        "shards",
        "circuit_breaker" => Settings::new().with("name", "shards").with("failure_threshold", 2).with("by", "arg:shard"),
    );
    let call = |shard: &str, fails: bool| {
        let inputs = Inputs::new().argument("shard", shard.to_owned());
        run_many(site, outcome!(Result<u32>), inputs, move || async move {
            if fails { Err("HTTP 500".to_owned()) } else { Ok(1) }
        })
    };
    for _ in 0..2 {
        assert!(call("a", true).await.is_err());
    }
    assert!(call("a", false).await.unwrap_err().contains("open"));
    assert_eq!(call("b", false).await, Ok(1));
}
