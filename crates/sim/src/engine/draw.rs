use steadfast_actors::clock::Entropy;

use crate::scenario::Distribution;

/// The random choices of one owner: what others draw never shifts them.
///
/// Everything that is no plain integer goes through `libm`, which gives the same bits on every platform.
#[derive(Debug)]
pub(crate) struct Stream(Entropy);

/// The longest time that is ever drawn: a week. A tail beyond it would only overflow sums.
const LONGEST: f64 = 604_800e9;

impl Stream {
    pub(crate) fn new(seed: u64, owner: &str) -> Self {
        Stream(Entropy::new(seed, owner))
    }

    /// A number between 0 and 1, never one of them.
    pub(crate) fn unit(&mut self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
        let bits = (self.0.next_u64() >> 11) as f64;
        (bits + 0.5) / 9_007_199_254_740_992.0
    }

    /// A whole number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0.up_to(bound.saturating_sub(1))
    }

    /// Whether something of this probability happens.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        probability > 0.0 && (probability >= 1.0 || self.unit() < probability)
    }

    /// A memoryless number of mean 1.
    pub(crate) fn exponential(&mut self) -> f64 {
        -libm::log(self.unit())
    }

    fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(2.0 * self.exponential());
        radius * libm::cos(2.0 * std::f64::consts::PI * self.unit())
    }

    /// A time in nanoseconds, with so many requests in flight.
    pub(crate) fn time(&mut self, distribution: &Distribution, in_flight: u64) -> u64 {
        match distribution {
            Distribution::Const(value) => *value,
            Distribution::Uniform { min, max } => min + self.below(max - min + 1),
            Distribution::Exp { mean } => nanos(self.exponential() * float(*mean)),
            Distribution::Lognormal { median, sigma } => {
                nanos(float(*median) * libm::exp(sigma * self.normal()))
            }
            Distribution::Bimodal { share, fast, slow } => {
                let kind = if self.chance(*share) { slow } else { fast };
                self.time(kind, in_flight)
            }
            Distribution::Pareto { min, shape } => nanos(float(*min) * libm::pow(self.unit(), -1.0 / shape)),
            Distribution::Weibull { scale, shape } => {
                nanos(float(*scale) * libm::pow(self.exponential(), 1.0 / shape))
            }
            Distribution::Table(rows) => {
                let total: f64 = rows.iter().map(|(_, weight)| weight).sum();
                let mut left = self.unit() * total;
                let mut drawn = rows.last().map_or(0, |(value, _)| *value);
                for (value, weight) in rows {
                    drawn = *value;
                    left -= weight;
                    if left <= 0.0 {
                        break;
                    }
                }
                drawn
            }
            Distribution::Concurrency { base, slope } => base.saturating_add(slope.saturating_mul(in_flight)),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a week of nanoseconds lies below 2^53")]
pub(crate) fn float(nanos: u64) -> f64 {
    nanos as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
pub(crate) fn nanos(value: f64) -> u64 {
    libm::round(value.clamp(0.0, LONGEST)) as u64
}

/// In seconds, as people read them.
pub(crate) fn seconds(nanos: u64) -> f64 {
    float(nanos) / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(distribution: &Distribution) -> f64 {
        let mut stream = Stream::new(1, "test");
        let draws = 20_000;
        (0..draws).map(|_| float(stream.time(distribution, 3))).sum::<f64>() / f64::from(draws)
    }

    #[test]
    fn each_distribution_has_the_mean_that_its_formula_says() {
        let near = |distribution: &Distribution, expected: f64| {
            let found = mean(distribution);
            assert!((found / expected - 1.0).abs() < 0.03, "{distribution:?}: {found} for {expected}");
        };
        near(&Distribution::Const(100), 100.0);
        near(&Distribution::Uniform { min: 50, max: 150 }, 100.0);
        near(&Distribution::Exp { mean: 1_000_000 }, 1e6);
        near(&Distribution::Lognormal { median: 1_000_000, sigma: 0.5 }, 1e6 * libm::exp(0.125));
        near(&Distribution::Pareto { min: 1_000_000, shape: 3.0 }, 1.5e6);
        near(&Distribution::Weibull { scale: 1_000_000, shape: 1.0 }, 1e6);
        near(&Distribution::Table(vec![(1_000, 3.0), (5_000, 1.0)]), 2_000.0);
        near(&Distribution::Concurrency { base: 1_000, slope: 10 }, 1_030.0);
        let kinds = [1_000, 9_000].map(|value| Box::new(Distribution::Const(value)));
        let [fast, slow] = kinds;
        near(&Distribution::Bimodal { share: 0.25, fast, slow }, 3_000.0);
    }

    #[test]
    fn what_one_owner_draws_shifts_nobody_else() {
        let first = Stream::new(7, "service/db").below(1 << 60);
        let mut other = Stream::new(7, "service/cache");
        other.unit();
        assert_eq!(Stream::new(7, "service/db").below(1 << 60), first);
    }
}
