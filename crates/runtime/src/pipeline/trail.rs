use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use steadfast_actors::limiter::Decision;
use steadfast_actors::rejection::Rejection;

use crate::lock::lock;

/// Refusals that one call tree remembers: enough to know them again when a handler passes them on as text.
const MOST_REFUSALS: usize = 16;

/// What a call and all calls inside it leave behind for whoever answers the caller.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    refusals: Mutex<Vec<(String, Rejection)>>,
    limit: Mutex<Option<NotedLimit>>,
    replayed: AtomicBool,
    begun: AtomicBool,
    /// Whether there is anything in it.
    touched: AtomicBool,
}

/// How one limiter stood when it decided on a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotedLimit {
    pub(crate) name: String,
    pub(crate) decision: Decision,
}

impl Trail {
    /// There is something to forget.
    pub(super) fn touch(&self) {
        self.touched.store(true, Ordering::Relaxed);
    }

    /// Whether nothing was ever noted.
    #[inline]
    pub(crate) fn is_untouched(&self) -> bool {
        !self.touched.load(Ordering::Relaxed)
    }

    /// Remembers a refusal that this call tree produced.
    pub(crate) fn note_refusal(&self, rejection: &Rejection) {
        self.touch();
        let mut refusals = lock(&self.refusals);
        if refusals.len() >= MOST_REFUSALS {
            refusals.remove(0);
        }
        refusals.push((rejection.to_string(), rejection.clone()));
    }

    /// The refusal of this call tree that reads exactly like `text`. Text from elsewhere cannot forge one: it would
    /// have to be a refusal that this very call really met.
    pub(crate) fn refusal_that_reads(&self, text: &str) -> Option<Rejection> {
        let refusals = lock(&self.refusals);
        refusals.iter().rev().find(|(written, _)| written == text).map(|(_, rejection)| rejection.clone())
    }

    /// Remembers how a limiter stands, if it is closer to refusing than all that were noted before.
    pub(crate) fn note_limit(&self, name: &str, decision: Decision) {
        self.touch();
        let mut limit = lock(&self.limit);
        if limit.as_ref().is_none_or(|known| is_tighter(decision, known.decision)) {
            *limit = Some(NotedLimit { name: name.to_owned(), decision });
        }
    }

    /// The limiter that is closest to refusing.
    pub(crate) fn tightest_limit(&self) -> Option<NotedLimit> {
        lock(&self.limit).clone()
    }

    /// Notes that the answer is one that was given before.
    pub(crate) fn note_replayed(&self) {
        self.touch();
        self.replayed.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_replayed(&self) -> bool {
        self.replayed.load(Ordering::Relaxed)
    }

    /// Notes that a run has begun whose result a repeat will ask for.
    pub(crate) fn note_begun(&self) {
        self.touch();
        self.begun.store(true, Ordering::Release);
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Acquire)
    }
}

/// Fewer requests left, by number; of two with as many left, the one that stays so longer.
fn is_tighter(one: Decision, other: Decision) -> bool {
    (one.remaining, std::cmp::Reverse(one.more_at)) < (other.remaining, std::cmp::Reverse(other.more_at))
}
