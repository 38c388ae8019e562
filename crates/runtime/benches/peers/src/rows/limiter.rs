use std::hint::black_box;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use steadfast::Runtime;
use steadfast::actors::limiter::{LimiterConfig, LimiterHandle};
use steadfast::actors::settings::Settings;
use tower::{Layer as _, Service as _, ServiceExt as _, service_fn};
use tower_resilience_ratelimiter::RateLimiterLayer;

use super::{Case, Grounds, checked};
use crate::measure::{Work, work};

/// So much that nobody is refused, and a quota all the same.
const PLENTY: u32 = 1_000_000_000;

pub(super) fn limiter(runtime: &Runtime, name: &str, settings: Settings) -> LimiterHandle {
    let config = checked(settings, LimiterConfig::from_settings);
    runtime.registry().declare_limiter(name, config, "peers").expect("the name is free")
}

pub(super) fn plenty() -> Settings {
    Settings::new().with("requests", i64::from(PLENTY)).with("per", "second")
}

pub(super) fn keys(number: usize) -> Arc<Vec<String>> {
    Arc::new((0..number).map(|key| format!("customer-{key}")).collect())
}

pub(super) fn granted(limiter: LimiterHandle, keys: Arc<Vec<String>>) -> Work {
    work(move |lane, calls| {
        let (limiter, keys) = (limiter.clone(), Arc::clone(&keys));
        async move {
            for key in keys.iter().cycle().skip(lane * keys.len() / 2).take(calls as usize) {
                black_box(limiter.check(key).await.expect("there is plenty"));
            }
        }
    })
}

/// The quota that all callers share: no key is gone through for it, on either side.
fn granted_to_all(limiter: LimiterHandle) -> Work {
    work(move |_, calls| {
        let limiter = limiter.clone();
        async move {
            for _ in 0..calls {
                black_box(limiter.check("").await.expect("there is plenty"));
            }
        }
    })
}

fn governor_keyed(keys: Arc<Vec<String>>) -> Work {
    let quota = Quota::per_second(NonZeroU32::new(PLENTY).expect("it is not zero"));
    let limiter: Arc<DefaultKeyedRateLimiter<String>> = Arc::new(RateLimiter::keyed(quota));
    for key in keys.iter() {
        limiter.check_key(key).expect("there is plenty");
    }
    work(move |lane, calls| {
        let (limiter, keys) = (Arc::clone(&limiter), Arc::clone(&keys));
        async move {
            for key in keys.iter().cycle().skip(lane * keys.len() / 2).take(calls as usize) {
                limiter.check_key(black_box(key)).expect("there is plenty");
            }
        }
    })
}

fn governor_granting() -> Work {
    let quota = Quota::per_second(NonZeroU32::new(PLENTY).expect("it is not zero"));
    let limiter = Arc::new(RateLimiter::direct(quota));
    work(move |_, calls| {
        let limiter = Arc::clone(&limiter);
        async move {
            for _ in 0..calls {
                black_box(limiter.check()).expect("there is plenty");
            }
        }
    })
}

fn governor_refusing() -> Work {
    let quota = Quota::per_hour(NonZeroU32::MIN);
    let limiter = Arc::new(RateLimiter::direct(quota));
    limiter.check().expect("the first one passes");
    work(move |_, calls| {
        let limiter = Arc::clone(&limiter);
        async move {
            for _ in 0..calls {
                let _ = black_box(limiter.check().expect_err("it is used up"));
            }
        }
    })
}

async fn used_up(runtime: &Runtime) -> LimiterHandle {
    let limiter = limiter(runtime, "used up", Settings::new().with("requests", 1).with("per", "hour"));
    limiter.check("").await.expect("the first one passes");
    limiter
}

fn refused(limiter: LimiterHandle) -> Work {
    work(move |_, calls| {
        let limiter = limiter.clone();
        async move {
            for _ in 0..calls {
                black_box(limiter.check("").await.expect_err("it is used up"));
            }
        }
    })
}

fn leaky_bucket() -> Work {
    let limiter = leaky_bucket::RateLimiter::builder()
        .max(PLENTY as usize)
        .initial(PLENTY as usize)
        .refill(1_000_000)
        .interval(Duration::from_millis(1))
        .build();
    let limiter = Arc::new(limiter);
    work(move |_, calls| {
        let limiter = Arc::clone(&limiter);
        async move {
            for _ in 0..calls {
                limiter.acquire(black_box(1)).await;
            }
        }
    })
}

fn tower_resilience() -> Work {
    let layer = RateLimiterLayer::builder()
        .limit_for_period(PLENTY as usize)
        .refresh_period(Duration::from_secs(1))
        .build()
        .expect("it is right");
    let service = layer.layer(service_fn(|value: u32| async move { Ok::<u32, u32>(black_box(value)) }));
    work(move |_, calls| {
        let mut service = service.clone();
        async move {
            for _ in 0..calls {
                black_box(service.ready().await.expect("it is").call(1).await.expect("there is plenty"));
            }
        }
    })
}

pub(super) async fn cases(grounds: &Grounds) -> Vec<Case> {
    let one = keys(1);
    let both = |name: &str| [&grounds.on, &grounds.off].map(|runtime| limiter(runtime, name, plenty()));
    let ([direct, asked], [keyed, asked_keyed]) = (both("direct"), both("one key"));
    let many = keys(100_000);
    let full = limiter(&grounds.on, "many keys", plenty().with("max_keys", 200_000));
    for key in many.iter() {
        full.check(key).await.expect("there is plenty");
    }
    let (used, asked_used) = (used_up(&grounds.on).await, used_up(&grounds.off).await);
    let of = |limiter: &LimiterHandle| {
        let limiter = limiter.clone();
        move || limiter.hosted().messages()
    };
    let ours = || granted_to_all(direct.clone());
    vec![
        Case::new("limiter, granted", "governor direct", ours(), governor_granting())
            .within(0.6, 0.3)
            .asking(granted_to_all(asked))
            .counting(of(&direct)),
        Case::new("limiter, granted", "leaky-bucket acquire", ours(), leaky_bucket()),
        Case::new("limiter, granted", "tower-resilience ratelimiter", ours(), tower_resilience()),
        Case::new("limiter, refused", "governor direct", refused(used.clone()), governor_refusing())
            .within(1.1, 1.1)
            .asking(refused(asked_used))
            .counting(of(&used)),
        Case::new(
            "keyed limiter, 1 key",
            "governor keyed",
            granted(keyed.clone(), Arc::clone(&one)),
            governor_keyed(Arc::clone(&one)),
        )
        .within(1.0, 0.6)
        .asking(granted(asked_keyed, one))
        .counting(of(&keyed)),
        Case::new(
            "keyed limiter, 100,000 keys",
            "governor keyed",
            granted(full.clone(), Arc::clone(&many)),
            governor_keyed(many),
        )
        .within(1.0, 0.6)
        .counting(of(&full)),
    ]
}
