use serde::Serialize;

/// What a run cost the machine that it ran on. Another run gives other figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CostReport {
    /// Seconds of virtual time in each second of real time, all variants together.
    pub virtual_s_per_s: f64,
    /// Requests from outside in each second of real time, all variants together.
    pub requests_per_s: f64,
    /// Seconds for which its one thread had a core, to tell its own speed apart from what else the machine was doing;
    /// `null` where the system does not tell it as Linux does.
    pub cpu_s: Option<f64>,
    /// Resident memory of the whole process in KiB, after each tenth of each variant's virtual time; empty where the
    /// system does not tell it as Linux does.
    pub resident_kib: Vec<u64>,
}

/// How often memory is read in a variant.
const READINGS: u64 = 10;

/// Reads the process's memory from time to time. What it finds is told and never decides anything.
#[derive(Debug)]
pub(crate) struct Meter {
    end: u64,
    readings: u64,
    /// When it reads again, in nanoseconds of virtual time.
    next: u64,
    resident_kib: Vec<u64>,
}

impl Meter {
    /// One for a variant that ends at `end` nanoseconds.
    pub(crate) fn new(end: u64) -> Self {
        let mut meter = Meter { end, readings: 0, next: 0, resident_kib: Vec::new() };
        meter.plan();
        meter
    }

    fn plan(&mut self) {
        self.readings += 1;
        let next = u128::from(self.end) * u128::from(self.readings) / u128::from(READINGS);
        self.next = u64::try_from(next).unwrap_or(u64::MAX);
    }

    /// Virtual time has come to `now`.
    pub(crate) fn passed(&mut self, now: u64) {
        while now >= self.next && self.readings <= READINGS {
            self.resident_kib.extend(resident_kib());
            self.plan();
        }
    }

    pub(crate) fn into_readings(self) -> Vec<u64> {
        self.resident_kib
    }
}

/// The time on a core of one run, which keeps to the thread that began it.
#[derive(Debug)]
pub(crate) struct Core(Option<u64>);

impl Core {
    pub(crate) fn start() -> Self {
        Core(thread_nanos())
    }

    /// Seconds on a core since the start.
    pub(crate) fn seconds(&self) -> Option<f64> {
        Some(super::draw::seconds(thread_nanos()?.saturating_sub(self.0?)))
    }
}

fn thread_nanos() -> Option<u64> {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    told.split(' ').next()?.parse().ok()
}

fn resident_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_on_a_core_grows_with_work() {
        let core = Core::start();
        let mut sum = 0u64;
        // The system counts in its own steps: work goes on until one has passed.
        while core.seconds().is_some_and(|seconds| seconds == 0.0) {
            sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(7));
        }
        assert!(core.seconds().is_none_or(|seconds| seconds > 0.0 && seconds < 60.0));
    }

    #[test]
    fn memory_is_read_once_for_each_tenth_however_time_jumps() {
        let mut meter = Meter::new(1_000);
        for now in [0, 99, 100, 150, 999] {
            meter.passed(now);
        }
        assert_eq!(meter.readings - 1, 9);
        meter.passed(1_000);
        meter.passed(5_000);
        assert_eq!(meter.readings - 1, READINGS);
        let readings = meter.into_readings();
        if cfg!(target_os = "linux") {
            assert_eq!(readings.len(), 10);
            assert!(readings.iter().all(|kib| *kib > 100), "{readings:?}");
        }
    }
}
