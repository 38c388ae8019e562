use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::{IdempotencyHandle, IdempotencyInput};
use crate::clock::WallTime;
use crate::gate::Noted;
use crate::machine::Ticket;
use crate::settings::Grants;

/// How many times a lease is renewed within its length: two renewals may be late before it is lost.
const RENEWALS_PER_LEASE: u32 = 3;

/// The right to run for one key. Say how the run ended; dropped without a word, the key is free if the handler was
/// never polled, else its outcome is unknown. No path of it needs room in the actor's mailbox.
#[derive(Debug)]
#[must_use = "a run that is dropped at once gives its key free"]
pub struct Run {
    /// `None` where no store keeps it.
    pub(super) handle: Option<IdempotencyHandle>,
    pub(super) ticket: Ticket,
    pub(super) began: AtomicBool,
    /// No attempt runs: all that ran have returned.
    pub(super) between: AtomicBool,
    /// What cut the first attempt that was cut.
    pub(super) cut: OnceLock<&'static str>,
}

impl Run {
    pub(super) fn new(handle: Option<IdempotencyHandle>, ticket: Ticket) -> Self {
        Run {
            handle,
            ticket,
            began: AtomicBool::new(false),
            between: AtomicBool::new(false),
            cut: OnceLock::new(),
        }
    }

    /// Whether a store keeps it; not so in the modes `off` and `observe`, or while the store is down and its site
    /// allows calls then.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.handle.is_some()
    }

    /// The handler, or its next attempt, is about to be polled: from here on something may have happened.
    pub fn started(&self) {
        self.between.store(false, Ordering::Release);
        self.began.store(true, Ordering::Release);
    }

    /// An attempt has returned an error: dropped before the next one starts, the key is free as by
    /// [`release`](Run::release).
    pub fn attempt_returned(&self) {
        self.between.store(true, Ordering::Release);
    }

    /// An attempt was cut, so something may have happened that no later attempt knows of: unless one succeeds, the
    /// outcome is unknown, whatever the last one says. `why` is for operators, as in "its timeout cut it".
    pub fn attempt_cut(&self, why: &'static str) {
        let _ = self.cut.set(why);
    }

    /// The run still lives: its lease begins anew.
    pub fn renew(&self) {
        if let Some(handle) = &self.handle {
            handle.hosted().note(IdempotencyInput::Renew(self.ticket));
        }
    }

    /// How often it is to be renewed while it lives: a third of its lease.
    #[must_use]
    pub fn renew_every(&self) -> Duration {
        self.handle.as_ref().map_or(Duration::MAX, |handle| handle.config().lease() / RENEWALS_PER_LEASE)
    }

    /// Runs `future` and renews the lease until it has ended.
    ///
    /// # Cancel safety
    /// As `future`'s own: nothing else is lost.
    pub async fn renewed<F: Future>(&self, future: F) -> F::Output {
        if !self.is_kept() {
            return future.await;
        }
        let mut future = pin!(future);
        loop {
            match tokio::time::timeout(self.renew_every(), future.as_mut()).await {
                Ok(output) => return output,
                Err(_) => self.renew(),
            }
        }
    }

    /// It is done. A repeat gets `result`; without one, or where it is larger than the site keeps, a repeat is told
    /// that the call is done, and does not run either.
    ///
    /// # Cancel safety
    /// What was reported stays reported.
    pub async fn complete(self, result: Option<Arc<[u8]>>) {
        let ticket = self.ticket;
        self.end(|at| IdempotencyInput::Complete { ticket, result, at }).await;
    }

    /// The handler decided that nothing happened: every attempt returned an error. The key is free again, unless one
    /// of them was [cut](Run::attempt_cut).
    ///
    /// # Cancel safety
    /// What was reported stays reported.
    pub async fn release(self) {
        let ticket = self.ticket;
        match self.cut.get().copied() {
            Some(why) => self.unknown(why).await,
            None => self.end(|_| IdempotencyInput::Release(ticket)).await,
        }
    }

    /// An attempt was cut and none succeeded: nobody knows whether it took effect. `why` is for operators, as in "its
    /// timeout cut it". The same as a drop where the handler was never polled.
    ///
    /// # Cancel safety
    /// What was reported stays reported.
    pub async fn unknown(mut self, why: &'static str) {
        let ticket = self.ticket;
        if self.began.load(Ordering::Acquire)
            && let Some(handle) = self.handle.take()
        {
            handle.hosted().report(IdempotencyInput::Cut { ticket, why, at: None }).await;
        }
    }

    /// How it ended. Whoever asks for its key next is answered after this was read, so nobody waits for that, unless every
    /// outcome is to be a message. Its record's life begins now all the same.
    async fn end(mut self, input: impl FnOnce(Option<WallTime>) -> IdempotencyInput) {
        let Some(handle) = self.handle.take() else { return };
        let hosted = handle.hosted();
        if handle.grants() == Grants::Off {
            return hosted.report(input(None)).await;
        }
        let (until, wall) = hosted.clock().both();
        hosted.leave(Noted { until, input: input(Some(wall)) });
    }
}

/// Why an outcome is unknown whose run was dropped.
const DROPPED: &str = "its run was dropped before it ended";

impl Drop for Run {
    fn drop(&mut self) {
        let Some(handle) = self.handle.take() else { return };
        let ticket = self.ticket;
        let began = self.began.load(Ordering::Acquire);
        let decided = self.between.load(Ordering::Acquire) && self.cut.get().is_none();
        handle.hosted().note(match (began, decided) {
            (_, true) => IdempotencyInput::Release(ticket),
            (true, false) => {
                let at = Some(handle.hosted().wall());
                IdempotencyInput::Cut { ticket, why: DROPPED, at }
            }
            (false, false) => IdempotencyInput::GiveBack(ticket),
        });
    }
}
