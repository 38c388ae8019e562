use super::draw::seconds;
use super::measures::Measures;
use super::report::{ExpectReport, ratio};
use super::series::Series;
use crate::scenario::{Bound, Expectation, Metric, Reached, Scenario, Sometimes};

/// What an expectation is held against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ground<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) measures: &'a Measures,
    /// When the last fault ended.
    pub(crate) healed: Option<u64>,
}

/// What a metric came to.
enum Value {
    /// So many, which over a window is also a rate.
    Count(u64),
    /// A plain number.
    Number(f64),
    /// A time in nanoseconds.
    Time(u64),
    /// It never came.
    Never,
}

/// Whether an expectation held.
pub(crate) fn evaluate(expectation: &Expectation, ground: Ground<'_>) -> ExpectReport {
    let end = ground.scenario.duration;
    let (from, to) = expectation.over.unwrap_or((0, end));
    let to = to.min(end);
    let value = measure(expectation, ground, from, to);
    let in_unit_of = |bound: &Bound| match (&value, bound) {
        (Value::Count(count), Bound::Rate(_)) => {
            Some(ratio(*count, 1) / seconds(to.saturating_sub(from).max(1)))
        }
        (Value::Count(count), _) => Some(ratio(*count, 1)),
        (Value::Number(number), _) => Some(*number),
        (Value::Time(time), _) => Some(seconds(*time)),
        (Value::Never, _) => None,
    };
    let (mut ok, mut shown, mut bounds) = (true, None, Vec::new());
    for (bound, is_max) in [(&expectation.min, false), (&expectation.max, true)] {
        let Some(bound) = bound else { continue };
        let found = in_unit_of(bound);
        let limit = match bound {
            Bound::Number(number) | Bound::Rate(number) => *number,
            Bound::Time(time) => seconds(*time),
        };
        // What never comes comes later than any bound.
        ok &= match (found, is_max) {
            (Some(found), true) => found <= limit,
            (Some(found), false) => found >= limit,
            (None, is_max) => !is_max,
        };
        shown = found;
        bounds.push(format!("{} {}", if is_max { "<=" } else { ">=" }, written(bound)));
    }
    let window = expectation.over.map(|(from, to)| format!(" over {}s..{}s", seconds(from), seconds(to)));
    ExpectReport {
        variant: expectation.variant.clone(),
        metric: format!("{}{}{}", expectation.metric, concerned(expectation), window.unwrap_or_default()),
        value: shown,
        bound: bounds.join(" and "),
        ok,
    }
}

/// The numbers of the handlers that an expectation is about; none where it is about all.
pub(crate) fn handlers(scenario: &Scenario, expectation: &Expectation) -> Vec<usize> {
    let number = |name: &String| scenario.handlers.iter().position(|handler| handler.name == *name);
    expectation.handlers.iter().filter_map(number).collect()
}

fn written(bound: &Bound) -> String {
    match bound {
        Bound::Number(number) => number.to_string(),
        Bound::Rate(rate) => format!("{rate}/s"),
        Bound::Time(time) => format!("{}s", seconds(*time)),
    }
}

fn measure(expectation: &Expectation, ground: Ground<'_>, from: u64, to: u64) -> Value {
    let Ground { scenario, measures: all, healed } = ground;
    let measures = all.part(&handlers(scenario, expectation));
    let sum = |series: &Series| series.sum(from, to);
    match &expectation.metric {
        Metric::Goodput => Value::Count(sum(&measures.good)),
        Metric::Offered => Value::Count(sum(&measures.offered)),
        Metric::Attempts => Value::Count(sum(&measures.attempts)),
        Metric::Executions => Value::Count(sum(&measures.executions)),
        Metric::Degraded => Value::Count(sum(&measures.degraded)),
        Metric::SuccessRatio => match sum(&measures.answered) {
            0 => Value::Never,
            answered => Value::Number(ratio(sum(&measures.good), answered)),
        },
        Metric::Wasted => Value::Number(ratio(sum(&measures.wasted), sum(&measures.worked))),
        Metric::Quantile(thousandths) => {
            let window = measures.windows.iter().find(|(window, _)| Some(*window) == expectation.over);
            let histogram = window.map_or(&measures.latency, |(_, histogram)| histogram);
            if histogram.is_empty() {
                return Value::Never;
            }
            Value::Time(histogram.value_at_quantile(f64::from(*thousandths) / 1_000.0))
        }
        Metric::Recovery => {
            let recovered = healed
                .and_then(|healed| measures.recovery(healed, scenario.duration.min(to), expectation.ratio));
            recovered.map_or(Value::Never, Value::Time)
        }
        Metric::Rejected(kind) => {
            Value::Count(measures.rejected.get(kind.as_str()).map_or(0, |series| series.sum(from, to)))
        }
        Metric::Transitions(name) => {
            let mut seen = 0;
            for transition in &measures.transitions {
                if transition.name == *name && (from..=to).contains(&transition.t_ns) {
                    seen += 1;
                }
            }
            Value::Count(seen)
        }
        Metric::Restarts(name) => Value::Count(measures.restarts.get(name).map_or(0, sum)),
        Metric::Escalations(name) => Value::Count(measures.escalations.get(name).map_or(0, sum)),
        Metric::ExecutionsPerKey => {
            let most = measures.per_key.as_ref().and_then(|counts| counts.values().max().copied());
            Value::Number(ratio(most.unwrap_or(0), 1))
        }
        Metric::InFlight => Value::Number(ratio(measures.in_flight.most(from, to), 1)),
        Metric::Queue(name) => {
            let index = scenario.services.iter().position(|service| service.name == *name);
            let most = index.and_then(|index| measures.queues.get(index)).map(|queue| queue.most(from, to));
            Value::Number(ratio(most.unwrap_or(0), 1))
        }
        Metric::Memory => Value::Number(ratio(measures.entries, 1)),
    }
}

fn concerned(expectation: &Expectation) -> String {
    match expectation.handlers.as_slice() {
        [] => String::new(),
        handlers => format!(" of {}", handlers.join(", ")),
    }
}

/// Whether what must happen at all has happened.
pub(crate) fn reached(sometimes: &Sometimes, measures: &Measures) -> ExpectReport {
    let name = match &sometimes.reached {
        Reached::State { kind, name, state } => format!("{kind}:{name}={state}"),
        Reached::Event(name) => name.clone(),
    };
    let ok = measures.reached.contains(&name);
    ExpectReport {
        variant: sometimes.variant.clone(),
        metric: format!("reached {name}"),
        value: Some(if ok { 1.0 } else { 0.0 }),
        bound: ">= 1".to_owned(),
        ok,
    }
}

/// Whether an expectation held for enough of its seeds.
pub(crate) fn over_seeds<E>(
    expectation: &Expectation,
    (from, to, of): (u64, u64, u64),
    held: impl Fn(u64) -> Result<bool, E>,
) -> Result<ExpectReport, E> {
    let mut count = 0;
    for seed in from..to {
        count += u64::from(held(seed)?);
    }
    let bounds = [(&expectation.min, ">="), (&expectation.max, "<=")].map(|(bound, sign)| {
        bound.as_ref().map_or_else(String::new, |bound| format!(" {sign} {}", written(bound)))
    });
    Ok(ExpectReport {
        variant: expectation.variant.clone(),
        metric: format!(
            "{}{}{} with seeds {from}..{to}",
            expectation.metric,
            concerned(expectation),
            bounds.concat()
        ),
        value: Some(ratio(count, 1)),
        bound: format!(">= {of}"),
        ok: count >= of,
    })
}
