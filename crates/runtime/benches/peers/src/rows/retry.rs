use std::hint::black_box;

use backon::{ExponentialBuilder, Retryable as _};
use steadfast::prelude::*;
use tower::{Layer as _, Service as _, ServiceExt as _, service_fn};
use tower_resilience_retry::RetryLayer;

use super::{Case, Failed, Grounds};
use crate::measure::{Work, work};

#[retry(attempts = 3)]
async fn first_try(value: u32) -> Result<u32, Failed> {
    Ok(black_box(value))
}

fn backon() -> Work {
    work(|_, calls| async move {
        for _ in 0..calls {
            let retried = (|| async { Ok::<u32, u32>(black_box(1)) }).retry(ExponentialBuilder::default());
            black_box(retried.await.expect("it succeeds"));
        }
    })
}

fn tower_resilience() -> Work {
    let layer = RetryLayer::<u32, u32, u32>::builder().max_attempts(3).build();
    let service = layer.layer(service_fn(|value: u32| async move { Ok::<u32, u32>(black_box(value)) }));
    work(move |_, calls| {
        let mut service = service.clone();
        async move {
            for _ in 0..calls {
                black_box(service.ready().await.expect("it is").call(1).await.expect("it succeeds"));
            }
        }
    })
}

pub(super) fn cases(_: &Grounds) -> Vec<Case> {
    let ours = || {
        work(|_, calls| async move {
            for _ in 0..calls {
                black_box(first_try(black_box(1)).await.expect("it succeeds"));
            }
        })
    };
    let what = "#[retry], first try succeeds";
    vec![
        Case::new(what, "backon", ours(), backon()).within(1.5, 1.5),
        Case::new(what, "tower-resilience retry", ours(), tower_resilience()),
    ]
}
