use super::series::BIN;

/// A level by bins of [`BIN`], told of from time to time: it stays where it is until somebody says otherwise.
#[derive(Clone, Debug, Default)]
struct Level {
    bins: Vec<u64>,
    last: u64,
}

impl Level {
    /// The bin of `at`, with the level that it begins with.
    fn bin(&mut self, at: u64) -> &mut u64 {
        let index = usize::try_from(at / BIN).unwrap_or(usize::MAX);
        if self.bins.len() <= index {
            self.bins.resize(index + 1, self.last);
        }
        &mut self.bins[index]
    }

    fn set(&mut self, at: u64, value: u64) {
        *self.bin(at) = value;
        self.last = value;
    }

    fn raise(&mut self, at: u64, value: u64) {
        let bin = self.bin(at);
        *bin = (*bin).max(value);
        self.last = value;
    }

    /// The whole bins of a window.
    fn part(&self, from: u64, to: u64) -> &[u64] {
        let index = |time: u64| usize::try_from(time / BIN).unwrap_or(usize::MAX).min(self.bins.len());
        &self.bins[index(from)..index(to).max(index(from))]
    }
}

/// The permits of one pool over time.
#[derive(Clone, Debug)]
pub(crate) struct Permits {
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    in_use: Level,
    most: Level,
    capacity: Level,
}

/// What one second saw of a pool.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Second {
    /// Permits out, the average of ten looks.
    pub(crate) in_use: f64,
    /// The most at any time.
    pub(crate) most: u64,
    /// Of how many.
    pub(crate) capacity: u64,
}

impl Permits {
    pub(crate) fn new(kind: &'static str, name: &str) -> Self {
        let (in_use, most, capacity) = (Level::default(), Level::default(), Level::default());
        Permits { kind, name: name.to_owned(), in_use, most, capacity }
    }

    /// One look at the pool, as there is one in each bin.
    pub(crate) fn looked(&mut self, at: u64, in_use: u64, capacity: u64) {
        self.in_use.set(at, in_use);
        self.capacity.set(at, capacity);
        self.raised(at, in_use);
    }

    /// Another permit went out.
    pub(crate) fn raised(&mut self, at: u64, in_use: u64) {
        self.most.raise(at, in_use);
    }

    #[expect(clippy::cast_precision_loss, reason = "shown to people")]
    pub(crate) fn second(&self, from: u64, to: u64) -> Second {
        let looks = self.in_use.part(from, to);
        let most = |level: &Level| level.part(from, to).iter().copied().max().unwrap_or(0);
        let average = looks.iter().sum::<u64>() as f64 / looks.len().max(1) as f64;
        Second {
            in_use: libm::round(average * 10.0) / 10.0,
            most: most(&self.most),
            capacity: most(&self.capacity),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_pool_keeps_its_level_until_it_is_looked_at_again() {
        let mut pool = Permits::new("bulkhead", "db");
        pool.looked(0, 7, 10);
        pool.raised(BIN / 2, 9);
        pool.looked(5 * BIN, 3, 10);
        pool.looked(3 * SECOND, 1, 5);
        let seconds: Vec<Second> =
            (0..4).map(|second| pool.second(second * SECOND, (second + 1) * SECOND)).collect();
        let told = |in_use, most, capacity| Second { in_use, most, capacity };
        assert_eq!(seconds[0], told(5.0, 9, 10), "seven for five looks, three for five");
        assert_eq!(seconds[1..3], [told(3.0, 3, 10); 2]);
        assert_eq!(seconds[3], told(1.0, 3, 5));
    }
}
