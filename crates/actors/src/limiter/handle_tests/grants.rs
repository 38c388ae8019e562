//! Grants in advance and one by one take the same decisions, call for call, on one thread; and from any number of threads
//! no window holds more than its quota.

use proptest::prelude::*;

use super::*;
use crate::clock::WallTime;
use crate::gate::place;
use crate::settings::Grants;

/// What the one caller does next.
#[derive(Clone, Debug)]
enum Step {
    /// In milliseconds.
    Wait(u64),
    Check {
        key: usize,
        times: usize,
    },
    Cost {
        key: usize,
        cost: u64,
    },
    Reserve(usize),
    Settle(usize),
    GiveBack(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = 0usize..5;
    let step = prop_oneof![
        3 => (1u64..30).prop_map(Step::Wait),
        1 => (30u64..400).prop_map(Step::Wait),
        6 => (key.clone(), 1usize..80).prop_map(|(key, times)| Step::Check { key, times }),
        1 => (key.clone(), 0u64..4).prop_map(|(key, cost)| Step::Cost { key, cost }),
        2 => key.prop_map(Step::Reserve),
        1 => (0usize..4).prop_map(Step::Settle),
        2 => (0usize..4).prop_map(Step::GiveBack),
    ];
    prop::collection::vec(step, 1..60)
}

/// The first one is the quota that all callers share.
const KEYS: [&str; 5] = ["", "a", "b", "c", "d"];

fn quotas() -> [Settings; 5] {
    let per = |requests: i64, per: &str| limit(requests, per).with("max_keys", 4);
    [
        // Counted by parts of 10 ms.
        per(300, "600ms"),
        per(40, "100ms").with("algorithm", "fixed_window"),
        per(40, "100ms"),
        per(40, "100ms").with("algorithm", "token_bucket"),
        // Parts that no timer can keep apart.
        per(300, "60ms"),
    ]
}

type Answer = Result<(Decision, u64), Rejection>;

/// Every answer, in order.
fn answers(settings: &Settings, steps: &[Step], grants: Grants) -> (Vec<Answer>, u64) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let (settings, steps) = (settings.clone(), steps.to_vec());
    runtime.block_on(async move {
        let config = LimiterConfig::from_settings(&settings).unwrap();
        let clock = Arc::new(Clock::starting_at(WallTime::from_nanos(0)));
        let options = HostOptions { grants, ..HostOptions::default() };
        let ground = Ground::new(tokio::runtime::Handle::current(), 1, clock, Arc::new(Ignore), options);
        let limiter = LimiterHandle::new(Hosted::new(ground, Kind::Limiter, "api", config.clone()), config);
        let (mut answers, mut held) = (Vec::new(), Vec::<Reservation>::new());
        let told = |decision: Decision| (decision, limiter.hosted().now().as_nanos());
        for step in steps {
            match step {
                Step::Wait(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
                Step::Check { key, times } => {
                    for _ in 0..times {
                        answers.push(limiter.check(KEYS[key]).await.map(told));
                    }
                }
                Step::Cost { key, cost } => answers.push(limiter.check_n(KEYS[key], cost).await.map(told)),
                Step::Reserve(key) => match limiter.reserve(KEYS[key], 1, Time::MAX).await {
                    Ok(reservation) => {
                        answers.push(Ok(told(reservation.decision())));
                        held.push(reservation);
                    }
                    Err(rejection) => answers.push(Err(rejection)),
                },
                Step::Settle(_) | Step::GiveBack(_) if held.is_empty() => {}
                Step::Settle(index) => held.swap_remove(index % held.len()).settle(),
                Step::GiveBack(index) => drop(held.swap_remove(index % held.len())),
            }
        }
        (answers, limiter.hosted().messages())
    })
}

proptest! {
    #![proptest_config(crate::host::cases(32))]

    #[test]
    fn whoever_asks_and_whoever_takes_what_was_granted_gets_the_same_answers(
        quota in 0usize..5,
        steps in steps(),
    ) {
        let settings = &quotas()[quota];
        let asked = answers(settings, &steps, Grants::Off).0;
        let granted = answers(settings, &steps, Grants::On).0;
        let differs = asked.iter().zip(&granted).position(|(asked, granted)| asked != granted);
        if let Some(at) = differs {
            prop_assert_eq!(&asked[at], &granted[at], "answer {} under {}", at, settings);
        }
        prop_assert_eq!(asked.len(), granted.len());
    }
}

/// Parts of a millisecond: what was granted in the first stands until the end of the 61st.
#[test]
fn what_still_stands_in_its_window_can_be_given_back_however_it_was_granted() {
    let steps = [
        Step::Check { key: 1, times: 1 },
        Step::Reserve(1),
        Step::Wait(60),
        Step::GiveBack(0),
        Step::Check { key: 1, times: 1 },
    ];
    for grants in [Grants::Off, Grants::On] {
        let answers = answers(&quotas()[4], &steps, grants).0;
        let remaining: Vec<_> = answers.into_iter().map(|answer| answer.unwrap().0.remaining).collect();
        assert_eq!(remaining, [299, 298, 298], "{grants:?}");
    }
}

/// The first key gives back what it was granted, and then what it took in advance before: it may be dropped for a new one,
/// which starts whole and shares nothing.
#[test]
fn a_key_that_gave_back_all_that_it_took_makes_room_in_a_full_table() {
    let steps = [
        Step::Wait(3),
        Step::Reserve(1),
        Step::Reserve(1),
        Step::Check { key: 0, times: 1 },
        Step::Check { key: 4, times: 1 },
        Step::GiveBack(2),
        Step::Reserve(3),
        Step::GiveBack(2),
        Step::Check { key: 2, times: 1 },
        Step::GiveBack(0),
        Step::Check { key: 3, times: 1 },
    ];
    for grants in [Grants::Off, Grants::On] {
        let answers = answers(&quotas()[1], &steps, grants).0;
        let remaining: Vec<_> = answers.into_iter().map(|answer| answer.unwrap().0.remaining).collect();
        assert_eq!(remaining, [39, 38, 39, 39, 39, 39, 39], "{grants:?}");
    }
}

/// Parts of 100 ms: callers are told three milliseconds before the end of one to look at the clock.
#[test]
fn what_is_leased_to_callers_who_look_at_the_clock_counts_in_its_part() {
    let steps = [
        Step::Reserve(0),
        Step::Wait(291),
        Step::Settle(0),
        Step::Wait(8),
        Step::Check { key: 4, times: 2 },
        Step::Wait(1),
        Step::Reserve(4),
    ];
    let [asked, granted] = [Grants::Off, Grants::On].map(|grants| answers(&quotas()[1], &steps, grants).0);
    assert_eq!(granted, asked);
    assert_eq!(granted.last().unwrap().as_ref().unwrap().0.remaining, 39);
}

#[tokio::test(start_paused = true)]
async fn a_large_quota_is_granted_and_a_used_up_one_refused_without_a_message() {
    for key in ["", "customer"] {
        let large = handle(&limit(1_000_000, "minute"));
        large.check(key).await.unwrap();
        let known = large.hosted().messages();
        for call in 2..1_000 {
            assert_eq!(large.check(key).await.unwrap().remaining, 1_000_000 - call);
        }
        assert_eq!(large.hosted().messages(), known, "{key:?}");
        let small = handle(&limit(1, "minute"));
        assert_eq!(pass(&small, key, 2).await, 1);
        let known = small.hosted().messages();
        assert_eq!(pass(&small, key, 1_000).await, 0);
        assert_eq!(small.hosted().messages(), known, "{key:?}");
    }
}

/// Parts of a second: somebody has to ask which of them runs, and each key once until more comes back for it.
#[tokio::test(start_paused = true)]
async fn keys_that_are_called_all_the_time_are_not_asked_about_in_every_part() {
    let limiter = handle(&limit(1_000, "minute"));
    let second_long = Duration::from_secs(1);
    let keys: Vec<String> = (0..100).map(|key| format!("customer-{key}")).collect();
    for second in 0..60 {
        for key in &keys {
            assert_eq!(limiter.check(key).await.unwrap().remaining, 999 - second);
        }
        tokio::time::sleep(second_long).await;
    }
    let messages = limiter.hosted().messages();
    // A thread that found no slot of its own, beside all those of other tests, has nothing to write in, and asks.
    assert!(messages < 100 + 60 + 10 || place().is_none(), "{messages} messages");
    // One second's have left by then.
    tokio::time::sleep(second_long).await;
    for key in &keys {
        assert_eq!(limiter.check(key).await.unwrap().remaining, 999 - 59);
    }
}

#[tokio::test(start_paused = true)]
async fn a_limiter_that_nobody_calls_keeps_no_timer() {
    let limiter = handle(&limit(1_000_000, "minute"));
    pass(&limiter, "", 10).await;
    seconds(120).await;
    tokio::task::yield_now().await;
    let known = limiter.hosted().messages();
    seconds(86_400).await;
    assert_eq!(limiter.hosted().messages(), known);
    assert_eq!(limiter.check("").await.unwrap().remaining, 999_999);
}

/// Grants of all threads, by the time between which each was given: none of them may be too many, however their times
/// are read.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn from_many_threads_no_window_holds_more_than_the_quota_though_the_actor_crashes() {
    const REQUESTS: usize = 6_000;
    let per = Duration::from_millis(600);
    // Who runs into a crash would else be let in, within one burst more for each outage.
    let limiter = handle(&limit(REQUESTS as i64, "600ms").with("on_unavailable", "reject"));
    let until = limiter.hosted().now().after(Duration::from_millis(1_500));
    let callers: Vec<_> = (0..4_usize)
        .map(|caller| {
            let limiter = limiter.clone();
            tokio::spawn(async move {
                let mut granted = Vec::new();
                for call in 0_u64.. {
                    let before = limiter.hosted().now();
                    if before >= until {
                        break;
                    }
                    if limiter.check("").await.is_ok() {
                        granted.push((before, limiter.hosted().now()));
                    }
                    // Four times: beyond five it is left alone for long.
                    if caller == 0 && call % 20_000 == 19_999 && call < 80_000 {
                        let _ = limiter.hosted().crash().await;
                    }
                    if call % 64 == 0 {
                        tokio::task::yield_now().await;
                    }
                }
                granted
            })
        })
        .collect();
    let mut granted = Vec::new();
    for caller in callers {
        granted.extend(caller.await.unwrap());
    }
    granted.sort_unstable();
    assert!(granted.len() > REQUESTS, "a second window was used: {}", granted.len());
    // What surely lies within one window: it began after the first did, and had ended before the first left.
    for (index, (_, first)) in granted.iter().enumerate().step_by(97) {
        let within = granted[index..]
            .iter()
            .take_while(|(begun, _)| *begun < first.after(per))
            .filter(|(begun, ended)| begun >= first && *ended < first.after(per));
        let number = within.count();
        assert!(number <= REQUESTS, "{number} within one window");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_small_quota_is_exact_to_the_last_token_from_any_thread() {
    for (settings, key) in [
        (limit(10, "hour"), ""),
        (limit(2_000, "hour"), ""),
        (limit(2_000, "hour"), "customer"),
        (limit(10, "hour").with("algorithm", "fixed_window"), "customer"),
        (limit(10, "hour").with("algorithm", "token_bucket"), "customer"),
    ] {
        let limiter = handle(&settings);
        let callers: Vec<_> = (0..4)
            .map(|_| {
                let limiter = limiter.clone();
                tokio::spawn(async move { pass(&limiter, key, 1_000).await })
            })
            .collect();
        let mut passed = 0;
        for caller in callers {
            passed += caller.await.unwrap();
        }
        assert_eq!(passed as u64, limiter.config().requests(), "{settings}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_spent_without_a_future_counts_and_given_back_it_is_as_if_it_had_never_come() {
    let limiter = handle(&limit(300, "minute"));
    for key in ["", "a"] {
        assert_eq!(limiter.try_granted(key, 1), None, "nothing is leased before the first call");
        assert_eq!(limiter.check(key).await.unwrap().remaining, 299);
        let granted = limiter.try_granted(key, 1).unwrap().unwrap();
        assert_eq!(granted.decision().remaining, 298);
        limiter.give_back_granted(key, granted);
        drop(limiter.reservation_of(key, limiter.try_granted(key, 1).unwrap().unwrap()));
        limiter.reservation_of(key, limiter.try_granted(key, 1).unwrap().unwrap()).settle();
        assert_eq!(limiter.try_granted(key, 2), None, "another cost is not what was leased");
        assert_eq!(pass(&limiter, key, 400).await, 298);
        assert_eq!(limiter.try_granted(key, 1).unwrap().unwrap_err(), limiter.check(key).await.unwrap_err());
    }
}

#[tokio::test(start_paused = true)]
async fn a_thread_has_a_share_of_every_lease_and_not_only_of_the_first() {
    // Counted by parts of 10 ms.
    let limiter = handle(&limit(1_000_000, "600ms"));
    for round in 1..=5 {
        for _ in 0..3 {
            limiter.check("").await.unwrap();
        }
        let elsewhere = limiter.clone();
        let there = std::thread::spawn(move || elsewhere.try_granted("", 1).unwrap().unwrap().decision());
        let (left, seen) = (1_000_000 - round * 4, there.join().unwrap().remaining);
        // Threads that found no slot of their own have one share together.
        assert!(
            seen + 500 < left || place().is_none(),
            "what is left of this thread's share is no other's: {seen} of {left}"
        );
        tokio::time::sleep(Duration::from_millis(11)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_could_have_been_dropped_is_granted_nothing_in_advance_while_the_overflow_quota_is_used() {
    let settings = limit(40, "100ms").with("algorithm", "fixed_window").with("max_keys", 1);
    let limiter = handle(&settings);
    let held = limiter.reserve("known", 1, Time::MAX).await.unwrap();
    assert_eq!(pass(&limiter, "beyond the table", 41).await, 40);
    drop(held);
    // It is as new, and whoever is new may have spent all that is used up there.
    for _ in 0..3 {
        assert!(limiter.check("known").await.is_err());
    }
}
