//! Where a caller hears its answer, and what its question travels in.
//!
//! Both are used again, together with the [end](crate::clock::timer) that bounds the wait, so that a question and its
//! answer allocate nothing:
//!
//! ```text
//!   spare --lent--> caller: says whom to wake --- message, with an Asker ---> mailbox --> actor
//!     ^                |                                                                   |
//!     +---given back---+ <--- hears, is woken --- Slot <--- answer, and the empty message --+
//! ```
//!
//! A caller may leave at any time, and its question is answered later. So a slot counts its turns: who has it next has
//! another one, and an [`Asker`] of an earlier turn reaches nobody. The turn is looked at, and ended by who leaves, under
//! the slot's lock. An asker that is dropped, because its mailbox went down, says that nothing comes.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use super::actor::Envelope;
use super::hosted::lock;
use super::reply::Answered;
use crate::clock::Time;
use crate::clock::timer::{Timer, Timers};
use crate::gate::Slots;
use crate::machine::Machine;

/// So many are kept by each thread for whoever asks next.
const MOST_SPARE: usize = 64;

/// A message that is not on its way.
type Used<M> = Box<Envelope<M>>;

/// Where one caller at a time hears its answer.
pub(super) struct Slot<M: Machine> {
    /// How many have had it. Nobody stands in line while four billions have.
    turn: AtomicU32,
    heard: Mutex<Heard<M>>,
}

struct Heard<M: Machine> {
    came: Came<M::Reply>,
    /// That its caller is in line, as its actor told it without waking it.
    in_line: Option<InLine>,
    waker: Option<Waker>,
    message: Option<Used<M>>,
}

/// A place in line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct InLine {
    since: Time,
    /// It waits there until then at most.
    pub(super) until: Time,
    /// When what it waited for came.
    left: Option<Time>,
}

impl InLine {
    /// How long it waited there, where that is over.
    pub(super) fn waited(self) -> Duration {
        self.left.map_or(Duration::ZERO, |left| left.since(self.since))
    }
}

enum Came<R> {
    NotYet,
    Answer(Answered<R>),
    /// Nothing does, and nothing will.
    Nothing,
}

impl<M: Machine> Slot<M> {
    fn new() -> Self {
        let heard = Heard { came: Came::NotYet, in_line: None, waker: None, message: None };
        Slot { turn: AtomicU32::new(0), heard: Mutex::new(heard) }
    }

    /// Its caller wants no answer any more.
    fn leave(&self) {
        let left = {
            let mut heard = lock(&self.heard);
            self.turn.fetch_add(1, Ordering::Release);
            (std::mem::replace(&mut heard.came, Came::NotYet), heard.waker.take())
        };
        // Not under the lock: an answer may have more to it than memory.
        drop(left);
    }
}

/// How one caller is answered.
pub(super) struct Asker<M: Machine> {
    slot: Arc<Slot<M>>,
    turn: u32,
    message: Option<Used<M>>,
    /// Whether it is told that it is in line without being woken; else that is an answer like any other.
    waits_in_line: bool,
    is_answered: bool,
}

impl<M: Machine> Asker<M> {
    /// Whether its caller has left.
    pub(super) fn is_closed(&self) -> bool {
        self.slot.turn.load(Ordering::Acquire) != self.turn
    }

    /// The message that it came with, for the caller's next one.
    pub(super) fn give_back(&mut self, message: Used<M>) {
        self.message = Some(message);
    }

    /// Tells it `now` until when it is in line, where it wants no answer to that.
    pub(super) fn tell_in_line(&self, now: Time, until: Time) -> bool {
        if self.waits_in_line {
            let mut heard = lock(&self.slot.heard);
            if !self.is_closed() {
                let since = heard.in_line.map_or(now, |in_line| in_line.since);
                heard.in_line = Some(InLine { since, until, left: None });
            }
        }
        self.waits_in_line
    }

    /// Answers it, with what came of its request `now`; `None` where nothing did.
    pub(super) fn send(mut self, answer: Answered<M::Reply>, now: Option<Time>) {
        self.tell(Came::Answer(answer), now);
    }

    fn tell(&mut self, came: Came<M::Reply>, now: Option<Time>) {
        self.is_answered = true;
        let waker = {
            let mut heard = lock(&self.slot.heard);
            if self.is_closed() {
                return;
            }
            heard.came = came;
            if let Some(in_line) = &mut heard.in_line {
                in_line.left = now;
            }
            heard.message = self.message.take();
            heard.waker.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }
}

impl<M: Machine> Drop for Asker<M> {
    fn drop(&mut self) {
        if !self.is_answered {
            self.tell(Came::Nothing, None);
        }
    }
}

/// A slot, with what bounds its caller's wait where that is no timer of tokio's, and a message that has come back.
struct Kept<M: Machine> {
    slot: Arc<Slot<M>>,
    timer: Option<Timer>,
    message: Option<Used<M>>,
}

/// Slots for those who ask actors of one kind.
pub(super) struct Spare<M: Machine>(Slots<Mutex<Vec<Kept<M>>>>);

impl<M: Machine> Default for Spare<M> {
    fn default() -> Self {
        Spare(Slots::default())
    }
}

impl<M: Machine> Spare<M> {
    pub(super) fn lend(&self, timers: Option<&Timers>) -> Lent<'_, M> {
        let spare = lock(self.0.own().any()).pop();
        let new = || Kept { slot: Arc::new(Slot::new()), timer: timers.map(Timers::timer), message: None };
        Lent { spare: self, kept: Some(spare.unwrap_or_else(new)), is_over: true }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.all().map(|spare| lock(spare).len()).sum()
    }
}

/// A slot in the hands of one caller.
pub(super) struct Lent<'a, M: Machine> {
    spare: &'a Spare<M>,
    /// Until it is given back.
    kept: Option<Kept<M>>,
    /// Whether nobody has it to answer there.
    is_over: bool,
}

impl<M: Machine> Lent<'_, M> {
    pub(super) fn timer(&self) -> Option<&Timer> {
        self.kept.as_ref()?.timer.as_ref()
    }

    /// Who is to answer here, and the message that is to be used again, if there is one. Once for each time that it is lent.
    pub(super) fn asker(&mut self, waits_in_line: bool) -> Option<(Asker<M>, Option<Used<M>>)> {
        let kept = self.kept.as_mut()?;
        self.is_over = false;
        let (slot, turn) = (Arc::clone(&kept.slot), kept.slot.turn.load(Ordering::Relaxed));
        let asker = Asker { slot, turn, message: None, waits_in_line, is_answered: false };
        Some((asker, kept.message.take()))
    }

    /// From now on `waker` is woken when something comes.
    pub(super) fn listen(&self, waker: &Waker) {
        if let Some(kept) = &self.kept {
            let mut heard = lock(&kept.slot.heard);
            heard.waker = Some(waker.clone());
            heard.in_line = None;
        }
    }

    /// What came; ready with nothing where nothing will.
    pub(super) fn poll(&mut self, waker: &Waker) -> Poll<Option<Answered<M::Reply>>> {
        let Some(kept) = &mut self.kept else { return Poll::Ready(None) };
        let mut heard = lock(&kept.slot.heard);
        let came = match std::mem::replace(&mut heard.came, Came::NotYet) {
            Came::Answer(answer) => Some(answer),
            Came::Nothing => None,
            Came::NotYet if self.is_over => None,
            Came::NotYet => {
                if !heard.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
                    heard.waker = Some(waker.clone());
                }
                return Poll::Pending;
            }
        };
        self.is_over = true;
        kept.message = heard.message.take();
        Poll::Ready(came)
    }

    /// How its caller stands in line, or stood, as far as it was told.
    pub(super) fn in_line(&self) -> Option<InLine> {
        self.kept.as_ref().and_then(|kept| lock(&kept.slot.heard).in_line)
    }
}

impl<M: Machine> Drop for Lent<'_, M> {
    fn drop(&mut self) {
        let Some(kept) = self.kept.take() else { return };
        if !self.is_over {
            kept.slot.leave();
        }
        if let Some(timer) = &kept.timer {
            timer.disarm();
        }
        let mut spare = lock(self.spare.0.own().any());
        if spare.len() < MOST_SPARE {
            spare.push(kept);
        }
    }
}

#[cfg(test)]
mod tests;
