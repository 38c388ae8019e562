use std::time::Duration;

use steadfast_actors::settings::format_duration;

use super::mistake::Notes;
use super::reader::{Table, duration, number};
use super::tree::{Item, Node};

/// How long something takes. Times are in nanoseconds.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Distribution {
    /// Always the same.
    Const(u64),
    /// Anything between two bounds.
    Uniform {
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
    /// Memoryless.
    Exp {
        /// The mean.
        mean: u64,
    },
    /// Its logarithm is normal.
    Lognormal {
        /// Half lie below.
        median: u64,
        /// The standard deviation of the logarithm.
        sigma: f64,
    },
    /// Two kinds of requests.
    Bimodal {
        /// The share of the second kind.
        share: f64,
        /// The usual kind.
        fast: Box<Distribution>,
        /// The second kind.
        slow: Box<Distribution>,
    },
    /// A heavy tail.
    Pareto {
        /// The least.
        min: u64,
        /// The tail's exponent: the smaller, the heavier.
        shape: f64,
    },
    /// What lifetimes follow.
    Weibull {
        /// 63 % lie below.
        scale: u64,
        /// Below 1 a heavy tail, above 1 a narrow peak.
        shape: f64,
    },
    /// One of some measured values, each with its weight.
    Table(Vec<(u64, f64)>),
    /// Grows with the requests in flight.
    Concurrency {
        /// With none.
        base: u64,
        /// More for each.
        slope: u64,
    },
}

impl Distribution {
    /// No time at all.
    pub const ZERO: Distribution = Distribution::Const(0);
}

impl std::fmt::Display for Distribution {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let time = |nanos: &u64| format_duration(Duration::from_nanos(*nanos));
        match self {
            Distribution::Const(value) => f.write_str(&time(value)),
            Distribution::Uniform { min, max } => write!(f, "uniform from {} to {}", time(min), time(max)),
            Distribution::Exp { mean } => write!(f, "exponential with mean {}", time(mean)),
            Distribution::Lognormal { median, sigma } => {
                write!(f, "lognormal with median {} and sigma {sigma}", time(median))
            }
            Distribution::Bimodal { share, fast, slow } => write!(f, "{fast}, a share of {share} {slow}"),
            Distribution::Pareto { min, shape } => write!(f, "Pareto from {} with shape {shape}", time(min)),
            Distribution::Weibull { scale, shape } => {
                write!(f, "Weibull with scale {} and shape {shape}", time(scale))
            }
            Distribution::Table(values) => write!(f, "one of {} measured values", values.len()),
            Distribution::Concurrency { base, slope } => {
                write!(f, "{} and {} more for each in flight", time(base), time(slope))
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Shape {
    Const,
    Uniform,
    Exp,
    Lognormal,
    Bimodal,
    Pareto,
    Weibull,
    Table,
    Concurrency,
}

const SHAPES: [(&str, Shape); 9] = [
    ("const", Shape::Const),
    ("uniform", Shape::Uniform),
    ("exp", Shape::Exp),
    ("lognormal", Shape::Lognormal),
    ("bimodal", Shape::Bimodal),
    ("pareto", Shape::Pareto),
    ("weibull", Shape::Weibull),
    ("table", Shape::Table),
    ("concurrency", Shape::Concurrency),
];

/// The 99th percentile of the standard normal distribution.
const Z99: f64 = 2.326_347_874_040_841;

/// Reads `"100ms"` or `{ dist = "exp", mean = "100ms" }`.
pub(crate) fn read(node: &Node, notes: &mut Notes<'_>) -> Option<Distribution> {
    if matches!(node.item, Item::Text(_)) {
        return duration(node, notes).map(Distribution::Const);
    }
    let mut table = Table::new(node, "a latency", notes)?;
    let shape = table.need("dist", "\"exp\"", notes);
    let shape = super::reader::choice(shape?, &SHAPES, notes)?;
    let found = read_shape(shape, &mut table, notes);
    table.finish(notes);
    found
}

fn read_shape(shape: Shape, table: &mut Table<'_>, notes: &mut Notes<'_>) -> Option<Distribution> {
    let time = |table: &mut Table<'_>, key, notes: &mut Notes<'_>| {
        let node = table.need(key, "\"100ms\"", notes)?;
        duration(node, notes)
    };
    let shape_of = |table: &mut Table<'_>, notes: &mut Notes<'_>| {
        let node = table.need("shape", "1.5", notes)?;
        number(node, 0.05..=100.0, notes)
    };
    match shape {
        Shape::Const => time(table, "value", notes).map(Distribution::Const),
        Shape::Uniform => {
            let (min, max) = (time(table, "min", notes), time(table, "max", notes));
            let (min, max) = (min?, max?);
            if min > max {
                notes.add(table.span, "min is longer than max");
                return None;
            }
            Some(Distribution::Uniform { min, max })
        }
        Shape::Exp => time(table, "mean", notes).map(|mean| Distribution::Exp { mean }),
        Shape::Lognormal => {
            let median = time(table, "median", notes);
            let sigma = table.number("sigma", 0.0..=10.0, notes);
            let p99 = table.duration("p99", notes);
            let median = median?;
            let sigma = match (sigma, p99) {
                (Some(sigma), None) => sigma,
                (None, Some(p99)) if p99 >= median && median > 0 => ratio_log(p99, median) / Z99,
                (None, Some(_)) => {
                    notes.add(table.span, "p99 is shorter than the median");
                    return None;
                }
                _ => {
                    notes.add(table.span, "write either sigma, as in 0.5, or p99, as in \"400ms\"");
                    return None;
                }
            };
            Some(Distribution::Lognormal { median, sigma })
        }
        Shape::Bimodal => {
            let share = table.need("share", "0.001", notes).and_then(|node| number(node, 0.0..=1.0, notes));
            let fast = table.need("fast", "\"10ms\"", notes).and_then(|node| read(node, notes));
            let slow = table.need("slow", "\"1s\"", notes).and_then(|node| read(node, notes));
            Some(Distribution::Bimodal { share: share?, fast: Box::new(fast?), slow: Box::new(slow?) })
        }
        Shape::Pareto => {
            let (min, shape) = (time(table, "min", notes), shape_of(table, notes));
            Some(Distribution::Pareto { min: min?, shape: shape? })
        }
        Shape::Weibull => {
            let (scale, shape) = (time(table, "scale", notes), shape_of(table, notes));
            Some(Distribution::Weibull { scale: scale?, shape: shape? })
        }
        Shape::Table => read_values(table, notes).map(Distribution::Table),
        Shape::Concurrency => {
            let (base, slope) = (time(table, "base", notes), time(table, "slope", notes));
            Some(Distribution::Concurrency { base: base?, slope: slope? })
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a week of nanoseconds lies below 2^53")]
fn ratio_log(p99: u64, median: u64) -> f64 {
    libm::log(p99 as f64 / median as f64)
}

fn read_values(table: &mut Table<'_>, notes: &mut Notes<'_>) -> Option<Vec<(u64, f64)>> {
    let times: Vec<Option<u64>> =
        table.list("values", 10_000, notes).iter().map(|node| duration(node, notes)).collect();
    let times: Vec<u64> = times.into_iter().collect::<Option<_>>()?;
    let weights: Vec<Option<f64>> =
        table.list("weights", 10_000, notes).iter().map(|node| number(node, 0.0..=1e9, notes)).collect();
    let mut weights: Vec<f64> = weights.into_iter().collect::<Option<_>>()?;
    if weights.is_empty() {
        weights = vec![1.0; times.len()];
    }
    if times.is_empty() || times.len() != weights.len() || weights.iter().sum::<f64>() <= 0.0 {
        notes.add(table.span, "write values = [\"1ms\", ..], and as many weights if any, not all of them 0");
        return None;
    }
    Some(times.into_iter().zip(weights).collect())
}
