use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::actor::{Envelope, Poke};
use super::hosted::Hosted;
use super::question::send;
use super::reply::AskError;
use crate::clock::Time;
use crate::machine::Machine;

/// What an actor is made to suffer, for drills and for the simulator: a key whose messages make its machine panic, and
/// a time until which it does nothing.
#[derive(Debug, Default)]
pub(super) struct Drill {
    on: AtomicBool,
    key: Mutex<Option<String>>,
    hung_until: AtomicU64,
}

impl<M: Machine> Hosted<M> {
    /// Lets every message with `key` make the actor panic, until `None` ends it.
    pub fn poison(&self, key: Option<&str>) {
        self.drill.get_or_init(Box::default).set(key);
    }

    /// Lets the actor panic, as a poisoned message would.
    ///
    /// # Errors
    /// Where its mailbox has no room for the order.
    pub async fn crash(self: &Arc<Self>) -> Result<(), AskError> {
        let actor = self.actor().await.ok_or(AskError::Gone)?;
        send(actor, Box::new(Envelope::Crash))
    }

    /// Lets the actor do nothing until then. With `full`, its mailbox takes nothing meanwhile.
    ///
    /// # Errors
    /// Where its tokio runtime is gone.
    pub async fn hang(self: &Arc<Self>, until: Time, full: bool) -> Result<(), AskError> {
        self.drill.get_or_init(Box::default).hung_until.store(until.as_nanos(), Ordering::Release);
        let actor = self.actor().await.ok_or(AskError::Gone)?;
        // One message more than fit: the actor takes the first out before it hangs.
        for _ in 0..if full { self.options().mailbox + 1 } else { 0 } {
            let _ = send(actor, Box::new(Poke));
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Waits while the actor is made to hang.
    pub(super) async fn until_awake(&self) {
        while let Some(until) = self.hung_until() {
            tokio::time::sleep_until(self.instant(until)).await;
        }
    }

    /// Until when the actor is made to hang, where it is.
    #[inline]
    pub(super) fn hung_until(&self) -> Option<Time> {
        let until = Time::from_nanos(self.drill.get()?.hung_until.load(Ordering::Acquire));
        // No clock is read where nobody was ever made to hang.
        Some(until).filter(|until| *until > Time::ZERO && *until > self.now())
    }
}

impl Drill {
    pub(super) fn set(&self, key: Option<&str>) {
        *self.key.lock().unwrap_or_else(PoisonError::into_inner) = key.map(str::to_owned);
        self.on.store(key.is_some(), Ordering::Release);
    }

    /// Panics where `key` is the one of the drill.
    #[expect(clippy::panic, reason = "a crash on purpose is what was asked for")]
    pub(super) fn strike<'k>(&self, key: impl FnOnce() -> Option<Cow<'k, str>>) {
        if !self.on.load(Ordering::Acquire) {
            return;
        }
        let poisoned = {
            let drilled = self.key.lock().unwrap_or_else(PoisonError::into_inner);
            key().is_some_and(|key| drilled.as_deref() == Some(&*key))
        };
        if poisoned {
            panic!("crashed on purpose");
        }
    }
}
