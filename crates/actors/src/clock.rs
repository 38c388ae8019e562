//! Time and randomness: the only room that reads a clock or seeds a generator.
//!
//! Machines get both as arguments ([`Moment`]). Waits and windows run on [`Time`], which is tokio's clock, so that a
//! paused tokio runtime is a simulated one; records that outlive the process use [`WallTime`].

use std::time::Duration;

use chacha20::ChaCha8Rng;
use rand_core::{Rng as _, SeedableRng as _};
use serde::{Deserialize, Serialize};

/// A point in monotonic time: nanoseconds since the start of the runtime. 584 years fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Time(u64);

impl Time {
    /// The start of the runtime.
    pub const ZERO: Time = Time(0);
    /// Later than anything that happens: "no end".
    pub const MAX: Time = Time(u64::MAX);

    /// The point `nanos` after the start of the runtime.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Time(nanos)
    }

    /// Nanoseconds since the start of the runtime.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The point `duration` later; what would overflow is [`Time::MAX`].
    #[must_use]
    pub fn after(self, duration: Duration) -> Time {
        Time(self.0.saturating_add(saturating_nanos(duration)))
    }

    /// How long ago `earlier` was; zero where it lies ahead.
    #[must_use]
    pub fn since(self, earlier: Time) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// How long it is until `later`; zero where it is over.
    #[must_use]
    pub fn until(self, later: Time) -> Duration {
        later.since(self)
    }
}

/// `duration` in nanoseconds; what does not fit is `u64::MAX`.
#[must_use]
pub fn saturating_nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A point in wall time: nanoseconds since 1970-01-01 00:00 UTC. It can jump in either direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WallTime(u64);

impl WallTime {
    /// The point `nanos` after the Unix epoch.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        WallTime(nanos)
    }

    /// Nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The point `duration` later, at most the last that can be represented.
    #[must_use]
    pub fn after(self, duration: Duration) -> WallTime {
        WallTime(self.0.saturating_add(saturating_nanos(duration)))
    }

    /// How long it is until `later`; zero where it is over.
    #[must_use]
    pub fn until(self, later: WallTime) -> Duration {
        Duration::from_nanos(later.0.saturating_sub(self.0))
    }
}

/// What a machine may know of the world at one input.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Monotonic time; never runs backwards for one machine.
    pub now: Time,
    /// Wall time; only for records that outlive the process.
    pub wall: WallTime,
    /// One draw from the machine's own stream. A machine that uses it says so in its effects and finds another next time;
    /// until then it stays, so that what a machine draws hangs on what it decides, and not on how many messages it got.
    pub random: u64,
}

impl Moment {
    /// A moment for tests and for tools that drive a machine by hand: wall time equals monotonic time, no randomness.
    #[must_use]
    pub const fn at(now: Time) -> Self {
        Moment { now, wall: WallTime::from_nanos(now.as_nanos()), random: 0 }
    }
}

/// A stream of random numbers that belongs to one owner.
///
/// It is ChaCha8, seeded from the runtime's seed and the owner's name: adding an actor shifts nobody else's choices,
/// and the values are the same on every platform and in every release (`rng = "chacha8/v1"` in scenario files).
#[derive(Debug)]
pub struct Entropy(ChaCha8Rng);

impl Entropy {
    /// The stream of `owner` under `seed`.
    #[must_use]
    pub fn new(seed: u64, owner: &str) -> Self {
        Self::of(seed, &[owner])
    }

    /// The stream of the owner whose name these parts make together.
    pub(crate) fn of(seed: u64, owner: &[&str]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("steadfast entropy chacha8/v1");
        hasher.update(&seed.to_le_bytes());
        for part in owner {
            hasher.update(part.as_bytes());
        }
        Entropy(ChaCha8Rng::from_seed(*hasher.finalize().as_bytes()))
    }

    /// A seed from the operating system, for who names none.
    #[must_use]
    pub fn system_seed() -> u64 {
        use std::hash::{BuildHasher as _, Hasher as _};
        // std keys its hashers from the system's random source, so no further crate is needed.
        std::hash::RandomState::new().build_hasher().finish()
    }

    /// The next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A uniform number in `0..=bound`, without modulo bias (Lemire's multiply-and-reject).
    pub fn up_to(&mut self, bound: u64) -> u64 {
        let Some(range) = bound.checked_add(1) else { return self.next_u64() };
        let threshold = range.wrapping_neg() % range;
        loop {
            let wide = u128::from(self.next_u64()) * u128::from(range);
            #[expect(clippy::cast_possible_truncation, reason = "the low half is what the method tests")]
            if wide as u64 >= threshold {
                return (wide >> 64) as u64;
            }
        }
    }
}

#[cfg(feature = "host")]
mod reading;
#[cfg(feature = "host")]
pub mod timer;

#[cfg(feature = "host")]
pub use reading::Clock;

#[cfg(feature = "host")]
thread_local! {
    /// Processor time that this thread is said to have used.
    static SPENT: std::cell::Cell<Duration> = const { std::cell::Cell::new(Duration::ZERO) };
}

/// Says that this code has used so much processor time, for pools of kind `cpu` in a simulated run. A real one measures
/// instead, and does not hear this.
#[cfg(feature = "host")]
pub fn spend_cpu(time: Duration) {
    SPENT.set(SPENT.get().saturating_add(time));
}

/// How long something takes in real time, whatever tokio's clock says: for what is told to people, never for a decision.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(std::time::Instant);

impl Stopwatch {
    /// Starts now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the file that reads clocks")]
    pub fn start() -> Self {
        Stopwatch(std::time::Instant::now())
    }

    /// The real time since it was started.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_depend_on_seed_and_owner_only() {
        let first = Entropy::new(7, "breaker/db").next_u64();
        assert_eq!(first, Entropy::new(7, "breaker/db").next_u64());
        assert_ne!(first, Entropy::new(8, "breaker/db").next_u64());
        assert_ne!(first, Entropy::new(7, "breaker/cache").next_u64());
    }

    #[test]
    fn draws_stay_in_bounds_and_reach_both_ends() {
        let mut entropy = Entropy::new(1, "test");
        let draws: Vec<u64> = (0..200).map(|_| entropy.up_to(3)).collect();
        assert!(draws.iter().all(|draw| *draw <= 3));
        assert!((0..=3).all(|value| draws.contains(&value)));
        entropy.up_to(u64::MAX);
        assert_eq!(entropy.up_to(0), 0);
    }

    #[test]
    fn time_saturates_instead_of_overflowing() {
        assert_eq!(Time::MAX.after(Duration::MAX), Time::MAX);
        assert_eq!(Time::ZERO.since(Time::MAX), Duration::ZERO);
        assert_eq!(Time::ZERO.after(Duration::from_secs(1)).as_nanos(), 1_000_000_000);
    }
}
