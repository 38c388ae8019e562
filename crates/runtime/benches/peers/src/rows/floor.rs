//! What a layer is made of: no layer can cost less than what it cannot do without.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::Case;
use crate::measure::{Work, work};

/// The same thing again and again, shared by all threads.
fn again<S: Send + Sync + 'static, T>(
    shared: S,
    once: impl Fn(&S) -> T + Copy + Send + Sync + 'static,
) -> Work {
    let shared = Arc::new(shared);
    work(move |_, calls| {
        let shared = Arc::clone(&shared);
        async move {
            for _ in 0..calls {
                black_box(once(&shared));
            }
        }
    })
}

fn timer() -> Work {
    work(|_, calls| async move {
        for _ in 0..calls {
            let mut timer = std::pin::pin!(tokio::time::sleep(Duration::from_secs(1)));
            let armed =
                std::future::poll_fn(|context| std::task::Poll::Ready(timer.as_mut().poll(context))).await;
            assert!(armed.is_pending());
        }
    })
}

pub(super) fn cases() -> Vec<Case> {
    let nothing = || again((), |()| ());
    let floor = |what: &str, ours: Work| Case::new(&format!("floor: {what}"), "nothing", ours, nothing());
    vec![
        floor("an atomic load", again(AtomicU64::new(1), |cell| cell.load(Ordering::Acquire))),
        floor("an atomic addition", again(AtomicU64::new(1), |cell| cell.fetch_add(1, Ordering::AcqRel))),
        floor("a reference counted and let go", again(Arc::new(1), Arc::clone)),
        floor("a lock taken and let go", again(Mutex::new(1), |lock| *lock.lock().expect("nobody panics"))),
        floor("a clock read", again((), |()| Instant::now())),
        floor("an allocation", again((), |()| Box::new([0_u8; 64]))),
        floor("a timer armed and dropped", timer()),
    ]
}
