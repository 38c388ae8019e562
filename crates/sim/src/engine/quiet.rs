use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Tells when everything on the tokio runtime has come to rest.
///
/// tokio calls a hook when it has nothing left to run, before it would jump to its next timer. A task that the hook
/// wakes keeps it from jumping: an exact signal, without polling and without a guessed number of yields.
#[derive(Clone, Debug, Default)]
pub(crate) struct Quiet(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    waiting: Option<Waker>,
    reached: bool,
}

impl Quiet {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the runtime's hook calls.
    pub(crate) fn reached(&self) {
        let waiting = {
            let mut state = self.state();
            let waiting = state.waiting.take();
            state.reached = waiting.is_some();
            waiting
        };
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }

    /// Waits until everything else rests.
    pub(crate) async fn wait(&self) {
        let mut asked = false;
        std::future::poll_fn(|context: &mut Context<'_>| {
            let mut state = self.state();
            if asked && std::mem::take(&mut state.reached) {
                return Poll::Ready(());
            }
            asked = true;
            state.waiting = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}
