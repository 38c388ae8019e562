/// What a pool bounds, and what its permit is.
///
/// | kind | a permit is | own settings | default | why |
/// |---|---|---|---|---|
/// | `semaphore` | a number | | | |
/// | `memory` | bytes | `capacity` with a unit | 64 MiB | a small container still stands after it |
/// | `threads` | a thread for blocking work | | | |
/// | `connections` | a connection | `min_idle` | 0 | a service that nobody calls keeps no server busy |
/// | | | `idle_timeout` | 10 min | HikariCP's: shorter than most servers and firewalls cut |
/// | | | `max_lifetime` | 30 min | HikariCP's: addresses and passwords change |
/// | | | `connect_timeout` | 5 s | a server that does not answer in that time is down |
/// | `cpu` | a place among those who share processor time | `share` | 0.5 | leaves room for others even on one processor |
/// | | | `period` | 100 ms | the kernel's own for groups (`cpu.max`) |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PoolKind {
    /// Attempts at once.
    #[default]
    Semaphore,
    /// Blocking work, each on a thread of the pool's own.
    Threads,
    /// Connections.
    Connections,
    /// Bytes that are accounted for, not allocated.
    Memory,
    /// Work that keeps a processor busy.
    Cpu,
}

impl PoolKind {
    pub(super) const NAMES: [(&'static str, PoolKind); 5] = [
        ("semaphore", PoolKind::Semaphore),
        ("threads", PoolKind::Threads),
        ("connections", PoolKind::Connections),
        ("memory", PoolKind::Memory),
        ("cpu", PoolKind::Cpu),
    ];

    /// Its name in attributes and files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(_, kind)| *kind == self).map_or("semaphore", |(name, _)| name)
    }
}
