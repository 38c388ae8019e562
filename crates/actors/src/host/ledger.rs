//! What callers wrote down without waiting for an answer, and what they counted in the gate.

use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use kameo::actor::ActorRef;

use super::actor::{Envelope, Host, Poke};
use super::hosted::{Hosted, lock};
use super::question::{Asking, send};
use crate::gate::{Gate, Noted};
use crate::machine::Machine;

/// An actor that is left alone reads nothing for a minute: what it may learn from must not grow without bound.
const MOST_LEARNED: usize = 100_000;

/// So much may be left for the actor to find: more would hold up whoever asks it next.
const MOST_LEFT: usize = 64;

impl<M: Machine> Hosted<M> {
    /// What was noted and not yet taken by the actor.
    #[must_use]
    pub fn noted(&self) -> usize {
        lock(&self.ledger).len()
    }

    /// Writes down what must not be lost, then pokes the actor. Never waits and never fails.
    pub fn note(self: &Arc<Self>, input: M::Input) {
        self.write(Noted::now(input));
        self.poke();
    }

    /// Writes down what must not be lost and nobody needs at once. Its actor finds it before it decides about anything
    /// else, as of when it happened; it is poked only where somebody waits for such things, or where so many stand there.
    /// Never waits and never fails.
    pub(crate) fn leave(self: &Arc<Self>, noted: Noted<M::Input>) {
        if self.write(noted) >= MOST_LEFT || self.gate.is_awaited() {
            self.poke();
        }
    }

    /// Writes down what the actor may learn from; what comes while so many of them wait to be read is not kept.
    pub fn learn(self: &Arc<Self>, input: M::Input) {
        if self.noted() < MOST_LEARNED {
            self.note(input);
        }
    }

    /// Writes into the ledger, behind what was counted before it; says how much stands there.
    fn write(&self, noted: Noted<M::Input>) -> usize {
        let mut ledger = lock(&self.ledger);
        self.gate.take(&mut ledger);
        ledger.push(noted);
        self.gate.unsettle();
        ledger.len()
    }

    /// Lets an actor that was started look again at what was noted.
    pub(super) fn look_soon(&self) {
        if let Some(actor) = self.actor.get()
            && !self.poked.swap(true, Ordering::AcqRel)
        {
            let _ = send(actor, Box::new(Poke));
        }
    }

    /// Makes the actor look at what was noted and counted. Never waits and never fails.
    pub(crate) fn poke(self: &Arc<Self>) {
        if self.poked.swap(true, Ordering::AcqRel) {
            return;
        }
        if let Some(actor) = self.actor.get() {
            // A full mailbox needs no poke: each message in it drains the ledger first.
            let _ = send(actor, Box::new(Poke));
            return;
        }
        // Nobody has asked it so far: what its callers did was granted in advance.
        let hosted = Arc::clone(self);
        self.ground.tokio.spawn(async move {
            if let Some(actor) = hosted.actor().await {
                let _ = send(actor, Box::new(Poke));
            }
        });
    }

    /// Writes down what must not be lost and waits, a millisecond or two at most, until the actor has published its effect.
    ///
    /// # Cancel safety
    /// What was noted stays noted.
    pub async fn report(self: &Arc<Self>, input: M::Input) {
        self.write(Noted::now(input));
        // Left alone it publishes nothing, and its callers have no reason to wait.
        if self.failed_for().is_some() {
            return;
        }
        let Some(actor) = self.started().await else { return };
        let mut asking = Asking::new(self, actor, false, Envelope::Publish);
        let _ = self.ground.within(Duration::from_millis(1), &mut asking).await;
    }

    /// The actor. Where its start is not waited for after all, it starts all the same and reads what was noted.
    async fn started(self: &Arc<Self>) -> Option<&ActorRef<Host<M>>> {
        struct Left<'a, M: Machine>(Option<&'a Arc<Hosted<M>>>);
        impl<M: Machine> Drop for Left<'_, M> {
            fn drop(&mut self) {
                if let Some(hosted) = self.0 {
                    hosted.poke();
                }
            }
        }
        let mut left = Left(Some(self));
        let actor = self.actor().await;
        left.0 = None;
        actor
    }

    /// Takes all that was noted, in the order in which it was noted. An input that panics is lost; those behind it,
    /// and the message in hand, are not.
    ///
    /// # Errors
    /// The first panic, for the caller to go on with once the message in hand is done.
    pub(super) fn drain(&self) -> std::thread::Result<()> {
        self.poked.store(false, Ordering::Release);
        let Some(mut draining) = self.taken() else { return Ok(()) };
        let mut drained = Ok(());
        for noted in draining.iter() {
            drained = drained.and(self.step(None, &noted.input, noted.until));
        }
        // The two take turns, so that what an actor usually finds costs no allocation; a crowd's room is given back.
        draining.clear();
        draining.shrink_to(MOST_LEFT);
        drained
    }

    /// What stands in the ledger, for who holds this to carry out; `None` where nothing does, nor is anything of it still to
    /// be carried out by others.
    fn taken(&self) -> Option<MutexGuard<'_, Vec<Noted<M::Input>>>> {
        let mut ledger = lock(&self.ledger);
        self.gate.take(&mut ledger);
        if ledger.is_empty() && self.behind.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut draining = match self.draining.try_lock() {
            Ok(draining) => draining,
            // Never waited for with the ledger in hand: who carries out comes back to that.
            Err(_) => {
                drop(ledger);
                let draining = lock(&self.draining);
                ledger = lock(&self.ledger);
                self.gate.take(&mut ledger);
                draining
            }
        };
        // No memory holds more of them.
        self.behind.store(u32::try_from(ledger.len()).unwrap_or(u32::MAX), Ordering::Relaxed);
        std::mem::swap(&mut *ledger, &mut *draining);
        Some(draining)
    }

    /// What it has published last, with what callers did through its gate since, for people and pages: a machine hears of
    /// that with its next message, which may be long in coming.
    #[must_use]
    pub fn fresh_status(&self) -> M::Status {
        // An actor that crashed takes it up when it goes on, and not behind its back.
        if self.resume_at().is_none() {
            if self.collect() {
                self.settle();
            }
            self.look_again();
        }
        self.status()
    }

    /// Writes what was counted in the gate into the ledger; whether anything stands there.
    pub(super) fn collect(&self) -> bool {
        let mut ledger = lock(&self.ledger);
        self.gate.take(&mut ledger);
        !ledger.is_empty()
    }

    /// Takes what was noted outside the actor.
    pub(super) fn settle(&self) {
        if self.drain().is_err() {
            self.crashed("it panicked on what was noted".to_owned());
        }
    }
}
