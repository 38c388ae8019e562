use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use steadfast::Runtime;

use super::stage::Stage;
use super::world::World;
use crate::engine::CALENDAR;
use crate::scenario::{Document, Scenario, ScenarioError};

/// Set to a seed, only that one is run.
const ONE: &str = "STEADFAST_SIM_SEED";

/// Runs a test's body in virtual time, once under each seed, each time in a runtime of its own. Where it panics, the
/// line that replays it is printed. With `STEADFAST_SIM_SEED` set, only that seed is run.
///
/// ```
/// use std::time::Duration;
///
/// steadfast_sim::under_seeds(0..50, |_seed| async {
///     let breaker = steadfast::Runtime::current().registry().breaker("payments");
///     assert!(breaker.is_none(), "each seed begins with nothing");
///     // An hour passes at once.
///     tokio::time::sleep(Duration::from_secs(3_600)).await;
/// });
/// ```
///
/// # Panics
/// Where the body does, under the first seed that makes it; where the variable holds no seed.
pub fn under_seeds<F, A>(seeds: impl IntoIterator<Item = u64>, body: F)
where
    F: Fn(u64) -> A,
    A: Future<Output = ()>,
{
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    each(seeds, &test, |seed| once(seed, &body));
}

/// Runs `once` under each seed, or under the one that the environment names.
fn each(seeds: impl IntoIterator<Item = u64>, test: &str, once: impl Fn(u64)) {
    let run = |seed: u64| {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| once(seed))) {
            eprintln!("seed {seed} failed; replay: {ONE}={seed} cargo test {test}");
            resume_unwind(panic);
        }
    };
    match only(std::env::var(ONE).ok().as_deref()) {
        Some(seed) => run(seed),
        None => seeds.into_iter().for_each(run),
    }
}

/// The only seed to run. What is no seed must not look like a test that held.
#[expect(clippy::panic, reason = "a test that cannot begin has failed")]
pub(super) fn only(written: Option<&str>) -> Option<u64> {
    written.map(|seed| seed.parse().unwrap_or_else(|_| panic!("{ONE}={seed:?} is no seed: write a number")))
}

#[expect(clippy::expect_used, reason = "a test that cannot begin has failed")]
fn once<A: Future<Output = ()>>(seed: u64, body: impl Fn(u64) -> A) {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    tokio.expect("a current-thread runtime").block_on(async {
        let builder = Runtime::builder().isolated().seed(seed).environment([]).wall_clock_from(CALENDAR);
        let runtime = builder.build().expect("settings without mistakes");
        runtime.scope(body(seed)).await;
    });
}

/// Where a test's world comes from.
#[derive(Clone, Copy, Debug)]
pub enum Ground<'a> {
    /// It has no services.
    Empty,
    /// Services, links and faults as a scenario writes them.
    Text(&'a str),
    /// The services, links and faults of a scenario's file.
    File(&'a str),
}

impl Ground<'_> {
    fn scenario(self) -> Result<Scenario, ScenarioError> {
        let mut document = match self {
            Ground::Empty => Document::parse("world", b"")?,
            Ground::Text(text) => Document::parse("world", text.as_bytes())?,
            Ground::File(path) => Document::read(std::path::Path::new(path))?,
        };
        // What only whole scenarios need to say.
        for (path, value) in [("schema", "1"), ("name", "world"), ("duration", "1s")] {
            if document.root().get(path).is_none() {
                document.set(path, value)?;
            }
        }
        document.scenario()
    }
}

/// What a test's body may return.
pub trait Told {
    /// What is wrong, if anything is.
    fn problem(self) -> Option<String>;
}

impl Told for () {
    fn problem(self) -> Option<String> {
        None
    }
}

impl<T: Told, E: std::fmt::Debug> Told for Result<T, E> {
    fn problem(self) -> Option<String> {
        match self {
            Ok(told) => told.problem(),
            Err(error) => Some(format!("it returned {error:?}")),
        }
    }
}

/// What the attribute makes of a test.
///
/// # Panics
/// Where the body does or returns an error, where something does not hold that always must, or where the world has
/// mistakes.
pub fn test<F, A>(
    package: &str,
    path: &str,
    seeds: impl IntoIterator<Item = u64>,
    ground: Ground<'_>,
    body: F,
) where
    F: Fn(World) -> A,
    A: Future<Output: Told>,
{
    // libtest knows a test by its path within the crate.
    let test = path.split_once("::").map_or(path, |(_, test)| test);
    in_worlds(&format!("-p {package} {test}"), seeds, ground, body);
}

#[expect(clippy::panic, reason = "that is how a test fails")]
fn in_worlds<F, A>(test: &str, seeds: impl IntoIterator<Item = u64>, ground: Ground<'_>, body: F)
where
    F: Fn(World) -> A,
    A: Future<Output: Told>,
{
    let scenario = ground.scenario().unwrap_or_else(|error| panic!("{error}"));
    each(seeds, test, |seed| {
        let stage = Stage::new(&scenario, seed);
        if let Some(problem) = stage.play(&body) {
            panic!("{problem}");
        }
    });
}

impl World {
    /// Runs a body in virtual time, once under each seed, each time in a new world of `text`'s services, links and
    /// faults, written as in a scenario.
    ///
    /// # Panics
    /// Where the body does or returns an error, under the first seed that makes it; where something does not hold that
    /// always must; where `text` has mistakes.
    pub fn under_seeds<F, A>(text: &str, seeds: impl IntoIterator<Item = u64>, body: F)
    where
        F: Fn(World) -> A,
        A: Future<Output: Told>,
    {
        let name = std::thread::current().name().unwrap_or_default().to_owned();
        in_worlds(&name, seeds, Ground::Text(text), body);
    }
}
