use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use steadfast::runtime::BuildError;
use steadfast::{Runtime, RuntimeBuilder};
use steadfast_actors::clock::{Clock, WallTime};
use steadfast_actors::event::{Event, EventSink};
use steadfast_actors::supervise::RestartLimit;
use tokio::task::AbortHandle;

use super::compose;
use super::house::House;
use super::log::Recorder;
use crate::scenario::{Scenario, Target};
use crate::world::{Damage, MemoryDisk};

/// Every run begins on this day, 2025-01-01 00:00 UTC: what is written with a date is the same each time.
pub(crate) const CALENDAR: WallTime = WallTime::from_nanos(1_735_689_600_000_000_000);

/// Builds a runtime.
pub type Build = Arc<dyn Fn(RuntimeBuilder) -> Result<Runtime, BuildError> + Send + Sync>;

/// The process under test in a scenario that restarts it: what it is built from, and its disk.
pub(crate) struct Process {
    scenario: Arc<Scenario>,
    variant: usize,
    seed: u64,
    /// How many there were before it.
    number: u64,
    pub(crate) disk: Arc<MemoryDisk>,
    voice: Arc<Voice>,
    /// What ends with it.
    tasks: Mutex<Vec<AbortHandle>>,
    next: OnceLock<Arc<House>>,
    build: Option<Build>,
}

/// What a process says of itself, until it is dead.
struct Voice {
    recorder: Recorder,
    dead: AtomicBool,
}

impl EventSink for Voice {
    fn record(&self, event: Event) {
        if !self.dead.load(Ordering::Relaxed) {
            EventSink::record(&self.recorder, event);
        }
    }
}

impl Process {
    /// The first one, where a fault of the scenario needs it.
    pub(crate) fn first(
        scenario: &Scenario,
        variant: usize,
        seed: u64,
        recorder: &Recorder,
        build: Option<&Build>,
    ) -> Option<Self> {
        let store = |target: &Target| matches!(target, Target::Store(_));
        scenario.faults.iter().any(|fault| store(&fault.target)).then(|| {
            let (scenario, disk) = (Arc::new(scenario.clone()), Arc::default());
            Process::new(scenario, variant, seed, 0, disk, recorder, build)
        })
    }

    fn new(
        scenario: Arc<Scenario>,
        variant: usize,
        seed: u64,
        number: u64,
        disk: Arc<MemoryDisk>,
        recorder: &Recorder,
        build: Option<&Build>,
    ) -> Self {
        let voice = Arc::new(Voice { recorder: recorder.clone(), dead: AtomicBool::new(false) });
        let (tasks, next) = (Mutex::default(), OnceLock::new());
        Process { scenario, variant, seed, number, disk, voice, tasks, next, build: build.cloned() }
    }

    /// The one that follows it on the same disk.
    fn following(&self) -> Self {
        let (scenario, disk) = (Arc::clone(&self.scenario), Arc::clone(&self.disk));
        let (number, recorder) = (self.number + 1, &self.voice.recorder);
        Process::new(scenario, self.variant, self.seed, number, disk, recorder, self.build.as_ref())
    }

    pub(crate) fn is_first(&self) -> bool {
        self.number == 0
    }

    /// The house that took over, if one did.
    pub(crate) fn next(&self) -> Option<&Arc<House>> {
        self.next.get()
    }

    /// Lets a task end with the process.
    pub(crate) fn owns(&self, task: AbortHandle) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        // Tidied whenever it has doubled, so that each task is looked at a bounded number of times.
        if tasks.len() == tasks.capacity() {
            tasks.retain(|task| !task.is_finished());
            let room = tasks.len().max(64);
            tasks.reserve(room);
        }
        tasks.push(task);
    }
}

/// The runtime under test of a variant. `process` says what it has of earlier ones.
pub(crate) fn runtime(
    scenario: &Scenario,
    variant: usize,
    seed: u64,
    recorder: &Recorder,
    process: Option<&Process>,
    clock: Option<&Arc<Clock>>,
    build: Option<&Build>,
) -> Result<Runtime, BuildError> {
    let variant = &scenario.variants[variant];
    let clock = clock.map_or_else(|| Arc::new(Clock::driven_from(CALENDAR)), Arc::clone);
    let mut builder =
        Runtime::builder().isolated().name(&variant.name).environment([]).clock(Arc::clone(&clock));
    builder = match process {
        None => builder.seed(seed).events(Arc::new(recorder.clone())),
        Some(process) => {
            let events: Arc<dyn EventSink> = Arc::clone(&process.voice) as _;
            let disk = Arc::new(process.disk.mounted(&clock));
            builder.seed(seed.wrapping_add(process.number)).events(events).snapshots_on(disk)
        }
    };
    if let Some(mailbox) = variant.runtime.mailbox {
        builder = builder.mailbox(mailbox as usize);
    }
    if let Some(grants) = variant.runtime.grants {
        builder = builder.grants(grants);
    }
    if let Some((most, within)) = variant.runtime.restarts {
        let within = Duration::from_nanos(within);
        builder = builder.restarts(RestartLimit { most, within, ..RestartLimit::default() });
    }
    match build {
        Some(build) => build(builder),
        None => builder.build(),
    }
}

impl House {
    /// The house of the process that is alive.
    pub(crate) fn alive(self: &Arc<Self>) -> Arc<House> {
        let mut house = self;
        while let Some(next) = house.process.as_ref().and_then(Process::next) {
            house = next;
        }
        Arc::clone(house)
    }

    /// The process dies, with all that it was doing, and another begins with what the disk holds.
    #[expect(clippy::expect_used, reason = "the same settings were taken before")]
    pub(crate) fn restart(self: &Arc<Self>, damage: Damage) {
        let Some(process) = &self.process else { return };
        process.voice.dead.store(true, Ordering::Relaxed);
        process.disk.crash(damage);
        let whole_until = process.disk.whole_until();
        let following = process.following();
        let (scenario, variant) =
            (Arc::clone(&process.scenario), &process.scenario.variants[process.variant]);
        let runtime = runtime(
            &scenario,
            process.variant,
            process.seed,
            &self.recorder,
            Some(&following),
            Some(&self.clock),
            process.build.as_ref(),
        );
        let runtime = runtime.expect("a disk in memory can be read");
        let restored = runtime.restored().cloned().unwrap_or_default();
        let problems = restored.problems.join("; ");
        {
            let mut record = self.recorder.record();
            let now = self.clock.now().as_nanos();
            let line = record.log.line(now, "process", &variant.name, "process_restart");
            line.number("restored", restored.actors as u64).word("problems", &problems);
            record.came("process_restart");
            record.invariants.restarted(whole_until);
        }
        let handlers = self.handlers.iter().zip(&scenario.handlers);
        let handlers = handlers.map(|(handler, declared)| {
            compose::again(handler, variant, &declared.name, &runtime).expect("policies without mistakes")
        });
        let mut handlers: Vec<_> = handlers.collect();
        let pools = {
            let mut record = self.recorder.record();
            compose::follow(&scenario, variant, &runtime, &mut handlers, &mut record)
        };
        let next = Arc::new(House {
            world: Arc::clone(&self.world),
            runtime,
            clock: Arc::clone(&self.clock),
            recorder: self.recorder.clone(),
            handlers,
            entries: self.entries.clone(),
            pools,
            calls: Arc::clone(&self.calls),
            unsettled: Arc::clone(&self.unsettled),
            process: Some(following),
        });
        // Nobody else restarts it: it is the one that is alive.
        let _ = process.next.set(next);
        let tasks = std::mem::take(&mut *process.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        tasks.iter().for_each(AbortHandle::abort);
        let dead = self.runtime.clone();
        tokio::spawn(async move { dead.registry().stop().await });
    }
}
