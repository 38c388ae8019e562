//! Grants on and off take the same decisions, call for call, on one thread.
//!
//! Calls at one time have an order here: outcomes and orders come before callers, as calls end on odd milliseconds and
//! begin two after a multiple of four; a window's buckets end on such a multiple. Where an outcome is written while an ask is still in the mailbox, the actor reads the outcome first,
//! and a caller with a grant has passed already: of two things at once, each form has its own first.
//!
//! What is compared is all that anybody can see: each answer with its time left, each transition with its time, its
//! reason and the counts in it. `STEADFAST_ORACLE_CASES=10000 cargo test --release -p steadfast-actors --lib oracle` is the
//! long form.

use std::collections::BTreeMap;
use std::sync::Mutex;

use proptest::prelude::*;

use super::*;
use crate::event::Happening;
use crate::settings::{Grants, Mode};

/// What one caller does. Which permit it means is its place among those that are held when the step begins, in the order
/// in which they were asked for.
#[derive(Clone, Debug)]
enum Act {
    Admit {
        patience: Option<u64>,
    },
    Report {
        held: usize,
        ending: Ending,
        latency: u64,
    },
    Note {
        held: usize,
        ending: Ending,
        latency: u64,
    },
    Leave {
        held: usize,
    },
    /// A whole call that takes so long, given up after so long.
    Call {
        takes: u64,
        fails: bool,
        patience: u64,
    },
    Order(Force),
    Switch(Option<Mode>),
}

/// What happens at one time.
#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    One(Act),
    /// Several callers at once, each in a task of its own; the next step is four milliseconds later.
    Together(Vec<Act>),
}

fn ending() -> impl Strategy<Value = Ending> {
    prop_oneof![
        5 => Just(Ending::Success),
        4 => Just(Ending::Error(ErrorKind::ServerError)),
        1 => Just(Ending::Error(ErrorKind::NotFound)),
        1 => Just(Ending::TimedOut),
        1 => Just(Ending::Panicked),
        1 => Just(Ending::Cancelled),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    let outcome = || (0usize..6, ending(), prop_oneof![3 => Just(0u64), 1 => Just(60u64)]);
    // Odd, and never the same: a call that is given up just when it ends may have ended.
    let takes = prop_oneof![1 => Just(0), 3 => (0u64..22).prop_map(|quarter| quarter * 4 + 3)];
    let patience = (5u64..25).prop_map(|quarter| quarter * 4 + 1);
    let call = (takes, any::<bool>(), patience);
    let order = prop_oneof![1 => Just(Force::Open), 1 => Just(Force::Closed), 3 => Just(Force::Reset)];
    let mode = prop_oneof![Just(None), Just(Some(Mode::Observe)), Just(Some(Mode::Off))];
    prop_oneof![
        12 => prop::option::weighted(0.3, 1u64..300).prop_map(|patience| Act::Admit { patience }),
        10 => outcome().prop_map(|(held, ending, latency)| Act::Report { held, ending, latency }),
        4 => outcome().prop_map(|(held, ending, latency)| Act::Note { held, ending, latency }),
        2 => (0usize..6).prop_map(|held| Act::Leave { held }),
        8 => call.prop_map(|(takes, fails, patience)| Act::Call { takes, fails, patience }),
        1 => order.prop_map(Act::Order),
        1 => mode.prop_map(Act::Switch),
    ]
}

fn in_order(mut acts: Vec<Act>) -> Step {
    for act in &mut acts {
        if let Act::Call { takes, .. } = act {
            *takes = (*takes).max(3);
        }
    }
    acts.sort_by_key(|act| matches!(act, Act::Admit { .. } | Act::Call { .. }));
    Step::Together(acts)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => prop_oneof![0u64..10, 10u64..100].prop_map(|quarter| Step::Pass(quarter * 4)),
        8 => act().prop_map(Step::One),
        2 => prop::collection::vec(act(), 2..6).prop_map(in_order),
    ];
    prop::collection::vec(step, 1..120)
}

fn settings() -> impl Strategy<Value = Settings> {
    let window = prop_oneof![(4i64..12).prop_map(Ok), (1u64..8).prop_map(|twelfths| Err(twelfths * 120))];
    let rate = prop::option::weighted(0.7, prop::sample::select(vec![0.25, 0.5, 1.0]));
    let slow = prop::option::weighted(0.3, prop::sample::select(vec![0.3, 1.0]));
    let start = prop::sample::select(vec![0u64, 200, 700]);
    (prop::option::of(1i64..4), rate, slow, window, 1i64..5, start, any::<bool>(), any::<bool>()).prop_map(
        |(count, rate, slow, window, minimum, start, doubles, jitter)| {
            let mut settings = Settings::new()
                .with("minimum_requests", minimum)
                .with("recovery_timeout", "151ms")
                .with("success_threshold", 2)
                .with("slow_start", format!("{start}ms"))
                .with("jitter", jitter);
            match window {
                Ok(calls) => settings.insert("window", calls),
                Err(time) => settings.insert("window", format!("{time}ms")),
            }
            if let Some(rate) = rate {
                settings.insert("failure_rate_threshold", rate);
            }
            if let Some(rate) = slow {
                settings.insert("slow_call_duration", "50ms");
                settings.insert("slow_call_rate_threshold", rate);
            }
            if let Some(count) = count.or(rate.is_none().then_some(3)) {
                settings.insert("failure_threshold", count);
            }
            if doubles {
                settings.insert("max_recovery_timeout", "501ms");
            }
            settings
        },
    )
}

#[derive(Default)]
struct Transitions(Mutex<Vec<String>>);

impl EventSink for Transitions {
    fn record(&self, event: Event) {
        if matches!(event.what, Happening::Transition { .. }) {
            self.0.lock().unwrap().push(format!("{:?} {:?}", event.at, event.what));
        }
    }
}

#[derive(Clone)]
struct Bench {
    breaker: BreakerHandle,
    /// By the number of the act that asked for it.
    held: Arc<Mutex<BTreeMap<usize, BreakerPermit>>>,
}

impl Bench {
    /// The permit that `act` means.
    fn meant(&self, act: &Act) -> Option<BreakerPermit> {
        let (Act::Report { held: place, .. } | Act::Note { held: place, .. } | Act::Leave { held: place }) =
            act
        else {
            return None;
        };
        let mut held = self.held.lock().unwrap();
        let number = held.keys().nth(place % held.len().max(1)).copied()?;
        held.remove(&number)
    }

    async fn act(self, number: usize, act: Act, permit: Option<BreakerPermit>) -> String {
        let millis = Duration::from_millis;
        match act {
            Act::Admit { patience } => match self.breaker.admit(patience.map(millis)).await {
                Ok(permit) => {
                    let said = format!("in, lease {:?}", permit.lease());
                    self.held.lock().unwrap().insert(number, permit);
                    said
                }
                Err(rejection) => format!("{rejection:?}"),
            },
            Act::Report { ending, latency, .. } => {
                if let Some(permit) = permit {
                    permit.report(Outcome { ending, latency: millis(latency) }).await;
                }
                String::new()
            }
            Act::Note { ending, latency, .. } => {
                if let Some(permit) = permit {
                    permit.note(Outcome { ending, latency: millis(latency) });
                }
                String::new()
            }
            Act::Leave { .. } => {
                drop(permit);
                String::new()
            }
            Act::Call { takes, fails, patience } => {
                let work = || async {
                    if takes > 0 {
                        tokio::time::sleep(millis(takes)).await;
                    }
                    if fails { Err(()) } else { Ok(()) }
                };
                let called = tokio::time::timeout(millis(patience), self.breaker.call(work)).await;
                format!("{called:?}")
            }
            Act::Order(order) => {
                match order {
                    Force::Open => self.breaker.force_open().await,
                    Force::Closed => self.breaker.force_close().await,
                    Force::Reset => self.breaker.reset().await,
                }
                String::new()
            }
            Act::Switch(mode) => {
                self.breaker.set_mode(mode);
                String::new()
            }
        }
    }
}

/// Everything that can be seen of one run.
fn seen(settings: &Settings, steps: &[Step], grants: Grants) -> (Vec<String>, Vec<String>, u64) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let config = Arc::new(BreakerConfig::from_settings(settings).unwrap());
        let (clock, tokio) = (Arc::new(Clock::system()), tokio::runtime::Handle::current());
        let transitions = Arc::new(Transitions::default());
        let events = Arc::clone(&transitions) as Arc<dyn EventSink>;
        let options = HostOptions { grants, ..HostOptions::default() };
        let ground = Ground::new(tokio, 1, clock, events, options);
        let breaker =
            BreakerHandle::new(Hosted::new(ground, Kind::Breaker, "db", Arc::clone(&config)), config);
        let bench = Bench { breaker, held: Arc::default() };
        let mut answers = Vec::new();
        let mut running = Vec::new();
        let mut numbers = 0..;
        let mut begin =
            |act: &Act| bench.clone().act(numbers.next().unwrap_or_default(), act.clone(), bench.meant(act));
        // A bucket that ends while a caller is on its way has ended before it, or behind it.
        let aligned = || async {
            let over = bench.breaker.hosted().now().as_nanos() / 1_000_000 % 4;
            tokio::time::sleep(Duration::from_millis((6 - over) % 4)).await;
        };
        aligned().await;
        for step in steps {
            match step {
                Step::Pass(millis) => tokio::time::sleep(Duration::from_millis(*millis)).await,
                Step::One(act) => {
                    answers.push(begin(act).await);
                    // A call that was waited for ended on an odd millisecond.
                    aligned().await;
                }
                Step::Together(acts) => {
                    running.extend(acts.iter().map(|act| tokio::spawn(begin(act))));
                    tokio::time::sleep(Duration::from_millis(4)).await;
                }
            }
        }
        for task in running {
            answers.push(task.await.unwrap());
        }
        // What was only noted is read by then.
        tokio::time::sleep(Duration::from_millis(2)).await;
        answers.push(format!("{:?}", bench.breaker.status()));
        let messages = bench.breaker.hosted().messages();
        let transitions = std::mem::take(&mut *transitions.0.lock().unwrap());
        (answers, transitions, messages)
    })
}

fn cases() -> u32 {
    std::env::var("STEADFAST_ORACLE_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(150)
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 2_000, ..ProptestConfig::with_cases(cases()) })]

    #[test]
    fn grants_on_and_off_take_the_same_decisions_call_for_call(settings in settings(), steps in steps()) {
        let (on, on_log, fewer) = seen(&settings, &steps, Grants::On);
        let (off, off_log, more) = seen(&settings, &steps, Grants::Off);
        prop_assert_eq!(on, off);
        prop_assert_eq!(on_log, off_log);
        prop_assert!(fewer <= more, "{} messages with grants, {} without", fewer, more);
    }
}
