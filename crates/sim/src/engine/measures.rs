use std::collections::{BTreeMap, BTreeSet, HashMap};

use hdrhistogram::Histogram;

use super::permits::Permits;
use super::series::{BIN, Series};

/// Latencies are told apart from 1 us to a week, to three digits.
const SHORTEST: u64 = 1_000;
const LONGEST: u64 = 604_800_000_000_000;

/// Transitions that are kept one by one; beyond that they are only counted.
const MOST_TRANSITIONS: usize = 100_000;

/// One transition of an actor.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct TransitionSeen {
    /// When, in nanoseconds of virtual time.
    pub t_ns: u64,
    /// The actor's kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The state it left.
    pub from: String,
    /// The state it entered.
    pub to: String,
    /// Why.
    pub reason: String,
}

/// How one request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// A real success.
    Success,
    /// An answer of a fallback, or with parts left out.
    Degraded,
    /// A refusal of ours, by its kind.
    Rejected(&'static str),
    /// An error of a dependency.
    Failed(&'static str),
}

/// What is measured of one variant.
#[derive(Debug)]
pub(crate) struct Measures {
    pub(crate) offered: Series,
    pub(crate) good: Series,
    pub(crate) answered: Series,
    pub(crate) degraded: Series,
    pub(crate) attempts: Series,
    pub(crate) executions: Series,
    pub(crate) in_flight: Series,
    in_flight_now: u64,
    pub(crate) rejected: BTreeMap<&'static str, Series>,
    pub(crate) failed: BTreeMap<&'static str, Series>,
    pub(crate) queues: Vec<Series>,
    pub(crate) pools: Vec<Permits>,
    /// Nanoseconds that servers worked, and of these the ones after the caller had gone.
    pub(crate) worked: Series,
    pub(crate) wasted: Series,
    pub(crate) latency: Histogram<u64>,
    /// Latencies of single windows, for the expectations that ask for them.
    pub(crate) windows: Vec<((u64, u64), Histogram<u64>)>,
    pub(crate) transitions: Vec<TransitionSeen>,
    pub(crate) transition_counts: BTreeMap<String, u64>,
    /// Restarts and escalations by the actor's name.
    pub(crate) restarts: BTreeMap<String, Series>,
    pub(crate) escalations: BTreeMap<String, Series>,
    pub(crate) reached: BTreeSet<String>,
    /// Entries that limiters and idempotency stores keep in memory at the end.
    pub(crate) entries: u64,
    /// Memory of the process, read now and then.
    pub(crate) resident_kib: Vec<u64>,
    /// How often each key was executed; counted only where an expectation asks for it. Looked up, and only its greatest
    /// value is ever read out.
    pub(crate) per_key: Option<HashMap<u64, u64>>,
    /// The same of some handlers alone, by their numbers, for the expectations that ask for them.
    pub(crate) parts: Vec<(Vec<usize>, Measures)>,
}

/// An empty one of latencies.
pub(crate) fn histogram() -> Histogram<u64> {
    #[expect(clippy::expect_used, reason = "the bounds are constants")]
    Histogram::new_with_bounds(SHORTEST, LONGEST, 3).expect("bounds in order")
}

impl Measures {
    pub(crate) fn new(services: usize, windows: Vec<(u64, u64)>, by_key: bool) -> Self {
        Measures {
            offered: Series::default(),
            good: Series::default(),
            answered: Series::default(),
            degraded: Series::default(),
            attempts: Series::default(),
            executions: Series::default(),
            in_flight: Series::default(),
            in_flight_now: 0,
            rejected: BTreeMap::new(),
            failed: BTreeMap::new(),
            queues: vec![Series::default(); services],
            pools: Vec::new(),
            worked: Series::default(),
            wasted: Series::default(),
            latency: histogram(),
            windows: windows.into_iter().map(|window| (window, histogram())).collect(),
            transitions: Vec::new(),
            transition_counts: BTreeMap::new(),
            restarts: BTreeMap::new(),
            escalations: BTreeMap::new(),
            reached: BTreeSet::new(),
            entries: 0,
            resident_kib: Vec::new(),
            per_key: by_key.then(HashMap::new),
            parts: Vec::new(),
        }
    }

    fn parts_of(&mut self, handler: usize) -> impl Iterator<Item = &mut Measures> {
        let concerned = self.parts.iter_mut().filter(move |(handlers, _)| handlers.contains(&handler));
        concerned.map(|(_, part)| part)
    }

    /// What is measured of these handlers; of all where none is named.
    pub(crate) fn part(&self, handlers: &[usize]) -> &Measures {
        self.parts.iter().find(|(known, _)| known == handlers).map_or(self, |(_, part)| part)
    }

    pub(crate) fn arrived(&mut self, at: u64, handler: usize) {
        self.parts_of(handler).for_each(|part| part.arrived(at, handler));
        self.offered.add(at, 1);
        self.in_flight_now += 1;
        let now = self.in_flight_now;
        self.in_flight.raise(at, now);
    }

    pub(crate) fn ended(&mut self, at: u64, since: u64, handler: usize, ended: Ended) {
        self.parts_of(handler).for_each(|part| part.ended(at, since, handler, ended));
        self.in_flight.raise(at, self.in_flight_now);
        self.in_flight_now = self.in_flight_now.saturating_sub(1);
        self.answered.add(at, 1);
        match ended {
            Ended::Success => {
                self.good.add(at, 1);
                let latency = at.saturating_sub(since).clamp(SHORTEST, LONGEST);
                self.latency.saturating_record(latency);
                for ((from, to), histogram) in &mut self.windows {
                    if (*from..*to).contains(&at) {
                        histogram.saturating_record(latency);
                    }
                }
            }
            Ended::Degraded => self.degraded.add(at, 1),
            Ended::Rejected(kind) => self.rejected.entry(kind).or_default().add(at, 1),
            Ended::Failed(kind) => self.failed.entry(kind).or_default().add(at, 1),
        }
    }

    /// A request of this handler's, or one that it led to, is sent to a service.
    pub(crate) fn attempted(&mut self, at: u64, handler: usize) {
        self.parts_of(handler).for_each(|part| part.attempts.add(at, 1));
        self.attempts.add(at, 1);
    }

    pub(crate) fn executed(&mut self, at: u64, key: u64) {
        self.executions.add(at, 1);
        if let Some(per_key) = &mut self.per_key {
            *per_key.entry(key).or_default() += 1;
        }
    }

    pub(crate) fn waiting(&mut self, service: usize, at: u64, depth: u64) {
        self.queues[service].raise(at, depth);
    }

    /// The place of a pool of permits, which a process that begins anew finds again.
    pub(crate) fn pool(&mut self, kind: &'static str, name: &str) -> usize {
        let known = self.pools.iter().position(|pool| pool.kind == kind && pool.name == name);
        known.unwrap_or_else(|| {
            self.pools.push(Permits::new(kind, name));
            self.pools.len() - 1
        })
    }

    pub(crate) fn transition(&mut self, at: u64, kind: &str, name: &str, from: &str, to: &str, reason: &str) {
        *self.transition_counts.entry(name.to_owned()).or_default() += 1;
        if self.transitions.len() < MOST_TRANSITIONS {
            self.transitions.push(TransitionSeen {
                t_ns: at,
                kind: kind.to_owned(),
                name: name.to_owned(),
                from: from.to_owned(),
                to: to.to_owned(),
                reason: reason.to_owned(),
            });
        }
    }

    /// From `healed` until, over one second, at least `ratio` of what was offered was answered well; `None` where that
    /// never came. In nanoseconds, to whole bins.
    pub(crate) fn recovery(&self, healed: u64, end: u64, ratio: f64) -> Option<u64> {
        const SECOND: u64 = 1_000_000_000;
        let mut from = healed;
        while from + SECOND <= end {
            let offered = self.offered.sum(from, from + SECOND);
            let good = self.good.sum(from, from + SECOND);
            #[expect(clippy::cast_precision_loss, reason = "counts of one second")]
            if offered > 0 && good as f64 >= ratio * offered as f64 {
                return Some(from - healed);
            }
            from += BIN;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_window_sums_what_lies_in_it_and_nothing_else() {
        let mut series = Series::default();
        for second in 0..10 {
            series.add(second * SECOND, second);
        }
        assert_eq!(series.sum(2 * SECOND, 4 * SECOND), 5);
        assert_eq!(series.sum(9 * SECOND, 900 * SECOND), 9);
        assert_eq!(series.sum(20 * SECOND, 30 * SECOND), 0);
        assert_eq!(series.most(0, 5 * SECOND), 4);
    }

    #[test]
    fn a_part_counts_the_requests_of_its_handlers_alone() {
        let mut measures = Measures::new(0, Vec::new(), false);
        measures.parts.push((vec![1], Measures::new(0, Vec::new(), false)));
        for handler in [0, 1, 1] {
            measures.arrived(0, handler);
            measures.ended(0, 0, handler, Ended::Success);
        }
        let good = |measures: &Measures| measures.good.sum(0, BIN);
        assert_eq!((good(&measures), good(measures.part(&[1])), good(measures.part(&[]))), (3, 2, 3));
    }

    #[test]
    fn recovery_is_the_first_second_in_which_enough_was_answered_well() {
        let mut measures = Measures::new(0, Vec::new(), false);
        for tenth in 0..100u64 {
            measures.arrived(tenth * BIN, 0);
            let ended = if tenth >= 50 { Ended::Success } else { Ended::Failed("timeout") };
            measures.ended(tenth * BIN, tenth * BIN, 0, ended);
        }
        assert_eq!(measures.recovery(2 * SECOND, 10 * SECOND, 0.95), Some(3 * SECOND));
        assert_eq!(measures.recovery(2 * SECOND, 4 * SECOND, 0.95), None);
    }
}
