//! What the callers of one key find.

use super::digest::digest;
use super::{LimiterGate, OPEN, Of, Taken, WAITS, Wait, code_in};
use crate::clock::Clock;
use crate::gate::cell::Ordering;
use crate::gate::{Digest, Left, Seat};
use crate::limiter::Decision;
use crate::limiter::table::LONGEST_TEXT;

/// What a look came to: two words, so that it need not go by memory, from which a decision is put together where it goes.
#[derive(Clone, Copy, Debug)]
pub(in crate::limiter) struct Looked {
    /// What is left, as the cell has it; zero where nothing is said.
    left: u64,
    /// When more is, in nanoseconds.
    more_at: u64,
}

/// Stands where who asks would be marked: nothing is left, and the caller is refused.
const REFUSED: u64 = 1;
/// Nothing is said: the actor is to be asked.
pub(in crate::limiter) const ASK: Looked = Looked { left: 0, more_at: 0 };

impl LimiterGate {
    /// Looks for a key among what was granted, for one request. The clock is only read where the time matters.
    #[inline(never)]
    pub(in crate::limiter) fn look_up(&self, key: &str, clock: &Clock) -> Looked {
        let span = self.span.load(Ordering::SeqCst);
        if span & OPEN == 0 {
            return ASK;
        }
        let (Some(keys), Some(digest)) = (self.keys.get(), self.digest(key.as_bytes())) else { return ASK };
        match keys.take_at_once(digest, code_in(span)) {
            Some((left, more_at)) => self.in_time(key, left, (more_at, span), clock),
            None => self.look_again(key, digest, span, clock),
        }
    }

    /// What was taken, unless its part is over.
    #[inline]
    fn in_time(&self, key: &str, left: Left, (more_at, span): (u64, u64), clock: &Clock) -> Looked {
        if self.is_in_time(span, clock) {
            return Looked { left: left.word(), more_at };
        }
        self.too_late(key, Taken { term: left.term, of: Of::Key });
        ASK
    }

    /// The same, where its cell is further away, or has nothing of the present part.
    #[inline(never)]
    fn look_again(&self, key: &str, digest: Digest, span: u64, clock: &Clock) -> Looked {
        let Some(seat) = self.keys.get().and_then(|keys| keys.find(digest)) else { return ASK };
        if let Some(left) = seat.take(code_in(span)) {
            return self.in_time(key, left, (seat.cell.more_at(), span), clock);
        }
        let Some(left) = seat.cell.tokens.left() else { return ASK };
        let more_at = seat.cell.more_at();
        if left.tokens > 0 {
            let carried = self.carry_over(&seat, left, code_in(span));
            return carried.map_or(ASK, |left| self.in_time(key, left, (more_at, span), clock));
        }
        // A lease that was used up is a refusal, too, until more comes back: also after its part is over.
        let is_refused = left.term.part() != 0 && span & WAITS == 0;
        if is_refused && seat.cell.tokens.left() == Some(left) && seat.is_own() {
            return Looked { left: REFUSED, more_at };
        }
        ASK
    }

    /// How the quota stands for who was granted.
    #[inline]
    pub(in crate::limiter) fn granted(&self, looked: Looked) -> Option<(Decision, Taken)> {
        let Left { term, tokens } = Left::of(looked.left);
        let taken = Taken { term, of: Of::Key };
        (looked.left > REFUSED).then(|| (self.standing.decision(tokens.into(), looked.more_at), taken))
    }

    /// Until when who was refused is.
    #[inline]
    pub(in crate::limiter) fn refused(&self, looked: Looked, clock: &Clock) -> Option<Wait> {
        (looked.left == REFUSED).then(|| self.wait_until(looked.more_at, clock))?
    }

    /// `None` for keys of which the table itself keeps but a digest.
    #[inline]
    pub(super) fn digest(&self, key: &[u8]) -> Option<Digest> {
        (key.len() <= LONGEST_TEXT).then(|| digest(key, self.secret.load(Ordering::Relaxed)))
    }

    /// Where a key's cell is now.
    #[inline]
    pub(super) fn seat(&self, key: &[u8]) -> Option<Seat<'_>> {
        let keys = self.keys.get()?;
        keys.find(self.digest(key)?)
    }
}
