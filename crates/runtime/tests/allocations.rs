//! What a call that succeeds takes from the allocator, once a thread has made a few of them.

use steadfast::prelude::*;

#[timeout("10s")]
#[retry(attempts = 3)]
async fn bounded_and_retried(value: u32) -> Result<u32, Rejection> {
    Ok(value)
}

#[rate_limit(requests = 1_000_000, per = "hour", name = "allocations")]
#[timeout("10s")]
#[throttle(max_concurrent = 10, name = "allocations")]
#[retry(attempts = 3)]
#[circuit_breaker("allocations")]
#[bulkhead("allocations", capacity = 10)]
async fn guarded(value: u32) -> Result<u32, Rejection> {
    Ok(value)
}

#[timeout("10s")]
#[retry(attempts = 3)]
#[circuit_breaker("waits")]
#[bulkhead("waits", capacity = 10)]
async fn waits(value: u32) -> Result<u32, Rejection> {
    let mut was_polled = false;
    std::future::poll_fn(|_| match std::mem::replace(&mut was_polled, true) {
        true => std::task::Poll::Ready(()),
        false => std::task::Poll::Pending,
    })
    .await;
    Ok(value)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_call_whose_handler_waits_allocates_nothing_either() {
    const CALLS: u32 = 100;
    let runtime = Runtime::builder().isolated().environment([]).build().unwrap();
    let _entered = runtime.enter();
    for _ in 0..10 {
        // Awaited here, where nobody wakes it.
        let mut call = std::pin::pin!(waits(1));
        std::future::poll_fn(|context| {
            context.waker().wake_by_ref();
            call.as_mut().poll(context)
        })
        .await
        .unwrap();
    }
    let polled_twice = |value| {
        let mut call = std::pin::pin!(waits(value));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(call.as_mut().poll(&mut context).is_pending());
        assert!(matches!(call.as_mut().poll(&mut context), std::task::Poll::Ready(Ok(_))));
    };
    (0..CALLS).for_each(polled_twice);
    let allocated = allocation_counter::measure(|| (0..CALLS).for_each(polled_twice)).count_total;
    assert_eq!(allocated, 0, "by {CALLS} calls behind a breaker and a pool, with a timeout");
}

#[tokio::test]
async fn a_call_that_succeeds_allocates_nothing_beyond_its_handlers_future() {
    const CALLS: u32 = 100;
    let runtime = Runtime::builder().isolated().environment([]).build().unwrap();
    let _entered = runtime.enter();
    let count = |call: &dyn Fn(u32)| {
        // The first calls start actors, and make what the later ones use again.
        (0..CALLS).for_each(call);
        allocation_counter::measure(|| (0..CALLS).for_each(call)).count_total
    };
    // Polled here, so that nothing but the call is counted; what must be awaited would show as pending.
    let ready = |mut call: std::pin::Pin<&mut dyn Future<Output = Result<u32, Rejection>>>| {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        matches!(call.as_mut().poll(&mut context), std::task::Poll::Ready(Ok(_)))
    };
    for _ in 0..10 {
        assert_eq!(guarded(1).await, Ok(1));
    }
    let unguarded = count(&|value| assert!(ready(std::pin::pin!(bounded_and_retried(value)))));
    assert_eq!(unguarded, 0, "by {CALLS} calls");
    let guarded = count(&|value| assert!(ready(std::pin::pin!(guarded(value)))));
    assert_eq!(guarded, 0, "by {CALLS} calls behind a limiter, a throttle, a breaker and a pool");
}

/// What one of many breakers takes, in bytes: once it is declared, and once it was asked.
fn at_rest() -> (u64, u64) {
    use steadfast::actors::breaker::{BreakerConfig, BreakerInput, KeyedInput};
    const ACTORS: u64 = 1_000;
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _entered = tokio.enter();
    let runtime = Runtime::builder().isolated().environment([]).build().unwrap();
    let mut breakers = Vec::with_capacity(1_000);
    let declared = allocation_counter::measure(|| {
        breakers.extend((0..ACTORS).map(|name| {
            let name = format!("at rest {name}");
            runtime.registry().declare_breaker(&name, BreakerConfig::default(), "here").unwrap()
        }));
    });
    let started = allocation_counter::measure(|| {
        tokio.block_on(async {
            for breaker in &breakers {
                let input = KeyedInput { key: None, input: BreakerInput::Admit { patience: None } };
                breaker.hosted().ask(breaker.hosted().ticket(), input).await.unwrap();
            }
        });
    });
    let each =
        |counted: allocation_counter::AllocationInfo| u64::try_from(counted.bytes_current).unwrap() / ACTORS;
    (each(declared), each(started))
}

#[test]
fn an_actor_at_rest_takes_no_more_than_it_did() {
    let (declared, started) = at_rest();
    assert!(declared <= 1_500, "{declared} bytes before anybody asked it");
    // kameo's mailbox, task and links are 5,800 of it, and their supervision 500.
    assert!(started <= 6_400, "{started} bytes more once it was asked");
}
