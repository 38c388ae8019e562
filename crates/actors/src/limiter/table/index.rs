use super::entries::NOBODY;

/// Where slots stand by their hashes: groups of places, each for all hashes that begin alike. A group that is full is split
/// in two, so that no growth takes longer than that, however many keys there are. Hash and slot stand together: whoever looks
/// for a key looks at the key itself only where it hashes alike, and what is not there is not looked for anywhere else.
#[derive(Debug)]
pub(super) struct Index {
    /// The group of the hashes that begin so.
    directory: Vec<u32>,
    groups: Vec<Group>,
    len: usize,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    hash: u32,
    slot: u32,
}

const EMPTY: Place = Place { hash: 0, slot: NOBODY };

/// Its hashes have so many first bits in common.
#[derive(Debug)]
struct Group {
    depth: u32,
    used: usize,
    places: Box<[Place]>,
}

/// Places that a group is made with, and by how many it grows until it is split.
const STEP: usize = 16;
const MOST: usize = 8 * STEP;
/// First bits that tell groups apart at most; the others tell places apart.
const DEEPEST: u32 = 16;

impl Default for Index {
    fn default() -> Self {
        Index { directory: vec![0], groups: vec![Group::new(0, 0)], len: 0 }
    }
}

impl Group {
    fn new(depth: u32, places: usize) -> Self {
        Group { depth, used: 0, places: vec![EMPTY; places].into() }
    }

    /// Where a hash is looked for first.
    fn home(&self, hash: u32) -> usize {
        ((hash as usize & 0xffff) * self.places.len()) >> 16
    }

    fn behind(&self, place: usize) -> usize {
        if place + 1 < self.places.len() { place + 1 } else { 0 }
    }

    /// Whether one more would leave fewer than one place in eight empty: what is not there would be looked for at length.
    fn is_full(&self) -> bool {
        (self.used + 1) * 8 > self.places.len() * 7
    }

    fn enter(&mut self, entered: Place) {
        let mut place = self.home(entered.hash);
        while self.places[place].slot != NOBODY {
            place = self.behind(place);
        }
        self.places[place] = entered;
        self.used += 1;
    }

    /// Where something with that hash stands that `is_it`. There is always a place that is empty, which ends the search.
    fn place_of(&self, hash: u32, is_it: impl Fn(u32) -> bool) -> Option<usize> {
        let mut place = self.home(hash);
        while let Some(found) = self.places.get(place).filter(|found| found.slot != NOBODY) {
            if found.hash == hash && is_it(found.slot) {
                return Some(place);
            }
            place = self.behind(place);
        }
        None
    }

    fn remove(&mut self, hash: u32, slot: u32) -> bool {
        let Some(mut hole) = self.place_of(hash, |found| found == slot) else { return false };
        self.used -= 1;
        // What stands behind moves up, unless it would then stand before where it is looked for first.
        let (mut place, all) = (hole, self.places.len());
        loop {
            place = self.behind(place);
            let Place { hash, slot } = self.places[place];
            if slot == NOBODY {
                break;
            }
            let away = |from: usize| (place + all - from) % all;
            if away(self.home(hash)) >= away(hole) {
                self.places[hole] = self.places[place];
                hole = place;
            }
        }
        self.places[hole] = EMPTY;
        true
    }

    fn standing(&self) -> impl Iterator<Item = Place> {
        self.places.iter().copied().filter(|place| place.slot != NOBODY)
    }

    fn grow(&mut self) {
        let mut grown = Group::new(self.depth, self.places.len() + STEP);
        self.standing().for_each(|place| grown.enter(place));
        *self = grown;
    }
}

impl Index {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Where the group of a hash is found.
    fn first_bits(&self, hash: u32) -> usize {
        ((u64::from(hash) * self.directory.len() as u64) >> 32) as usize
    }

    fn group(&self, hash: u32) -> usize {
        self.directory[self.first_bits(hash)] as usize
    }

    /// The slot that hashes so and that `is_it` says is the one.
    pub(super) fn find(&self, hash: u32, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let group = &self.groups[self.group(hash)];
        Some(group.places[group.place_of(hash, is_it)?].slot)
    }

    pub(super) fn insert(&mut self, hash: u32, slot: u32) {
        while self.groups[self.group(hash)].is_full() {
            let group = self.group(hash);
            let Group { depth, places, .. } = &self.groups[group];
            // Those that are as deep as it goes just grow.
            if places.len() < MOST || *depth == DEEPEST {
                self.groups[group].grow();
            } else {
                self.split(group);
            }
        }
        let group = self.group(hash);
        self.groups[group].enter(Place { hash, slot });
        self.len += 1;
    }

    pub(super) fn remove(&mut self, hash: u32, slot: u32) {
        let group = self.group(hash);
        self.len -= usize::from(self.groups[group].remove(hash, slot));
    }

    /// Splits a group by the next bit of its hashes.
    fn split(&mut self, group: usize) {
        let old = std::mem::replace(&mut self.groups[group], Group::new(0, 0));
        let depth = old.depth + 1;
        if self.directory.len() < 1 << depth {
            self.directory = self.directory.iter().flat_map(|group| [*group, *group]).collect();
        }
        let of = |side: u32| move |place: &Place| place.hash << old.depth >> 31 == side;
        let (low, high) = (self.half(&old, depth, of(0)), self.half(&old, depth, of(1)));
        self.groups[group] = low;
        let new = u32::try_from(self.groups.len()).unwrap_or(NOBODY);
        self.groups.push(high);
        // Its entries stand together, and the second half of them leads to the new one.
        let alike = self.directory.len() >> depth;
        let any = old.standing().next().map_or(0, |place| self.first_bits(place.hash));
        let first = any / (2 * alike) * (2 * alike) + alike;
        self.directory[first..first + alike].fill(new);
    }

    fn half(&self, of: &Group, depth: u32, is_in: impl Fn(&Place) -> bool) -> Group {
        let number = of.standing().filter(&is_in).count();
        // A quarter more than it holds, so that it does not grow at once.
        let steps = (number + number / 4) / STEP + 1;
        let mut half = Group::new(depth, (steps * STEP).min(MOST));
        while (number + 1) * 8 > half.places.len() * 7 {
            half.grow();
        }
        of.standing().filter(is_in).for_each(|place| half.enter(place));
        half
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hashes that differ in all of their bits.
    fn hash(slot: u32) -> u32 {
        slot.wrapping_mul(0x9e37_79b9).rotate_left(15).wrapping_mul(0x85eb_ca6b)
    }

    fn found(index: &Index, slot: u32) -> bool {
        index.find(hash(slot), |found| found == slot) == Some(slot)
    }

    #[test]
    fn what_was_entered_is_found_until_it_is_removed_however_the_table_grew() {
        let mut index = Index::default();
        for slot in 0..20_000 {
            index.insert(hash(slot), slot);
        }
        assert!((0..20_000).all(|slot| found(&index, slot)));
        assert!(!(20_000..40_000).any(|slot| found(&index, slot)));
        (0..20_000).step_by(3).for_each(|slot| index.remove(hash(slot), slot));
        index.remove(hash(0), 0);
        assert!((0..20_000).all(|slot| found(&index, slot) != slot.is_multiple_of(3)));
        assert_eq!(index.len(), 13_333);
        let places: usize = index.groups.iter().map(|group| group.places.len()).sum();
        assert!(places < 40_000 && index.groups.iter().all(|group| group.places.len() <= MOST), "{places}");
    }

    #[test]
    fn hashes_that_are_alike_in_all_bits_stand_beside_each_other() {
        let mut index = Index::default();
        for slot in 0..1_000 {
            index.insert(7, slot);
            index.insert(u32::MAX, slot);
        }
        assert!((0..1_000).all(|slot| index.find(7, |found| found == slot) == Some(slot)));
        (0..999).for_each(|slot| index.remove(7, slot));
        assert_eq!((index.find(7, |_| true), index.len()), (Some(999), 1_001));
    }
}
