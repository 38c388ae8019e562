use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use metrics::{Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

use super::client::{builder, server};

/// Counters by name and labels.
#[derive(Default)]
struct Counted(Arc<Mutex<BTreeMap<String, u64>>>);

struct One(String, Arc<Mutex<BTreeMap<String, u64>>>);

impl CounterFn for One {
    fn increment(&self, value: u64) {
        *self.1.lock().unwrap().entry(self.0.clone()).or_default() += value;
    }

    fn absolute(&self, _: u64) {}
}

impl Recorder for Counted {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let labels: Vec<&str> = key.labels().map(|label| label.value()).collect();
        Counter::from_arc(Arc::new(One(format!("{} {}", key.name(), labels.join(" ")), Arc::clone(&self.0))))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[tokio::test]
async fn all_paths_of_a_route_are_one_series_and_all_that_match_none_are_another() {
    let counted = Counted::default();
    // Everything here runs on this thread.
    let _recording = metrics::set_default_local_recorder(&counted);
    let server = server(builder()).await;
    for number in 0..20 {
        server.get(&format!("/orders/{number}/items/1"), &[]).await;
        server.get(&format!("/scan/{number}.php"), &[]).await;
    }
    server.send("DELETE", "/orders", &[], "").await;
    server.get("/orders?amount=many", &[]).await;
    let http = |(name, count): (&String, &u64)| {
        let labels = name.strip_prefix("steadfast_http_requests_total ")?;
        Some((labels.to_owned(), *count))
    };
    let seen: Vec<(String, u64)> = counted.0.lock().unwrap().iter().filter_map(http).collect();
    let wanted = [
        ("GET /orders 400", 1),
        ("GET /orders/:id/items/:item 200", 20),
        ("any unmatched 404", 20),
        ("any unmatched 405", 1),
    ];
    assert_eq!(seen, wanted.map(|(labels, count)| (labels.to_owned(), count)));
}
