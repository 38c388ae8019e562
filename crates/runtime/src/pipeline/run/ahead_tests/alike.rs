//! Generated calls, once as they are and once with each of them interpreted from its start.

use std::sync::Arc;

use proptest::prelude::*;
use steadfast_actors::clock::WallTime;
use steadfast_actors::event::{Event, EventSink, Happening};

use super::*;
use crate::pipeline::call::Call;
use crate::service::Message;

/// Keeps what it hears.
#[derive(Debug, Default)]
struct Heard(Mutex<Vec<Event>>);

impl EventSink for Heard {
    fn record(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

impl Heard {
    /// All of it, what happened in one instant call by call: which of two calls whose ends fall together is woken first
    /// is nobody's promise.
    fn lines(&self) -> Vec<String> {
        let mut events = std::mem::take(&mut *self.0.lock().unwrap());
        events.sort_by_key(|event| (event.at, call_of(&event.what)));
        events.iter().map(|event| format!("{event:?}")).collect()
    }
}

fn call_of(what: &Happening) -> Option<u64> {
    match *what {
        Happening::Arrival { call } | Happening::Attempt { call, .. } | Happening::Answer { call, .. } => {
            Some(call)
        }
        Happening::Decision { call, .. } => call,
        _ => None,
    }
}

/// How one run of a handler ends.
#[derive(Clone, Copy, Debug)]
enum Run {
    Answers,
    AnswersLater(u64),
    /// After a call inside it that passes the same breaker and the same pool.
    AnswersThrough(u64),
    Fails,
    FailsLater(u64),
    IsWrong,
    Panics,
    PanicsLater(u64),
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
    /// Which actor crashes then, if any.
    crashes: Option<bool>,
    /// What its client calls it by; of what several call the same, one runs.
    key: u8,
}

fn run() -> impl Strategy<Value = Run> {
    prop_oneof![
        6 => Just(Run::Answers),
        6 => (0..1_200_u64).prop_map(Run::AnswersLater),
        2 => (0..700_u64).prop_map(Run::AnswersThrough),
        2 => Just(Run::Fails),
        3 => (0..1_200_u64).prop_map(Run::FailsLater),
        1 => Just(Run::IsWrong),
        1 => Just(Run::Panics),
        1 => (0..700_u64).prop_map(Run::PanicsLater),
        1 => Just(Run::Hangs),
    ]
}

fn plays() -> impl Strategy<Value = Plays> {
    let leaves = prop::option::weighted(0.2, 0..1_300_u64);
    let crashes = prop::option::weighted(0.05, any::<bool>());
    let whole = (run(), run(), leaves, 0..400_u64, crashes, any::<u8>());
    whole.prop_map(|(first, second, leaves, after, crashes, key)| Plays {
        first,
        second,
        leaves,
        after,
        crashes,
        key,
    })
}

/// Runs that have waited with no more than words in their hands.
static WAITED: AtomicU32 = AtomicU32::new(0);

async fn wait(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
    let is_lean = Call::current().is_some_and(|call| call.in_advance.words().is_some());
    WAITED.fetch_add(u32::from(is_lean), Ordering::Relaxed);
}

async fn handler(run: Run, inner: &Pipeline) -> Result<u32> {
    match run {
        Run::Answers => Ok(1),
        Run::AnswersLater(millis) => {
            wait(millis).await;
            Ok(2)
        }
        Run::AnswersThrough(millis) => {
            let answer = inner.call(|| async {
                wait(millis).await;
                Ok::<_, String>(3)
            });
            answer.await
        }
        Run::Fails => Err("HTTP 503".to_owned()),
        Run::FailsLater(millis) => {
            wait(millis).await;
            Err("HTTP 500".to_owned())
        }
        Run::IsWrong => Err("HTTP 422".to_owned()),
        Run::Panics => panic!("as it was told to"),
        Run::PanicsLater(millis) => {
            wait(millis).await;
            panic!("as it was told to, in time")
        }
        Run::Hangs => std::future::pending().await,
    }
}

/// What each call came to and when, what the actors know in the end, and what was told of all that.
type Played = (Vec<(Option<Result<u32>>, u64)>, (u64, BreakerState, u64, u64), Option<u64>, Vec<String>);

/// Whom a call has to ask before its first attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asks {
    Nobody,
    /// Its message, who called: nobody knew that before.
    Message,
    /// Its store, whether it was done before.
    Store,
}

/// The layers of one workload: its breaker judges time or not, its attempts end before its calls do or not.
#[derive(Clone, Copy, Debug)]
struct Layers {
    asks: Asks,
    is_recorded: bool,
    is_limited: bool,
    judges_time: bool,
    total: u64,
    per_attempt: bool,
}

fn layers() -> impl Strategy<Value = Layers> {
    let total = prop_oneof![Just(10_000_u64), Just(1_100), Just(1_000)];
    let asks = prop_oneof![Just(Asks::Nobody), Just(Asks::Message), Just(Asks::Store)];
    (any::<[bool; 4]>(), total, asks).prop_map(
        |([is_recorded, is_limited, judges_time, per_attempt], total, asks)| Layers {
            asks,
            is_recorded,
            is_limited,
            judges_time,
            total,
            per_attempt,
        },
    )
}

/// The pipeline of the calls, and the one of those inside them.
fn of(layers: Layers, runtime: &Runtime) -> [Pipeline; 2] {
    let timeout = Settings::new().with("total", format!("{}ms", layers.total));
    let timeout = if layers.per_attempt { timeout.with("per_attempt", "1s") } else { timeout };
    let breaker = Settings::new().with("name", "stack").with("failure_threshold", 4);
    let breaker = if layers.judges_time { breaker.with("slow_call_duration", "500ms") } else { breaker };
    let bulkhead = Settings::new().with("name", "stack").with("capacity", 3).with("queue", 1);
    let inner = Pipeline::builder("inner")
        .layer("circuit_breaker", breaker.clone())
        .layer("bulkhead", bulkhead.clone());
    let limit = Settings::new().with("name", "stack").with("requests", 1_000).with("per", "hour");
    let outer = Pipeline::builder("stack");
    let outer = if layers.is_limited { outer.layer("rate_limit", limit) } else { outer };
    let store = Settings::new().with("name", "stack").with("key", "header:Idempotency-Key");
    let outer = if layers.asks == Asks::Store { outer.layer("idempotent", store) } else { outer };
    let outer = outer
        .layer("timeout", timeout)
        .layer(
            "throttle",
            Settings::new().with("max_concurrent", 3).with("queue", 1).with("max_wait", "300ms"),
        )
        .layer("retry", Settings::new().with("attempts", 2).with("base_delay", "10ms").with("jitter", false))
        .layer("circuit_breaker", breaker)
        .layer("bulkhead", bulkhead);
    [outer, inner].map(|built| built.build(runtime).unwrap())
}

/// How a workload is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Ahead,
    /// With ends on the runtime's own timers, and each call after the last one has ended: what comes first of two in one
    /// millisecond is nobody's promise.
    CoarseOneByOne,
    Interpreted,
    InterpretedOneByOne,
}

impl Way {
    fn is_one_by_one(self) -> bool {
        matches!(self, Way::CoarseOneByOne | Way::InterpretedOneByOne)
    }
}

/// Calls it as whoever asks for that does.
async fn called<F>(pipeline: &Pipeline, asks: Asks, key: &str, body: impl FnMut() -> F) -> Result<u32>
where
    F: Future<Output = Result<u32>>,
{
    if asks == Asks::Nobody {
        return pipeline.call(body).await;
    }
    let message = Message::builder().header("Idempotency-Key", key).build();
    pipeline.call_for(&message, body).await
}

async fn played(layers: Layers, calls: &[Plays], way: Way) -> Played {
    let mut builder = Runtime::builder().isolated().seed(1).environment([]);
    // What a store refuses says when to come back, by the calendar.
    builder = builder.wall_clock_from(WallTime::from_nanos(1_700_000_000_000_000_000));
    builder.coarse = way == Way::CoarseOneByOne;
    let heard = Arc::new(Heard::default());
    let builder = if layers.is_recorded { builder.events(Arc::clone(&heard) as _) } else { builder };
    let runtime = builder.build().unwrap();
    let is_interpreted = matches!(way, Way::Interpreted | Way::InterpretedOneByOne);
    let [pipeline, inner] =
        of(layers, &runtime).map(|built| if is_interpreted { built.interpreted() } else { built });
    for nth in 0..3 {
        let is_warm = called(&pipeline, layers.asks, &format!("warm-{nth}"), || async { Ok(0) }).await;
        assert_eq!(is_warm, Ok(0));
    }
    let (mut started, mut answers) = (Vec::new(), Vec::new());
    for call in calls.iter().copied() {
        tokio::time::sleep(Duration::from_millis(call.after)).await;
        match call.crashes {
            Some(true) => runtime.registry().breaker("stack").unwrap().hosted().crash().await.unwrap(),
            Some(false) => runtime.registry().bulkhead("stack").unwrap().hosted().crash().await.unwrap(),
            None => {}
        }
        let (pipeline, inner, clock) = (pipeline.clone(), inner.clone(), Arc::clone(runtime.clock()));
        started.push(tokio::spawn(async move {
            let runs = AtomicU32::new(0);
            let body = || {
                let is_first = runs.fetch_add(1, Ordering::Relaxed) == 0;
                handler(if is_first { call.first } else { call.second }, &inner)
            };
            let patience = Duration::from_millis(call.leaves.unwrap_or(100_000));
            let key = format!("key-{}", call.key);
            let called = caught(called(&pipeline, layers.asks, &key, body));
            let ended = tokio::time::timeout(patience, called).await;
            (ended.ok().and_then(std::result::Result::ok), clock.now().as_nanos() / 1_000_000)
        }));
        if way.is_one_by_one()
            && let Some(call) = started.pop()
        {
            answers.push(call.await.unwrap());
        }
    }
    for call in started {
        answers.push(call.await.unwrap());
    }
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(runtime.in_flight(), 0);
    let left = match runtime.registry().limiter("stack") {
        Some(limiter) => Some(limiter.check_n("", 0).await.unwrap().remaining),
        None => None,
    };
    (answers, known(&runtime), left, heard.lines())
}

#[test]
fn calls_come_to_the_same_whether_or_not_they_are_interpreted() {
    let config = ProptestConfig::with_cases(if cfg!(debug_assertions) { 200 } else { 4_000 });
    proptest!(config, |(layers in layers(), calls in prop::collection::vec(plays(), 1..30))| {
        let ways = [Way::Ahead, Way::Interpreted, Way::CoarseOneByOne, Way::InterpretedOneByOne];
        let [ahead, interpreted, coarse, one_by_one] = ways.map(|way| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
            runtime.unwrap().block_on(played(layers, &calls, way))
        });
        prop_assert_eq!(&ahead, &interpreted);
        prop_assert_eq!(&coarse, &one_by_one);
    });
    assert!(WAITED.load(Ordering::Relaxed) > 200, "hardly any of them took the other way: {WAITED:?}");
}
