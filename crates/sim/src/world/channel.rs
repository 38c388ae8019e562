use std::collections::VecDeque;

use super::active::Active;
use super::message::{MessageId, Reply};
use crate::engine::Stream;
use crate::scenario::{Distribution, FaultKind};

/// What travels.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Parcel {
    Request(MessageId),
    Answer(MessageId, Reply),
}

impl Parcel {
    pub(crate) fn message(self) -> MessageId {
        match self {
            Parcel::Request(message) | Parcel::Answer(message, _) => message,
        }
    }
}

/// One direction of a link.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) from: String,
    pub(crate) to: String,
    latency: Distribution,
    stream: Stream,
    active: Active,
    held: VecDeque<Parcel>,
}

/// What becomes of a parcel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It arrives after so long.
    Arrives(u64),
    /// It and its copies arrive, after so long each.
    Copied(Vec<u64>),
    /// It never arrives.
    Lost,
    /// It waits until the link heals.
    Held,
}

impl Channel {
    pub(crate) fn new(seed: u64, from: &str, to: &str, latency: Distribution) -> Self {
        Channel {
            from: from.to_owned(),
            to: to.to_owned(),
            latency,
            stream: Stream::new(seed, &format!("link/{from}->{to}")),
            active: Active::default(),
            held: VecDeque::new(),
        }
    }

    /// Decides over a parcel with this key.
    pub(crate) fn fate(&mut self, key: u64) -> Fate {
        let mut delay = self.stream.time(&self.latency, 0);
        if self.active.is_empty() {
            return Fate::Arrives(delay);
        }
        let mut copies = Vec::new();
        let (mut lost, mut held) = (false, false);
        for kind in self.active.of(key) {
            match kind {
                FaultKind::Partition | FaultKind::Oneway => lost = true,
                kind if holds(kind) => held = true,
                FaultKind::Drop(share) => lost |= self.stream.chance(*share),
                FaultKind::Duplicate(share, most) if self.stream.chance(*share) => {
                    // One needs no choice.
                    let count = if *most > 1 { self.stream.below(u64::from(*most)) + 1 } else { 1 };
                    copies.extend((0..count).map(|_| self.stream.time(&self.latency, 0)));
                }
                FaultKind::Reorder(share, by) if self.stream.chance(*share) => {
                    delay = delay.saturating_add(self.stream.below(*by) + 1);
                }
                FaultKind::Slow(add) => delay = delay.saturating_add(self.stream.time(add, 0)),
                _ => {}
            }
        }
        match (lost, held) {
            (true, _) => Fate::Lost,
            (_, true) => Fate::Held,
            _ if copies.is_empty() => Fate::Arrives(delay),
            _ => {
                copies.insert(0, delay);
                Fate::Copied(copies)
            }
        }
    }

    pub(crate) fn hold(&mut self, parcel: Parcel) {
        self.held.push_back(parcel);
    }

    pub(crate) fn strike(&mut self, fault: usize, kind: FaultKind, key: Option<u64>) {
        self.active.begin(fault, kind, key);
    }

    /// Ends a fault; gives what was held, in order, if nothing holds it any more.
    pub(crate) fn heal(&mut self, fault: usize) -> VecDeque<Parcel> {
        self.active.end(fault);
        if self.active.all().any(|(kind, _)| holds(kind)) {
            return VecDeque::new();
        }
        std::mem::take(&mut self.held)
    }
}

/// Whether messages wait while this lasts.
fn holds(kind: &FaultKind) -> bool {
    matches!(kind, FaultKind::Hold | FaultKind::Clog | FaultKind::Swizzle(_))
}
