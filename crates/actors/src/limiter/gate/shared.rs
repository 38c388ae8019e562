//! The quota that all callers of a limiter share, as its actor has leased it.
//!
//! One cell holds the lease. Where it is large, each thread takes a share of it into a cell of its own, so that threads do
//! not meet at one word for every call. Shares are open while the part that they are for surely runs: the actor opens them
//! with a lease, and closes them with whatever may end it.

use super::USED_UP;
use super::standing::Standing;
use crate::clock::Time;
use crate::gate::cell::{AtomicU64, Ordering};
use crate::gate::{Left, Padded, Slots, Term, Tokens};
use crate::limiter::Decision;

/// What a thread takes of the lease at most, and which share of what is left.
const BATCH: u32 = 1_024;
const SHARE: u32 = 64;
/// Below so many left no thread takes more than it needs: small quotas are exact to the last token, from any thread.
const LEAST_SHARED_OUT: u32 = 4_096;

#[derive(Debug, Default)]
struct Lease {
    tokens: Tokens,
    /// When more is left than now.
    more_at: AtomicU64,
    /// Left, and not leased.
    spare: AtomicU64,
}

/// The lease of the quota that all callers share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    lease: Padded<Lease>,
    shares: Slots<Tokens>,
    /// Whether shares are open.
    open: AtomicU64,
}

/// How many of a lease are left there.
#[inline]
fn left_of(tokens: &Tokens, term: Term) -> u32 {
    tokens.left().filter(|left| left.term == term).map_or(0, |left| left.tokens)
}

impl Shared {
    /// Takes a token out of this thread's share; how the quota stands then, and the lease that it is of.
    #[inline]
    pub(super) fn take_share(&self, standing: &Standing) -> Option<(Decision, Term)> {
        let own = self.shares.own_at_once()?.take_one()?;
        Some((self.decision(standing, own), own.term))
    }

    /// The same for who does not ask how the quota stands then.
    #[inline]
    pub(super) fn spend_share(&self) -> bool {
        self.shares.own_at_once().and_then(Tokens::take_one).is_some()
    }

    /// How it stands for a thread that has so many of its own.
    #[inline]
    fn decision(&self, standing: &Standing, own: Left) -> Decision {
        let Lease { tokens, more_at, spare } = &self.lease.0;
        let lease = left_of(tokens, own.term);
        let remaining = u64::from(own.tokens) + u64::from(lease) + spare.load(Ordering::Relaxed);
        standing.decision(remaining, more_at.load(Ordering::Relaxed))
    }

    /// Takes a token out of the lease, and a share for this thread where `shares` may be had.
    pub(super) fn take(&self, part: u32, shares: bool, standing: &Standing) -> Option<(Decision, Term)> {
        let tokens = &self.lease.0.tokens;
        let own = self.shares.own().any();
        let taken_of = if shares
            && let Some(Left { term, tokens: left }) = tokens.left()
            && term.part() == part
            && left >= LEAST_SHARED_OUT
            && own.is_open(term)
            && let Some(batch) = tokens.take_share(term, BATCH, SHARE)
        {
            // One is for this call. Where another thread without a slot of its own was faster, or where shares were closed
            // meanwhile, the rest goes back; if that comes too late, it stays with the lease as used: never more than is.
            if !own.fill(term, batch - 1) {
                let _ = tokens.put_back(term, batch - 1);
            }
            term
        } else {
            tokens.take(part, 1, || true)?.term
        };
        let own = Left { term: taken_of, tokens: left_of(own, taken_of) };
        Some((self.decision(standing, own), taken_of))
    }

    /// Until when it is used up, as published, in nanoseconds.
    #[inline]
    pub(super) fn used_up(&self) -> Option<u64> {
        let Lease { tokens, more_at, .. } = &self.lease.0;
        let left = tokens.left().filter(|left| left.term.part() == USED_UP)?;
        let nanos = more_at.load(Ordering::Acquire);
        (tokens.left() == Some(left)).then_some(nanos)
    }

    /// Somebody asks: until it has its answer, nobody gets anything in advance.
    pub(super) fn ask(&self) {
        self.lease.0.tokens.ask();
        self.shares.all().for_each(Tokens::ask);
    }

    /// Puts a token back; `false` where its lease is over.
    pub(super) fn put_back(&self, term: Term) -> bool {
        self.shares.own().any().put_back(term, 1) || self.lease.0.tokens.put_back(term, 1)
    }

    /// Takes back what is left: of which part, and how many.
    pub(super) fn take_back(&self) -> (u32, u64) {
        self.open.store(0, Ordering::Relaxed);
        // The lease first: nobody can then fill a share that was emptied already from what is counted twice.
        let lease = self.lease.0.tokens.recall();
        let shares = self.shares.all().map(Tokens::recall).filter(|share| share.term == lease.term);
        let shared_out: u64 = shares.map(|share| u64::from(share.tokens)).sum();
        (lease.term.part(), u64::from(lease.tokens) + shared_out)
    }

    /// Takes all shares back into the lease: nobody takes of them afterwards, and nobody fills them.
    pub(super) fn close(&self) {
        if self.open.swap(0, Ordering::Relaxed) == 0 {
            return;
        }
        for share in self.shares.all() {
            let Left { term, tokens } = share.recall();
            // What is of no lease any more is worth nothing.
            let _ = tokens > 0 && self.lease.0.tokens.put_back(term, tokens);
        }
    }

    /// Leases tokens, or a refusal, after what was there was taken back.
    pub(super) fn lease(&self, left: Left, shares: bool, spare: u64, more_at: Time) {
        let Lease { tokens, more_at: told, spare: kept } = &self.lease.0;
        self.close();
        told.store(more_at.as_nanos(), Ordering::Release);
        kept.store(spare, Ordering::Release);
        tokens.lease(left);
        if shares && left.tokens >= LEAST_SHARED_OUT {
            self.open.store(1, Ordering::Relaxed);
            self.shares.all_made().for_each(|share| share.lease(Left { tokens: 0, ..left }));
        }
    }
}
