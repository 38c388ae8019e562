use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// A store as one would write it on a napkin: no indices, every question answered by looking at everything.
#[derive(Default)]
struct Naive {
    records: BTreeMap<u8, Life>,
    waiting: Vec<(Ticket, u8, u64)>,
}

#[derive(Clone, Debug)]
enum Life {
    Running { owner: Ticket, lease_end: u64 },
    Lapsed { owner: Ticket, until: u64 },
    Unknown { until: u64 },
    Done { until: u64 },
}

#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    Begin {
        key: u8,
        wait: Option<u64>,
    },
    Forget(u8),
    /// Something is reported for the call with this number, counted from the latest.
    Report {
        call: usize,
        what: u8,
    },
}

const LEASE: u64 = 30;
const TTL: u64 = 50;
const UNKNOWN: u64 = 40;
const MOST: usize = 3;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => (0u64..25).prop_map(Step::Pass),
        4 => (0u8..5, prop::option::of(0u64..40)).prop_map(|(key, wait)| Step::Begin { key, wait }),
        1 => (0u8..5).prop_map(Step::Forget),
        5 => (0usize..6, 1u8..6).prop_map(|(call, what)| Step::Report { call, what }),
    ];
    prop::collection::vec(step, 1..150)
}

impl Naive {
    fn owned(&self, ticket: Ticket) -> Option<u8> {
        self.records.iter().find_map(|(key, life)| match life {
            Life::Running { owner, .. } | Life::Lapsed { owner, .. } if *owner == ticket => Some(*key),
            _ => None,
        })
    }

    fn live(&mut self, now: u64) {
        self.records.retain(|_, life| match life {
            Life::Running { .. } => true,
            Life::Lapsed { until, .. } | Life::Unknown { until } | Life::Done { until } => now < *until,
        });
    }

    fn dismiss(&mut self, key: u8) -> Vec<Ticket> {
        let (of_key, others) = self.waiting.iter().partition(|(_, its, _)| *its == key);
        self.waiting = others;
        let of_key: Vec<(Ticket, u8, u64)> = of_key;
        of_key.into_iter().map(|(ticket, ..)| ticket).collect()
    }

    /// Frees a key; the first who waits for it runs.
    fn free(&mut self, now: u64, key: u8) -> Option<Ticket> {
        self.records.remove(&key);
        let index = self.waiting.iter().position(|(_, its, _)| *its == key)?;
        let (owner, ..) = self.waiting.remove(index);
        self.records.insert(key, Life::Running { owner, lease_end: now + LEASE });
        Some(owner)
    }
}

/// Everybody who was told to run and has not reported an end: at most one for each key may have begun.
fn check(naive: &Naive, bench: &Bench) {
    let status = bench.status();
    let running = naive.records.values().filter(|life| matches!(life, Life::Running { .. })).count();
    assert_eq!(status.in_flight, running);
    assert_eq!(status.waiting, naive.waiting.len());
    assert!(status.records <= MOST, "{status:?}");
    assert!(naive.records.len() <= status.records);
}

fn pass(naive: &mut Naive, bench: &mut Bench, from: u64, to: u64) {
    for now in from..=to {
        bench.at(now);
        let mut expected = Vec::new();
        let keys: Vec<u8> = naive.records.keys().copied().collect();
        for key in keys {
            if let Some(Life::Running { owner, lease_end }) = naive.records.get(&key).cloned()
                && lease_end <= now
            {
                naive.records.insert(key, Life::Lapsed { owner, until: now + UNKNOWN });
                let told = refused(ConflictReason::Unknown, Some(UNKNOWN));
                expected.extend(naive.dismiss(key).into_iter().map(|ticket| (ticket, told.clone())));
            }
        }
        for (ticket, key, until) in naive.waiting.clone() {
            if until <= now {
                let Some(Life::Running { lease_end, .. }) = naive.records.get(&key) else { panic!() };
                expected.push((ticket, refused(ConflictReason::InFlight, Some(lease_end - now))));
                naive.waiting.retain(|(its, ..)| *its != ticket);
            }
        }
        naive.live(now);
        let mut later = bench.later();
        later.sort_by_key(|(ticket, _)| *ticket);
        expected.sort_by_key(|(ticket, _)| *ticket);
        assert_eq!(later, expected, "at {now}");
    }
}

fn report(naive: &mut Naive, bench: &mut Bench, now: u64, ticket: Ticket, what: u8) {
    let owned = naive.owned(ticket);
    let mut expected = Vec::new();
    let input = match what {
        1 => IdempotencyInput::Renew(ticket),
        2 => IdempotencyInput::Complete { ticket, result: Some(bytes("r")), at: None },
        3 => IdempotencyInput::Release(ticket),
        4 => cut(ticket),
        _ => IdempotencyInput::GiveBack(ticket),
    };
    if let Some(key) = owned {
        match what {
            1 => {
                let lease_end = now + LEASE;
                naive.records.insert(key, Life::Running { owner: ticket, lease_end });
            }
            2 => {
                naive.records.insert(key, Life::Done { until: now + TTL });
                let replay = IdempotencyReply::Replay(bytes("r"));
                expected.extend(naive.dismiss(key).into_iter().map(|waiter| (waiter, replay.clone())));
            }
            4 => {
                naive.records.insert(key, Life::Unknown { until: now + UNKNOWN });
                let told = refused(ConflictReason::Unknown, Some(UNKNOWN));
                expected.extend(naive.dismiss(key).into_iter().map(|waiter| (waiter, told.clone())));
            }
            _ => expected.extend(naive.free(now, key).map(|next| (next, IdempotencyReply::Run))),
        }
    } else if what >= 5 {
        naive.waiting.retain(|(its, ..)| *its != ticket);
    }
    bench.tell(input);
    assert_eq!(bench.later(), expected);
}

fn begin(naive: &mut Naive, bench: &mut Bench, now: u64, its: u8, wait: Option<u64>) -> Ticket {
    let wait = wait.map(|wait| now + wait);
    let (ticket, reply) = bench.begin_as(&key(&its.to_string()), ORDER, wait);
    let expected = match naive.records.get(&its) {
        None if naive.records.len() >= MOST => {
            let ends = naive.records.values().filter_map(|life| match life {
                Life::Running { .. } => None,
                Life::Lapsed { until, .. } | Life::Unknown { until } | Life::Done { until } => Some(*until),
            });
            IdempotencyReply::TableFull(ends.min().map(|end| seconds(end - now)))
        }
        None => {
            let lease_end = now + LEASE;
            naive.records.insert(its, Life::Running { owner: ticket, lease_end });
            IdempotencyReply::Run
        }
        Some(Life::Running { lease_end, .. }) => match wait.filter(|until| *until > now) {
            Some(until) => {
                naive.waiting.push((ticket, its, until));
                IdempotencyReply::Waiting
            }
            None => refused(ConflictReason::InFlight, Some(lease_end - now)),
        },
        Some(Life::Lapsed { until, .. } | Life::Unknown { until }) => {
            refused(ConflictReason::Unknown, Some(until - now))
        }
        Some(Life::Done { .. }) => IdempotencyReply::Replay(bytes("r")),
    };
    assert_eq!(reply, expected);
    ticket
}

proptest! {
    #[test]
    fn it_decides_as_a_store_without_any_index_would(steps in steps()) {
        let settings = Settings::new()
            .with("ttl", "50s")
            .with("unknown_ttl", "40s")
            .with("max_records", i64::try_from(MOST).unwrap());
        let (mut naive, mut bench) = (Naive::default(), Bench::new(&settings));
        let (mut now, mut calls) = (0, Vec::new());
        for step in steps {
            match step {
                Step::Pass(by) => {
                    pass(&mut naive, &mut bench, now, now + by);
                    now += by;
                }
                Step::Begin { key, wait } => calls.insert(0, begin(&mut naive, &mut bench, now, key, wait)),
                Step::Forget(its) => {
                    let runs = matches!(naive.records.get(&its), Some(Life::Running { .. }));
                    let gone = !runs && naive.records.remove(&its).is_some();
                    let forget = IdempotencyInput::Forget { key: key(&its.to_string()) };
                    assert_eq!(bench.ask(&forget).1, IdempotencyReply::Resolved(gone));
                }
                Step::Report { call, what } => {
                    if let Some(ticket) = calls.get(call).copied() {
                        report(&mut naive, &mut bench, now, ticket, what);
                    }
                }
            }
            check(&naive, &bench);
        }
    }
}
