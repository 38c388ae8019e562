use std::io::Write;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use steadfast::Runtime;
use steadfast::config::ConfigError;
use steadfast::runtime::BuildError;
use steadfast_actors::clock::{Clock, Stopwatch};
use steadfast_actors::machine::Kind;

use super::bound::Handlers;
use super::compose;
use super::cost::{Core, CostReport, Meter};
use super::draw::seconds;
use super::driver::drive;
use super::expect::{self, Ground};
use super::house::House;
use super::invariants::{self, Invariants};
use super::log::{Log, Record, Recorder};
use super::measures::Measures;
use super::process::{self, Build, Process};
use super::quiet::Quiet;
use super::report::{InvariantReport, Report, VariantReport, Verdict, ratio};
use crate::scenario::{Metric, Scenario};
use crate::world::World;

/// Why a run could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// A variant's policies cannot be what they are declared to be.
    #[error("variant {variant}: {source}")]
    Policies {
        /// The variant.
        variant: String,
        /// Every mistake.
        source: ConfigError,
    },
    /// There is no variant of that name.
    #[error("there is no variant `{0}`")]
    NoVariant(String),
    /// The runtime under test could not be built.
    #[error(transparent)]
    Runtime(#[from] BuildError),
    /// The event log could not be written.
    #[error("the event log cannot be written: {0}")]
    Log(#[from] std::io::Error),
}

/// What may be chosen of a run beside its scenario.
#[derive(Default)]
#[non_exhaustive]
pub struct RunOptions {
    /// The seed; the scenario's own where not said.
    pub seed: Option<u64>,
    /// Only this variant.
    pub variant: Option<String>,
    /// Where the event log goes, one line of JSON for each event.
    pub log: Option<Box<dyn Write + Send>>,
    /// Functions that stand in for handlers.
    pub handlers: Handlers,
    /// Builds the runtime under test from what the scenario says of it; `RuntimeBuilder::build` where not said.
    pub build: Option<Build>,
}

/// What of the options every variant needs.
#[derive(Clone, Copy)]
pub(crate) struct Own<'a> {
    handlers: &'a Handlers,
    build: Option<&'a Build>,
}

impl std::fmt::Debug for RunOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunOptions").field("seed", &self.seed).field("variant", &self.variant).finish()
    }
}

/// Runs all variants of a scenario, one after another, on the same arrivals.
///
/// # Errors
/// Where a variant's policies contradict each other.
pub fn run(scenario: &Scenario, seed: u64) -> Result<Report, RunError> {
    run_with(scenario, RunOptions { seed: Some(seed), ..RunOptions::default() })
}

/// The same with options.
///
/// # Errors
/// As [`run`], and where the log cannot be written.
pub fn run_with(scenario: &Scenario, mut options: RunOptions) -> Result<Report, RunError> {
    let seed = options.seed.unwrap_or(scenario.seed);
    let (started, core) = (Stopwatch::start(), Core::start());
    let chosen = |name: &str| options.variant.as_deref().is_none_or(|only| only == name);
    if let Some(only) = &options.variant
        && !scenario.variants.iter().any(|variant| variant.name == *only)
    {
        return Err(RunError::NoVariant(only.clone()));
    }
    let mut report = Report {
        scenario: scenario.name.clone(),
        seed,
        digest: String::new(),
        verdict: Verdict::Pass,
        wall_ms: 0,
        virtual_s: 0.0,
        cost: CostReport::default(),
        events: 0,
        variants: Vec::new(),
        expect: Vec::new(),
        invariants: Vec::new(),
    };
    let mut log = Log::new(options.log.take());
    let healed = World::last_heal(scenario);
    let given = Own { handlers: &options.handlers, build: options.build.as_ref() };
    for (index, variant) in scenario.variants.iter().enumerate() {
        if !chosen(&variant.name) {
            continue;
        }
        drop(log.line(0, "variant", &variant.name, "begins").number("seed", seed));
        let (measures, continued, held) = run_variant(scenario, index, seed, log, given)?;
        log = continued;
        invariants::merge(&mut report.invariants, held);
        let ground = Ground { scenario, measures: &measures, healed };
        let own = scenario.expectations.iter().filter(|expected| expected.variant == variant.name);
        for expectation in own {
            let expected = match expectation.seeds {
                None => expect::evaluate(expectation, ground),
                Some(seeds) => {
                    let held = |seed| {
                        let (measures, _, _) = run_variant(scenario, index, seed, Log::new(None), given)?;
                        let ground = Ground { scenario, measures: &measures, healed };
                        Ok::<bool, RunError>(expect::evaluate(expectation, ground).ok)
                    };
                    expect::over_seeds(expectation, seeds, held)?
                }
            };
            report.expect.push(expected);
        }
        let own = scenario.sometimes.iter().filter(|sometimes| sometimes.variant == variant.name);
        report.expect.extend(own.map(|sometimes| expect::reached(sometimes, &measures)));
        let recovery = healed.and_then(|healed| measures.recovery(healed, scenario.duration, 0.95));
        let told = VariantReport::of(&variant.name, &measures, scenario.duration, recovery);
        report.variants.push(told);
        report.virtual_s += seconds(scenario.duration);
        report.cost.resident_kib.extend_from_slice(&measures.resident_kib);
    }
    report.events = log.events();
    report.digest = log.finish()?;
    let held = report.expect.iter().all(|expected| expected.ok)
        && report.invariants.iter().all(|invariant| invariant.ok);
    report.verdict = if held { Verdict::Pass } else { Verdict::Fail };
    let wall_s = started.elapsed().as_secs_f64();
    let offered = report.variants.iter().map(|variant| variant.offered).sum();
    report.cost.virtual_s_per_s = report.virtual_s / wall_s;
    report.cost.requests_per_s = ratio(offered, 1) / wall_s;
    report.cost.cpu_s = core.seconds();
    report.wall_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(report)
}

/// Runs one variant; what was measured, and the log with its events.
fn run_variant(
    scenario: &Scenario,
    index: usize,
    seed: u64,
    log: Log,
    given: Own<'_>,
) -> Result<(Measures, Log, Vec<InvariantReport>), RunError> {
    let variant = &scenario.variants[index];
    let own = scenario.expectations.iter().filter(|expected| expected.variant == variant.name);
    let new = |handlers: &[String]| {
        let own = own.clone().filter(|expected| expected.handlers == handlers);
        let windows = own.filter(|expected| matches!(expected.metric, Metric::Quantile(_)));
        let windows = windows.filter_map(|expected| expected.over).collect();
        let by_key = handlers.is_empty()
            && scenario.expectations.iter().any(|expected| expected.metric == Metric::ExecutionsPerKey);
        Measures::new(scenario.services.len(), windows, by_key)
    };
    let mut measures = new(&[]);
    for expected in own.clone().filter(|expected| !expected.handlers.is_empty()) {
        let handlers = expect::handlers(scenario, expected);
        if measures.parts.iter().all(|(known, _)| *known != handlers) {
            measures.parts.push((handlers, new(&expected.handlers)));
        }
    }
    let record =
        Record { log, measures, invariants: Invariants::default(), awaited: Vec::new(), came: Vec::new() };
    let recorder = Recorder(Arc::new(Mutex::new(record)));
    let quiet = Quiet::default();
    let hook = quiet.clone();
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .on_thread_park(move || hook.reached())
        // With nothing left to do, tokio moves a paused clock on by itself.
        .on_thread_unpark(Clock::moved)
        .build()?;
    let run = tokio.block_on(live(scenario, index, seed, recorder.clone(), quiet, given));
    // Taken out before the tasks are dropped: what they say on their way out is no part of the run.
    let mut record = recorder.record();
    let held = record.invariants.report(&variant.name);
    let measures =
        std::mem::replace(&mut record.measures, Measures::new(scenario.services.len(), Vec::new(), false));
    let log = std::mem::replace(&mut record.log, Log::new(None));
    drop(record);
    run?;
    Ok((measures, log, held))
}

async fn live(
    scenario: &Scenario,
    index: usize,
    seed: u64,
    recorder: Recorder,
    quiet: Quiet,
    given: Own<'_>,
) -> Result<(), RunError> {
    // tokio's timers count whole milliseconds from the first; virtual time begins on one of them.
    tokio::time::sleep(Duration::from_millis(1)).await;
    let variant = &scenario.variants[index];
    let process = Process::first(scenario, index, seed, &recorder, given.build);
    let runtime = process::runtime(scenario, index, seed, &recorder, process.as_ref(), None, given.build)?;
    let _entered = runtime.enter();
    let mut world = World::new(scenario, index, seed, recorder.clone());
    let policies = |source| RunError::Policies { variant: variant.name.clone(), source };
    let mut handlers = (0..scenario.handlers.len())
        .map(|handler| compose::handler(scenario, variant, handler, &runtime, &mut world))
        .collect::<Result<Vec<_>, _>>()
        .map_err(policies)?;
    for (handler, declared) in handlers.iter_mut().zip(&scenario.handlers) {
        handler.bound = given.handlers.get(&declared.name).cloned();
    }
    let entries = scenario.loads.iter().map(|load| {
        let handler = scenario.handlers.iter().position(|handler| handler.name == load.handler)?;
        compose::entry(scenario, handler, &mut world)
    });
    let entries = entries.collect();
    world.begin();
    let pools = compose::follow(scenario, variant, &runtime, &mut handlers, &mut recorder.record());
    let clock = Arc::clone(runtime.clock());
    let measured = recorder.clone();
    let house = Arc::new(House {
        world: Arc::new(Mutex::new(world)),
        runtime,
        clock,
        recorder,
        handlers,
        entries,
        pools,
        calls: Arc::new(AtomicU64::new(1)),
        unsettled: Arc::default(),
        process,
    });
    let end = scenario.duration;
    let driving = tokio::spawn(async move {
        let mut meter = Meter::new(end);
        drive(&house, &quiet, end, &mut meter).await;
        quiet.wait().await;
        let house = house.alive();
        compose::at_rest(&house);
        (house.runtime.clone(), meter.into_readings())
    });
    // It ends with the run; a panic in it is a defect that must not look like a result.
    let (runtime, resident_kib) = match driving.await {
        Ok(ended) => ended,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    };
    let measures = &mut measured.record().measures;
    measures.entries = entries_of(&runtime);
    measures.resident_kib = resident_kib;
    Ok(())
}

/// What limiters and idempotency stores keep in memory.
fn entries_of(runtime: &Runtime) -> u64 {
    let registry = runtime.registry();
    let actors = registry.actors().into_iter();
    let entries = actors.map(|actor| match actor.kind {
        Kind::Limiter => registry.limiter(&actor.name).map_or(0, |limiter| limiter.status().keys),
        Kind::Idempotency => registry.idempotency(&actor.name).map_or(0, |store| store.status().records),
        _ => 0,
    });
    entries.sum::<usize>() as u64
}
