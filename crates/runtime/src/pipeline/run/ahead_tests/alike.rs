//! Generated calls, with somebody who listens and with nobody.

use std::sync::Arc;

use proptest::prelude::*;
use steadfast_actors::event::{Event, EventSink};

use super::*;

/// Where somebody listens, every call is interpreted.
struct Listens;

impl EventSink for Listens {
    fn record(&self, _: Event) {}
}

/// How one run of a handler ends.
#[derive(Clone, Copy, Debug)]
enum Run {
    Answers,
    AnswersLater(u64),
    Fails,
    FailsLater(u64),
    IsWrong,
    Panics,
    Hangs,
}

#[derive(Clone, Copy, Debug)]
struct Plays {
    first: Run,
    second: Run,
    /// After how long its caller goes away, if it does.
    leaves: Option<u64>,
    /// How long after the call before it it comes.
    after: u64,
}

fn run() -> impl Strategy<Value = Run> {
    prop_oneof![
        6 => Just(Run::Answers),
        3 => (0..700_u64).prop_map(Run::AnswersLater),
        2 => Just(Run::Fails),
        2 => (0..700_u64).prop_map(Run::FailsLater),
        1 => Just(Run::IsWrong),
        1 => Just(Run::Panics),
        1 => Just(Run::Hangs),
    ]
}

fn plays() -> impl Strategy<Value = Plays> {
    (run(), run(), prop::option::weighted(0.2, 0..900_u64), 0..400_u64)
        .prop_map(|(first, second, leaves, after)| Plays { first, second, leaves, after })
}

async fn handler(run: Run) -> Result<u32> {
    let wait = |millis| tokio::time::sleep(Duration::from_millis(millis));
    match run {
        Run::Answers => Ok(1),
        Run::AnswersLater(millis) => {
            wait(millis).await;
            Ok(2)
        }
        Run::Fails => Err("HTTP 503".to_owned()),
        Run::FailsLater(millis) => {
            wait(millis).await;
            Err("HTTP 500".to_owned())
        }
        Run::IsWrong => Err("HTTP 422".to_owned()),
        Run::Panics => panic!("as it was told to"),
        Run::Hangs => std::future::pending().await,
    }
}

/// What each call came to and when, and what the actors know in the end.
type Played = (Vec<(Option<Result<u32>>, u64)>, (u64, BreakerState, u64, u64), u64);

async fn played(calls: &[Plays], listens: bool) -> Played {
    let builder = Runtime::builder().isolated().seed(7).environment([]);
    let builder = if listens { builder.events(Arc::new(Listens)) } else { builder };
    let runtime = builder.build().unwrap();
    let pipeline = stack(&runtime);
    let mut started = Vec::new();
    for call in calls.iter().copied() {
        tokio::time::sleep(Duration::from_millis(call.after)).await;
        let (pipeline, clock) = (pipeline.clone(), Arc::clone(runtime.clock()));
        started.push(tokio::spawn(async move {
            let runs = AtomicU32::new(0);
            let body =
                || handler(if runs.fetch_add(1, Ordering::Relaxed) == 0 { call.first } else { call.second });
            let patience = Duration::from_millis(call.leaves.unwrap_or(100_000));
            let ended = tokio::time::timeout(patience, caught(pipeline.call(body))).await;
            (ended.ok().and_then(std::result::Result::ok), clock.now().as_nanos() / 1_000_000)
        }));
    }
    let mut answers = Vec::new();
    for call in started {
        answers.push(call.await.unwrap());
    }
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(runtime.in_flight(), 0);
    let left = runtime.registry().limiter("stack").unwrap().check_n("", 0).await.unwrap().remaining;
    (answers, known(&runtime), left)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 100 } else { 2_000 }))]
    #[test]
    fn calls_come_to_the_same_whether_or_not_they_are_interpreted(calls in prop::collection::vec(plays(), 1..30)) {
        let both = [false, true].map(|listens| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
            runtime.unwrap().block_on(played(&calls, listens))
        });
        prop_assert_eq!(&both[0], &both[1]);
    }
}
