use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// What happens among many callers who wait, go away, and share a few places.
#[derive(Clone, Debug)]
enum Step {
    /// Time passes, and timers fire when they should.
    Wait(u64),
    /// Time passes, and the next timer is late.
    Oversleep(u64),
    Check {
        key: u8,
        cost: u64,
        patience: u64,
    },
    /// The caller of the request with this number, counted from the latest, goes away.
    GoAway(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => (0u64..400).prop_map(Step::Wait),
        1 => (0u64..400).prop_map(Step::Oversleep),
        6 => (0u8..6, 1u64..4, 0u64..1_000)
            .prop_map(|(key, cost, patience)| Step::Check { key, cost, patience }),
        2 => (0usize..8).prop_map(Step::GoAway),
    ];
    prop::collection::vec(step, 1..120)
}

/// Everybody who asked and has not gone away.
#[derive(Debug, Default)]
struct Callers {
    /// Key, cost and the time of the grant.
    granted: BTreeMap<Ticket, (u8, u64, u64)>,
    /// Key, cost and the time at which its patience ends.
    waiting: BTreeMap<Ticket, (u8, u64, u64)>,
    latest: Vec<Ticket>,
    late: bool,
}

impl Callers {
    /// Takes the answers that came late, in the order in which they came.
    fn read(&mut self, bench: &mut Bench) {
        for (at, ticket, reply) in std::mem::take(&mut bench.later) {
            let (key, cost, patience) =
                self.waiting.remove(&ticket).expect("only who waits is answered later");
            match reply {
                LimiterReply::Granted(_) => {
                    let before =
                        self.waiting.iter().find(|(other, (its, ..))| **other < ticket && *its == key);
                    assert!(before.is_none(), "{before:?} was overtaken by {ticket:?}");
                    assert!(self.late || at <= patience, "granted at {at}, after {patience}");
                    self.granted.insert(ticket, (key, cost, at));
                }
                // Only a late timer can make a promised turn come too late.
                LimiterReply::Refused { .. } => assert!(self.late, "refused after it was told to wait"),
                LimiterReply::Queued { .. } => panic!("told to wait twice"),
            }
        }
    }
}

const REQUESTS: u64 = 5;
const PER: u64 = 500;
const MAX_KEYS: u64 = 3;

/// Runs the steps and hands all grants that stand to `bound`, key by key.
fn run(settings: &Settings, steps: &[Step], bound: impl Fn(&[(u64, u64)])) {
    let settings = settings.clone().with("max_keys", MAX_KEYS.cast_signed()).with("max_wait", "800ms");
    let mut bench = Bench::new(&settings);
    let mut callers = Callers::default();
    let mut now = 0;
    for step in steps {
        match step {
            Step::Wait(millis) => {
                now += millis;
                bench.run_to(now);
            }
            Step::Oversleep(millis) => {
                now += millis;
                bench.at(now);
                callers.late |= bench.machine.deadline().is_some_and(|deadline| deadline < bench.now);
            }
            Step::Check { key, cost, patience } => {
                // What is asked for is held until the end, so that it can be given back.
                let (ticket, reply) = bench.ask_patiently(&key.to_string(), *cost, true, *patience);
                match reply {
                    LimiterReply::Granted(_) => {
                        callers.granted.insert(ticket, (*key, *cost, now));
                    }
                    LimiterReply::Queued { expected } => {
                        assert!(expected <= Duration::from_millis(*patience));
                        callers.waiting.insert(ticket, (*key, *cost, now + patience));
                    }
                    LimiterReply::Refused { retry_after, .. } => assert!(retry_after > millis(0)),
                }
                callers.latest.insert(0, ticket);
            }
            Step::GoAway(index) => {
                if let Some(ticket) = callers.latest.get(*index).copied() {
                    callers.waiting.remove(&ticket);
                    bench.give_back(ticket);
                    // After a whole window a grant is spent, whoever goes away.
                    if callers.granted.get(&ticket).is_some_and(|(.., at)| now < at + PER) {
                        callers.granted.remove(&ticket);
                    }
                }
            }
        }
        callers.read(&mut bench);
        let status = bench.machine.status(bench.now);
        assert!(status.keys as u64 <= MAX_KEYS);
        assert_eq!(status.waiting, callers.waiting.len());
        for key in 0..6 {
            let of_key = callers.granted.values().filter(|(its, ..)| *its == key);
            bound(&of_key.map(|(_, cost, at)| (*at, *cost)).collect::<Vec<_>>());
        }
    }
    bench.run_to(now + 10_000);
    callers.read(&mut bench);
    assert!(callers.waiting.is_empty(), "nobody waits for ever");
    assert_eq!(bench.machine.deadline(), None);
}

fn spent(grants: &[(u64, u64)], from: u64, to: u64) -> u64 {
    grants.iter().filter(|(at, _)| (from..to).contains(at)).map(|(_, cost)| cost).sum()
}

proptest! {
    #[test]
    fn no_window_of_any_key_holds_more_than_the_quota(steps in steps()) {
        run(&limit(REQUESTS.cast_signed(), "500ms"), &steps, |grants| {
            for (start, _) in grants {
                assert!(spent(grants, *start, start + PER) <= REQUESTS, "{grants:?}");
            }
        });
    }

    #[test]
    fn no_interval_of_any_key_passes_more_than_burst_plus_rate(steps in steps()) {
        run(&bucket(REQUESTS.cast_signed(), "500ms"), &steps, |grants| {
            for (start, _) in grants {
                for (end, _) in grants {
                    // Times are in whole milliseconds, so an interval may be one longer than it looks.
                    let refilled = REQUESTS * (end.saturating_sub(*start) + 1);
                    assert!(spent(grants, *start, end + 1) * PER <= REQUESTS * PER + refilled, "{grants:?}");
                }
            }
        });
    }

    #[test]
    fn no_aligned_window_of_any_key_holds_more_than_the_quota(steps in steps()) {
        run(&fixed(REQUESTS.cast_signed(), "500ms"), &steps, |grants| {
            for (at, _) in grants {
                let start = at / PER * PER;
                assert!(spent(grants, start, start + PER) <= REQUESTS, "{grants:?}");
            }
        });
    }
}
