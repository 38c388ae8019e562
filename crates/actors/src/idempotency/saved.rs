use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::config::Terms;
use super::kept::Kept;
use super::key::{Fingerprint, RecordKey};
use super::record::{Record, State};
use super::table::Table;
use crate::clock::{Moment, WallTime};

/// The results that a snapshot holds at most, in bytes; those beyond it come back as "done, result not kept". Far below
/// what a snapshot may be: one that is too large to be read would lose every record.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// What outlives the process.
#[derive(Serialize, Deserialize)]
pub(super) struct Saved {
    records: Vec<SavedRecord>,
}

#[derive(Serialize, Deserialize)]
struct SavedRecord {
    key: String,
    fingerprint: Fingerprint,
    ttl: Duration,
    unknown_ttl: Duration,
    max_result: u64,
    rerun: bool,
    state: SavedState,
}

#[derive(Serialize, Deserialize)]
enum SavedState {
    InFlight { lease_end: WallTime },
    Done { result: Option<Kept>, until: WallTime },
    Unknown { until: WallTime },
}

impl Saved {
    pub(super) fn new(table: &Table, moment: Moment) -> Self {
        let mut room = MOST_BYTES;
        let records = table.sorted().into_iter().filter(|(_, record)| record.is_live(moment.wall));
        let save = |(key, record): (&RecordKey, &Record)| {
            let state = match &record.state {
                State::InFlight { lease_end } => {
                    SavedState::InFlight { lease_end: moment.wall.after(moment.now.until(*lease_end)) }
                }
                State::Done { result, until } => {
                    let result = result.as_ref().filter(|result| result.len() <= room);
                    room -= result.map_or(0, |result| result.len());
                    SavedState::Done { result: result.cloned().map(Kept), until: *until }
                }
                State::Unknown { until } => SavedState::Unknown { until: *until },
            };
            SavedRecord {
                key: key.to_string(),
                fingerprint: record.fingerprint,
                ttl: record.terms.ttl,
                unknown_ttl: record.terms.unknown_ttl,
                max_result: record.terms.max_result as u64,
                rerun: record.terms.rerun,
                state,
            }
        };
        Saved { records: records.map(save).collect() }
    }

    /// The records as this process holds them. A run that was in flight has lost its owner: it stays in flight until
    /// its lease would have ended, for whoever waits for it was told that time, and is unknown from then on.
    pub(super) fn into_records(
        self,
        moment: Moment,
        lease: Duration,
    ) -> impl Iterator<Item = (RecordKey, Record)> {
        let live = move |until: WallTime| until > moment.wall;
        self.records.into_iter().filter_map(move |saved| {
            let state = match saved.state {
                SavedState::InFlight { lease_end } if live(lease_end) => {
                    // A wall clock that was set back must not make the lease longer than any lease is.
                    let rest = moment.wall.until(lease_end).min(lease);
                    State::InFlight { lease_end: moment.now.after(rest) }
                }
                SavedState::InFlight { lease_end } => {
                    State::Unknown { until: lease_end.after(saved.unknown_ttl) }
                }
                SavedState::Done { result, until } => {
                    State::Done { result: result.map(|kept| kept.0), until }
                }
                SavedState::Unknown { until } => State::Unknown { until },
            };
            let terms = Terms {
                ttl: saved.ttl,
                unknown_ttl: saved.unknown_ttl,
                max_result: usize::try_from(saved.max_result).unwrap_or(usize::MAX),
                rerun: saved.rerun,
            };
            let record =
                Record { fingerprint: saved.fingerprint, terms, owner: None, state, is_sought: false };
            record.until().is_none_or(live).then(|| (RecordKey::from(saved.key.as_str()), record))
        })
    }
}
