//! One call from its first layer to its answer.
//!
//! `first` does what can be done at once, and `waiting` waits with it; what is left is interpreted, where `let_in` does the
//! same for what had to ask first.
//!
//! The order of the functions is the canonical order: `execute` opens the call, `entered` passes limiters,
//! authentication and validation, `fallen_back` answers what is refused below it, `once` lets one run in for each key,
//! `within_total` bounds all of it, `attempts` repeats, `attempt` begins one, and with a hedge a second one beside it;
//! each passes the gates and runs the handler once.

mod ahead;
#[cfg(test)]
mod ahead_tests;
mod attempt;
#[cfg(test)]
mod cpu_tests;
mod ends;
mod entry;
#[cfg(test)]
mod entry_tests;
mod execute;
mod fallback;
mod finished;
mod first;
mod handler;
mod hedged;
#[cfg(test)]
mod hedged_tests;
#[cfg(test)]
mod learned_tests;
mod let_in;
mod limited;
#[cfg(test)]
mod memory_tests;
mod once;
#[cfg(test)]
mod once_tests;
mod polled;
#[cfg(test)]
mod pool_tests;
#[cfg(test)]
mod preempt_tests;
#[cfg(test)]
mod tests;
mod told;
mod waiting;

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use steadfast_actors::outcome::Ending;
use steadfast_actors::rejection::Rejection;

use tokio::time::Instant;

use attempt::unless_preempted;
pub(crate) use execute::{Callee, execute, execute_or};
pub use fallback::Failure;
use finished::Finished;
use handler::Handler;

use super::call::Call;
use super::gate::Patience;
use super::inputs::Inputs;
use super::plan::{Plan, Retry};
use super::until::until;
use crate::lock::lock;
use crate::outcome::Outcome;
use crate::retry::{Nested, Wait, next_wait};
use crate::runtime::Runtime;

/// Turns a refusal into the handler's error, and remembers it for whoever gets it as text.
fn refuse<E: From<Rejection>>(call: Option<&Call>, rejection: Rejection) -> E {
    if let Some(call) = call {
        call.trail().note_refusal(&rejection);
    }
    E::from(rejection)
}

/// The call's own total, what is declared or its share of its parent's, and whether a client chose it.
fn total(plan: &Plan, parent: Option<&Call>, runtime: &Runtime) -> (Option<Duration>, bool) {
    let declared = plan.own_total();
    let Some(cascade) = plan.cascade else { return (declared, false) };
    let parents = parent.and_then(|parent| parent.total.map(|total| (total, parent)));
    let (share, is_clients) = match parents {
        Some((total, parent)) => {
            (cascade.share(total, parent.left().unwrap_or(Duration::MAX)), parent.total_is_clients())
        }
        None => {
            if !plan.assumed_a_parent.swap(true, Ordering::Relaxed) {
                tracing::info!(
                    site = plan.site,
                    assumed = ?cascade.default,
                    runtime = runtime.name(),
                    "no parent's timeout: its share is taken of the assumed one"
                );
            }
            (cascade.share(cascade.default, Duration::MAX), false)
        }
    };
    match declared {
        Some(declared) if declared <= share => (Some(declared), false),
        _ => (Some(share), is_clients),
    }
}

/// One call with all that its layers look at.
pub(crate) struct Running<'c, T, E> {
    plan: &'c Plan,
    outcome: Outcome<T, E>,
    inputs: Inputs,
    call: &'c Arc<Call>,
    /// Attempts begun so far.
    runs: AtomicU32,
}

impl<T, E: From<Rejection>> Running<'_, T, E> {
    /// What an actor, or whoever else is asked before the first attempt, answers within the call's deadline.
    async fn in_time<O>(&self, answer: impl Future<Output = Result<O, Rejection>>) -> Result<O, Rejection> {
        if !self.call.has_deadline() {
            return answer.await;
        }
        let answer = pin!(answer);
        until(|| self.ends_at(), answer).await.unwrap_or_else(|| Err(self.out_of_time()))
    }

    /// When its deadline is, for a timer.
    fn ends_at(&self) -> Instant {
        self.call.runtime.clock().instant(self.call.deadline().time())
    }

    fn out_of_time(&self) -> Rejection {
        let had = self.call.deadline().time().since(self.call.entered());
        Rejection::timed_out(self.plan.site.as_str(), had)
    }

    /// All attempts, within the call's deadline.
    async fn within_total<B, F>(&self, handler: &mut Handler<'_, B, F>) -> Finished<T, E>
    where
        B: FnMut() -> Option<F>,
        F: Future<Output = Result<T, E>>,
    {
        // Who was polled already was so in time.
        if !handler.was_polled() && self.call.is_over() {
            return Finished::refused(self.out_of_time());
        }
        match self.first_attempt(handler).await {
            Some(finished) => finished,
            // Boxed, so that a call that is over by then holds no room for what it does not need.
            None => Box::pin(self.layered(handler)).await,
        }
    }

    /// All attempts, each layer with a future of its own.
    async fn layered<B, F>(&self, handler: &mut Handler<'_, B, F>) -> Finished<T, E>
    where
        B: FnMut() -> Option<F>,
        F: Future<Output = Result<T, E>>,
    {
        if !self.call.has_deadline() {
            return self.passing(handler).await;
        }
        let attempts = pin!(self.passing(handler));
        let finished = until(|| self.ends_at(), attempts).await;
        finished.unwrap_or_else(|| Finished::refused(self.out_of_time()))
    }

    /// All attempts, behind the gates of the whole call.
    async fn passing<B, F>(&self, handler: &mut Handler<'_, B, F>) -> Finished<T, E>
    where
        B: FnMut() -> Option<F>,
        F: Future<Output = Result<T, E>>,
    {
        if self.plan.call_gates.is_empty() {
            return self.attempts(handler).await;
        }
        let mut passes = self.passes(std::mem::take(&mut handler.ahead.whole), handler.ahead.began);
        let gates = &self.plan.call_gates;
        if passes.held.len() < gates.len() && !handler.was_polled() {
            let patience = Patience { per_attempt: None, call: self.call };
            if let Err(rejection) = self.admitted(gates, patience, self.plan.degrades, &mut passes).await {
                return Finished::refused(rejection);
            }
            self.call.keep_throughout();
        }
        // A whole call goes through attempts and waits: whoever judges how long it took is told from here on.
        passes.began.at(self.call.runtime.clock());
        let finished = unless_preempted(&mut passes.held, self.attempts(handler)).await;
        let latency = passes.latency();
        passes.settle(finished.ending(), latency).await;
        finished
    }

    async fn attempts<B, F>(&self, handler: &mut Handler<'_, B, F>) -> Finished<T, E>
    where
        B: FnMut() -> Option<F>,
        F: Future<Output = Result<T, E>>,
    {
        let clock = self.call.runtime.clock();
        if !handler.was_polled() {
            self.plan.count_first_attempt();
        }
        let Some(retry) = &self.plan.retry else { return self.attempt(handler).await };
        let mut previous = Duration::ZERO;
        for number in 1.. {
            let finished = self.attempt(handler).await;
            let ending = finished.ending();
            let inner_used = self.call.take_inner_retries_used();
            if ending == Ending::Success {
                return finished;
            }
            let multiplies = inner_used && retry.config.nested() == Nested::Once;
            if multiplies || !retry.config.repeats(number, ending) {
                let used_up = inner_used || (number > 1 && number >= retry.config.attempts());
                if used_up {
                    self.call.note_retries_used();
                }
                return finished;
            }
            let Some(wait) = self.next_wait(retry, number, previous, finished.retry_after()) else {
                return finished;
            };
            if !retry.may_spend(clock.now()) {
                // Nor does a layer above repeat what the budget here has refused: that would be the same retry.
                self.call.note_retries_used();
                return finished;
            }
            previous = wait;
            tokio::time::sleep(wait).await;
        }
        unreachable!("the loop ends with the last attempt")
    }

    /// The wait before the next run; `None` where there must be none.
    fn next_wait(
        &self,
        retry: &Retry,
        number: u32,
        previous: Duration,
        asked: Option<Duration>,
    ) -> Option<Duration> {
        let config = retry.config.backoff();
        let own = {
            let mut entropy = lock(&retry.entropy);
            match self.inputs.own_backoff() {
                Some(function) => crate::retry::Backoff::custom(function)
                    .with_max_delay(config.max_delay())
                    .delay(number, previous, &mut entropy),
                None => config.delay(number, previous, &mut entropy),
            }
        };
        match next_wait(own, asked, config.max_delay(), self.call.left()) {
            Wait::For(wait) => Some(wait),
            _ => None,
        }
    }
}
