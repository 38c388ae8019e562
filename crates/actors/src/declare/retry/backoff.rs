use std::fmt;
use std::time::Duration;

use crate::clock::{Entropy, saturating_nanos};
use crate::settings::format_duration;

/// How the wait grows from one failed run to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Strategy {
    /// `base_delay` every time.
    Fixed,
    /// `base_delay`, twice it, three times it ..
    Linear,
    /// `base_delay`, then `multiplier` times the one before.
    Exponential,
    /// A draw between `base_delay` and three times the wait before (AWS architecture blog, "Exponential Backoff And
    /// Jitter"). Random by nature: it has no form without jitter.
    Decorrelated,
    /// A function of the user's.
    Custom,
}

/// A user's backoff: the wait after the run of this number, from 1, has failed.
pub type BackoffFunction = fn(attempt: u32) -> Duration;

/// How much a delay grows, in thousandths: the grain keeps the computation in integers, and any factor above 1
/// reaches any cap within some ten thousand steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Multiplier(u32);

impl Multiplier {
    /// Doubles.
    pub(super) const TWO: Multiplier = Multiplier(2_000);

    /// `None` outside 1 to 100, and for what has more than three decimals.
    pub(super) fn new(factor: f64) -> Option<Self> {
        if !(1.0..=100.0).contains(&factor) {
            return None;
        }
        let thousandths = factor * 1_000.0;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is 1,000 to 100,000")]
        let nearest = (thousandths + 0.5) as u32;
        ((thousandths - f64::from(nearest)).abs() < 1e-6).then_some(Multiplier(nearest))
    }
}

#[derive(Clone, Copy, Debug)]
enum Curve {
    Fixed,
    Linear,
    Exponential(Multiplier),
    Decorrelated,
    Custom(BackoffFunction),
}

/// The wait between two runs: integers throughout, and capped before anything can overflow.
///
/// # Example
/// ```
/// use std::time::Duration;
/// use steadfast_actors::declare::retry::Backoff;
///
/// let backoff = Backoff::exponential(Duration::from_secs(1)).without_jitter();
/// assert_eq!(backoff.bound(3), Duration::from_secs(4));
/// assert_eq!(backoff.bound(u32::MAX), Duration::from_secs(30));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    curve: Curve,
    base: u64,
    max: u64,
    jitter: bool,
}

/// Three, as published: with two, decorrelated waits hardly grow.
const DECORRELATED_GROWTH: u64 = 3;

/// Fraction bits of a growing delay, so that 1 ns times 1.001 still grows.
const FRACTION_BITS: u32 = 32;

impl Backoff {
    /// The longest wait where nothing else is written.
    pub const MAX_DELAY: Duration = Duration::from_secs(30);

    /// `delay` every time, with full jitter.
    #[must_use]
    pub fn fixed(delay: Duration) -> Self {
        Self::new(Curve::Fixed, delay)
    }

    /// `base` more each time, with full jitter.
    #[must_use]
    pub fn linear(base: Duration) -> Self {
        Self::new(Curve::Linear, base)
    }

    /// Twice as long each time, from `base`, with full jitter.
    #[must_use]
    pub fn exponential(base: Duration) -> Self {
        Self::new(Curve::Exponential(Multiplier::TWO), base)
    }

    /// Drawn between `base` and three times the wait before.
    #[must_use]
    pub fn decorrelated(base: Duration) -> Self {
        Self::new(Curve::Decorrelated, base)
    }

    /// What `function` says, as it says it, up to the longest delay.
    #[must_use]
    pub fn custom(function: BackoffFunction) -> Self {
        Self::new(Curve::Custom(function), Duration::ZERO).without_jitter()
    }

    fn new(curve: Curve, base: Duration) -> Self {
        Self { curve, base: saturating_nanos(base), max: saturating_nanos(Self::MAX_DELAY), jitter: true }
    }

    /// The same with another longest delay. It is a hard cap: jitter is drawn below it, never added above.
    #[must_use]
    pub fn with_max_delay(mut self, max: Duration) -> Self {
        self.max = saturating_nanos(max);
        self
    }

    /// The same with the bound itself as the wait; a decorrelated backoff stays random.
    #[must_use]
    pub fn without_jitter(mut self) -> Self {
        self.jitter = false;
        self
    }

    /// The same with a wait drawn from zero to the bound, zero and bound included.
    #[must_use]
    pub fn with_full_jitter(mut self) -> Self {
        self.jitter = true;
        self
    }

    /// The same with another factor, where the delay is exponential.
    pub(super) fn with_multiplier(mut self, multiplier: Multiplier) -> Self {
        if let Curve::Exponential(own) = &mut self.curve {
            *own = multiplier;
        }
        self
    }

    /// How the wait grows.
    #[must_use]
    pub fn strategy(&self) -> Strategy {
        match self.curve {
            Curve::Fixed => Strategy::Fixed,
            Curve::Linear => Strategy::Linear,
            Curve::Exponential(_) => Strategy::Exponential,
            Curve::Decorrelated => Strategy::Decorrelated,
            Curve::Custom(_) => Strategy::Custom,
        }
    }

    /// The longest delay.
    #[must_use]
    pub fn max_delay(&self) -> Duration {
        Duration::from_nanos(self.max)
    }

    /// Whether the wait is drawn from zero to the bound.
    #[must_use]
    pub fn has_jitter(&self) -> bool {
        self.jitter
    }

    /// The longest wait after run `attempt` (from 1) has failed.
    #[must_use]
    pub fn bound(&self, attempt: u32) -> Duration {
        let bound = match self.curve {
            Curve::Fixed => self.base,
            Curve::Linear => self.base.saturating_mul(u64::from(attempt.max(1))),
            Curve::Exponential(multiplier) => self.grown(multiplier, attempt),
            // Its growth hangs on what was drawn before; this is the most that can have been drawn.
            Curve::Decorrelated => {
                self.base.saturating_mul(DECORRELATED_GROWTH.saturating_pow(attempt.max(1)))
            }
            Curve::Custom(function) => saturating_nanos(function(attempt)),
        };
        Duration::from_nanos(bound.min(self.max))
    }

    /// The wait after run `attempt` (from 1) has failed. `previous` is the wait before that run, zero for the first.
    #[must_use]
    pub fn delay(&self, attempt: u32, previous: Duration, entropy: &mut Entropy) -> Duration {
        if let Curve::Decorrelated = self.curve {
            let before = saturating_nanos(previous).max(self.base);
            let high = before.saturating_mul(DECORRELATED_GROWTH).min(self.max);
            // Drawn below the cap rather than clamped to it, which would bunch the waits at the cap.
            let low = self.base.min(high);
            return Duration::from_nanos(low + entropy.up_to(high - low));
        }
        let bound = self.bound(attempt);
        if !self.jitter {
            return bound;
        }
        Duration::from_nanos(entropy.up_to(saturating_nanos(bound)))
    }

    fn grown(&self, Multiplier(thousandths): Multiplier, attempt: u32) -> u64 {
        let cap = u128::from(self.max) << FRACTION_BITS;
        let mut delay = (u128::from(self.base) << FRACTION_BITS).min(cap);
        // A factor of 1 or a base of 0 stays where it is: without this it would be multiplied four billion times.
        if thousandths <= 1_000 || delay == 0 {
            return self.base.min(self.max);
        }
        for _ in 1..attempt {
            if delay >= cap {
                return self.max;
            }
            // Below 2^96 before and at most 100 times that after: it fits.
            delay = delay * u128::from(thousandths) / 1_000;
        }
        u64::try_from(delay.min(cap) >> FRACTION_BITS).unwrap_or(self.max)
    }
}

impl fmt::Display for Backoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.strategy() {
            Strategy::Custom => f.write_str("as its function says")?,
            Strategy::Decorrelated => write!(f, "decorrelated from {}", format_duration(self.bound(1)))?,
            _ => {
                let waits = [1, 2, 3].map(|attempt| format_duration(self.bound(attempt)));
                write!(f, "{} ..", waits.join(", "))?;
            }
        }
        write!(f, " up to {}", format_duration(self.max_delay()))?;
        if self.has_jitter() { f.write_str(", each drawn between 0 and that") } else { Ok(()) }
    }
}
