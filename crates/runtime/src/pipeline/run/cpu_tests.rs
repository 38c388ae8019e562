use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use steadfast_actors::clock::spend_cpu;
use steadfast_actors::event::{Event, EventSink, Happening};

use crate::__private::{Declaration, Identity, Inputs, Settings, Site, outcome, run_once};
use crate::{Rejection, Runtime};

type Result<T> = std::result::Result<T, Rejection>;

const MODULE: &str = "cpu";

fn share(name: &str, share: f64) -> Settings {
    Settings::new().with("name", name).with("kind", "cpu").with("share", share)
}

/// Keeps the one simulated processor busy, a millisecond a poll, until two seconds have passed.
async fn busy(site: &'static Site, used: &AtomicU64) -> Result<()> {
    run_once(site, outcome!(Result<()>), Inputs::new(), || async {
        let runtime = Runtime::current();
        while runtime.clock().now().as_nanos() < 2_000_000_000 {
            spend_cpu(Duration::from_millis(1));
            used.fetch_add(1, Ordering::Relaxed);
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        Ok(())
    })
    .await
}

fn is_within_a_tenth(used: &AtomicU64, of: u64) -> bool {
    used.load(Ordering::Relaxed).abs_diff(of) * 10 <= of
}

#[tokio::test(start_paused = true)]
async fn two_busy_handlers_split_a_processor_as_their_shares_say() {
    let (large, small) = (
        site!("large", "bulkhead" => share("large", 0.6)),
        site!("small", "bulkhead" => share("small", 0.2)),
    );
    let runtime = Runtime::builder().isolated().seed(1).environment([]).build().unwrap();
    let (of_large, of_small) = (AtomicU64::new(0), AtomicU64::new(0));
    let both = async { tokio::join!(busy(large, &of_large), busy(small, &of_small)) };
    let answers = runtime.scope(both).await;
    assert_eq!(answers, (Ok(()), Ok(())));
    assert!(is_within_a_tenth(&of_large, 1_200), "{of_large:?} ms of 1200");
    assert!(is_within_a_tenth(&of_small, 400), "{of_small:?} ms of 400");
}

#[tokio::test(start_paused = true)]
async fn handlers_of_one_pool_share_its_time_and_none_of_them_is_starved() {
    let one = site!("one", "bulkhead" => share("one", 0.5));
    let runtime = Runtime::builder().isolated().seed(1).environment([]).build().unwrap();
    let used = [AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0)];
    let all = async { tokio::join!(busy(one, &used[0]), busy(one, &used[1]), busy(one, &used[2])) };
    runtime.scope(all).await.0.unwrap();
    for of_one in &used {
        assert!(is_within_a_tenth(of_one, 333), "{used:?} ms of 1000 in all");
    }
}

#[derive(Default)]
struct Notices(Mutex<Vec<String>>);

impl EventSink for Notices {
    fn record(&self, event: Event) {
        if let Happening::Notice { text } = event.what {
            self.0.lock().unwrap().push(text);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_poll_is_reported_with_its_site_and_paid_for_before_the_next() {
    let site = site!("hog", "bulkhead" => share("hog", 0.5));
    let notices = std::sync::Arc::<Notices>::default();
    let sink = std::sync::Arc::clone(&notices);
    let runtime = Runtime::builder().isolated().seed(1).environment([]).events(sink).build().unwrap();
    let begun = runtime.clock().now();
    let hog = run_once(site, outcome!(Result<()>), Inputs::new(), || async {
        spend_cpu(Duration::from_millis(160));
        tokio::task::yield_now().await;
        Ok(())
    });
    runtime.scope(hog).await.unwrap();
    // 160 ms used of 50 a period: 110 are owed, which three more periods pay. tokio's timers are a millisecond coarse.
    assert_eq!(runtime.clock().now().since(begun).as_millis() / 5, 300 / 5);
    let notices = notices.0.lock().unwrap();
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert!(notices[0].starts_with("one poll of cpu::hog used 160 ms"), "{notices:?}");
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_processor_time_never_makes_a_dependency_look_slow() {
    static SITE: Site = Site::new(
        Identity { module: MODULE, owner: "", function: "calm", file: "tests.rs", line: 1 },
        || {
            let breaker = Settings::new().with("name", "calm").with("slow_call_duration", "100ms");
            let breaker = breaker.with("failure_threshold", 1).with("minimum_requests", 1);
            vec![
                Declaration::new("circuit_breaker", 1, 1, breaker),
                Declaration::new("bulkhead", 1, 1, share("calm", 0.1)),
            ]
        },
    );
    let runtime = Runtime::builder().isolated().seed(1).environment([]).build().unwrap();
    let call = run_once(&SITE, outcome!(Result<()>), Inputs::new(), || async {
        spend_cpu(Duration::from_millis(40));
        tokio::task::yield_now().await;
        Ok(())
    });
    runtime.scope(call).await.unwrap();
    let breaker = runtime.registry().breaker("calm").unwrap();
    assert_eq!(breaker.state(), steadfast_actors::breaker::BreakerState::Closed);
    assert!(runtime.clock().now().as_nanos() >= 400_000_000);
}
