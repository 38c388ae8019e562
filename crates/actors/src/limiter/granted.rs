use std::time::Duration;

use super::gate::{ASK, Found, Looked, Taken, Wait};
use super::reservation::Held;
use super::{Decision, LimiterHandle, Reservation};
use crate::machine::Ticket;
use crate::rejection::Rejection;

/// One request that was spent of what is granted in advance. It is spent; who wants it not to be, gives it back.
///
/// It is a few words, with no share in its limiter and no copy of its key, for who borrows both anyhow. It is to be given
/// back to the limiter, and for the key, that it is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granted {
    decision: Decision,
    taken: Taken,
}

impl Granted {
    /// How the quota stands with this taken.
    #[must_use]
    #[inline]
    pub fn decision(&self) -> Decision {
        self.decision
    }
}

impl LimiterHandle {
    /// Spends one request of a quota that all callers share, out of this thread's share of what is granted in advance. Where
    /// it is `false`, nothing is spent or said: [`try_granted`](LimiterHandle::try_granted) looks up the rest.
    #[inline]
    #[must_use = "where it is false nothing was spent"]
    pub fn spent_at_once(&self) -> bool {
        self.has_gate_for("", 1) && self.hosted().gate().spend_share()
    }

    /// What most calls of a quota that all callers share find: a token in this thread's share of the lease.
    #[inline]
    pub(super) fn granted_at_once(&self, key: &str, cost: u64) -> Option<Decision> {
        self.has_gate_for(key, cost).then(|| self.hosted().gate().take_share())?
    }

    /// What the others of these find where it is used up. The rest has to be [looked up](LimiterHandle::looked_up).
    #[inline]
    pub(super) fn refused_at_once(&self, key: &str, cost: u64) -> Option<Wait> {
        let hosted = self.hosted();
        self.has_gate_for(key, cost).then(|| hosted.gate().refuse_share(hosted.clock()))?
    }

    #[inline]
    fn has_gate_for(&self, key: &str, cost: u64) -> bool {
        key.is_empty() && cost == 1 && !self.hosted().has_quarantined()
    }

    /// Spends one request of `key` out of what is granted in advance, without a future; `None` where the actor has to be
    /// asked, by [`check_until`](LimiterHandle::check_until) or [`reserve`](LimiterHandle::reserve), as for any other `cost`.
    ///
    /// # Errors
    /// As [`check`](LimiterHandle::check).
    #[inline]
    pub fn try_granted(&self, key: &str, cost: u64) -> Option<Result<Granted, Rejection>> {
        if !key.is_empty() {
            let looked = self.looked_up_key(key, cost);
            return match self.granted_key(looked) {
                Some((decision, taken)) => Some(Ok(Granted { decision, taken })),
                None => self.refused_key(looked).map(|wait| Err(self.refused(wait))),
            };
        }
        match self.looked_up(cost) {
            Found::Granted(decision, taken) => Some(Ok(Granted { decision, taken })),
            Found::Refused(wait) => Some(Err(self.refused(wait))),
            Found::Ask => None,
        }
    }

    /// Another cost is not what was leased, and a key that crashed the actor is refused whatever it was granted.
    #[inline]
    fn may_look(&self, key: &str, cost: u64) -> bool {
        let hosted = self.hosted();
        cost == 1 && (!hosted.has_quarantined() || hosted.quarantined(key).is_none())
    }

    /// What the actor has granted or refused in advance to all callers.
    #[inline(never)]
    pub(super) fn looked_up(&self, cost: u64) -> Found {
        let hosted = self.hosted();
        if self.may_look("", cost) { hosted.gate().take(hosted.clock()) } else { Found::Ask }
    }

    /// The same, to those of one key.
    #[inline]
    pub(super) fn looked_up_key(&self, key: &str, cost: u64) -> Looked {
        let hosted = self.hosted();
        if self.may_look(key, cost) { hosted.gate().look_up(key, hosted.clock()) } else { ASK }
    }

    #[inline]
    pub(super) fn granted_key(&self, looked: Looked) -> Option<(Decision, Taken)> {
        self.hosted().gate().granted(looked)
    }

    #[inline]
    pub(super) fn refused_key(&self, looked: Looked) -> Option<Wait> {
        let hosted = self.hosted();
        hosted.gate().refused(looked, hosted.clock())
    }

    /// The refusal of who found the quota used up.
    #[inline]
    pub(super) fn refused(&self, (more_at, nanos): Wait) -> Rejection {
        let wait = Duration::from_nanos(nanos.get());
        self.limited(self.hosted().gate().used_up(more_at), Some(wait))
    }

    /// Gives back what was spent so, as if the call had never come: another limiter refused it.
    pub fn give_back_granted(&self, key: &str, granted: Granted) {
        self.put_back(key, granted.taken);
    }

    /// What was spent so, as a reservation that gives it back by itself unless it is settled.
    #[inline]
    pub fn reservation_of(&self, key: &str, granted: Granted) -> Reservation {
        let Granted { decision, taken } = granted;
        self.reservation(Ticket(0), decision, Held::InAdvance(key.into(), taken))
    }
}
