use std::collections::HashMap;

use steadfast_actors::breaker::{BreakerConfig, Span};
use steadfast_actors::outcome::{Ending, Health, Outcome};

use super::invariants::STEP;

/// What breakers do, held against what the calls that they let in report, counted apart from their own books.
#[derive(Debug, Default)]
pub(super) struct Breakers {
    /// By name: few enough to be looked through.
    known: Vec<(String, Breaker)>,
}

#[derive(Debug)]
struct Breaker {
    config: BreakerConfig,
    /// So many failures open it, where nothing else has a say.
    threshold: Option<u64>,
    /// How often it changed its state.
    epoch: u64,
    half_open: bool,
    /// Something of what it was told may be lost, until it changes its state again.
    unsure: bool,
    /// The calls that it let in and that have not yet reported.
    admitted: HashMap<u64, Admission>,
    /// Successes and failures of its epoch's own calls.
    successes: u64,
    failures: u64,
    /// Failures since the last success, and since when they are enough to open it.
    in_a_row: u64,
    enough_since: Option<u64>,
    /// Probes that ended or were given back, the latest last, for as long as they may be on their way to the actor.
    returned: Vec<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Admission {
    epoch: u64,
    probe: bool,
}

impl Breakers {
    /// Follows a breaker from now on. What is known of one that several handlers share, or whose actor is to hang, says
    /// too little.
    pub(super) fn follow(&mut self, name: &str, config: &BreakerConfig) {
        if self.breaker(name).is_none() {
            self.known.push((name.to_owned(), Breaker::new(config.clone())));
        }
    }

    /// No longer.
    pub(super) fn forget(&mut self, name: &str) {
        self.known.retain(|(known, _)| known != name);
    }

    fn breaker(&mut self, name: &str) -> Option<&mut Breaker> {
        self.known.iter_mut().find(|(known, _)| known == name).map(|(_, breaker)| breaker)
    }

    /// Another process begins: calls of the one before report nothing any more.
    pub(super) fn restarted(&mut self) {
        for (_, breaker) in &mut self.known {
            breaker.admitted.clear();
            breaker.unsure = true;
        }
    }

    /// An actor crashed: reports may be lost with it.
    pub(super) fn crashed(&mut self, name: &str) {
        if let Some(breaker) = self.breaker(name) {
            breaker.unsure = true;
        }
    }

    /// A call was let in. Tells what is wrong with that.
    pub(super) fn let_in(&mut self, at: u64, call: u64, name: &str, reason: &str) -> Option<String> {
        let breaker = self.breaker(name)?;
        let probe = reason == "probe";
        breaker.admitted.insert(call, Admission { epoch: breaker.epoch, probe });
        let late = breaker.enough_since.filter(|since| at > since.saturating_add(STEP))?;
        let is_wrong = !probe && !breaker.half_open && !breaker.unsure;
        is_wrong.then(|| format!("{name} let call {call} in at {at} ns after enough failures at {late} ns"))
    }

    /// A call was refused. Tells what is wrong with that.
    pub(super) fn refused(&mut self, at: u64, call: u64, name: &str, reason: &str) -> Option<String> {
        let breaker = self.breaker(name)?;
        if !breaker.half_open || breaker.unsure || !reason.contains("every probe out") {
            return None;
        }
        breaker.returned.retain(|returned| at <= returned.saturating_add(STEP));
        let epoch = breaker.epoch;
        let out = breaker.admitted.values().filter(|admission| admission.probe && admission.epoch == epoch);
        let out = out.count() + breaker.returned.len();
        let permits = breaker.config.half_open_permits() as usize;
        (out < permits).then(|| format!("{name} refused call {call} with {out} of {permits} probes out"))
    }

    /// An attempt of a call ended.
    pub(super) fn reported(&mut self, at: u64, call: u64, outcome: &Outcome) {
        for (_, breaker) in &mut self.known {
            if let Some(admission) = breaker.admitted.remove(&call) {
                breaker.hears(at, admission, outcome);
            }
        }
    }

    /// A call ended: what it was let in for is given back.
    pub(super) fn answered(&mut self, at: u64, call: u64) {
        for (_, breaker) in &mut self.known {
            if breaker.admitted.remove(&call).is_some_and(|admission| admission.probe) {
                breaker.returned.push(at);
            }
        }
    }

    /// A breaker changed its state. Tells what is wrong with that.
    pub(super) fn changed(&mut self, name: &str, from: &str, to: &str) -> Option<String> {
        let breaker = self.breaker(name)?;
        let needed = u64::from(breaker.config.success_threshold());
        let (successes, failures) = (breaker.successes, breaker.failures);
        let why = match (from, to) {
            _ if breaker.unsure => None,
            ("half_open", "closed") if successes < needed => {
                Some(format!("{name} closed after {successes} successes of its probes and needs {needed}"))
            }
            ("closed", "open") if breaker.threshold.is_some_and(|needed| failures < needed) => {
                let needed = breaker.threshold.unwrap_or_default();
                Some(format!("{name} opened after {failures} failures since it closed and needs {needed}"))
            }
            _ => None,
        };
        breaker.begin(to == "half_open");
        why
    }
}

impl Breaker {
    fn new(config: BreakerConfig) -> Self {
        let alone = config.failure_rate_threshold().is_none() && config.slow_call_duration().is_none();
        let threshold = config.failure_threshold().filter(|_| alone).map(u64::from);
        Breaker {
            config,
            threshold,
            epoch: 0,
            half_open: false,
            unsure: false,
            admitted: HashMap::new(),
            successes: 0,
            failures: 0,
            in_a_row: 0,
            enough_since: None,
            returned: Vec::new(),
        }
    }

    fn begin(&mut self, half_open: bool) {
        self.epoch += 1;
        self.half_open = half_open;
        self.unsure = false;
        (self.successes, self.failures, self.in_a_row) = (0, 0, 0);
        self.enough_since = None;
        self.returned.clear();
    }

    fn hears(&mut self, at: u64, admission: Admission, outcome: &Outcome) {
        if admission.probe {
            self.returned.push(at);
        }
        if admission.epoch != self.epoch || admission.probe != self.half_open {
            return;
        }
        match self.config.judge(outcome).0 {
            Health::Success => {
                self.successes += 1;
                self.in_a_row = 0;
                self.enough_since = None;
            }
            Health::Failure => {
                self.failures += 1;
                // An attempt that is cut is blamed on its dependency only where it had a fair time.
                if outcome.ending == Ending::TimedOut {
                    return;
                }
                self.in_a_row += 1;
                // Of a time window they may have left again.
                let counts = !self.half_open && matches!(self.config.window(), Span::Requests(_));
                if counts && self.threshold.is_some_and(|needed| self.in_a_row >= needed) {
                    self.enough_since.get_or_insert(at);
                }
            }
            Health::Neutral => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use steadfast_actors::outcome::ErrorKind;
    use steadfast_actors::settings::Settings;

    use super::*;

    const GOOD: Ending = Ending::Success;
    const BAD: Ending = Ending::Error(ErrorKind::ServerError);

    /// One that opens at two failures, and closes after one success of its only probe.
    fn of_two() -> Breakers {
        let settings = Settings::new().with("failure_threshold", 2).with("success_threshold", 1);
        let mut breakers = Breakers::default();
        breakers.follow("db", &BreakerConfig::from_settings(&settings).unwrap());
        breakers
    }

    /// Lets in a call every second, each of which ends at once; whether all was well.
    fn calls(breakers: &mut Breakers, reason: &str, endings: &[Ending]) -> bool {
        let mut well = true;
        for (call, ending) in (1..).zip(endings) {
            let at = call * 1_000_000_000;
            well &= breakers.let_in(at, call, "db", reason).is_none();
            breakers.reported(at, call, &Outcome { ending: *ending, latency: Duration::ZERO });
        }
        well
    }

    #[test]
    fn one_that_opens_at_its_threshold_is_right_and_one_that_opens_earlier_or_later_is_not() {
        let mut right = of_two();
        assert!(calls(&mut right, "closed", &[BAD, GOOD, BAD, BAD]));
        assert_eq!(right.changed("db", "closed", "open"), None);
        let mut early = of_two();
        assert!(calls(&mut early, "closed", &[BAD, GOOD]));
        assert!(early.changed("db", "closed", "open").is_some());
        assert!(!calls(&mut of_two(), "closed", &[BAD, BAD, BAD]), "it let a third one in");
    }

    #[test]
    fn one_that_closes_for_other_calls_than_its_probes_is_wrong() {
        for (probe, is_right) in [("probe", true), ("closed", false)] {
            let mut breakers = of_two();
            assert!(breakers.changed("db", "open", "half_open").is_none());
            assert!(calls(&mut breakers, probe, &[GOOD]));
            assert_eq!(breakers.changed("db", "half_open", "closed").is_none(), is_right, "{probe}");
        }
    }

    #[test]
    fn one_that_refuses_for_a_probe_that_came_back_long_ago_is_wrong() {
        let mut breakers = of_two();
        breakers.changed("db", "open", "half_open");
        let refused = |breakers: &mut Breakers, at| {
            breakers.refused(at, 2, "db", "half open with every probe out").is_some()
        };
        assert!(breakers.let_in(0, 1, "db", "probe").is_none());
        assert!(!refused(&mut breakers, 1));
        breakers.answered(2, 1);
        assert!(!refused(&mut breakers, 3), "it may be on its way");
        assert!(refused(&mut breakers, 3 + STEP));
    }
}
