use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use steadfast::Runtime;
use tokio::task::JoinHandle;

use super::compose;
use super::cost::Meter;
use super::driver::drive;
use super::house::House;
use super::log::Recorder;
use super::process::CALENDAR;
use super::quiet::Quiet;
use crate::scenario::Scenario;
use crate::world::{Route, World};

/// Longer than any test: thirty years, as far as tokio's timers reach.
const FOREVER: u64 = 30 * 365 * 86_400 * 1_000_000_000;

/// A world without loads of its own, for a body that calls its services.
pub(crate) struct Staged {
    pub(crate) house: Arc<House>,
    /// The ways from one end to another.
    pub(crate) routes: BTreeMap<(String, String), Route>,
    /// Moves time on until it is aborted.
    pub(crate) driving: JoinHandle<()>,
}

/// Lets `play` run in virtual time beside the world of a scenario's services, links and faults; its loads, handlers and
/// variants are left aside.
#[expect(clippy::expect_used, reason = "a test that cannot begin has failed")]
pub(crate) fn staged<P, A>(scenario: &Scenario, seed: u64, recorder: Recorder, play: P) -> A::Output
where
    P: FnOnce(Staged) -> A,
    A: Future,
{
    let mut scenario = scenario.clone();
    scenario.loads.clear();
    let quiet = Quiet::default();
    let hook = quiet.clone();
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .on_thread_park(move || hook.reached())
        .build()
        .expect("a current-thread runtime");
    tokio.block_on(async move {
        // tokio's timers count whole milliseconds from the first; virtual time begins on one of them.
        tokio::time::sleep(Duration::from_millis(1)).await;
        let runtime = Runtime::builder()
            .isolated()
            .seed(seed)
            .environment([])
            .wall_clock_from(CALENDAR)
            .events(Arc::new(recorder.clone()))
            .build()
            .expect("settings without mistakes");
        let mut world = World::new(&scenario, 0, seed, recorder.clone());
        let routes = compose::routes(&scenario, &mut world);
        let clock = Arc::clone(runtime.clock());
        let house = Arc::new(House {
            world: Arc::new(Mutex::new(world)),
            runtime,
            clock,
            recorder,
            handlers: Vec::new(),
            entries: Vec::new(),
            pools: Vec::new(),
            calls: Arc::new(AtomicU64::new(1)),
            unsettled: Arc::default(),
            process: None,
        });
        let driven = Arc::clone(&house);
        let driving =
            tokio::spawn(async move { drive(&driven, &quiet, FOREVER, &mut Meter::new(FOREVER)).await });
        play(Staged { house, routes, driving }).await
    })
}
