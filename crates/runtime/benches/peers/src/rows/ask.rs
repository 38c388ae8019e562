use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kameo::Actor;
use kameo::actor::{ActorRef, Spawn as _};
use kameo::mailbox;
use kameo::message::{Context, Message};
use steadfast::actors::breaker::BreakerHandle;
use steadfast::actors::outcome::{Ending, Outcome};
use steadfast::actors::settings::Settings;

use super::breaker::breaker;
use super::limiter::{limiter, plenty};
use super::{Case, Grounds};
use crate::measure::{Work, work};

#[derive(Actor)]
pub(super) struct Bare;

struct Add(u64);

impl Message<Add> for Bare {
    type Reply = u64;

    async fn handle(&mut self, Add(number): Add, _: &mut Context<Self, u64>) -> u64 {
        number + 1
    }
}

fn bare(asks: u64) -> Work {
    let actor: ActorRef<Bare> = Bare::spawn_with_mailbox(Bare, mailbox::bounded(1_024));
    work(move |_, calls| {
        let actor = actor.clone();
        async move {
            for number in 0..calls * asks {
                black_box(actor.ask(Add(number)).await.expect("it lives"));
            }
        }
    })
}

/// A breaker that has failed and waits for its probes.
async fn half_open(grounds: &Grounds) -> BreakerHandle {
    let settings = Settings::new()
        .with("failure_threshold", 1)
        .with("recovery_timeout", "1ms")
        .with("half_open_permits", 1_000);
    let breaker = breaker(&grounds.on, "half open", settings);
    let failed = breaker.call(|| async { Err::<u32, u32>(1) }).await;
    assert!(failed.is_err());
    tokio::time::sleep(Duration::from_millis(20)).await;
    breaker
}

pub(super) async fn cases(grounds: &Grounds) -> Vec<Case> {
    let new_keys = limiter(&grounds.on, "new keys", plenty().with("max_keys", 1_000_000));
    let messages = {
        let limiter = new_keys.clone();
        move || limiter.hosted().messages()
    };
    let next = Arc::new(AtomicU64::new(0));
    let new_key = work(move |_, calls| {
        let (limiter, next) = (new_keys.clone(), Arc::clone(&next));
        async move {
            for _ in 0..calls {
                let key = next.fetch_add(1, Ordering::Relaxed).to_string();
                black_box(limiter.check(&key).await.expect("there is plenty"));
            }
        }
    });
    let half_open = half_open(grounds).await;
    let probes = {
        let breaker = half_open.clone();
        move || breaker.hosted().messages()
    };
    let probe = work(move |_, calls| {
        let breaker = half_open.clone();
        async move {
            for _ in 0..calls {
                let permit = black_box(breaker.admit(None).await.expect("a probe passes"));
                assert!(permit.is_probe());
                // Neutral, so that it stays half open.
                permit.report(Outcome { ending: Ending::Cancelled, latency: Duration::ZERO }).await;
            }
        }
    });
    vec![
        Case::new("an authority ask: a key that is new", "kameo ask", new_key, bare(1))
            .within(1.3, 1.3)
            .counting(messages),
        Case::new("an authority ask: a probe asked for and reported", "2 kameo asks", probe, bare(2))
            .within(1.3, 1.3)
            .counting(probes),
    ]
}
