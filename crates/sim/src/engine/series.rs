/// One bin of a series: fine enough for a sliding second.
pub(crate) const BIN: u64 = 100_000_000;

/// A count by bins of [`BIN`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Series {
    bins: Vec<u64>,
}

impl Series {
    fn bin(&mut self, at: u64) -> &mut u64 {
        let index = usize::try_from(at / BIN).unwrap_or(usize::MAX);
        if self.bins.len() <= index {
            self.bins.resize(index + 1, 0);
        }
        &mut self.bins[index]
    }

    pub(crate) fn add(&mut self, at: u64, count: u64) {
        *self.bin(at) += count;
    }

    pub(crate) fn raise(&mut self, at: u64, value: u64) {
        let bin = self.bin(at);
        *bin = (*bin).max(value);
    }

    fn part(&self, from: u64, to: u64) -> &[u64] {
        let index = |time: u64| usize::try_from(time / BIN).unwrap_or(usize::MAX).min(self.bins.len());
        &self.bins[index(from)..index(to.saturating_add(BIN - 1)).max(index(from))]
    }

    /// The sum over a window, to whole bins.
    pub(crate) fn sum(&self, from: u64, to: u64) -> u64 {
        self.part(from, to).iter().sum()
    }

    /// The greatest of a window, to whole bins.
    pub(crate) fn most(&self, from: u64, to: u64) -> u64 {
        self.part(from, to).iter().copied().max().unwrap_or(0)
    }
}
