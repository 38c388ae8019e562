use std::hint::black_box;
use std::time::Duration;

use recloser::{AsyncRecloser, Recloser};
use steadfast::Runtime;
use steadfast::actors::breaker::{BreakerConfig, BreakerHandle};
use steadfast::actors::settings::Settings;
use tower::{Layer as _, Service as _, ServiceExt as _, service_fn};
use tower_resilience_circuitbreaker::CircuitBreakerLayer;

use super::{Case, Grounds, checked};
use crate::measure::{Work, work};

const HOUR: Duration = Duration::from_secs(3_600);

pub(super) fn breaker(runtime: &Runtime, name: &str, settings: Settings) -> BreakerHandle {
    let config = checked(settings, BreakerConfig::from_settings);
    runtime.registry().declare_breaker(name, config, "peers").expect("the name is free")
}

fn succeeding(breaker: BreakerHandle) -> Work {
    work(move |_, calls| {
        let breaker = breaker.clone();
        async move {
            for _ in 0..calls {
                black_box(
                    breaker.call(|| async { Ok::<u32, u32>(black_box(1)) }).await.expect("it is closed"),
                );
            }
        }
    })
}

fn refused(breaker: BreakerHandle) -> Work {
    work(move |_, calls| {
        let breaker = breaker.clone();
        async move {
            for _ in 0..calls {
                let refused = breaker.call(|| async { Ok::<u32, u32>(black_box(1)) }).await;
                black_box(refused.expect_err("it is open"));
            }
        }
    })
}

async fn opened(runtime: &Runtime) -> BreakerHandle {
    let breaker =
        breaker(runtime, "open", Settings::new().with("failure_threshold", 1).with("recovery_timeout", "1h"));
    let failed = breaker.call(|| async { Err::<u32, u32>(1) }).await;
    assert!(failed.is_err());
    breaker
}

fn recloser() -> AsyncRecloser {
    AsyncRecloser::from(Recloser::custom().error_rate(0.5).closed_len(100).open_wait(HOUR).build())
}

fn recloser_succeeding() -> Work {
    let recloser = recloser();
    work(move |_, calls| {
        let recloser = recloser.clone();
        async move {
            for _ in 0..calls {
                black_box(recloser.call(async { Ok::<u32, u32>(black_box(1)) }).await.expect("it is closed"));
            }
        }
    })
}

async fn recloser_refusing() -> Work {
    let recloser = recloser();
    while !matches!(recloser.call(async { Err::<u32, u32>(1) }).await, Err(recloser::Error::Rejected)) {}
    work(move |_, calls| {
        let recloser = recloser.clone();
        async move {
            for _ in 0..calls {
                let refused = recloser.call(async { Ok::<u32, u32>(black_box(1)) }).await;
                black_box(refused.expect_err("it is open"));
            }
        }
    })
}

fn failsafe_succeeding() -> Work {
    use failsafe::futures::CircuitBreaker as _;
    let breaker = failsafe::Config::new().build();
    work(move |_, calls| {
        let breaker = breaker.clone();
        async move {
            for _ in 0..calls {
                black_box(breaker.call(async { Ok::<u32, u32>(black_box(1)) }).await.expect("it is closed"));
            }
        }
    })
}

fn tower_resilience() -> Work {
    let layer = CircuitBreakerLayer::builder().sliding_window_size(100).build().expect("it is right");
    let service = layer.layer(service_fn(|value: u32| async move { Ok::<u32, u32>(black_box(value)) }));
    work(move |_, calls| {
        let mut service = service.clone();
        async move {
            for _ in 0..calls {
                black_box(service.ready().await.expect("it is").call(1).await.expect("it is closed"));
            }
        }
    })
}

pub(super) async fn cases(grounds: &Grounds) -> Vec<Case> {
    let slow = || Settings::new().with("slow_call_duration", "1s");
    let [closed, asked] =
        [&grounds.on, &grounds.off].map(|runtime| breaker(runtime, "closed", Settings::new()));
    let [timed, asked_timed] = [&grounds.on, &grounds.off].map(|runtime| breaker(runtime, "timed", slow()));
    let (open, asked_open) = (opened(&grounds.on).await, opened(&grounds.off).await);
    let of = |breaker: &BreakerHandle| {
        let breaker = breaker.clone();
        move || breaker.hosted().messages()
    };
    let success = "breaker closed, async call, success";
    vec![
        Case::new(success, "recloser async", succeeding(closed.clone()), recloser_succeeding())
            .within(0.5, 0.15)
            .asking(succeeding(asked))
            .counting(of(&closed)),
        Case::new(success, "failsafe async", succeeding(closed.clone()), failsafe_succeeding()),
        Case::new(success, "tower-resilience circuitbreaker", succeeding(closed), tower_resilience()),
        Case::new(
            "breaker open, refusal",
            "recloser async",
            refused(open.clone()),
            recloser_refusing().await,
        )
        .within(0.35, 0.35)
        .asking(refused(asked_open))
        .counting(of(&open)),
        Case::new(
            "breaker with slow-call timing",
            "recloser async",
            succeeding(timed.clone()),
            recloser_succeeding(),
        )
        .within(2.2, 0.3)
        .asking(succeeding(asked_timed))
        .counting(of(&timed)),
    ]
}
