use proptest::prelude::*;

use super::*;

/// What happens, in a form that proptest shrinks well. Times in milliseconds.
#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    Admit(Option<u64>),
    Report { index: usize, ending: Ending, slow: bool },
    GiveBack(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let ending = prop_oneof![4 => Just(FAILURE), 4 => Just(Ending::Success), 1 => Just(Ending::Cancelled)];
    let report = (0usize..4, ending, prop::bool::weighted(0.2));
    let step = prop_oneof![
        2 => (0u64..400).prop_map(Step::Pass),
        5 => prop::option::weighted(0.3, 1u64..300).prop_map(Step::Admit),
        5 => report.prop_map(|(index, ending, slow)| Step::Report { index, ending, slow }),
        1 => (0usize..4).prop_map(Step::GiveBack),
    ];
    prop::collection::vec(step, 1..150)
}

/// One breaker's rules, chosen at random. Rates in percent.
#[derive(Clone, Debug)]
struct Rules {
    count: Option<u32>,
    rate: Option<u32>,
    slow_rate: Option<u32>,
    window: Result<u32, u64>,
    minimum: u32,
    most_open: Option<u64>,
    slow_start: u64,
}

fn rules() -> impl Strategy<Value = Rules> {
    let window = prop_oneof![(4u32..8).prop_map(Ok), (3u64..10).prop_map(|tenths| Err(tenths * 100))];
    let some = |strategy: std::ops::Range<u32>| prop::option::of(strategy);
    let rates = (some(1..4), prop::option::of(prop::sample::select(vec![25u32, 50, 100])), some(1..101));
    let times = (prop::option::of(Just(1_500u64)), prop::sample::select(vec![0u64, 700]));
    (rates, window, 1u32..4, times).prop_map(
        |((count, rate, slow_rate), window, minimum, (most_open, slow_start))| {
            let count = if rate.is_none() { count.or(Some(3)) } else { count };
            Rules { count, rate, slow_rate, window, minimum, most_open, slow_start }
        },
    )
}

const OPEN: u64 = 500;
const PROBES: usize = 2;
const SLOW: Duration = Duration::from_secs(9);

impl Rules {
    fn settings(&self) -> Settings {
        let millis = |millis: u64| format!("{millis}ms");
        let mut settings = Settings::new()
            .with("minimum_requests", i64::from(self.minimum))
            .with("recovery_timeout", millis(OPEN))
            .with("success_threshold", 2)
            .with("half_open_permits", 2)
            .with("slow_start", millis(self.slow_start));
        match self.window {
            Ok(calls) => settings.insert("window", i64::from(calls)),
            Err(time) => settings.insert("window", millis(time)),
        }
        for (key, percent) in
            [("failure_rate_threshold", self.rate), ("slow_call_rate_threshold", self.slow_rate)]
        {
            if let Some(percent) = percent {
                settings.insert(key, f64::from(percent) / 100.0);
            }
        }
        if let Some(count) = self.count {
            settings.insert("failure_threshold", i64::from(count));
        }
        if self.slow_rate.is_some() {
            settings.insert("slow_call_duration", "9s");
        }
        if let Some(most) = self.most_open {
            settings.insert("max_recovery_timeout", millis(most));
        }
        settings
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Closed,
    Open(u64),
    HalfOpen,
}

/// The breaker as one would write it on a board: it keeps every call that it ever heard of, and counts anew each time.
struct Model {
    rules: Rules,
    now: u64,
    state: State,
    epoch: u64,
    openings: u32,
    /// Since it last closed: when, failed, slow.
    heard: Vec<(u64, bool, bool)>,
    successes: u32,
    /// Probes that are out, or calls of the slow start, with the end of their lease.
    out: Vec<(u64, u64)>,
    slow_start_ends: u64,
    /// Successes of the slow start.
    warmed: usize,
}

impl Model {
    fn new(rules: &Rules) -> Self {
        Model {
            rules: rules.clone(),
            now: 0,
            state: State::Closed,
            epoch: 1,
            openings: 0,
            heard: Vec::new(),
            successes: 0,
            out: Vec::new(),
            slow_start_ends: 0,
            warmed: 0,
        }
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.epoch += 1;
        self.out.clear();
        self.heard.clear();
        (self.successes, self.warmed) = (0, 0);
    }

    fn open(&mut self) {
        self.openings += 1;
        let doubled = OPEN * 2_u64.pow((self.openings - 1).min(10));
        let time = self.rules.most_open.map_or(OPEN, |most| doubled.min(most));
        self.enter(State::Open(self.now + time));
    }

    /// How many may be in flight after so many successes: one more for each full round of them.
    fn places(&self) -> usize {
        let (mut places, mut left) = (PROBES, self.warmed);
        while left >= places {
            left -= places;
            places += 1;
        }
        places
    }

    fn free(&self, places: usize) -> bool {
        self.out.iter().filter(|(_, end)| *end > self.now).count() < places
    }

    /// Whether a call passes, and whether as a probe.
    fn admit(&mut self, ticket: u64, patience: Option<u64>) -> Option<bool> {
        let lease = self.now + patience.unwrap_or(OPEN);
        match self.state {
            State::Closed if self.now < self.slow_start_ends => {
                let passes = self.free(self.places());
                self.out.extend(passes.then_some((ticket, lease)));
                passes.then_some(false)
            }
            State::Closed => Some(false),
            State::Open(until) if self.now < until => None,
            State::Open(_) => {
                self.enter(State::HalfOpen);
                self.out.push((ticket, lease));
                Some(true)
            }
            State::HalfOpen => {
                let passes = self.free(PROBES);
                self.out.extend(passes.then_some((ticket, lease)));
                passes.then_some(true)
            }
        }
    }

    fn report(&mut self, ticket: u64, epoch: u64, ending: Ending, slow: bool) {
        if epoch != self.epoch {
            return;
        }
        self.out.retain(|(out, _)| *out != ticket);
        let slow = slow && self.rules.slow_rate.is_some();
        match (self.state, ending) {
            (_, Ending::Cancelled) | (State::Open(_), _) => {}
            (State::Closed, _) => {
                if ending == Ending::Success && self.now < self.slow_start_ends {
                    self.warmed += 1;
                }
                self.heard.push((self.now, ending != Ending::Success, slow));
                self.evaluate();
            }
            (State::HalfOpen, Ending::Success) if !slow => {
                self.successes += 1;
                if self.successes == 2 {
                    self.openings = 0;
                    self.enter(State::Closed);
                    self.slow_start_ends = self.now + self.rules.slow_start;
                }
            }
            (State::HalfOpen, _) => self.open(),
        }
    }

    fn give_back(&mut self, ticket: u64) {
        self.out.retain(|(out, _)| *out != ticket);
    }

    fn evaluate(&mut self) {
        if self.state != State::Closed {
            return;
        }
        let in_window: Vec<_> = match self.rules.window {
            Ok(calls) => self.heard.iter().rev().take(calls as usize).collect(),
            Err(time) => {
                let bucket = time / 10;
                let first = (self.now / bucket).saturating_sub(9);
                self.heard.iter().filter(|(at, ..)| at / bucket >= first).collect()
            }
        };
        let count = |part: &dyn Fn(&(u64, bool, bool)) -> bool| {
            u32::try_from(in_window.iter().filter(|call| part(call)).count()).unwrap()
        };
        let (total, failures, slow) = (count(&|_| true), count(&|call| call.1), count(&|call| call.2));
        let enough = total >= self.rules.minimum;
        let by_count = self.rules.count.is_none_or(|least| failures >= least);
        let by_rate = self.rules.rate.is_none_or(|rate| enough && failures * 100 >= rate * total);
        let by_slow = self.rules.slow_rate.is_some_and(|rate| enough && slow * 100 >= rate * total);
        if failures > 0 && by_count && by_rate || by_slow {
            self.open();
        }
    }

    fn pass(&mut self, millis: u64) {
        let end = self.now + millis;
        if let Err(time) = self.rules.window {
            let bucket = time / 10;
            while self.now / bucket < end / bucket {
                self.now = (self.now / bucket + 1) * bucket;
                self.evaluate();
            }
        }
        self.now = end;
    }
}

proptest! {
    #[test]
    fn it_decides_as_a_list_of_all_calls_on_a_board_would(rules in rules(), steps in steps()) {
        let mut bench = Bench::new(&rules.settings());
        let mut model = Model::new(&rules);
        let mut out: Vec<(Ticket, u64)> = Vec::new();
        for step in steps {
            match step {
                Step::Pass(millis) => {
                    bench.pass(millis);
                    model.pass(millis);
                }
                Step::Admit(patience) => {
                    bench.ticket += 1;
                    let ticket = Ticket(bench.ticket);
                    let input = BreakerInput::Admit { patience: patience.map(Duration::from_millis) };
                    let expected = model.admit(ticket.0, patience);
                    match bench.input(Some(ticket), &input) {
                        Some(BreakerReply::Admitted { epoch, probe }) => {
                            prop_assert_eq!((Some(probe), epoch), (expected, model.epoch));
                            out.push((ticket, epoch));
                        }
                        reply => prop_assert_eq!(None, expected, "{:?}", reply),
                    }
                }
                Step::Report { index, ending, slow } if !out.is_empty() => {
                    let (ticket, epoch) = out.remove(index % out.len());
                    let latency = if slow { SLOW } else { Duration::ZERO };
                    let outcome = Outcome { ending, latency };
                    bench.input(None, &BreakerInput::Report { ticket, epoch, outcome });
                    model.report(ticket.0, epoch, ending, slow);
                }
                Step::GiveBack(index) if !out.is_empty() => {
                    let (ticket, _) = out.remove(index % out.len());
                    bench.input(None, &BreakerInput::GiveBack { ticket });
                    model.give_back(ticket.0);
                }
                Step::Report { .. } | Step::GiveBack(_) => {}
            }
            let state = match model.state {
                State::Closed => BreakerState::Closed,
                State::Open(_) => BreakerState::Open,
                State::HalfOpen => BreakerState::HalfOpen,
            };
            prop_assert_eq!((bench.state(), bench.machine.status(bench.now).epoch), (state, model.epoch));
        }
        // Whatever happened, and though nobody ever reports again, it lets one in before long: a window of time may still
        // open it when its last success leaves.
        let window = rules.window.err().unwrap_or(0);
        bench.pass(window + rules.most_open.unwrap_or(OPEN) + OPEN);
        prop_assert!(bench.admit().is_ok());
    }
}
