use serde::{Deserialize, Serialize};

use super::quota::{Algorithm, Quota};
use super::table::{Key, Table};
use super::usage::{Spent, Usage};
use crate::clock::{Moment, WallTime, saturating_nanos};

/// What outlives the process: what each key has spent, and in how long it is back.
#[derive(Serialize, Deserialize)]
pub(super) struct Saved {
    written: WallTime,
    algorithm: Algorithm,
    keys: Vec<(Key, Vec<Spent>)>,
    overflow: Vec<Spent>,
}

impl Saved {
    pub(super) fn new(table: &Table, quota: &Quota, moment: Moment) -> Self {
        let now = moment.now;
        Saved {
            written: moment.wall,
            algorithm: quota.algorithm,
            keys: table
                .spenders(quota, now)
                .map(|(key, usage)| (key.clone(), usage.spent(quota, now)))
                .collect(),
            overflow: table.overflow().spent(quota, now),
        }
    }

    pub(super) fn into_table(self, quota: &Quota, most: usize, secret: u64, moment: Moment) -> Table {
        // A wall clock that was set back makes this zero, so nothing comes back later than one window from now.
        let elapsed = saturating_nanos(self.written.until(moment.wall));
        let read = |mut spent: Vec<Spent>| {
            if self.algorithm != quota.algorithm {
                // Another algorithm cannot know when it was spent: it counts as spent when it was written.
                spent.iter_mut().for_each(|spent| spent.back_in = u64::MAX);
            }
            Usage::from_spent(quota, moment.now, elapsed, &spent)
        };
        let mut table = Table::new(quota, most, secret);
        let mut overflow = read(self.overflow);
        for (key, spent) in self.keys {
            let usage = read(spent);
            if usage.whole_at(quota) <= moment.now {
                continue;
            }
            if table.len() < most {
                table.insert(key, usage, quota);
            } else if usage.remaining(quota, moment.now) < overflow.remaining(quota, moment.now) {
                // Keys without a place start from the overflow usage, which must not flatter any of them.
                overflow = usage;
            }
        }
        table.set_overflow(overflow);
        table
    }
}
