use std::collections::BTreeMap;

use serde::Serialize;

use super::cost::CostReport;
use super::draw::seconds;
use super::measures::{Measures, TransitionSeen};
use super::permits::Permits;
use super::series::{BIN, Series};

const SECOND: u64 = 1_000_000_000;

/// What one run of a scenario came to, as `--json` prints it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The scenario's name.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// The blake3 of the event log.
    pub digest: String,
    /// Whether everything held.
    pub verdict: Verdict,
    /// How long it took, in milliseconds of real time. With `cost`, all that another run gives differently.
    pub wall_ms: u64,
    /// How long it was in virtual time, all variants together, in seconds.
    pub virtual_s: f64,
    /// How fast that was, and in how much memory.
    pub cost: CostReport,
    /// How many events were logged.
    pub events: u64,
    /// The variants, in the order of the file.
    pub variants: Vec<VariantReport>,
    /// What was expected, and what must be reached.
    pub expect: Vec<ExpectReport>,
    /// What must always hold.
    pub invariants: Vec<InvariantReport>,
}

/// Whether everything held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It did.
    Pass,
    /// An expectation or an invariant did not.
    Fail,
}

/// What one variant came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct VariantReport {
    /// Its name.
    pub name: String,
    /// Requests that arrived.
    pub offered: u64,
    /// Real successes a second, over the whole run.
    pub goodput_per_s: f64,
    /// Requests that were sent to services.
    pub attempts: u64,
    /// The share of answered requests that were real successes.
    pub success_ratio: f64,
    /// Answers of fallbacks, or with parts left out.
    pub degraded: u64,
    /// Refusals of ours that reached who asked, by kind.
    pub rejected: BTreeMap<String, u64>,
    /// Errors of dependencies that reached who asked, by kind.
    pub failed: BTreeMap<String, u64>,
    /// Latencies of real successes.
    pub latency_ms: LatencyReport,
    /// From the end of the last fault until goodput was back; `null` where it never was, or nothing failed.
    pub recovery_s: Option<f64>,
    /// Requests that servers took up.
    pub executions: u64,
    /// The share of server time that nobody waited for any more.
    pub wasted: f64,
    /// Transitions by the actor's name.
    pub transitions: BTreeMap<String, u64>,
    /// By whole seconds.
    pub series: Vec<SeriesPoint>,
    /// Each pool of permits over time.
    pub permits: Vec<PermitsReport>,
    /// Each transition, up to a limit.
    pub timeline: Vec<TransitionSeen>,
}

/// The permits of one pool by whole seconds; of memory, bytes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PermitsReport {
    /// `bulkhead` or `throttle`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Permits out, the average of ten looks.
    pub in_use: Vec<f64>,
    /// The most that were out at any time.
    pub most: Vec<u64>,
    /// Of how many.
    pub capacity: Vec<u64>,
}

/// Quantiles in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[allow(missing_docs, reason = "they are what they are called")]
pub struct LatencyReport {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

/// One second.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SeriesPoint {
    /// Its start.
    pub t_s: u64,
    /// Requests that arrived.
    pub offered: u64,
    /// Real successes.
    pub goodput: u64,
    /// Requests sent to services.
    pub attempts: u64,
    /// The most requests in flight.
    pub in_flight: u64,
    /// The most that waited, for each service in the order of the file.
    pub queues: Vec<u64>,
}

/// One expectation and whether it held.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExpectReport {
    /// The variant.
    pub variant: String,
    /// What was measured, with its window.
    pub metric: String,
    /// What came out, in the unit of the bound; `null` where it never came.
    pub value: Option<f64>,
    /// What must hold.
    pub bound: String,
    /// Whether it did.
    pub ok: bool,
}

/// One invariant and whether it held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InvariantReport {
    /// Its name.
    pub name: String,
    /// Whether it held.
    pub ok: bool,
    /// The first violation, or how much was checked.
    pub detail: String,
}

#[expect(clippy::cast_precision_loss, reason = "shown to people")]
pub(crate) fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

impl VariantReport {
    pub(crate) fn of(name: &str, measures: &Measures, end: u64, recovery: Option<u64>) -> Self {
        let sum = |series: &Series| series.sum(0, end.saturating_add(BIN));
        let by_kind = |kinds: &BTreeMap<&'static str, Series>| {
            kinds.iter().map(|(kind, series)| ((*kind).to_owned(), sum(series))).collect()
        };
        let good = sum(&measures.good);
        let latency = |quantile: f64| seconds(measures.latency.value_at_quantile(quantile)) * 1e3;
        let latency_ms = if measures.latency.is_empty() {
            LatencyReport::default()
        } else {
            LatencyReport {
                p50: latency(0.5),
                p90: latency(0.9),
                p99: latency(0.99),
                p999: latency(0.999),
                max: seconds(measures.latency.max()) * 1e3,
            }
        };
        VariantReport {
            name: name.to_owned(),
            offered: sum(&measures.offered),
            goodput_per_s: ratio(good, 1) / seconds(end),
            attempts: sum(&measures.attempts),
            success_ratio: ratio(good, sum(&measures.answered)),
            degraded: sum(&measures.degraded),
            rejected: by_kind(&measures.rejected),
            failed: by_kind(&measures.failed),
            latency_ms,
            recovery_s: recovery.map(seconds),
            executions: sum(&measures.executions),
            wasted: ratio(sum(&measures.wasted), sum(&measures.worked)),
            transitions: measures.transition_counts.clone(),
            series: (0..end.div_ceil(SECOND)).map(|second| point(measures, second)).collect(),
            permits: measures.pools.iter().map(|pool| permits(pool, end)).collect(),
            timeline: measures.transitions.clone(),
        }
    }
}

fn permits(pool: &Permits, end: u64) -> PermitsReport {
    let seconds = (0..end.div_ceil(SECOND)).map(|second| pool.second(second * SECOND, (second + 1) * SECOND));
    let seconds: Vec<_> = seconds.collect();
    PermitsReport {
        kind: pool.kind.to_owned(),
        name: pool.name.clone(),
        in_use: seconds.iter().map(|second| second.in_use).collect(),
        most: seconds.iter().map(|second| second.most).collect(),
        capacity: seconds.iter().map(|second| second.capacity).collect(),
    }
}

fn point(measures: &Measures, second: u64) -> SeriesPoint {
    let (from, to) = (second * SECOND, (second + 1) * SECOND);
    SeriesPoint {
        t_s: second,
        offered: measures.offered.sum(from, to),
        goodput: measures.good.sum(from, to),
        attempts: measures.attempts.sum(from, to),
        in_flight: measures.in_flight.most(from, to),
        queues: measures.queues.iter().map(|queue| queue.most(from, to)).collect(),
    }
}
