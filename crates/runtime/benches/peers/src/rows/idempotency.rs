use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use steadfast::actors::clock::Time;
use steadfast::actors::idempotency::{
    Begun, Codec, IdempotencyConfig, IdempotencyHandle, KeySpace, Principal, RecordKey, fingerprint,
};
use steadfast::{Rejection, Runtime};

use super::{Case, Grounds};
use crate::measure::{Work, work};

const BYTES: &[u8] = b"{\"receipt\":\"r-7\",\"cents\":1299}";

fn key(text: &str) -> RecordKey {
    let space = KeySpace { scope: "peers", principal: Principal::User("u7"), path: &[] };
    RecordKey::explicit(space, text).expect("it is a key")
}

fn store(runtime: &Runtime, name: &str) -> IdempotencyHandle {
    let config = IdempotencyConfig::default();
    runtime.registry().declare_idempotency(name, config, "peers").expect("the name is free")
}

async fn finished(store: &IdempotencyHandle) {
    let done: Result<Vec<u8>, Rejection> =
        store.run(&key("done"), fingerprint(BYTES), Codec::BYTES, || async { Ok(BYTES.to_vec()) }).await;
    done.expect("it runs");
}

fn replayed(store: IdempotencyHandle) -> Work {
    let (key, fingerprint) = (key("done"), fingerprint(BYTES));
    work(move |_, calls| {
        let (store, key) = (store.clone(), key.clone());
        async move {
            for _ in 0..calls {
                match store.begin(&key, fingerprint, Time::MAX).await {
                    Ok(Begun::Replay(bytes)) => drop(black_box(bytes)),
                    other => panic!("it was done before: {other:?}"),
                }
            }
        }
    })
}

fn moka() -> moka::future::Cache<String, Arc<[u8]>> {
    moka::future::Cache::builder()
        .max_capacity(100_000)
        .time_to_live(std::time::Duration::from_secs(86_400))
        .build()
}

async fn moka_getting() -> Work {
    let (cache, key) = (moka(), key("done").to_string());
    cache.insert(key.clone(), Arc::from(BYTES)).await;
    work(move |_, calls| {
        let (cache, key) = (cache.clone(), key.clone());
        async move {
            for _ in 0..calls {
                drop(black_box(cache.get(&key).await.expect("it is there")));
            }
        }
    })
}

/// Every call under a key that nobody has used: the run is admitted, and its result stored.
fn stored(store: IdempotencyHandle) -> Work {
    let next = Arc::new(AtomicU64::new(0));
    work(move |_, calls| {
        let (store, next) = (store.clone(), Arc::clone(&next));
        async move {
            for _ in 0..calls {
                let key = RecordKey::from(format!("{:064x}", next.fetch_add(1, Ordering::Relaxed)).as_str());
                let print = [7; 32];
                // A full store refuses, which is what it is for; the batches are short enough not to fill it.
                match store.begin(&key, print, Time::MAX).await {
                    Ok(Begun::Run(run)) => {
                        run.started();
                        run.complete(Some(Arc::from(BYTES))).await;
                    }
                    other => drop(black_box(other)),
                }
            }
        }
    })
}

fn moka_inserting() -> Work {
    let (cache, next) = (moka(), Arc::new(AtomicU64::new(0)));
    work(move |_, calls| {
        let (cache, next) = (cache.clone(), Arc::clone(&next));
        async move {
            for _ in 0..calls {
                let key = format!("{:064x}", next.fetch_add(1, Ordering::Relaxed));
                cache.insert(key, Arc::from(BYTES)).await;
            }
        }
    })
}

pub(super) async fn cases(grounds: &Grounds) -> Vec<Case> {
    let [ours, asked] = [&grounds.on, &grounds.off].map(|runtime| store(runtime, "replays"));
    finished(&ours).await;
    finished(&asked).await;
    let fresh = store(&grounds.on, "fresh");
    let counted = [ours.clone(), fresh.clone()].map(|store| move || store.hosted().messages());
    let [of_replays, of_fresh] = counted;
    vec![
        Case::new(
            "idempotent replay of a finished key",
            "moka future get",
            replayed(ours),
            moka_getting().await,
        )
        .within(0.5, 0.5)
        .asking(replayed(asked))
        .counting(of_replays),
        Case::new(
            "idempotent run of a new key, and its result kept",
            "moka future insert",
            stored(fresh),
            moka_inserting(),
        )
        .counting(of_fresh),
    ]
}
