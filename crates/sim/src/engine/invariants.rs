use std::collections::BTreeMap;
use std::time::Duration;

use steadfast_actors::breaker::BreakerConfig;
use steadfast_actors::clock::saturating_nanos;
use steadfast_actors::event::{Event, Happening};
use steadfast_actors::limiter::LimiterConfig;
use steadfast_actors::machine::Kind;
use steadfast_actors::outcome::Outcome;

use super::breakers::Breakers;
use super::quotas::{Quotas, Standing};
use super::report::InvariantReport;

/// What must hold in every run, whatever its scenario says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    OneOutcome,
    LegalTransitions,
    Reports,
    Permits,
    Limits,
    Deadlines,
    OneRun,
    Counters,
}

const RULES: [(Rule, &str); 8] = [
    (Rule::OneOutcome, "each request has exactly one outcome"),
    (Rule::LegalTransitions, "breakers make only legal transitions"),
    (Rule::Reports, "breakers open, probe and close by what their own calls report"),
    (Rule::Permits, "permits in equal permits out and never exceed the capacity"),
    (Rule::Limits, "limiters grant at most rate * t + burst in every window"),
    (Rule::Deadlines, "no deadline is outlived by more than the scheduling step"),
    (Rule::OneRun, "an idempotency key has one run, and none after one succeeded"),
    (Rule::Counters, "counters equal the log"),
];

/// How much later than its deadline a call may end: tokio's tick, and the 1 ms that a report may wait for its
/// actor.
pub(crate) const STEP: u64 = 2_000_000;

/// Keys whose runs are followed at least before those that say nothing any more are looked for.
const FEW_RUNS: usize = 16_384;

/// Watches one variant while it runs.
#[derive(Debug, Default)]
pub(crate) struct Invariants {
    /// By the rule's number.
    checked: [u64; RULES.len()],
    violated: BTreeMap<Rule, String>,
    states: BTreeMap<String, String>,
    breakers: Breakers,
    quotas: Quotas,
    runs: BTreeMap<(usize, u64), Run>,
    /// At how many runs those that say nothing any more are forgotten; 0 before the first one.
    forget_at: usize,
    /// What one attempt of a handler may take, in nanoseconds.
    attempts: BTreeMap<String, u64>,
    /// A process that restarted may find a breaker in any state.
    restarted: bool,
}

/// The runs of one idempotency key at one handler.
#[derive(Debug, Default)]
struct Run {
    call: u64,
    running: u32,
    attempts: u32,
    succeeded_at: Option<u64>,
    ttl: u64,
    /// From then on it says nothing of later runs, unless one is under way.
    over_at: u64,
}

/// How an idempotent handler is declared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Once {
    /// How many attempts its retry makes at most.
    pub(crate) attempts: u32,
    /// How long a result is kept, in nanoseconds.
    pub(crate) ttl: u64,
}

impl Invariants {
    /// Notes that a rule was looked at, and whether it held.
    pub(crate) fn check(&mut self, rule: Rule, holds: bool, violation: impl FnOnce() -> String) {
        self.checked[rule as usize] += 1;
        if !holds {
            self.violated.entry(rule).or_insert_with(violation);
        }
    }

    /// Follows a limiter from now on, whose actor will not answer so often.
    pub(crate) fn follow(&mut self, name: &str, config: &LimiterConfig, outages: u64) {
        self.quotas.follow(name, config, outages);
    }

    /// Follows a breaker from now on.
    pub(crate) fn follow_breaker(&mut self, name: &str, config: &BreakerConfig) {
        self.breakers.follow(name, config);
    }

    /// No longer: too little is known of what it is told.
    pub(crate) fn forget_breaker(&mut self, name: &str) {
        self.breakers.forget(name);
    }

    /// Holds a handler's attempts to their limit from now on.
    pub(crate) fn limit_attempts(&mut self, handler: &str, limit: Duration) {
        self.attempts.insert(handler.to_owned(), saturating_nanos(limit));
    }

    /// The process under test has died, and another begins with what stood on the disk: everything that was recorded
    /// until `whole_until`, in nanoseconds of wall time; nothing is promised where that is `None`.
    pub(crate) fn restarted(&mut self, whole_until: Option<u64>) {
        self.restarted = true;
        self.states.clear();
        self.breakers.restarted();
        self.quotas.restarted();
        let kept = |ended: u64| whole_until.is_some_and(|until| ended.saturating_add(STEP) <= until);
        self.runs.retain(|_, run| run.succeeded_at.is_some_and(kept));
        for run in self.runs.values_mut() {
            run.running = 0;
        }
    }

    /// Sees one event of the runtime.
    pub(crate) fn saw(&mut self, event: &Event) {
        let at = event.at.as_nanos();
        match (&event.what, event.kind) {
            (Happening::Transition { from, to, .. }, Some(Kind::Breaker)) => {
                self.transition(&event.name, from, to);
            }
            // What comes of a key changes nothing of what the call was granted before it.
            (Happening::Decision { .. }, Some(Kind::Idempotency)) => {}
            (Happening::Decision { call: Some(call), verdict, reason }, Some(kind)) => {
                self.decision(at, *call, kind, &event.name, verdict == "granted", reason);
            }
            (Happening::Attempt { call, ending, latency_ns, .. }, _) => {
                self.attempt(*call, &event.name, *latency_ns);
                let latency = Duration::from_nanos(*latency_ns);
                self.breakers.reported(at, *call, &Outcome { ending: *ending, latency });
                self.quotas.passed(*call);
            }
            (Happening::Answer { call, .. }, _) => {
                self.breakers.answered(at, *call);
                self.quotas.passed(*call);
            }
            (Happening::Crash { .. } | Happening::Escalation { .. }, Some(Kind::Limiter)) => {
                self.quotas.outage(&event.name);
            }
            (Happening::Crash { .. } | Happening::Escalation { .. }, Some(Kind::Breaker)) => {
                self.breakers.crashed(&event.name);
            }
            _ => {}
        }
    }

    fn attempt(&mut self, call: u64, handler: &str, took: u64) {
        if let Some(limit) = self.attempts.get(handler).copied() {
            self.check(Rule::Deadlines, took <= limit.saturating_add(STEP), || {
                format!("an attempt of call {call} of {handler} took {took} ns of {limit} ns")
            });
        }
    }

    fn transition(&mut self, name: &str, from: &str, to: &str) {
        let known = self.states.insert(name.to_owned(), to.to_owned());
        let unknown = if self.restarted { from } else { "closed" };
        let before = known.as_deref().unwrap_or(unknown);
        let forced = |state: &str| state.starts_with("forced_");
        let legal = forced(from)
            || forced(to)
            || matches!(
                (from, to),
                ("closed", "open") | ("open", "half_open") | ("half_open", "open" | "closed")
            );
        self.check(Rule::LegalTransitions, legal && before == from, || {
            format!("{name} was {before} and went from {from} to {to}")
        });
        let why = self.breakers.changed(name, from, to);
        self.check(Rule::Reports, why.is_none(), || why.unwrap_or_default());
    }

    fn decision(&mut self, at: u64, call: u64, kind: Kind, name: &str, granted: bool, reason: &str) {
        if kind == Kind::Breaker {
            let why = match granted {
                true => self.breakers.let_in(at, call, name, reason),
                false => self.breakers.refused(at, call, name, reason),
            };
            self.check(Rule::Reports, why.is_none(), || why.unwrap_or_default());
        }
        if !granted {
            return self.quotas.refused(call);
        }
        if kind != Kind::Limiter {
            return;
        }
        let mut words = reason.split(' ');
        let (key, cost) = (words.nth(1).unwrap_or_default(), words.nth(1));
        let cost = cost.and_then(|cost| cost.parse().ok()).unwrap_or(1);
        let Some(Standing { found, allowed }) = self.quotas.granted(at, call, name, key, cost) else {
            return;
        };
        self.check(Rule::Limits, found <= allowed + 1, || {
            format!("{name} stood {found} above its rate at {at} ns; {allowed} are allowed")
        });
    }

    /// A request from outside ended after `took`, where it had so long at most.
    pub(crate) fn ended(&mut self, request: u64, took: u64, most: Option<Duration>) {
        if let Some(most) = most {
            let most = saturating_nanos(most).saturating_add(STEP);
            self.check(Rule::Deadlines, took <= most, || {
                format!("request {request} took {took} ns of at most {most} ns")
            });
        }
    }

    /// A run of an idempotent handler begins for `key` in this call. `at` is wall time: records outlive the process.
    pub(crate) fn run_begins(&mut self, at: u64, handler: usize, key: u64, call: u64, once: Once) {
        if self.runs.len() >= self.forget_at {
            self.runs.retain(|_, run| run.running > 0 || at < run.over_at);
            self.forget_at = (self.runs.len() * 2).max(FEW_RUNS);
        }
        let run = self.runs.entry((handler, key)).or_default();
        let (mut why, other) = (None, run.call != call);
        if other {
            if run.running > 0 {
                why = Some("a second run began while one was under way");
            } else if run.succeeded_at.is_some_and(|done| at.saturating_sub(done) < once.ttl) {
                why = Some("a run began although one had succeeded");
            }
            *run = Run { call, running: run.running, ttl: once.ttl, ..Run::default() };
        }
        run.running += 1;
        run.attempts += 1;
        if run.attempts > once.attempts {
            why = Some("more runs than attempts");
        }
        self.check(Rule::OneRun, why.is_none(), || {
            format!("key {key} at {at} ns of wall time: {}", why.unwrap_or_default())
        });
    }

    /// It ended.
    pub(crate) fn run_ends(&mut self, at: u64, handler: usize, key: u64, succeeded: bool) {
        if let Some(run) = self.runs.get_mut(&(handler, key)) {
            run.running = run.running.saturating_sub(1);
            run.over_at = at.saturating_add(run.ttl);
            if succeeded {
                run.succeeded_at = Some(at);
            }
        }
    }

    /// What became of each rule.
    pub(crate) fn report(&self, variant: &str) -> Vec<InvariantReport> {
        let of = |(rule, name): &(Rule, &str)| {
            let checked = self.checked[*rule as usize];
            let violated = self.violated.get(rule);
            InvariantReport {
                name: (*name).to_owned(),
                ok: violated.is_none(),
                detail: violated.map_or_else(
                    || format!("{checked} checks"),
                    |violation| format!("{variant}: {violation}"),
                ),
            }
        };
        RULES.iter().map(of).collect()
    }
}

/// Lays the reports of one variant over those of the ones before it.
pub(crate) fn merge(reports: &mut Vec<InvariantReport>, more: Vec<InvariantReport>) {
    if reports.is_empty() {
        *reports = more;
        return;
    }
    for (report, more) in reports.iter_mut().zip(more) {
        if report.ok && more.ok {
            let checks = |detail: &str| detail.trim_end_matches(" checks").parse::<u64>().unwrap_or(0);
            report.detail = format!("{} checks", checks(&report.detail) + checks(&more.detail));
        } else if report.ok {
            *report = more;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use steadfast_actors::clock::Time;
    use steadfast_actors::settings::Settings;

    fn ok(invariants: &Invariants, rule: Rule) -> bool {
        !invariants.violated.contains_key(&rule)
    }

    fn transition(from: &str, to: &str) -> Event {
        let what = Happening::Transition { from: from.into(), to: to.into(), reason: String::new() };
        Event { at: Time::ZERO, kind: Some(Kind::Breaker), name: "db".into(), what }
    }

    #[test]
    fn a_breaker_that_closes_without_a_probe_or_leaves_a_state_it_is_not_in_is_seen() {
        let mut invariants = Invariants::default();
        for (from, to) in [("closed", "open"), ("open", "half_open"), ("half_open", "closed")] {
            invariants.saw(&transition(from, to));
        }
        assert!(ok(&invariants, Rule::LegalTransitions));
        invariants.saw(&transition("open", "half_open"));
        assert!(!ok(&invariants, Rule::LegalTransitions));
        let mut invariants = Invariants::default();
        invariants.saw(&transition("closed", "open"));
        invariants.saw(&transition("open", "closed"));
        assert!(!ok(&invariants, Rule::LegalTransitions));
    }

    fn limiter_after(grants: &[u64]) -> Invariants {
        let settings = Settings::new().with("requests", 10).with("per", "1s");
        let config = LimiterConfig::from_settings(&settings).unwrap();
        let mut invariants = Invariants::default();
        invariants.follow("api", &config, 0);
        for (call, millis) in (0..).zip(grants) {
            let (verdict, reason) = ("granted".into(), "key abc cost 1".into());
            let what = Happening::Decision { call: Some(call), verdict, reason };
            let at = Time::from_nanos(millis * 1_000_000);
            invariants.saw(&Event { at, kind: Some(Kind::Limiter), name: "api".into(), what });
        }
        invariants
    }

    #[test]
    fn a_limiter_that_grants_twice_its_burst_at_once_is_seen_and_one_that_keeps_its_window_is_not() {
        let windows: Vec<u64> = (0..50).map(|grant| grant / 10 * 1_000).collect();
        assert!(ok(&limiter_after(&windows), Rule::Limits));
        assert!(!ok(&limiter_after(&[0; 20]), Rule::Limits));
    }

    #[test]
    fn runs_that_say_nothing_any_more_take_no_memory() {
        let once = Once { attempts: 1, ttl: 1_000 };
        let mut invariants = Invariants::default();
        for key in 0..3 * FEW_RUNS as u64 {
            invariants.run_begins(key, 0, key, key + 1, once);
            invariants.run_ends(key, 0, key, true);
        }
        assert!(ok(&invariants, Rule::OneRun));
        assert!(invariants.runs.len() <= FEW_RUNS + 1_000, "{}", invariants.runs.len());
        // The latest one is still known.
        let last = 3 * FEW_RUNS as u64 - 1;
        invariants.run_begins(last, 0, last, 0, once);
        assert!(!ok(&invariants, Rule::OneRun));
    }

    #[test]
    fn a_second_run_of_a_key_is_seen_while_one_runs_and_after_one_succeeded() {
        let once = Once { attempts: 2, ttl: 1_000 };
        let mut invariants = Invariants::default();
        invariants.run_begins(0, 0, 7, 1, once);
        invariants.run_ends(1, 0, 7, false);
        invariants.run_begins(2, 0, 7, 1, once);
        invariants.run_ends(3, 0, 7, true);
        invariants.run_begins(2_000, 0, 7, 2, once);
        assert!(ok(&invariants, Rule::OneRun));
        invariants.run_begins(2_001, 0, 7, 3, once);
        assert!(!ok(&invariants, Rule::OneRun));
        let mut invariants = Invariants::default();
        invariants.run_begins(0, 0, 7, 1, once);
        invariants.run_ends(1, 0, 7, true);
        invariants.run_begins(2, 0, 7, 2, once);
        assert!(!ok(&invariants, Rule::OneRun));
    }
}
