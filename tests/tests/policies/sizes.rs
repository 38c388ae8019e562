use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use steadfast::actors::settings::Settings;
use steadfast::{Message, Rejection};

use super::{millis, named, pipeline, runtime};

const KIB: usize = 1 << 10;

/// Sends a hundred bodies, most of them small and ten in a row of 30 KiB, through a pool of these settings; how many
/// bytes were held at once, and how many bodies at once.
async fn most_held(settings: Settings) -> (u64, u64) {
    let runtime = runtime();
    let uploads = pipeline(&runtime, "uploads", |layers| layers.layer("bulkhead", settings));
    let held = Arc::new([const { AtomicU64::new(0) }; 2]);
    let most = Arc::new([const { AtomicU64::new(0) }; 2]);
    let mut calls = Vec::new();
    for number in 0..100 {
        let length = if (50..60).contains(&number) { 30 * KIB } else { 100 };
        let (uploads, held, most) = (uploads.clone(), Arc::clone(&held), Arc::clone(&most));
        let message = Message::builder().body("x".repeat(length)).build();
        calls.push(tokio::spawn(async move {
            let more = [length as u64, 1];
            uploads
                .call_for(&message, || async {
                    for ((held, most), more) in held.iter().zip(most.iter()).zip(more) {
                        most.fetch_max(held.fetch_add(more, Ordering::Relaxed) + more, Ordering::Relaxed);
                    }
                    millis(100).await;
                    for (held, more) in held.iter().zip(more) {
                        held.fetch_sub(more, Ordering::Relaxed);
                    }
                    Ok::<_, Rejection>(())
                })
                .await
        }));
    }
    for call in calls {
        call.await.unwrap().unwrap();
    }
    (most[0].load(Ordering::Relaxed), most[1].load(Ordering::Relaxed))
}

#[tokio::test(start_paused = true)]
async fn a_pool_of_bytes_holds_no_more_than_it_says_and_lets_more_small_bodies_in_than_a_count_could() {
    let line = || named("uploads").with("queue", 100).with("max_wait", "1m");
    let (bytes, bodies) = most_held(line().with("capacity", "80KiB")).await;
    // The count of large bodies that fits into as many bytes.
    let (_, counted) = most_held(line().with("capacity", 2)).await;
    assert!(bytes <= 80 * KIB as u64, "{bytes}");
    assert!(bodies >= 10 * counted, "{bodies} bodies at once, {counted} by a count that is as safe");
    let (unsafe_bytes, _) = most_held(line().with("capacity", i64::try_from(bodies).unwrap())).await;
    assert!(unsafe_bytes > 80 * KIB as u64, "{unsafe_bytes} bytes at once by a count that lets as many in");
}
