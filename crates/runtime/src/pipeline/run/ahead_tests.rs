//! What a call comes to does not hang on how far it came without the interpreter.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use steadfast_actors::breaker::BreakerState;
use steadfast_actors::settings::Settings;

use crate::Runtime;
use crate::deadline::Deadline;
use crate::pipeline::Pipeline;

mod alike;
mod measured;

type Result<T> = std::result::Result<T, String>;

fn runtime() -> Runtime {
    Runtime::builder().isolated().seed(1).environment([]).build().unwrap()
}

/// All that a call can have at once, of small pools and quotas.
fn stack(runtime: &Runtime) -> Pipeline {
    Pipeline::builder("stack")
        .layer("rate_limit", Settings::new().with("requests", 1_000).with("per", "hour"))
        .layer("timeout", Settings::new().with("total", "10s").with("per_attempt", "1s"))
        .layer(
            "throttle",
            Settings::new().with("max_concurrent", 2).with("queue", 1).with("max_wait", "300ms"),
        )
        .layer("retry", Settings::new().with("attempts", 2).with("base_delay", "10ms").with("jitter", false))
        .layer("circuit_breaker", Settings::new().with("name", "stack").with("failure_threshold", 4))
        .layer("bulkhead", Settings::new().with("name", "stack").with("capacity", 2).with("queue", 1))
        .build(runtime)
        .unwrap()
}

/// What the actors know by now: what is out, and what the breaker counted.
fn known(runtime: &Runtime) -> (u64, BreakerState, u64, u64) {
    let breaker = runtime.registry().breaker("stack").unwrap().status();
    let in_use = runtime.registry().bulkhead("stack").unwrap().in_use();
    (in_use, breaker.state, u64::from(breaker.counts.total), u64::from(breaker.counts.failures))
}

/// A first call asks for what the later ones are granted.
async fn warm(pipeline: &Pipeline) {
    assert_eq!(pipeline.call(|| async { Ok::<_, String>(0) }).await, Ok(0));
}

/// What a future returns, or its panic.
async fn caught<F: Future>(future: F) -> std::thread::Result<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

async fn pending_once() {
    let mut polled = false;
    poll_fn(|context| {
        if std::mem::replace(&mut polled, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_handler_is_polled_no_oftener_than_it_would_be_by_itself() {
    let runtime = runtime();
    let pipeline = stack(&runtime);
    warm(&pipeline).await;
    let polls = AtomicU32::new(0);
    let call = pipeline.call(|| {
        poll_fn(|context| match polls.fetch_add(1, Ordering::Relaxed) {
            0..3 => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            _ => Poll::Ready(Ok::<_, String>(7)),
        })
    });
    let mut call = pin!(call);
    let mut context = Context::from_waker(Waker::noop());
    for expected in 1..=3 {
        assert!(call.as_mut().poll(&mut context).is_pending());
        assert_eq!(polls.load(Ordering::Relaxed), expected);
        assert_eq!(known(&runtime).0, 1, "its permit is out while it waits");
    }
    assert_eq!(call.await, Ok(7));
    assert_eq!(known(&runtime), (0, BreakerState::Closed, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn an_error_at_the_first_poll_is_judged_once_and_repeated() {
    let runtime = runtime();
    let pipeline = stack(&runtime);
    warm(&pipeline).await;
    let runs = AtomicU32::new(0);
    let result = pipeline.call(|| {
        let run = runs.fetch_add(1, Ordering::Relaxed);
        async move { if run == 0 { Err("HTTP 503".to_owned()) } else { Ok(run) } }
    });
    assert_eq!(result.await, Ok(1));
    assert_eq!(known(&runtime), (0, BreakerState::Closed, 3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_panic_at_the_first_poll_is_a_failure_that_is_repeated_goes_on_to_the_caller_and_keeps_nothing() {
    let runtime = runtime();
    let pipeline = stack(&runtime);
    warm(&pipeline).await;
    let call = pipeline.call(|| async {
        if known(&runtime).0 == 1 {
            panic!("at its first poll");
        }
        Ok::<_, String>(0)
    });
    let panic = caught(call).await.unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"at its first poll"));
    assert_eq!(known(&runtime), (0, BreakerState::Closed, 3, 2));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_panics_before_it_has_a_future_keeps_nothing_and_blames_nobody() {
    let runtime = runtime();
    let pipeline = stack(&runtime);
    warm(&pipeline).await;
    let makes = || -> std::future::Ready<Result<u32>> { panic!("it makes none") };
    assert!(caught(pipeline.call(makes)).await.is_err());
    assert_eq!(known(&runtime), (0, BreakerState::Closed, 1, 0));
    assert_eq!(runtime.in_flight(), 0);
    warm(&pipeline).await;
}

/// Answers at its second poll or before, and panics as it is dropped.
struct PanicsAsItGoes {
    waits: bool,
}

impl Future for PanicsAsItGoes {
    type Output = Result<u32>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<u32>> {
        if std::mem::take(&mut self.waits) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Ok(1))
    }
}

impl Drop for PanicsAsItGoes {
    fn drop(&mut self) {
        panic!("as it goes");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_as_it_goes_after_its_answer_keeps_nothing_and_its_panic_goes_on() {
    let runtime = runtime();
    let pipeline = stack(&runtime);
    warm(&pipeline).await;
    for waits in [false, true] {
        let panic = caught(pipeline.call(|| PanicsAsItGoes { waits })).await.unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"as it goes"));
        assert_eq!((known(&runtime).0, runtime.in_flight()), (0, 0));
        assert!(Deadline::current() == Deadline::NEVER, "nothing is around this code any more");
    }
    warm(&pipeline).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_after_its_first_poll_gives_all_back_and_says_nothing_of_its_dependency() {
    let runtime = runtime();
    let pipeline = stack(&runtime);
    warm(&pipeline).await;
    {
        let call = pipeline.call(|| async {
            std::future::pending::<()>().await;
            Ok::<_, String>(0)
        });
        let mut call = Box::pin(call);
        assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert_eq!((known(&runtime).0, runtime.in_flight()), (1, 1));
    }
    assert_eq!(known(&runtime), (0, BreakerState::Closed, 1, 0));
    assert_eq!(runtime.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_success_of_before_the_breaker_opened_says_nothing_after_it() {
    let runtime = runtime();
    let pipeline = stack(&runtime);
    warm(&pipeline).await;
    let slow = async {
        let call = pipeline.call(|| async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            Ok::<_, String>(1)
        });
        call.await
    };
    let breaks = async {
        for _ in 0..2 {
            let _ = pipeline.call(|| async { Err::<u32, _>("HTTP 500".to_owned()) }).await;
        }
        known(&runtime)
    };
    let (slow, broken) = tokio::join!(slow, breaks);
    assert_eq!((slow, broken.1), (Ok(1), BreakerState::Open));
    assert_eq!(known(&runtime), (0, BreakerState::Open, broken.2, broken.3));
    let refused = pipeline.call(|| async { Ok::<u32, String>(1) }).await.unwrap_err();
    assert!(refused.contains("is open"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_success_that_is_ready_at_once_and_fails_nobody_is_still_told_where_the_breaker_wants_to_hear_of_each()
 {
    let runtime = runtime();
    let breaker = Settings::new()
        .with("name", "rated")
        .with("failure_threshold", 2)
        .with("failure_rate_threshold", 0.5)
        .with("minimum_requests", 3);
    let pipeline = Pipeline::builder("rated").layer("circuit_breaker", breaker).build(&runtime).unwrap();
    for _ in 0..2 {
        let _ = pipeline.call(|| async { Err::<u32, _>("HTTP 500".to_owned()) }).await;
    }
    assert_eq!(pipeline.call(|| async { Ok::<_, String>(1) }).await, Ok(1));
    assert_eq!(runtime.registry().breaker("rated").unwrap().state(), BreakerState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_full_pool_is_waited_for_with_what_was_passed_before_it() {
    let runtime = runtime();
    let capacity =
        Settings::new().with("name", "stack").with("capacity", 1).with("queue", 5).with("max_wait", "5s");
    let pipeline = Pipeline::builder("waits")
        .layer("timeout", Settings::new().with("total", "10s").with("per_attempt", "1s"))
        .layer("circuit_breaker", Settings::new().with("name", "stack"))
        .layer("bulkhead", capacity)
        .build(&runtime)
        .unwrap();
    warm(&pipeline).await;
    let held = runtime.registry().bulkhead("stack").unwrap();
    let permit = held.acquire(steadfast_actors::bulkhead::Priority::Normal).await.unwrap();
    let clock = runtime.clock();
    let began = clock.now();
    let call = pipeline.call(|| async {
        // Its own second counts from its permit on.
        tokio::time::sleep(Duration::from_millis(900)).await;
        Ok::<_, String>(3)
    });
    let gives_back = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        drop(permit);
    };
    let (result, ()) = tokio::join!(call, gives_back);
    assert_eq!(result, Ok(3));
    assert_eq!(clock.now().since(began).as_millis(), 1_400);
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(known(&runtime), (0, BreakerState::Closed, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_limiter_that_refuses_behind_one_that_granted_leaves_that_as_it_was() {
    let runtime = runtime();
    let limit = |name: &str, requests: i32| {
        Settings::new().with("name", name).with("requests", requests).with("per", "hour")
    };
    let pipeline = Pipeline::builder("limited")
        .layer("rate_limit", limit("wide", 1_000))
        .layer("rate_limit", limit("narrow", 300))
        .build(&runtime)
        .unwrap();
    let wide = runtime.registry().limiter("wide").unwrap();
    let mut passed = 0;
    for _ in 0..400 {
        passed += i32::from(pipeline.call(|| async { Ok::<_, String>(0) }).await.is_ok());
    }
    assert_eq!(passed, 300);
    assert_eq!(wide.check_n("", 0).await.unwrap().remaining, 700);
    assert_eq!(runtime.registry().limiter("narrow").unwrap().status().refused, 100);
}

#[tokio::test(start_paused = true)]
async fn timeouts_count_from_when_the_call_began() {
    let runtime = runtime();
    let pipeline = stack(&runtime);
    warm(&pipeline).await;
    let clock = runtime.clock();
    let began = clock.now();
    let result = pipeline.call(|| async {
        std::future::pending::<()>().await;
        Ok::<u32, String>(0)
    });
    assert!(result.await.unwrap_err().contains("did not answer within 1s"));
    // Two attempts of a second, and the wait between them.
    assert_eq!(clock.now().since(began).as_millis(), 2_010);
    assert_eq!(known(&runtime), (0, BreakerState::Closed, 3, 2));
}

#[tokio::test(start_paused = true)]
async fn a_call_inside_shares_what_the_one_around_it_was_granted_also_at_its_first_poll() {
    let runtime = runtime();
    let only = || Settings::new().with("name", "stack").with("capacity", 1);
    let layers = |name: &str| {
        Pipeline::builder(name)
            .layer("timeout", Settings::new().with("total", "10s"))
            .layer("circuit_breaker", Settings::new().with("name", "stack").with("failure_threshold", 1))
            .layer("bulkhead", only())
            .build(&runtime)
            .unwrap()
    };
    let (outer, inner) = (layers("outer"), layers("inner"));
    warm(&outer).await;
    for waits in [false, true] {
        let before = known(&runtime).2;
        let inner = &inner;
        let result = outer.call(|| async move {
            let inside = Deadline::current() != Deadline::NEVER;
            inner
                .call(|| async {
                    if waits {
                        pending_once().await;
                    }
                    Ok::<_, String>(inside)
                })
                .await
        });
        assert_eq!(result.await, Ok(true));
        assert_eq!(known(&runtime), (0, BreakerState::Closed, before + 1, 0), "one passage is one success");
    }
    assert!(Deadline::current() == Deadline::NEVER);
}

#[tokio::test(start_paused = true)]
async fn what_goes_on_inside_a_call_that_has_ended_keeps_nothing_of_it() {
    let runtime = runtime();
    let pipeline = stack(&runtime);
    warm(&pipeline).await;
    let started = Mutex::new(Vec::new());
    let result = pipeline.call(|| {
        let inner = pipeline.clone();
        started.lock().unwrap().push(crate::spawn(async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            inner.call(|| async { Ok::<_, String>(2) }).await
        }));
        async { Ok::<_, String>(1) }
    });
    assert_eq!(result.await, Ok(1));
    assert_eq!(known(&runtime), (0, BreakerState::Closed, 2, 0));
    let [inner] = std::mem::take(&mut *started.lock().unwrap()).try_into().unwrap();
    assert_eq!(inner.await.unwrap().unwrap(), Ok(2));
    assert_eq!(known(&runtime), (0, BreakerState::Closed, 3, 0));
    assert_eq!(runtime.in_flight(), 0);
}
