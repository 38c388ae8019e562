//! What metrics hear does not hang on it either.

use std::collections::BTreeMap;
use std::sync::Arc;

use metrics::{
    Counter, CounterFn, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};

use super::*;

/// Calls by outcome, and the milliseconds that each one took.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    counts: BTreeMap<String, u64>,
    millis: Vec<u64>,
}

#[derive(Clone, Default)]
struct Measured(Arc<Mutex<Seen>>);

struct Outcome(String, Measured);

impl CounterFn for Outcome {
    fn increment(&self, value: u64) {
        *self.1.0.lock().unwrap().counts.entry(self.0.clone()).or_default() += value;
    }

    fn absolute(&self, _: u64) {}
}

impl HistogramFn for Measured {
    fn record(&self, seconds: f64) {
        let took = Duration::from_secs_f64(seconds).as_micros().div_ceil(1_000);
        self.0.lock().unwrap().millis.push(u64::try_from(took).unwrap());
    }
}

impl Recorder for Measured {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let outcome = key.labels().find(|label| label.key() == "outcome").unwrap().value().to_owned();
        Counter::from_arc(Arc::new(Outcome(outcome, self.clone())))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(Arc::new(self.clone()))
    }
}

async fn measured(is_interpreted: bool) -> Seen {
    let measured = Measured::default();
    let _recording = metrics::set_default_local_recorder(&measured);
    let runtime = runtime();
    let pipeline = Pipeline::builder("measured")
        .layer("metrics", Settings::new())
        .layer("timeout", Settings::new().with("total", "1s"))
        .layer("circuit_breaker", Settings::new().with("name", "measured"))
        .build(&runtime)
        .unwrap();
    let pipeline = if is_interpreted { pipeline.interpreted() } else { pipeline };
    let after = |millis| tokio::time::sleep(Duration::from_millis(millis));
    let ready = pipeline.call(|| async { Ok::<u32, String>(1) });
    ready.await.unwrap();
    let waits = pipeline.call(|| async {
        after(20).await;
        Ok::<u32, String>(1)
    });
    waits.await.unwrap();
    let fails = pipeline.call(|| async {
        after(30).await;
        Err::<u32, _>("HTTP 503".to_owned())
    });
    fails.await.unwrap_err();
    let hangs = || pipeline.call(std::future::pending::<Result<u32>>);
    hangs().await.unwrap_err();
    // Its caller leaves.
    tokio::time::timeout(Duration::from_millis(50), hangs()).await.unwrap_err();
    let makes_none = || -> std::future::Ready<Result<u32>> { panic!("it makes none") };
    assert!(caught(pipeline.call(makes_none)).await.is_err());
    std::mem::take(&mut *measured.0.lock().unwrap())
}

#[tokio::test(start_paused = true)]
async fn metrics_hear_of_each_call_once_how_it_ended_and_how_long_it_took() {
    let seen = measured(false).await;
    let counts: Vec<(&str, u64)> = seen.counts.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    assert_eq!(counts, [("cancelled", 1), ("panic", 1), ("success", 2), ("timeout", 1), ("unavailable", 1)]);
    assert_eq!(seen.millis, [0, 20, 30, 1_000, 50, 0]);
    assert_eq!(seen, measured(true).await);
}
