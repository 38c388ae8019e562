use std::fmt;
use std::time::Duration;

use crate::clock::{Time, saturating_nanos};
use crate::settings::{Reader, Value, format_duration, parse_duration};

/// One in a million is the finest ratio.
const MILLION: u128 = 1_000_000;

/// Checked settings of a [`RetryBudget`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetConfig {
    ratio_millionths: u32,
    min: Rate,
    cap: u32,
}

/// So many in so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rate {
    count: u32,
    per_nanos: u64,
}

const MOST: u32 = 1_000_000;
/// A rate over a longer time is hardly one, and keeps the arithmetic far from its ends.
const LONGEST_PERIOD: Duration = Duration::from_secs(86_400);

impl Default for BudgetConfig {
    /// A fifth of the calls may be retries, plus ten a second: so much a small service needs to retry at all, and so
    /// little a large one can't storm with (the figures of Finagle's budget).
    fn default() -> Self {
        Self { ratio_millionths: 200_000, min: Rate { count: 10, per_nanos: 1_000_000_000 }, cap: 100 }
    }
}

impl BudgetConfig {
    /// Reads `ratio`, `min` and `cap`.
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let default = Self::default();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is 0 to 10,000,000")]
        let ratio = reader.number("ratio", 0.0..=10.0).map(|ratio| (ratio * 1e6 + 0.5) as u32);
        let config = Self {
            ratio_millionths: ratio.unwrap_or(default.ratio_millionths),
            min: read_rate(reader, "min").unwrap_or(default.min),
            cap: reader.integer32("cap", 1..=MOST).unwrap_or(default.cap),
        };
        if config.ratio_millionths == 0 && config.min.count == 0 {
            reader.problem("ratio", "with a ratio and a min of 0 a budget that is used up never refills");
        }
        config
    }

    /// The most tokens it holds.
    #[must_use]
    pub fn cap(&self) -> u32 {
        self.cap
    }

    /// How many first attempts fill an empty one by themselves; none where they add nothing.
    #[must_use]
    pub fn attempts_to_fill(&self) -> u64 {
        let tokens = u64::from(self.cap) * 1_000_000;
        if self.ratio_millionths == 0 { 0 } else { tokens.div_ceil(u64::from(self.ratio_millionths)) }
    }
}

fn read_rate(reader: &mut Reader<'_>, key: &'static str) -> Option<Rate> {
    let value = reader.value(key)?;
    let rate = match value {
        Value::Text(text) => parse_rate(text),
        _ => None,
    };
    if rate.is_none() {
        reader.problem(
            key,
            format!("{value} is no rate; write a number up to {MOST} and a time up to a day, as in \"10/s\" or \"5/10s\""),
        );
    }
    rate
}

fn parse_rate(text: &str) -> Option<Rate> {
    let (count, period) = text.split_once('/')?;
    if count.is_empty() || !count.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count = count.parse().ok().filter(|count| *count <= MOST)?;
    let spelled = if period.starts_with(|c: char| c.is_ascii_digit()) {
        period.to_owned()
    } else {
        format!("1{period}")
    };
    let period = parse_duration(&spelled).ok()?;
    (!period.is_zero() && period <= LONGEST_PERIOD)
        .then_some(Rate { count, per_nanos: saturating_nanos(period) })
}

/// Bounds how much retries can add to the load, however many callers fail at once.
///
/// Why not only a number of attempts: with three attempts each, a dependency that fails gets three times its load just
/// when it can bear least. The budget lets retries be a share of the calls instead. One first attempt adds `ratio` of
/// a token, time adds `min`, a retry or a hedge takes one; it never holds more than `cap` and starts there.
///
/// The count is exact: a token is divided into as many units as its time and its ratio have, so nothing is ever rounded.
///
/// # Example
/// ```
/// use steadfast_actors::declare::retry::{BudgetConfig, RetryBudget};
/// use steadfast_actors::clock::Time;
///
/// let mut budget = RetryBudget::new(BudgetConfig::default(), Time::ZERO);
/// budget.first_attempt(Time::ZERO);
/// assert!(budget.take(Time::ZERO));
/// assert_eq!(budget.tokens(Time::ZERO), 99);
/// ```
#[derive(Clone, Debug)]
pub struct RetryBudget {
    config: BudgetConfig,
    units: u128,
    as_of: Time,
}

impl RetryBudget {
    /// A full budget.
    #[must_use]
    pub fn new(config: BudgetConfig, now: Time) -> Self {
        let mut budget = Self { config, units: 0, as_of: now };
        budget.units = budget.cap_units();
        budget
    }

    /// Notes the first attempt of a call.
    pub fn first_attempt(&mut self, now: Time) {
        self.first_attempts(1, now);
    }

    /// Notes so many of them at once. Between two retries all that happens to a budget is that something is added, up to
    /// the cap: whenever they were, and in whichever order with the time that passed, it comes to the same.
    pub fn first_attempts(&mut self, count: u64, now: Time) {
        self.refill(now);
        let deposit = u128::from(self.config.min.per_nanos) * u128::from(self.config.ratio_millionths);
        let deposits = deposit.saturating_mul(u128::from(count));
        self.units = self.units.saturating_add(deposits).min(self.cap_units());
    }

    /// Pays for one retry or hedge; `false` where there is not a whole token left, which costs nothing.
    #[must_use]
    pub fn take(&mut self, now: Time) -> bool {
        self.refill(now);
        let Some(rest) = self.units.checked_sub(self.token()) else { return false };
        self.units = rest;
        true
    }

    /// Whole tokens at `now`.
    #[must_use]
    pub fn tokens(&self, now: Time) -> u32 {
        u32::try_from(self.units_at(now) / self.token()).unwrap_or(self.config.cap)
    }

    /// Follows changed settings: what was spent stays spent, and a larger cap is no gift.
    pub fn reconfigure(&mut self, config: BudgetConfig, now: Time) {
        self.refill(now);
        // Units are finer or coarser with another period; the tokens are what must stay the same. All units times a
        // period would not fit 128 bits, so whole tokens and the rest go apart.
        let (whole, rest) = (self.units / self.token(), self.units % self.token());
        let old_period = u128::from(self.config.min.per_nanos);
        self.config = config;
        let rest = rest * u128::from(config.min.per_nanos) / old_period;
        self.units = (whole * self.token() + rest).min(self.cap_units());
    }

    fn token(&self) -> u128 {
        u128::from(self.config.min.per_nanos) * MILLION
    }

    fn cap_units(&self) -> u128 {
        u128::from(self.config.cap) * self.token()
    }

    fn units_at(&self, now: Time) -> u128 {
        let elapsed = u128::from(saturating_nanos(now.since(self.as_of)));
        let gained = elapsed * u128::from(self.config.min.count) * MILLION;
        (self.units + gained).min(self.cap_units())
    }

    fn refill(&mut self, now: Time) {
        self.units = self.units_at(now);
        // Callers on several threads read their clocks before they get here: an older reading must not open the
        // same span a second time.
        self.as_of = self.as_of.max(now);
    }
}

impl fmt::Display for BudgetConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let period = format_duration(Duration::from_nanos(self.min.per_nanos));
        let share = f64::from(self.ratio_millionths) / 10_000.0;
        write!(f, "{share} % of first runs plus {} in {period}, at most {}", self.min.count, self.cap)
    }
}
