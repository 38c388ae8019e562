//! How busy the machine is.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::hosted::Hosted;
use crate::clock::{Clock, Time};
use crate::machine::Machine;

/// Readings closer together show noise.
const BETWEEN: Duration = Duration::from_secs(1);

/// Reads how busy the processors are, at most once a second, and only where time is real: a simulated run must not
/// depend on the machine that it runs on.
#[derive(Debug, Default)]
pub(super) struct Load {
    last: Mutex<Last>,
}

#[derive(Debug, Default)]
struct Last {
    at: Option<Time>,
    ticks: Option<Ticks>,
    busy: Option<u32>,
}

/// Time of all processors since the machine started, in the system's own unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Ticks {
    busy: u64,
    all: u64,
}

impl Load {
    /// Per cent of all processors that were busy between the last two readings; `None` where nobody knows. Other
    /// systems than Linux are not read, and a container's share is not seen: it is the machine's load.
    pub(super) fn busy(&self, clock: &Clock) -> Option<u32> {
        // Whoever finds another one reading goes on with what was read before.
        let mut last = match self.last.try_lock() {
            Ok(last) => last,
            Err(std::sync::TryLockError::Poisoned(poisoned)) => PoisonError::into_inner(poisoned),
            Err(std::sync::TryLockError::WouldBlock) => return None,
        };
        let now = clock.now();
        if last.at.is_none_or(|at| now.since(at) >= BETWEEN) {
            let read = || std::fs::read_to_string("/proc/stat").ok().as_deref().and_then(Ticks::parse);
            let ticks = if clock.is_simulated() { None } else { read() };
            last.busy = last.ticks.zip(ticks).and_then(|(from, to)| share(from, to));
            last.at = Some(now);
            last.ticks = ticks;
        }
        last.busy
    }
}

impl<M: Machine> Hosted<M> {
    /// Per cent of all processors that were busy lately; `None` where nobody knows, as in a simulated run.
    pub(crate) fn load(&self) -> Option<u32> {
        self.ground.load.busy(&self.ground.clock)
    }
}

impl Ticks {
    /// From the first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal.
    fn parse(text: &str) -> Option<Self> {
        let fields = text.lines().next()?.strip_prefix("cpu ")?.split_whitespace().take(8);
        let fields: Vec<u64> = fields.map(str::parse).collect::<Result<_, _>>().ok()?;
        let all = fields.iter().try_fold(0_u64, |all, field| all.checked_add(*field))?;
        let idle = fields.get(3)?.checked_add(*fields.get(4)?)?;
        Some(Ticks { busy: all - idle, all })
    }
}

fn share(from: Ticks, to: Ticks) -> Option<u32> {
    let all = to.all.checked_sub(from.all).filter(|all| *all > 0)?;
    let busy = to.busy.checked_sub(from.busy)?;
    u32::try_from(busy.saturating_mul(100) / all).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_busy_ticks_is_read_from_two_readings_and_junk_is_none() {
        let first = Ticks::parse("cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 1 1 1").unwrap();
        let later = Ticks::parse("cpu  160 0 70 810 60 0 0 0 0 0\n").unwrap();
        assert_eq!(first, Ticks { busy: 150, all: 1_000 });
        assert_eq!(share(first, later), Some(80));
        assert_eq!(share(later, first), None);
        assert_eq!(share(first, first), None);
        for junk in ["", "cpu", "cpu  1 2 3", "intr 1 2 3 4 5", "cpu  1 2 3 four 5"] {
            assert_eq!(Ticks::parse(junk), None, "{junk:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_simulated_run_does_not_see_the_machine_that_it_runs_on() {
        let load = Load::default();
        let clock = Clock::starting_at(crate::clock::WallTime::from_nanos(0));
        assert_eq!(load.busy(&clock), None);
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(load.busy(&clock), None);
        let paused = Clock::system();
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!((load.busy(&paused), paused.is_simulated()), (None, true));
    }
}
