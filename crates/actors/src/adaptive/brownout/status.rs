use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// What a brown-out controller publishes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BrownoutStatus {
    /// How much of all optional parts is on, in thousandths.
    pub dimmer: u32,
    /// The 95 % quantile of the last period that had calls enough.
    pub quantile: Option<Duration>,
    /// The parts, by their order: the most important first.
    pub parts: Arc<BTreeSet<(u32, String)>>,
}

impl BrownoutStatus {
    /// Whether a part is on for the call of that number.
    #[must_use]
    pub fn allows(&self, order: u32, name: &str, call: u64) -> bool {
        // Nothing is counted while everything is on.
        if self.dimmer >= 1_000 {
            return true;
        }
        let before =
            self.parts.iter().filter(|(known, part)| (*known, part.as_str()) < (order, name)).count();
        let known = self.parts.contains(&(order, name.to_owned()));
        let parts = self.parts.len() + usize::from(!known);
        let on = self.dimmer as usize * parts;
        let (whole, rest) = (on / 1_000, on % 1_000);
        before < whole || (before == whole && spread(call) < rest)
    }
}

/// A number from 0 to 999 for a call's number, such that neighbours lie far apart and all are met as often: steps of the
/// golden section.
fn spread(call: u64) -> usize {
    let turned = call.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    usize::try_from((u128::from(turned) * 1_000) >> 64).unwrap_or(0)
}
