//! Makes a scenario that fails as small as it gets while it still fails: fewer faults, shorter ones, less load, a
//! shorter run.
//!
//! Each step tries something smaller, keeps it if it still fails, and never goes back; so the result fails for sure,
//! and each of its figures is at most twice what is needed, as far as one of them can be lowered alone.

#[cfg(test)]
mod tests;

use steadfast_actors::settings::{format_duration, parse_duration};

use crate::scenario::Document;
use crate::scenario::tree::{Item, Node};

/// Runs that one shrinking makes at most.
const MOST_RUNS: usize = 2_000;

/// What was taken away.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The smallest scenario that still fails.
    pub document: Document,
    /// How many runs it took.
    pub runs: usize,
}

/// Shrinks `document`, which `fails`.
pub fn shrink(document: &Document, fails: impl FnMut(&Document) -> bool) -> Shrunk {
    let mut shrinking = Shrinking { best: document.clone(), fails, runs: 0 };
    loop {
        let before = shrinking.best.to_toml();
        // First what makes runs cheaper, then what makes the result easier to read.
        for list in ["fault", "variant", "load", "expect", "sometimes"] {
            shrinking.drop_entries(list);
        }
        shrinking.lower_rates();
        shrinking.narrow_times();
        if shrinking.best.to_toml() == before || shrinking.runs >= MOST_RUNS {
            return Shrunk { document: shrinking.best, runs: shrinking.runs };
        }
    }
}

struct Shrinking<F> {
    best: Document,
    fails: F,
    runs: usize,
}

impl<F: FnMut(&Document) -> bool> Shrinking<F> {
    /// Keeps `change`, a change of the best so far, if what comes out still fails.
    fn try_out(&mut self, change: impl FnOnce(&mut Node) -> Option<()>) -> bool {
        if self.runs >= MOST_RUNS {
            return false;
        }
        let mut candidate = self.best.clone();
        if change(candidate.root_mut()).is_none() || candidate.scenario().is_err() {
            return false;
        }
        self.runs += 1;
        let fails = (self.fails)(&candidate);
        if fails {
            self.best = candidate;
        }
        fails
    }

    /// Takes away runs of entries, from half of them down to single ones.
    fn drop_entries(&mut self, list: &str) {
        let mut size = self.best.root().list_of(list).len().div_ceil(2);
        while size > 0 {
            let mut start = 0;
            while start < self.best.root().list_of(list).len() {
                let taken = self.try_out(|root| {
                    let Item::List(nodes) = &mut root.get_mut(list)?.item else { return None };
                    let end = (start + size).min(nodes.len());
                    nodes.drain(start..end);
                    Some(())
                });
                if !taken {
                    start += size;
                }
            }
            size /= 2;
        }
    }

    fn lower_rates(&mut self) {
        for load in 0..self.best.root().list_of("load").len() {
            for stage in 0..self.best.root().list_of("load")[load].list_of("stages").len() {
                for key in ["rate", "to"] {
                    self.lower(
                        &|root| {
                            root.get_mut("load")?.at_mut(load)?.get_mut("stages")?.at_mut(stage)?.get_mut(key)
                        },
                        lower_rate,
                    );
                }
            }
        }
    }

    fn narrow_times(&mut self) {
        for fault in 0..self.best.root().list_of("fault").len() {
            for key in ["for", "at"] {
                self.lower(&|root| root.get_mut("fault")?.at_mut(fault)?.get_mut(key), lower_time);
            }
        }
        self.lower(&|root| root.get_mut("duration"), lower_time);
    }

    /// Halves a rate or a time while it still fails, then takes quarters off.
    fn lower(&mut self, find: &dyn Fn(&mut Node) -> Option<&mut Node>, lowered: Lowered) {
        for (numerator, denominator) in [(1, 2), (3, 4)] {
            while self.try_out(|root| {
                let node = find(root)?;
                let Item::Text(text) = &node.item else { return None };
                node.item = Item::Text(lowered(text, numerator, denominator)?);
                Some(())
            }) {}
        }
    }
}

/// A fraction of what a text says; `None` where that is not less.
type Lowered = fn(&str, u32, u32) -> Option<String>;

/// Times stay whole milliseconds: nobody reads more digits.
fn lower_time(text: &str, numerator: u32, denominator: u32) -> Option<String> {
    let time = parse_duration(text).ok()?;
    let millis = u64::try_from((time / denominator * numerator).as_millis()).ok()?;
    let lower = std::time::Duration::from_millis(millis);
    (lower < time && millis > 0).then(|| format_duration(lower))
}

fn lower_rate(text: &str, numerator: u32, denominator: u32) -> Option<String> {
    let rate: f64 = text.strip_suffix("/s")?.parse().ok()?;
    let lower = (rate * f64::from(numerator) / f64::from(denominator) * 10.0).floor() / 10.0;
    (lower < rate && lower > 0.0).then(|| format!("{lower}/s"))
}
