use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use steadfast_actors::clock::saturating_nanos;
use steadfast_actors::limiter::{Algorithm, LimiterConfig};

/// Keys that are followed at once; beyond that those whose quota is full again are forgotten.
const MOST_KEYS: usize = 200_000;

/// What limiters granted, counted apart from their own books.
#[derive(Debug, Default)]
pub(super) struct Quotas {
    /// By name: few enough to be looked through.
    limiters: Vec<(String, Limiter)>,
    /// What they granted to calls that have not yet passed all of theirs: mostly one grant.
    pending: BTreeMap<u64, (Grant, Vec<Grant>)>,
}

/// One limiter's quota, and how far above its rate each key's grants are.
#[derive(Debug)]
struct Limiter {
    per_token: u64,
    burst: u64,
    /// By masked key: the excess in nanoseconds of refill, and when it was so.
    keys: HashMap<Arc<str>, (u64, u64)>,
    outages: u64,
}

/// What one limiter granted to a call.
#[derive(Debug)]
struct Grant {
    limiter: usize,
    key: Arc<str>,
    cost: u64,
}

/// How far a key's grants stand above its limiter's rate, in tokens, and how far they may.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub(super) found: u64,
    pub(super) allowed: u64,
}

impl Quotas {
    /// Follows a limiter from now on, whose actor will not answer so often.
    pub(super) fn follow(&mut self, name: &str, config: &LimiterConfig, outages: u64) {
        if self.limiter(name).is_some() {
            return;
        }
        let per = saturating_nanos(config.per());
        let per_token = (per / config.requests().max(1)).max(1);
        // In a window of length t, fixed and sliding windows of N grant at most N * (t / per + 1), fixed ones N more
        // where it lies across an edge.
        let fixed = config.algorithm() == Algorithm::FixedWindow;
        let burst = config.capacity().max(config.requests()) + if fixed { config.requests() } else { 0 };
        let known = Limiter { per_token, burst, keys: HashMap::new(), outages };
        self.limiters.push((name.to_owned(), known));
    }

    fn limiter(&self, name: &str) -> Option<usize> {
        self.limiters.iter().position(|(known, _)| known == name)
    }

    /// The local bucket of an outage may grant the same quota once more.
    pub(super) fn outage(&mut self, name: &str) {
        if let Some(limiter) = self.limiter(name) {
            self.limiters[limiter].1.outages += 1;
        }
    }

    /// Another process begins: what was spent since the last write is forgotten.
    pub(super) fn restarted(&mut self) {
        self.pending.clear();
        for (_, limiter) in &mut self.limiters {
            limiter.outages += 1;
        }
    }

    /// A call has passed all of its limiters: what it was granted is spent.
    pub(super) fn passed(&mut self, call: u64) {
        if !self.pending.is_empty() {
            self.pending.remove(&call);
        }
    }

    /// A call that is refused spends none of what it was granted before.
    pub(super) fn refused(&mut self, call: u64) {
        let grants = self.pending.remove(&call);
        for grant in grants.into_iter().flat_map(|(first, more)| std::iter::once(first).chain(more)) {
            let limiter = &mut self.limiters[grant.limiter].1;
            if let Some((excess, _)) = limiter.keys.get_mut(&grant.key) {
                *excess = excess.saturating_sub(grant.cost.saturating_mul(limiter.per_token));
            }
        }
    }

    /// A limiter granted `cost` to a key; `None` where it is none that is followed.
    pub(super) fn granted(
        &mut self,
        at: u64,
        call: u64,
        name: &str,
        key: &str,
        cost: u64,
    ) -> Option<Standing> {
        let index = self.limiter(name)?;
        let limiter = &mut self.limiters[index].1;
        if limiter.keys.len() > MOST_KEYS {
            limiter.keys.retain(|_, (excess, since)| *excess > at.saturating_sub(*since));
        }
        let key = match limiter.keys.get_key_value(key) {
            Some((known, _)) => Arc::clone(known),
            None => Arc::from(key),
        };
        let (excess, since) = limiter.keys.entry(Arc::clone(&key)).or_insert((0, at));
        *excess = excess.saturating_sub(at.saturating_sub(*since));
        *excess = excess.saturating_add(cost.saturating_mul(limiter.per_token));
        *since = at;
        let allowed = limiter.burst.saturating_mul(1 + limiter.outages);
        let found = excess.div_ceil(limiter.per_token);
        let grant = Grant { limiter: index, key, cost };
        match self.pending.entry(call) {
            Entry::Vacant(place) => {
                place.insert((grant, Vec::new()));
            }
            Entry::Occupied(mut known) => known.get_mut().1.push(grant),
        }
        if self.pending.len() > MOST_KEYS {
            self.pending.pop_first();
        }
        Some(Standing { found, allowed })
    }
}
