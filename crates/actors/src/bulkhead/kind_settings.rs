use std::time::Duration;

use super::pool_kind::PoolKind;
use crate::settings::{Reader, format_duration};

/// What only pools of one kind read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct KindSettings {
    min_idle: Option<u32>,
    idle_timeout: Option<Duration>,
    max_lifetime: Option<Duration>,
    connect_timeout: Option<Duration>,
    /// Thousandths of a processor.
    share: Option<u32>,
    period: Option<Duration>,
}

/// How a pool keeps its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionSettings {
    /// So many are kept open though nobody uses them.
    pub min_idle: u32,
    /// One beyond those that nobody has used for so long is closed.
    pub idle_timeout: Duration,
    /// One that is older is closed when it comes back; each up to a tenth earlier, so that not all are opened anew at once.
    pub max_lifetime: Duration,
    /// How long opening or checking one may take, within the call's deadline.
    pub connect_timeout: Duration,
}

/// How much processor time a pool's handlers get together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuSettings {
    /// So much.
    pub quota: Duration,
    /// In each such period.
    pub period: Duration,
}

const CONNECTIONS: [&str; 4] = ["min_idle", "idle_timeout", "max_lifetime", "connect_timeout"];
const CPU: [&str; 2] = ["share", "period"];

impl KindSettings {
    pub(super) fn read(reader: &mut Reader<'_>, kind: Option<PoolKind>, capacity: Option<u64>) -> Self {
        let settings = KindSettings {
            min_idle: reader.integer32("min_idle", 0..=1_000_000),
            idle_timeout: reader.duration("idle_timeout"),
            max_lifetime: reader.duration("max_lifetime"),
            connect_timeout: reader.duration("connect_timeout"),
            // A thousandth is what the accounts are kept in; no machine has more than the other end.
            share: reader.number("share", 0.001..=1_024.0).map(|share| (share * 1_000.0).round() as u32),
            period: reader.duration("period"),
        };
        let of = [(PoolKind::Connections, CONNECTIONS.as_slice()), (PoolKind::Cpu, CPU.as_slice())];
        for (needed, keys) in of {
            for key in
                keys.iter().filter(|key| kind != Some(needed) && reader.is_written(key)).collect::<Vec<_>>()
            {
                let needed = needed.as_str();
                reader
                    .problem(key, format!("it is for pools of one kind: write kind = {needed:?} beside it"));
            }
        }
        if let (Some(min), Some(capacity)) = (settings.min_idle, capacity)
            && u64::from(min) > capacity
        {
            reader.problem(
                "min_idle",
                format!("{min} are more than the capacity of {capacity} lets be opened"),
            );
        }
        settings
    }

    pub(super) fn merged(self, other: Self) -> Result<Self, &'static str> {
        Ok(KindSettings {
            min_idle: one("min_idle", self.min_idle, other.min_idle)?,
            idle_timeout: one("idle_timeout", self.idle_timeout, other.idle_timeout)?,
            max_lifetime: one("max_lifetime", self.max_lifetime, other.max_lifetime)?,
            connect_timeout: one("connect_timeout", self.connect_timeout, other.connect_timeout)?,
            share: one("share", self.share, other.share)?,
            period: one("period", self.period, other.period)?,
        })
    }

    pub(super) fn connections(self) -> ConnectionSettings {
        ConnectionSettings {
            min_idle: self.min_idle.unwrap_or(0),
            idle_timeout: self.idle_timeout.unwrap_or(Duration::from_secs(600)),
            max_lifetime: self.max_lifetime.unwrap_or(Duration::from_secs(1_800)),
            connect_timeout: self.connect_timeout.unwrap_or(Duration::from_secs(5)),
        }
    }

    pub(super) fn cpu(self) -> CpuSettings {
        let period = self.period.unwrap_or(Duration::from_millis(100));
        let share = u128::from(self.share.unwrap_or(500));
        let quota = u64::try_from(period.as_nanos() * share / 1_000).unwrap_or(u64::MAX);
        CpuSettings { quota: Duration::from_nanos(quota.max(1)), period }
    }

    /// What is said of a pool of that kind.
    pub(super) fn remark(self, kind: PoolKind) -> String {
        match kind {
            PoolKind::Semaphore | PoolKind::Memory => String::new(),
            PoolKind::Threads => "; each has a thread for blocking work".to_owned(),
            PoolKind::Connections => {
                let ConnectionSettings { min_idle, idle_timeout, max_lifetime, .. } = self.connections();
                let (idle, lifetime) = (format_duration(idle_timeout), format_duration(max_lifetime));
                format!(
                    "; each has a connection, {min_idle} are kept, others closed after {idle} unused and all after \
                     {lifetime}"
                )
            }
            PoolKind::Cpu => {
                let CpuSettings { quota, period } = self.cpu();
                let (quota, period) = (format_duration(quota), format_duration(period));
                format!("; together they get {quota} of processor time in each {period}")
            }
        }
    }
}

/// What two sites say of one setting.
///
/// # Errors
/// The setting, where they contradict each other.
pub(super) fn one<T: Copy + PartialEq>(
    key: &'static str,
    own: Option<T>,
    other: Option<T>,
) -> Result<Option<T>, &'static str> {
    match (own, other) {
        (Some(own), Some(other)) if own != other => Err(key),
        _ => Ok(own.or(other)),
    }
}
