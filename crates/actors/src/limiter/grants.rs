use std::collections::VecDeque;

use crate::clock::Time;

/// How much leaves a window, and when, the first to leave first. Most keys have one such time at most, and those take no
/// room besides.
#[derive(Clone, Debug, Default)]
pub(super) enum Grants {
    #[default]
    None,
    One((Time, u64)),
    #[expect(clippy::box_collection, reason = "without the box every key would have room for a list")]
    Many(Box<VecDeque<(Time, u64)>>),
}

impl Grants {
    pub(super) fn iter(&self) -> impl Iterator<Item = &(Time, u64)> {
        let (one, many) = match self {
            Grants::None => (None, None),
            Grants::One(grant) => (Some(grant), None),
            Grants::Many(grants) => (None, Some(grants.iter())),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut (Time, u64)> {
        let (one, many) = match self {
            Grants::None => (None, None),
            Grants::One(grant) => (Some(grant), None),
            Grants::Many(grants) => (None, Some(grants.iter_mut())),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }

    pub(super) fn last(&self) -> Option<&(Time, u64)> {
        match self {
            Grants::None => None,
            Grants::One(grant) => Some(grant),
            Grants::Many(grants) => grants.back(),
        }
    }

    /// Enters an amount that leaves no earlier than all others.
    pub(super) fn push(&mut self, leaves: Time, amount: u64) {
        match self {
            Grants::None => *self = Grants::One((leaves, amount)),
            Grants::One((last, count)) if *last == leaves => *count = count.saturating_add(amount),
            Grants::One(first) => {
                *self = Grants::Many(Box::new(VecDeque::from([*first, (leaves, amount)])));
            }
            Grants::Many(grants) => match grants.back_mut() {
                Some((last, count)) if *last == leaves => *count = count.saturating_add(amount),
                _ => grants.push_back((leaves, amount)),
            },
        }
    }

    /// Forgets what has left by then.
    pub(super) fn forget(&mut self, now: Time) {
        match self {
            Grants::None => {}
            Grants::One((leaves, _)) if *leaves <= now => *self = Grants::None,
            Grants::One(_) => {}
            Grants::Many(grants) => {
                while grants.front().is_some_and(|(leaves, _)| *leaves <= now) {
                    grants.pop_front();
                }
                if grants.is_empty() {
                    *self = Grants::None;
                }
            }
        }
    }

    /// Takes an amount away from what leaves at that time.
    pub(super) fn take_away(&mut self, at: Time, amount: u64) {
        match self {
            Grants::One((leaves, count)) if *leaves == at => {
                *count = count.saturating_sub(amount);
                if *count == 0 {
                    *self = Grants::None;
                }
            }
            Grants::None | Grants::One(_) => {}
            Grants::Many(grants) => {
                if let Ok(index) = grants.binary_search_by_key(&at, |(time, _)| *time) {
                    grants[index].1 = grants[index].1.saturating_sub(amount);
                    if grants[index].1 == 0 {
                        grants.remove(index);
                    }
                }
            }
        }
    }
}
