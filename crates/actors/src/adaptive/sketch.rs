//! Quantiles of recent latencies, in a bounded place and in integers.
//!
//! A histogram whose buckets grow with what they hold, 32 to each power of two, as in HdrHistogram: a quantile is at
//! most a 32nd too high, and never too low. What is older counts for less: half as much for each minute, so that the
//! sketch follows a dependency that has changed. Where calls are rare nothing is forgotten below [`KEPT`] samples: a
//! 99.9 % quantile of fewer is one of luck.
//!
//! Counts are integers and steps of decay are whole, so that the same samples give the same quantiles everywhere.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::{Time, saturating_nanos};

/// Buckets for each power of two, as bits.
const FINE: u32 = 5;
/// A sample's weight when it is new.
const SAMPLE: u64 = 1 << 16;
/// What a second leaves of a weight, in 65,536ths: half of it after a minute.
const SECOND_LEAVES: u64 = 64_783;
const SECOND: u64 = 1_000_000_000;
/// So many samples are kept however old they are.
pub const KEPT: u64 = 1_000;
/// The most that the sketch takes for one latency: one day.
const LONGEST: u64 = 86_400 * SECOND;

/// Quantiles of recent latencies; see the module's documentation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sketch {
    /// By bucket; ordered, and without empty ones.
    weights: BTreeMap<u16, u64>,
    total: u64,
    /// Up to when decay was carried out, in seconds.
    second: u64,
}

/// A sketch as it is kept on disk: ages are relative, so a time of another process means nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedSketch(Vec<(u16, u64)>);

impl Sketch {
    /// Takes one latency.
    pub fn record(&mut self, now: Time, latency: Duration) {
        self.age(now);
        *self.weights.entry(bucket(saturating_nanos(latency).min(LONGEST))).or_default() += SAMPLE;
        self.total += SAMPLE;
    }

    /// What so many thousandths of recent latencies did not exceed; `None` where there are none.
    #[must_use]
    pub fn quantile(&self, thousandths: u16) -> Option<Duration> {
        let above = u128::from(self.total) * u128::from(1_000_u16.saturating_sub(thousandths)) / 1_000;
        let mut seen = 0;
        self.weights.iter().rev().find_map(|(bucket, weight)| {
            seen += u128::from(*weight);
            (seen > above).then(|| Duration::from_nanos(upper_end(*bucket)))
        })
    }

    /// How many samples its weights come to, rounded down.
    #[must_use]
    pub fn samples(&self) -> u64 {
        self.total / SAMPLE
    }

    /// Lets what is old count for less.
    fn age(&mut self, now: Time) {
        let second = now.as_nanos() / SECOND;
        while self.second < second && self.total > KEPT * SAMPLE {
            self.second += 1;
            self.weights.retain(|_, weight| {
                *weight = *weight * SECOND_LEAVES / SAMPLE;
                *weight > 0
            });
            self.total = self.weights.values().sum();
        }
        self.second = second.max(self.second);
    }

    /// For the disk.
    #[must_use]
    pub fn saved(&self) -> SavedSketch {
        SavedSketch(self.weights.iter().map(|(bucket, weight)| (*bucket, *weight)).collect())
    }

    /// From the disk, as of now; `None` where it cannot be one of ours.
    #[must_use]
    pub fn restored(saved: &SavedSketch, now: Time) -> Option<Self> {
        let last = bucket(LONGEST);
        let weights: BTreeMap<u16, u64> = saved.0.iter().copied().collect();
        let total = weights.values().try_fold(0_u64, |total, weight| total.checked_add(*weight))?;
        let sound = weights.len() == saved.0.len()
            && weights.iter().all(|(bucket, weight)| *bucket <= last && *weight > 0)
            && total < u64::MAX / 2;
        sound.then(|| Sketch { weights, total, second: now.as_nanos() / SECOND })
    }
}

fn bucket(nanos: u64) -> u16 {
    let shift = (u64::BITS - nanos.leading_zeros()).saturating_sub(FINE + 1);
    let index = (u64::from(shift) << FINE) + (nanos >> shift);
    // 64 powers of two with 32 buckets each.
    u16::try_from(index).unwrap_or(u16::MAX)
}

/// The largest latency that falls into a bucket.
fn upper_end(bucket: u16) -> u64 {
    let shift = u32::from(bucket >> FINE).saturating_sub(1);
    let first = u64::from(bucket) - (u64::from(shift) << FINE);
    ((first + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64) -> Time {
        Time::from_nanos(seconds * SECOND)
    }

    proptest! {
        #[test]
        fn a_quantile_is_never_too_low_and_at_most_a_32nd_too_high(
            nanos in prop::collection::vec(0..LONGEST, 1..300),
            thousandths in 500_u16..1_000,
        ) {
            let mut sketch = Sketch::default();
            for nanos in &nanos {
                sketch.record(Time::ZERO, Duration::from_nanos(*nanos));
            }
            let mut sorted = nanos;
            sorted.sort_unstable();
            let above = sorted.len() * usize::from(1_000 - thousandths) / 1_000;
            let exact = sorted[sorted.len() - 1 - above];
            let learned = saturating_nanos(sketch.quantile(thousandths).unwrap());
            prop_assert!(learned >= exact && learned <= exact + exact / 32 + 1, "{} {}", learned, exact);
        }

        #[test]
        fn what_is_kept_on_disk_is_read_back_and_damage_is_refused(
            nanos in prop::collection::vec(0..LONGEST, 0..50),
        ) {
            let mut sketch = Sketch::default();
            for nanos in &nanos {
                sketch.record(Time::ZERO, Duration::from_nanos(*nanos));
            }
            prop_assert_eq!(Sketch::restored(&sketch.saved(), Time::ZERO), Some(sketch));
        }
    }

    #[test]
    fn a_saved_sketch_that_no_sketch_wrote_is_refused() {
        let twice = SavedSketch(vec![(1, SAMPLE), (1, SAMPLE)]);
        let overflows = SavedSketch(vec![(1, u64::MAX), (2, u64::MAX)]);
        let outside = SavedSketch(vec![(u16::MAX, SAMPLE)]);
        let nothing = SavedSketch(vec![(1, 0)]);
        for saved in [twice, overflows, outside, nothing] {
            assert_eq!(Sketch::restored(&saved, Time::ZERO), None, "{saved:?}");
        }
    }

    #[test]
    fn an_empty_sketch_knows_no_quantile() {
        assert_eq!(Sketch::default().quantile(999), None);
    }

    #[test]
    fn a_quantile_follows_a_dependency_that_became_faster_within_minutes() {
        let mut sketch = Sketch::default();
        for second in 0..60 {
            for _ in 0..100 {
                sketch.record(at(second), Duration::from_secs(1));
            }
        }
        let slow = sketch.quantile(950).unwrap();
        assert!(slow >= Duration::from_secs(1) && slow < Duration::from_millis(1_032), "{slow:?}");
        for second in 60..420 {
            for _ in 0..100 {
                sketch.record(at(second), Duration::from_millis(10));
            }
        }
        assert!(sketch.quantile(950).unwrap() < Duration::from_millis(11));
    }

    #[test]
    fn a_thousand_samples_stay_however_rare_calls_are() {
        let mut sketch = Sketch::default();
        sketch.record(at(0), Duration::from_secs(1));
        for hour in 1..999 {
            sketch.record(at(hour * 3_600), Duration::from_millis(10));
        }
        assert_eq!(sketch.samples(), 999);
        assert!(sketch.quantile(999).unwrap() >= Duration::from_secs(1));
    }

    #[test]
    fn memory_is_bounded_whatever_comes() {
        let mut sketch = Sketch::default();
        for nanos in (0..63).flat_map(|bits| (0..64).map(move |step| (1_u64 << bits) + (step << bits) / 64)) {
            sketch.record(Time::ZERO, Duration::from_nanos(nanos));
        }
        assert!(sketch.weights.len() <= usize::from(bucket(LONGEST)) + 1);
        assert!(bucket(LONGEST) < 1_400, "{}", bucket(LONGEST));
    }
}
