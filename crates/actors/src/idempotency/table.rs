use std::collections::{BTreeMap, BTreeSet};

use super::key::RecordKey;
use super::record::Record;
use crate::clock::{Time, WallTime};
use crate::machine::Ticket;

/// All records of a store, and the orders in which they end.
#[derive(Debug, Default)]
pub(super) struct Table {
    records: BTreeMap<RecordKey, Record>,
    by_end: BTreeSet<(WallTime, RecordKey)>,
    by_lease: BTreeSet<(Time, RecordKey)>,
    owners: BTreeMap<Ticket, RecordKey>,
    unknown: usize,
    /// Keys whose record changed since that was last asked for; `None` until it is asked for.
    changed: Option<Vec<RecordKey>>,
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    pub(super) fn in_flight(&self) -> usize {
        self.by_lease.len()
    }

    pub(super) fn unknown(&self) -> usize {
        self.unknown
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&RecordKey, &Record)> {
        self.records.iter()
    }

    /// The record of `key`, unless its life is over.
    pub(super) fn live(&self, key: &RecordKey, wall: WallTime) -> Option<&Record> {
        self.records.get(key).filter(|record| record.until().is_none_or(|until| wall < until))
    }

    pub(super) fn holds(&self, key: &RecordKey) -> bool {
        self.records.contains_key(key)
    }

    /// The record that `ticket` runs for, unless its life is over: whether it was cleared yet must decide nothing.
    pub(super) fn owned(&self, ticket: Ticket, wall: WallTime) -> Option<(&RecordKey, &Record)> {
        let key = self.owners.get(&ticket)?;
        self.live(key, wall).map(|record| (key, record))
    }

    /// Takes a record out, to be put back changed: so that every order is kept in one place.
    pub(super) fn take(&mut self, key: &RecordKey) -> Option<Record> {
        let (key, record) = self.records.remove_entry(key)?;
        self.note(&key);
        if let Some(owner) = record.owner {
            self.owners.remove(&owner.ticket);
        }
        self.unknown -= usize::from(record.is_unknown());
        if let Some(until) = record.until() {
            self.by_end.remove(&(until, key));
        } else if let Some(lease_end) = record.lease_end() {
            self.by_lease.remove(&(lease_end, key));
        }
        Some(record)
    }

    /// Puts a record in; an older one of that key is gone.
    pub(super) fn put(&mut self, key: RecordKey, record: Record) {
        self.take(&key);
        self.note(&key);
        if let Some(owner) = record.owner {
            self.owners.insert(owner.ticket, key.clone());
        }
        self.unknown += usize::from(record.is_unknown());
        if let Some(until) = record.until() {
            self.by_end.insert((until, key.clone()));
        } else if let Some(lease_end) = record.lease_end() {
            self.by_lease.insert((lease_end, key.clone()));
        }
        self.records.insert(key, record);
    }

    fn note(&mut self, key: &RecordKey) {
        if let Some(changed) = &mut self.changed {
            changed.push(key.clone());
        }
    }

    /// Keys whose record changed since the last time, each as often as it did; all of them the first time.
    #[cfg(feature = "host")]
    pub(super) fn changed(&mut self) -> Vec<RecordKey> {
        let all = || self.records.keys().cloned().collect();
        self.changed.replace(Vec::new()).unwrap_or_else(all)
    }

    #[cfg(feature = "host")]
    pub(super) fn get(&self, key: &RecordKey) -> Option<&Record> {
        self.records.get(key)
    }

    /// When the first record ends of which that is known.
    pub(super) fn first_end(&self) -> Option<WallTime> {
        self.by_end.first().map(|(until, _)| *until)
    }

    /// Drops the first record whose life is over; `false` where there is none.
    pub(super) fn drop_ended(&mut self, wall: WallTime) -> bool {
        let ended = self.by_end.first().filter(|(until, _)| *until <= wall).map(|(_, key)| key.clone());
        ended.is_some_and(|key| self.take(&key).is_some())
    }

    /// When the first lease ends.
    pub(super) fn first_lease_end(&self) -> Option<Time> {
        self.by_lease.first().map(|(end, _)| *end)
    }

    /// A record whose lease is over.
    pub(super) fn lapsed(&self, now: Time) -> Option<RecordKey> {
        self.by_lease.first().filter(|(end, _)| *end <= now).map(|(_, key)| key.clone())
    }
}
