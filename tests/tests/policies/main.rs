//! What each policy is for: the same load through it and through the fixed setting that it stands in for.
//!
//! The simulator's scenarios show it of retry budgets, priorities, adaptive limits and timeouts, hedges and shedding
//! (`crates/sim/scenarios`); here are the others.
#![allow(missing_docs, reason = "tests name a behaviour")]

mod brownout;
mod preemption;
mod recovery;
mod sizes;

use std::time::Duration;

use steadfast::Runtime;
use steadfast::actors::settings::Settings;
use steadfast::pipeline::{Pipeline, PipelineBuilder};

pub(crate) fn runtime() -> Runtime {
    Runtime::builder().isolated().build().unwrap()
}

pub(crate) fn named(name: &str) -> Settings {
    Settings::new().with("name", name)
}

pub(crate) fn pipeline(
    runtime: &Runtime,
    name: &str,
    layers: impl FnOnce(PipelineBuilder) -> PipelineBuilder,
) -> Pipeline {
    layers(Pipeline::builder(name)).build(runtime).unwrap()
}

pub(crate) async fn millis(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}
