use proptest::prelude::*;

use super::*;

/// What a caller does, in a form that proptest shrinks well.
#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Check(u64),
    Hold(u64),
    Settle(usize),
    GiveBack(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0u64..40).prop_map(Step::Wait),
        (1u64..5).prop_map(Step::Check),
        (1u64..5).prop_map(Step::Hold),
        (0usize..4).prop_map(Step::Settle),
        (0usize..4).prop_map(Step::GiveBack),
    ];
    prop::collection::vec(step, 1..80)
}

/// A grant as the model remembers it: for ever.
#[derive(Clone, Copy, Debug)]
struct Grant {
    at: u64,
    cost: u64,
    held: Option<Ticket>,
}

const PER: u64 = 50;

/// Runs the steps against the machine and against `fits`, which looks at all grants that were not given back.
fn compare(settings: &Settings, steps: &[Step], fits: impl Fn(&[Grant], u64, u64) -> bool) {
    let mut bench = Bench::new(settings);
    let mut grants: Vec<Grant> = Vec::new();
    let mut now = 0;
    for step in steps {
        let held = |index: usize, grants: &[Grant]| {
            let held: Vec<usize> = (0..grants.len()).filter(|at| grants[*at].held.is_some()).collect();
            (!held.is_empty()).then(|| held[index % held.len()])
        };
        match step {
            Step::Wait(nanos) => now += nanos,
            Step::Check(cost) | Step::Hold(cost) => {
                let hold = matches!(step, Step::Hold(_));
                let expected = fits(&grants, now, *cost);
                let (ticket, reply) = bench.at_nanos(now).ask("key", *cost, hold);
                match reply {
                    LimiterReply::Granted(_) => {
                        assert!(expected, "granted {cost} at {now} beside {grants:?}");
                        grants.push(Grant { at: now, cost: *cost, held: hold.then_some(ticket) });
                    }
                    LimiterReply::Refused { retry_after: Some(wait), .. } => {
                        assert!(!expected, "refused {cost} at {now} beside {grants:?}");
                        let ready = now + u64::try_from(wait.as_nanos()).unwrap();
                        let first = (now..).find(|time| fits(&grants, *time, *cost)).unwrap();
                        assert_eq!(ready, first, "{cost} at {now} beside {grants:?}");
                    }
                    other => panic!("{cost} fits some time: {other:?}"),
                }
            }
            Step::Settle(index) => {
                if let Some(index) = held(*index, &grants) {
                    let ticket = grants[index].held.take().unwrap();
                    bench.at_nanos(now).input(None, &LimiterInput::Settle(ticket));
                }
            }
            Step::GiveBack(index) => {
                if let Some(index) = held(*index, &grants) {
                    let ticket = grants[index].held.unwrap();
                    bench.at_nanos(now).give_back(ticket);
                    // After a window it is spent, whoever gives it back.
                    if now < grants[index].at + PER {
                        grants.remove(index);
                    } else {
                        grants[index].held = None;
                    }
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn a_small_sliding_window_is_a_list_of_grants(requests in 4u64..12, steps in steps()) {
        let settings = limit(requests.cast_signed(), "50ns");
        compare(&settings, &steps, |grants, now, cost| {
            let standing = grants.iter().filter(|grant| grant.at + PER > now);
            standing.map(|grant| grant.cost).sum::<u64>() + cost <= requests
        });
    }

    #[test]
    fn a_fixed_window_is_a_sum_over_its_aligned_window(requests in 4u64..12, steps in steps()) {
        let settings = fixed(requests.cast_signed(), "50ns");
        compare(&settings, &steps, |grants, now, cost| {
            let standing = grants.iter().filter(|grant| grant.at / PER == now / PER);
            standing.map(|grant| grant.cost).sum::<u64>() + cost <= requests
        });
    }

    #[test]
    fn a_bucket_keeps_every_interval_below_burst_plus_rate(requests in 4u64..12, steps in steps()) {
        // Burst = requests, so that what is held lasts one period, as in the other models.
        let settings = bucket(requests.cast_signed(), "50ns");
        compare(&settings, &steps, |grants, now, cost| {
            // Not a bucket at all: the bound itself, over every interval that ends now.
            grants.iter().map(|grant| grant.at).chain([now]).all(|from| {
                let since = grants.iter().filter(|grant| grant.at >= from).map(|grant| grant.cost);
                (since.sum::<u64>() + cost) * PER <= requests * PER + requests * (now - from)
            })
        });
    }

    #[test]
    fn a_large_sliding_window_never_over_grants_and_refuses_at_most_one_sub_window_longer(
        calls in prop::collection::vec((0u64..200, 1u64..300), 1..100),
    ) {
        const LARGE: u64 = 1_000;
        const WINDOW: u64 = 600;
        const SUB_WINDOW: u64 = 10;
        let mut bench = Bench::new(&limit(LARGE.cast_signed(), "600ns"));
        let mut grants: Vec<(u64, u64)> = Vec::new();
        let mut now = 0;
        for (wait, cost) in calls {
            now += wait;
            let within = |span: u64| {
                grants.iter().filter(|(at, _)| at + span > now).map(|(_, cost)| cost).sum::<u64>()
            };
            let (exact, longer) = (within(WINDOW), within(WINDOW + SUB_WINDOW));
            match bench.at_nanos(now).check("", cost) {
                Ok(_) => {
                    prop_assert!(exact + cost <= LARGE);
                    grants.push((now, cost));
                }
                Err(wait) => {
                    prop_assert!(longer + cost > LARGE);
                    let ready = bench.now.after(wait.unwrap()).as_nanos();
                    let mut other = Bench::new(&limit(LARGE.cast_signed(), "600ns"));
                    for (at, cost) in &grants {
                        other.at_nanos(*at).check("", *cost).unwrap();
                    }
                    prop_assert!(other.at_nanos(ready).check("", cost).is_ok());
                }
            }
        }
    }
}
