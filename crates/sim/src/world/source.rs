use crate::engine::{Stream, float, nanos};
use crate::scenario::{Arrivals, Keys, Load, Model, Stage};

/// Where the requests of one load come from.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) load: Load,
    times: Stream,
    keys: Stream,
    /// The stage that is being walked through, when it began, and how much of the unit process lies before it.
    stage: usize,
    began: u64,
    before: f64,
    /// The unit process: how many arrivals of rate 1 have been spent.
    spent: f64,
    /// How many arrivals of a trace have been named, and how many have come.
    named: usize,
    came: usize,
}

/// The number of a hot key; all others are numbered from 0.
pub(crate) const HOT: u64 = u64::MAX;

impl Source {
    pub(crate) fn new(seed: u64, index: usize, load: &Load) -> Self {
        let times = Stream::new(seed, &format!("load/{index}/times"));
        let keys = Stream::new(seed, &format!("load/{index}/keys"));
        Source {
            load: load.clone(),
            times,
            keys,
            stage: 0,
            began: 0,
            before: 0.0,
            spent: 0.0,
            named: 0,
            came: 0,
        }
    }

    /// When the first request of an open load, or of a trace, comes.
    pub(crate) fn first(&mut self) -> Option<u64> {
        let Model::Open { arrivals, .. } = &self.load.model else { return self.next() };
        if *arrivals == Arrivals::Poisson {
            self.spent += self.times.exponential();
        }
        self.locate()
    }

    /// When the next one comes.
    pub(crate) fn next(&mut self) -> Option<u64> {
        let arrivals = match &self.load.model {
            Model::Open { arrivals, .. } => arrivals,
            Model::Trace { arrivals } => {
                self.named += 1;
                return arrivals.get(self.named - 1).map(|arrival| arrival.at);
            }
            Model::Closed { .. } => return None,
        };
        self.spent += match arrivals {
            Arrivals::Poisson => self.times.exponential(),
            Arrivals::Uniform => 1.0,
        };
        self.locate()
    }

    /// Where the unit process' present point lies in time: rates only stretch it, so they may change at any moment.
    fn locate(&mut self) -> Option<u64> {
        let Model::Open { stages, .. } = &self.load.model else { return None };
        while let Some(stage) = stages.get(self.stage) {
            let inside = self.spent - self.before;
            let holds = content(stage);
            if inside < holds {
                return Some(self.began + reach(stage, inside));
            }
            self.before += holds;
            self.began += stage.lasts;
            self.stage += 1;
        }
        None
    }

    /// The key that a trace names for one of its arrivals.
    fn traced(&self, index: usize) -> Option<&str> {
        match &self.load.model {
            Model::Trace { arrivals } => arrivals.get(index)?.key.as_deref(),
            _ => None,
        }
    }

    /// How a key is called.
    pub(crate) fn label(&self, key: u64) -> String {
        if let Some(name) = self.came.checked_sub(1).and_then(|index| self.traced(index)) {
            return name.to_owned();
        }
        match &self.load.keys {
            Keys::Hot { key: hot, .. } if key == HOT => hot.clone(),
            Keys::Unique => format!("r{key}"),
            _ => format!("k{key}"),
        }
    }

    /// Whose the next request is; `unique` where each is its own.
    pub(crate) fn key(&mut self, unique: u64) -> u64 {
        self.came += 1;
        if let Some(name) = self.traced(self.came - 1) {
            return number_of(name);
        }
        match &self.load.keys {
            Keys::Unique => unique,
            Keys::Uniform { n } => self.keys.below(*n),
            Keys::Hot { share, n, .. } => {
                if self.keys.chance(*share) {
                    HOT
                } else {
                    self.keys.below(*n)
                }
            }
            Keys::Zipf { s, n } => zipf(&mut self.keys, *s, *n),
        }
    }
}

/// The number of a key that only has a name.
pub(crate) fn number_of(name: &str) -> u64 {
    let digest = blake3::hash(name.as_bytes());
    let bytes = digest.as_bytes().first_chunk().copied().unwrap_or_default();
    // Kept apart from the hot key's.
    u64::from_le_bytes(bytes) >> 1
}

/// How many arrivals a stage holds.
fn content(stage: &Stage) -> f64 {
    float(stage.lasts) / 1e9 * (stage.rate + stage.to) / 2.0
}

/// The time within a stage at which so many have come: the inverse of the rate's integral.
fn reach(stage: &Stage, count: f64) -> u64 {
    let seconds = float(stage.lasts) / 1e9;
    let slope = (stage.to - stage.rate) / seconds;
    let time = if slope == 0.0 {
        count / stage.rate
    } else {
        // rate * t + slope / 2 * t^2 = count, in the form that loses no digits where the slope is small.
        2.0 * count / (stage.rate + libm::sqrt((stage.rate * stage.rate + 2.0 * slope * count).max(0.0)))
    };
    nanos(time * 1e9).min(stage.lasts)
}

/// A number below `n`, the `k`th with weight `(k + 1)^-s`: Hörmann's rejection inversion, which needs no table.
fn zipf(stream: &mut Stream, s: f64, n: u64) -> u64 {
    let integral = |x: f64| {
        let log = libm::log(x);
        // (x^(1-s) - 1) / (1 - s), which is ln x where s is 1.
        let power = (1.0 - s) * log;
        if power.abs() < 1e-9 { log } else { libm::expm1(power) / (1.0 - s) }
    };
    let inverse = |y: f64| {
        let product = y * (1.0 - s);
        if product.abs() < 1e-9 {
            libm::exp(y)
        } else {
            libm::exp(libm::log1p(product.max(-1.0)) / (1.0 - s))
        }
    };
    let weight = |x: f64| libm::exp(-s * libm::log(x));
    let top = float(n);
    let (low, high) = (integral(1.5) - 1.0, integral(top + 0.5));
    loop {
        let drawn = high + stream.unit() * (low - high);
        let x = inverse(drawn);
        let k = libm::round(x).clamp(1.0, top);
        if drawn >= integral(k + 0.5) - weight(k) {
            return nanos(k) - 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn source(load: &str) -> Source {
        let load = format!("[[load]]\nhandler = \"checkout\"\n{load}");
        let text = fixture::scenario("10s", "servers = 1\nlatency = \"1ms\"", &load);
        let scenario = fixture::parsed(&text).scenario().unwrap();
        Source::new(1, 0, &scenario.loads[0])
    }

    fn times(source: &mut Source) -> Vec<u64> {
        let first = source.first();
        std::iter::successors(first, |_| source.next()).collect()
    }

    #[test]
    fn an_even_load_of_13_333_a_second_comes_out_as_exactly_that_to_the_nanosecond() {
        let mut source = source("arrivals = \"uniform\"\nstages = [{ for = \"3s\", rate = \"13333/s\" }]");
        let times = times(&mut source);
        assert_eq!(times.len(), 39_999);
        assert!(
            times
                .iter()
                .zip(0u64..)
                .all(|(time, k)| time.abs_diff((k * 1_000_000_000 + 6_666) / 13_333) <= 1)
        );
    }

    #[test]
    fn a_poisson_load_has_its_rate_and_the_spread_of_one() {
        let mut source = source("stages = [{ for = \"100s\", rate = \"100/s\" }]");
        let times = times(&mut source);
        assert!((9_700..10_300).contains(&times.len()), "{}", times.len());
        let gaps: Vec<f64> = times.windows(2).map(|pair| float(pair[1] - pair[0])).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean) * (gap - mean)).sum::<f64>() / gaps.len() as f64;
        assert!((libm::sqrt(variance) / mean - 1.0).abs() < 0.05);
    }

    #[test]
    fn a_ramp_holds_as_many_as_the_area_under_it_and_stages_follow_each_other() {
        let stages = "[{ for = \"10s\", rate = \"0/s\", to = \"100/s\" }, { for = \"1s\", rate = \"0/s\" }, \
                      { for = \"1s\", rate = \"50/s\" }]";
        let mut source = source(&format!("arrivals = \"uniform\"\nstages = {stages}"));
        let times = times(&mut source);
        let second = 1_000_000_000;
        let between = |from: u64, to: u64| {
            times.iter().filter(|time| (from * second..to * second).contains(time)).count()
        };
        assert!((499..=500).contains(&between(0, 10)), "{}", between(0, 10));
        assert!((124..=126).contains(&between(0, 5)), "{}", between(0, 5));
        assert_eq!(between(10, 11), 0);
        assert!((49..=51).contains(&between(11, 12)));
    }

    #[test]
    fn zipf_keys_come_as_often_as_their_weight_says() {
        let mut stream = Stream::new(1, "test");
        for s in [0.5, 1.0, 1.1, 2.0] {
            let mut counts = [0u32; 100];
            for _ in 0..50_000 {
                counts[usize::try_from(zipf(&mut stream, s, 100)).unwrap()] += 1;
            }
            let total: f64 = (1..=100).map(|k| libm::pow(f64::from(k), -s)).sum();
            for k in [1u32, 2, 5] {
                let expected = 50_000.0 * libm::pow(f64::from(k), -s) / total;
                let found = f64::from(counts[k as usize - 1]);
                assert!(
                    (found - expected).abs() < 5.0 * libm::sqrt(expected),
                    "s {s} k {k}: {found} {expected}"
                );
            }
        }
    }
}
