use std::fmt;
use std::time::Duration;

use super::Priority;
use super::bytes::{format_bytes, parse_bytes};
use super::kind_settings::{ConnectionSettings, CpuSettings, KindSettings, one};
use super::pool_kind::PoolKind;
use crate::adaptive::concurrency::{Adaptive, Limit};
use crate::clock::Time;
use crate::settings::{Grants, Mode, OnUnavailable, Problem, Reader, Settings, Value, format_duration};

/// Who of one class goes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Discipline {
    /// Whoever came first.
    #[default]
    Fifo,
    /// Whoever came first; while the line has not been empty for long, whoever came last: its caller still waits.
    AdaptiveLifo,
}

/// Checked settings of one pool. What a site leaves out, another site of the same name may say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BulkheadConfig {
    capacity: Option<u64>,
    queue: Option<u32>,
    max_wait: Option<Duration>,
    kind: Option<PoolKind>,
    adaptive: Option<Adaptive>,
    discipline: Option<Discipline>,
    mode: Option<Mode>,
    grants: Option<Grants>,
    on_unavailable: Option<OnUnavailable>,
    of_kind: KindSettings,
    /// Whether some site's calls may take the permits of lower classes.
    preempts: bool,
    /// An operator's order, which goes before all that sites and files say.
    ordered: Option<u64>,
    /// What an adaptive pool has found since.
    found: Option<u64>,
}

/// The most permits of one pool, and the most that may wait for them.
const MOST: u32 = 1_000_000;
/// The most bytes of one pool: 1 PiB.
const MOST_BYTES: u64 = 1 << 50;
/// Permits of a pool that no site gives a capacity.
const CAPACITY: u64 = 64;
const CAPACITY_BYTES: u64 = 64 << 20;
const MAX_WAIT: Duration = Duration::from_secs(1);

impl BulkheadConfig {
    /// A pool of `capacity` permits, with everything else as by default.
    ///
    /// # Errors
    /// A capacity of zero, or above a million.
    pub fn of(capacity: u32) -> Result<Self, Vec<Problem>> {
        Self::from_settings(&Settings::new().with("capacity", i64::from(capacity)))
    }

    /// Checks the settings of `bulkhead`.
    ///
    /// # Errors
    /// Every mistake at once.
    pub fn from_settings(settings: &Settings) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader::new(settings);
        let _ = reader.name("name");
        let mut config = Self::read(&mut reader);
        config.kind = reader.choice("kind", &PoolKind::NAMES);
        config.capacity = config.read_capacity(&mut reader);
        config.adaptive = reader.choice("adaptive", &Adaptive::NAMES);
        if config.adaptive.is_some() && config.is_memory() {
            reader.problem("adaptive", "how many bytes fit is no question of how fast calls are answered");
        }
        config.check_cost(&mut reader);
        config.of_kind = KindSettings::read(&mut reader, config.kind, config.capacity);
        reader.finish()?;
        Ok(config)
    }

    /// Checks the settings of `throttle`.
    ///
    /// # Errors
    /// Every mistake at once.
    pub fn from_throttle(settings: &Settings) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader::new(settings);
        let _ = reader.name("name");
        if !reader.is_written("max_concurrent") {
            reader
                .problem("max_concurrent", "write how many calls may run at once, as in max_concurrent = 5");
        }
        let mut config = Self::read(&mut reader);
        config.capacity = reader.integer32("max_concurrent", 1..=MOST).map(u64::from);
        config.adaptive = reader.choice("adaptive", &Adaptive::NAMES);
        reader.finish()?;
        Ok(config)
    }

    /// What bulkheads and throttles have in common.
    fn read(reader: &mut Reader<'_>) -> Self {
        let disciplines = [("fifo", Discipline::Fifo), ("adaptive_lifo", Discipline::AdaptiveLifo)];
        BulkheadConfig {
            queue: reader.integer32("queue", 0..=MOST),
            max_wait: reader.duration("max_wait"),
            discipline: reader.choice("discipline", &disciplines),
            ..Self::read_policy(reader)
        }
    }

    fn read_policy(reader: &mut Reader<'_>) -> Self {
        let (mode, unavailable) = (reader.mode(), reader.on_unavailable(OnUnavailable::Reject));
        BulkheadConfig {
            mode: reader.is_written("mode").then_some(mode),
            grants: reader.grants(),
            on_unavailable: reader.is_written("on_unavailable").then_some(unavailable),
            ..Self::default()
        }
    }

    /// A number of permits, or of bytes with their unit; bytes are memory where no kind is written.
    fn read_capacity(&mut self, reader: &mut Reader<'_>) -> Option<u64> {
        let is_memory = self.kind == Some(PoolKind::Memory);
        match reader.value("capacity")? {
            Value::Text(text) if is_memory || self.kind.is_none() => match parse_bytes(text) {
                Ok(bytes) if (1..=MOST_BYTES).contains(&bytes) => {
                    self.kind = Some(PoolKind::Memory);
                    Some(bytes)
                }
                Ok(_) => {
                    reader.problem("capacity", format!("{text:?} is out of range; it can be 1B to 1024TiB"));
                    None
                }
                Err(message) => {
                    reader.problem("capacity", message);
                    None
                }
            },
            Value::Integer(number) if is_memory => {
                let message = format!("a memory's capacity has a unit, as in capacity = \"{number}MiB\"");
                reader.problem("capacity", message);
                None
            }
            _ => reader.integer32("capacity", 1..=MOST).map(u64::from),
        }
    }

    /// What two sites of one name say together.
    ///
    /// # Errors
    /// The setting on which they contradict each other.
    pub fn merged(self, other: Self) -> Result<Self, &'static str> {
        // A number of permits and a number of bytes are never the same pool's.
        let counts_permits = |one: &Self| one.capacity.is_some() && !one.is_memory();
        if (self.is_memory() && counts_permits(&other)) || (other.is_memory() && counts_permits(&self)) {
            return Err("kind");
        }
        Ok(BulkheadConfig {
            capacity: one("capacity", self.capacity, other.capacity)?,
            queue: one("queue", self.queue, other.queue)?,
            max_wait: one("max_wait", self.max_wait, other.max_wait)?,
            kind: one("kind", self.kind, other.kind)?,
            adaptive: one("adaptive", self.adaptive, other.adaptive)?,
            discipline: one("discipline", self.discipline, other.discipline)?,
            mode: one("mode", self.mode, other.mode)?,
            grants: one("grants", self.grants, other.grants)?,
            on_unavailable: one("on_unavailable", self.on_unavailable, other.on_unavailable)?,
            preempts: self.preempts || other.preempts,
            of_kind: self.of_kind.merged(other.of_kind)?,
            ordered: self.ordered.or(other.ordered),
            found: None,
        })
    }

    /// The same with the capacity that an operator orders.
    ///
    /// # Errors
    /// A capacity of zero, which would let nobody in for ever, or one above the most that a pool can have.
    pub fn ordered(mut self, capacity: u64) -> Result<Self, Problem> {
        let most = if self.is_memory() { MOST_BYTES } else { u64::from(MOST) };
        if !(1..=most).contains(&capacity) {
            let message = format!("{capacity} is out of range; it can be 1 to {most}");
            return Err(Problem { key: "capacity".to_owned(), message });
        }
        self.ordered = Some(capacity);
        Ok(self)
    }

    /// What its sites declare by now, under the orders that stand.
    #[cfg(feature = "host")]
    pub(super) fn redeclared(self, declared: Self) -> Self {
        BulkheadConfig { ordered: self.ordered, ..declared }
    }

    /// The same with the capacity that was found to be right.
    pub(super) fn found(mut self, capacity: u64) -> Self {
        self.found = Some(capacity);
        self
    }

    /// What looks for the right capacity, where none is fixed.
    pub(super) fn limit(&self, now: Time) -> Option<Limit> {
        self.adaptive.filter(|_| !self.is_memory()).map(|adaptive| Limit::new(adaptive, self.capacity(), now))
    }

    /// The same with room for so many waiters.
    #[must_use]
    pub fn with_queue(mut self, queue: u32) -> Self {
        self.queue = Some(queue.min(MOST));
        self
    }

    /// The same with another longest wait.
    #[must_use]
    pub fn with_max_wait(mut self, max_wait: Duration) -> Self {
        self.max_wait = Some(max_wait);
        self
    }

    /// The same with its holders known, so that a call of a higher class can take the permit of one.
    #[must_use]
    pub fn with_preemption(mut self) -> Self {
        self.preempts = true;
        self
    }

    /// Whether a holder of a lower class can be told to go. Not while it only observes: nobody is cut then.
    #[must_use]
    pub fn preempts(&self) -> bool {
        self.preempts && self.mode() == Mode::Enforce
    }

    fn is_memory(&self) -> bool {
        self.kind == Some(PoolKind::Memory)
    }

    /// Permits, or bytes of a memory.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        let default = if self.is_memory() { CAPACITY_BYTES } else { CAPACITY };
        self.found.or(self.ordered).or(self.capacity).unwrap_or(default)
    }

    /// Permits of the lane for calls that run with their optional parts off: a tenth, rounded up.
    #[must_use]
    pub fn lane(&self) -> u64 {
        self.capacity().div_ceil(10)
    }

    /// Callers that may wait.
    #[must_use]
    pub fn queue(&self) -> u32 {
        // Bytes are no callers: a memory's line is that of a pool with the default number of permits.
        let permits = if self.is_memory() { CAPACITY } else { self.capacity() };
        self.queue.unwrap_or_else(|| u32::try_from(permits / 2).unwrap_or(MOST).max(1))
    }

    /// How long one waits at most.
    #[must_use]
    pub fn max_wait(&self) -> Duration {
        self.max_wait.unwrap_or(MAX_WAIT)
    }

    /// Whether it acts on its decisions.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode.unwrap_or_default()
    }

    /// Whether its grants are given in advance; `None` where that is as its runtime says.
    #[must_use]
    pub fn grants(&self) -> Option<Grants> {
        self.grants
    }

    /// What becomes of a call while its actor cannot decide.
    #[must_use]
    pub fn on_unavailable(&self) -> OnUnavailable {
        self.on_unavailable.unwrap_or(OnUnavailable::Reject)
    }

    /// What it bounds.
    #[must_use]
    pub fn kind(&self) -> PoolKind {
        self.kind.unwrap_or_default()
    }

    /// How a pool of connections keeps them.
    #[must_use]
    pub fn connections(&self) -> ConnectionSettings {
        self.of_kind.connections()
    }

    /// How much processor time the handlers of a pool of kind `cpu` get.
    #[must_use]
    pub fn cpu(&self) -> CpuSettings {
        self.of_kind.cpu()
    }

    /// How its limit is found, where it is not fixed.
    #[must_use]
    pub fn adaptive(&self) -> Option<Adaptive> {
        self.adaptive
    }

    /// Who of one class goes first.
    #[must_use]
    pub fn discipline(&self) -> Discipline {
        self.discipline.unwrap_or_default()
    }
}

impl fmt::Display for BulkheadConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let capacity = self.capacity();
        let (most, others) = match self.is_memory() {
            true => (format_bytes(capacity), "callers"),
            false => (capacity.to_string(), "more"),
        };
        let wait = format_duration(self.max_wait());
        write!(f, "{most} at once; {} {others} wait up to {wait}", self.queue())?;
        if self.discipline() == Discipline::AdaptiveLifo {
            f.write_str(", the newest first once the line has stood for a second")?;
        }
        f.write_str(&self.of_kind.remark(self.kind()))?;
        if let Some(adaptive) = self.adaptive {
            let (by, most) = (adaptive.as_str(), self.capacity().saturating_mul(Limit::TIMES));
            write!(f, " at first: the limit is found by {by}, up to {most}")?;
        }
        let grants = Grants::remark(self.grants);
        write!(f, "{}{grants}{}", self.on_unavailable().remark(), self.mode().remark())
    }
}

/// `#[bulkhead_priority("orders", priority = "high")]`: the class of one site's calls in a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BulkheadPriority {
    /// The class.
    pub priority: Priority,
    /// Whether it may take the permit of a lower one that runs.
    pub preempt: bool,
    /// What the site says of the pool itself.
    pub pool: BulkheadConfig,
}

impl BulkheadPriority {
    /// Checks settings.
    ///
    /// # Errors
    /// Every mistake at once.
    pub fn from_settings(settings: &Settings) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader::new(settings);
        let _ = reader.name("name");
        if !reader.is_written("priority") {
            reader.problem("priority", "write the class: high, normal, low or background");
        }
        let site = BulkheadPriority {
            priority: reader.choice("priority", &Priority::NAMES).unwrap_or_default(),
            preempt: reader.flag("preempt").unwrap_or(false),
            pool: BulkheadConfig::read_policy(&mut reader),
        };
        site.pool.check_cost(&mut reader);
        reader.finish()?;
        Ok(site)
    }
}
