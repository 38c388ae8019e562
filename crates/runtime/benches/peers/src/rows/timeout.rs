use std::future::poll_fn;
use std::hint::black_box;
use std::task::Poll;
use std::time::Duration;

use steadfast::prelude::*;
use tower::{Layer as _, Service as _, ServiceExt as _, service_fn};
use tower_resilience_timelimiter::TimeLimiterLayer;

use super::{Case, Failed, Grounds};
use crate::measure::{Work, work};

#[timeout("1s")]
async fn ready(value: u32) -> Result<u32, Failed> {
    Ok(black_box(value))
}

#[timeout("1s")]
async fn pending_once(value: u32) -> Result<u32, Failed> {
    once().await;
    Ok(black_box(value))
}

/// Is pending at its first poll and asks to be polled again at once, so that nothing but the timer is measured.
async fn once() {
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

fn tokio_timeout(pends: bool) -> Work {
    work(move |_, calls| async move {
        for _ in 0..calls {
            let body = async {
                if pends {
                    once().await;
                }
                black_box(1)
            };
            black_box(tokio::time::timeout(Duration::from_secs(1), body).await.expect("it is in time"));
        }
    })
}

fn tower_resilience() -> Work {
    let layer = TimeLimiterLayer::builder().timeout_duration(Duration::from_secs(1)).build();
    let service = layer.layer(service_fn(|value: u32| async move { Ok::<u32, u32>(black_box(value)) }));
    work(move |_, calls| {
        let mut service = service.clone();
        async move {
            for _ in 0..calls {
                black_box(service.ready().await.expect("it is").call(1).await.expect("it is in time"));
            }
        }
    })
}

pub(super) fn cases(_: &Grounds) -> Vec<Case> {
    let at_once = || {
        work(|_, calls| async move {
            for _ in 0..calls {
                black_box(ready(black_box(1)).await.expect("it is in time"));
            }
        })
    };
    let later = work(|_, calls| async move {
        for _ in 0..calls {
            black_box(pending_once(black_box(1)).await.expect("it is in time"));
        }
    });
    let what = "#[timeout], future ready at first poll";
    vec![
        Case::new(what, "tokio timeout", at_once(), tokio_timeout(false)).within(0.2, 0.2),
        Case::new(what, "tower-resilience timelimiter", at_once(), tower_resilience()),
        Case::new("#[timeout], future pends once", "tokio timeout", later, tokio_timeout(true))
            .within(0.8, 0.5),
    ]
}
