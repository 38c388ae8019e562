use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher as _;

use hashbrown::HashTable;

use super::key::{KeyState, RecordKey};
use super::record::{Record, State};
use crate::clock::{Time, WallTime};
use crate::machine::Ticket;

/// Where a record stands, for as long as it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(u32);

/// All records of a store, and the orders in which they end.
///
/// A key is looked up once; from there on its record goes by its place, so that no order copies or compares keys. Nothing
/// is ever done in the order in which the keys are hashed.
#[derive(Debug)]
pub(super) struct Table {
    places: HashTable<Place>,
    state: KeyState,
    records: Vec<Option<(RecordKey, Record)>>,
    free: Vec<Place>,
    by_end: BTreeSet<(WallTime, Place)>,
    by_lease: BTreeSet<(Time, Place)>,
    owners: BTreeMap<Ticket, Place>,
    unknown: usize,
    /// Sought keys whose result came, went or changed since that was last asked for; `None` until it is asked for.
    changed: Option<Vec<RecordKey>>,
}

impl Table {
    /// An empty table. Outsiders choose keys: `random` keeps them from choosing ones that stand in each other's way.
    pub(super) fn new(random: u64) -> Self {
        Table {
            places: HashTable::new(),
            state: KeyState::new(random),
            records: Vec::new(),
            free: Vec::new(),
            by_end: BTreeSet::new(),
            by_lease: BTreeSet::new(),
            owners: BTreeMap::new(),
            unknown: 0,
            changed: None,
        }
    }

    #[cfg(feature = "host")]
    pub(super) fn key_state(&self) -> KeyState {
        self.state
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn in_flight(&self) -> usize {
        self.by_lease.len()
    }

    pub(super) fn unknown(&self) -> usize {
        self.unknown
    }

    /// All records, by key.
    pub(super) fn sorted(&self) -> Vec<(&RecordKey, &Record)> {
        let records = self.records.iter().flatten();
        let mut records: Vec<_> = records.map(|(key, record)| (key, record)).collect();
        records.sort_unstable_by_key(|(key, _)| *key);
        records
    }

    pub(super) fn get(&self, place: Place) -> Option<&(RecordKey, Record)> {
        self.records.get(place.0 as usize)?.as_ref()
    }

    /// Where the record of `key` stands, whether or not its life is over.
    pub(super) fn find(&self, key: &RecordKey) -> Option<(Place, &Record)> {
        let is_its = |place: &Place| self.get(*place).is_some_and(|(known, _)| known == key);
        let place = *self.places.find(self.state.hash_one(key), is_its)?;
        self.get(place).map(|(_, record)| (place, record))
    }

    /// The record of `key`, unless its life is over.
    pub(super) fn live(&self, key: &RecordKey, wall: WallTime) -> Option<(Place, &Record)> {
        self.find(key).filter(|(_, record)| record.is_live(wall))
    }

    /// The record that `ticket` runs for, unless its life is over: whether it was cleared yet must decide nothing.
    pub(super) fn owned(&self, ticket: Ticket, wall: WallTime) -> Option<(Place, &Record)> {
        let place = *self.owners.get(&ticket)?;
        self.get(place).map(|(_, record)| (place, record)).filter(|(_, record)| record.is_live(wall))
    }

    /// Puts a record in; an older one of that key is gone.
    pub(super) fn put(&mut self, key: &RecordKey, record: Record) {
        if let Some((place, _)) = self.find(key) {
            self.change(place, |known| *known = record);
            return;
        }
        let place = self.free.pop().unwrap_or_else(|| {
            self.records.push(None);
            Place(u32::try_from(self.records.len() - 1).unwrap_or(u32::MAX))
        });
        self.records[place.0 as usize] = Some((key.clone(), record));
        let (records, state) = (&self.records, &self.state);
        let hash_of =
            |place: &Place| records[place.0 as usize].as_ref().map_or(0, |(known, _)| state.hash_one(known));
        self.places.insert_unique(state.hash_one(key), place, hash_of);
        self.enter(place);
    }

    /// Changes a record where it stands, so that every order is kept in one place.
    pub(super) fn change(&mut self, place: Place, change: impl FnOnce(&mut Record)) {
        self.leave(place);
        let Some((key, record)) = self.records.get_mut(place.0 as usize).and_then(Option::as_mut) else {
            return;
        };
        let was_sought = record.is_sought;
        change(record);
        if was_sought || record.is_sought {
            note(&mut self.changed, key);
        }
        self.enter(place);
    }

    /// Takes a record out.
    pub(super) fn remove(&mut self, place: Place) -> Option<(RecordKey, Record)> {
        self.leave(place);
        let (key, record) = self.records.get_mut(place.0 as usize)?.take()?;
        if record.is_sought {
            note(&mut self.changed, &key);
        }
        let entry = self.places.find_entry(self.state.hash_one(&key), |its| *its == place);
        entry.ok()?.remove();
        self.free.push(place);
        Some((key, record))
    }

    /// Somebody asked for its result again.
    pub(super) fn seek(&mut self, place: Place) {
        let record = self.records.get_mut(place.0 as usize).and_then(Option::as_mut);
        if let Some((key, record)) = record.filter(|(_, record)| !record.is_sought) {
            record.is_sought = true;
            note(&mut self.changed, key);
        }
    }

    fn leave(&mut self, place: Place) {
        let Some(order) = self.get(place).map(|(_, record)| Order::of(record)) else { return };
        if let Some(owner) = order.owner {
            self.owners.remove(&owner);
        }
        self.unknown -= usize::from(order.is_unknown);
        match order.end {
            End::Life(until) => self.by_end.remove(&(until, place)),
            End::Lease(end) => self.by_lease.remove(&(end, place)),
        };
    }

    fn enter(&mut self, place: Place) {
        let Some(order) = self.get(place).map(|(_, record)| Order::of(record)) else { return };
        if let Some(owner) = order.owner {
            self.owners.insert(owner, place);
        }
        self.unknown += usize::from(order.is_unknown);
        match order.end {
            End::Life(until) => self.by_end.insert((until, place)),
            End::Lease(end) => self.by_lease.insert((end, place)),
        };
    }

    /// Calls `each` for sought keys whose result came, went or changed since the last time, as often as it did; the first
    /// time for all of them.
    #[cfg(feature = "host")]
    pub(super) fn changed(&mut self, mut each: impl FnMut(RecordKey, Option<&Record>)) {
        let mut changed = self.changed.take().unwrap_or_else(|| {
            let sought = self.records.iter().flatten().filter(|(_, record)| record.is_sought);
            sought.map(|(key, _)| key.clone()).collect()
        });
        for key in changed.drain(..) {
            let record = self.find(&key).map(|(_, record)| record);
            each(key, record);
        }
        self.changed = Some(changed);
    }

    /// When the first record ends of which that is known.
    pub(super) fn first_end(&self) -> Option<WallTime> {
        self.by_end.first().map(|(until, _)| *until)
    }

    /// Drops the first record whose life is over; `false` where there is none.
    pub(super) fn drop_ended(&mut self, wall: WallTime) -> bool {
        let ended = self.by_end.first().filter(|(until, _)| *until <= wall).map(|(_, place)| *place);
        ended.is_some_and(|place| self.remove(place).is_some())
    }

    /// When the first lease ends.
    pub(super) fn first_lease_end(&self) -> Option<Time> {
        self.by_lease.first().map(|(end, _)| *end)
    }

    /// A record whose lease is over.
    pub(super) fn lapsed(&self, now: Time) -> Option<Place> {
        self.by_lease.first().filter(|(end, _)| *end <= now).map(|(_, place)| *place)
    }
}

/// What of a record decides where it stands in the orders.
struct Order {
    owner: Option<Ticket>,
    is_unknown: bool,
    end: End,
}

enum End {
    Life(WallTime),
    Lease(Time),
}

impl Order {
    fn of(record: &Record) -> Self {
        let end = match record.state {
            State::InFlight { lease_end } => End::Lease(lease_end),
            State::Done { until, .. } | State::Unknown { until } => End::Life(until),
        };
        Order { owner: record.owner, is_unknown: record.is_unknown(), end }
    }
}

fn note(changed: &mut Option<Vec<RecordKey>>, key: &RecordKey) {
    if let Some(changed) = changed {
        changed.push(key.clone());
    }
}
