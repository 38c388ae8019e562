use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::clock::Clock;
use crate::event::{Event, EventSink};
use crate::host::{Ground, HostOptions, Hosted};
use crate::machine::Kind;

struct Ignore;

impl EventSink for Ignore {
    fn record(&self, _: Event) {}
}

#[tokio::test(start_paused = true)]
async fn parts_make_themselves_known_and_are_left_out_while_calls_are_slow() {
    let config = DegradeGracefully { latency_target: Some(Duration::from_millis(100)) };
    let (clock, tokio) = (Arc::new(Clock::system()), tokio::runtime::Handle::current());
    let ground = Ground::new(tokio, 1, clock, Arc::new(Ignore), HostOptions::default());
    let brownout = BrownoutHandle::new(Hosted::new(ground, Kind::Brownout, "page", config), config);
    assert!(brownout.allows(1, "reviews", 1) && brownout.allows(2, "others", 1));
    for _ in 0..1_000 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        brownout.took(Duration::from_millis(400));
    }
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(brownout.status().parts.len(), 2);
    assert!(!brownout.allows(1, "reviews", 1) && !brownout.allows(2, "others", 1));
    brownout.hosted().crash().await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert!(!brownout.allows(2, "others", 1), "a crash forgets nothing");
}
