//! One call from its first layer to its answer.
//!
//! The order of the functions here is the canonical order: `execute` opens the call, `entered` passes limiters,
//! authentication and validation, `fallen_back` answers what is refused below it, `once` lets one run in for each key,
//! `within_total` bounds all of it, `attempts` repeats, `attempt` begins one, and with a hedge a second one beside it;
//! each passes the gates and runs the handler once.

mod attempt;
#[cfg(test)]
mod cpu_tests;
mod entry;
#[cfg(test)]
mod entry_tests;
mod fallback;
mod finished;
mod handler;
mod hedged;
#[cfg(test)]
mod hedged_tests;
#[cfg(test)]
mod learned_tests;
#[cfg(test)]
mod memory_tests;
mod once;
#[cfg(test)]
mod once_tests;
#[cfg(test)]
mod pool_tests;
#[cfg(test)]
mod preempt_tests;
#[cfg(test)]
mod tests;
mod told;

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use steadfast_actors::event::Happening;
use steadfast_actors::machine::Kind;
use steadfast_actors::outcome::Ending;
use steadfast_actors::rejection::{Rejection, UnavailableReason};

pub use fallback::Failure;
pub(crate) use fallback::no_fallback;
use finished::Finished;
use handler::Handler;
use told::Told;

use super::call::{Call, Opening};
use super::inputs::Inputs;
use super::plan::{Plan, Retry};
use super::site::Site;
use crate::lock::lock;
use crate::outcome::Outcome;
use crate::retry::{Nested, Wait, next_wait};
use crate::runtime::Runtime;

/// Runs one call of `site`: `body` makes a future for each attempt, and none when it can't make another.
///
/// # Errors
/// What the handler returned, or a refusal.
///
/// # Cancel safety
/// Dropped at any point it gives back everything that it was granted.
pub async fn execute<T, E, B, F, G, H>(
    site: &'static Site,
    outcome: Outcome<T, E>,
    inputs: Inputs,
    body: B,
    fallback: Option<G>,
) -> Result<T, E>
where
    E: From<Rejection>,
    B: FnMut() -> Option<F>,
    F: Future<Output = Result<T, E>>,
    G: FnOnce(Arc<Failure<E>>) -> H,
    H: Future<Output = Result<T, E>>,
{
    let runtime = Runtime::current();
    match runtime.plans().of(site, &runtime) {
        Ok(plan) => execute_plan(runtime, plan, outcome, inputs, body, fallback).await,
        Err(rejection) => Err(refuse(Call::current().as_deref(), rejection)),
    }
}

/// The same for a plan that is at hand.
pub(crate) async fn execute_plan<T, E, B, F, G, H>(
    runtime: Runtime,
    plan: Arc<Plan>,
    outcome: Outcome<T, E>,
    inputs: Inputs,
    mut body: B,
    fallback: Option<G>,
) -> Result<T, E>
where
    E: From<Rejection>,
    B: FnMut() -> Option<F>,
    F: Future<Output = Result<T, E>>,
    G: FnOnce(Arc<Failure<E>>) -> H,
    H: Future<Output = Result<T, E>>,
{
    let Some(in_flight) = runtime.begin() else {
        // The site's breaker or pool could not be asked any more; the refusal names the site.
        let reason = UnavailableReason::ShuttingDown;
        let rejection = Rejection::unavailable(Kind::Throttle, plan.site.as_str(), reason, None);
        return Err(refuse(Call::current().as_deref(), rejection));
    };
    // Looked at first: nobody writes to what all calls of the site share.
    if !outcome.says_what_it_is && !plan.errors_are_unknown.load(Ordering::Relaxed) {
        plan.errors_are_unknown.store(true, Ordering::Relaxed);
    }
    let now = runtime.clock().now();
    let (total, total_is_clients) = total(&plan, &runtime);
    let fallback_takes = plan.fallback.as_ref().map_or(Duration::ZERO, |declared| declared.timeout);
    let number = in_flight.number();
    let brownout = plan.brownout.clone();
    let opening =
        Opening { runtime, number, now, total, total_is_clients, fallback: fallback_takes, brownout };
    let call = Call::open(opening);
    let told = match Told::begin(&plan, &call) {
        Ok(told) => told,
        Err(rejection) => return Err(refuse(Some(&call), rejection)),
    };
    let runs = AtomicU32::new(0);
    let running = Running { plan, outcome, inputs, call: Arc::clone(&call), runs };
    let plan = &running.plan;
    call.happened(&plan.site, || Happening::Arrival { call: number });
    let mut place = pin!(None);
    let mut handler = Handler::new(&mut body, place.as_mut());
    // Pinned here, because each function that takes a future by value holds room for it twice.
    let passed = pin!(async {
        match running.entered().await {
            Ok(()) => running.fallen_back(&mut handler, fallback).await,
            Err(rejection) => Finished::Refused(rejection),
        }
    });
    let finished = call.around(passed).await;
    let (ending, degraded) = (finished.ending(), call.is_degraded());
    told.settle(ending, degraded);
    if let (Some(brownout), Ending::Success | Ending::TimedOut) = (&running.plan.brownout, ending) {
        brownout.took(call.runtime.clock().now().since(call.entered));
    }
    call.happened(&plan.site, || Happening::Answer { call: number, ending, degraded });
    if ending != Ending::Success {
        call.note_part_failed();
        if call.take_inner_retries_used() {
            // Whether or not this site repeats anything: one further out must not.
            call.note_retries_used();
        }
    }
    match finished {
        Finished::Answer { mut result, .. } => {
            let reduced = plan.degrades && (!call.degradation().down().is_empty() || call.has_failed_parts());
            if let Ok(value) = &mut result
                && (reduced || degraded)
            {
                call.note_degraded();
                (outcome.degrade)(value);
            }
            result
        }
        Finished::Refused(rejection) => Err(refuse(Some(&call), rejection)),
        Finished::Panicked(panic) => std::panic::resume_unwind(panic),
    }
}

/// Turns a refusal into the handler's error, and remembers it for whoever gets it as text.
fn refuse<E: From<Rejection>>(call: Option<&Call>, rejection: Rejection) -> E {
    if let Some(call) = call {
        call.trail().note_refusal(&rejection);
    }
    E::from(rejection)
}

/// The call's own total, what is declared or its share of its parent's, and whether a client chose it.
fn total(plan: &Plan, runtime: &Runtime) -> (Option<Duration>, bool) {
    let declared = plan.timeout.and_then(|timeout| timeout.total);
    let Some(cascade) = plan.cascade else { return (declared, false) };
    let parent = Call::current();
    let parents = parent.as_ref().and_then(|parent| parent.total.map(|total| (total, parent)));
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
struct Running<T, E> {
    plan: Arc<Plan>,
    outcome: Outcome<T, E>,
    inputs: Inputs,
    call: Arc<Call>,
    /// Attempts begun so far.
    runs: AtomicU32,
}

impl<T, E: From<Rejection>> Running<T, E> {
    /// What an actor, or whoever else is asked before the first attempt, answers within the call's deadline.
    async fn in_time<O>(&self, answer: impl Future<Output = Result<O, Rejection>>) -> Result<O, Rejection> {
        if self.call.deadline == crate::deadline::Deadline::NEVER {
            return answer.await;
        }
        let until = self.call.runtime.clock().instant(self.call.deadline.time());
        tokio::time::timeout_at(until, answer).await.unwrap_or_else(|_| Err(self.out_of_time()))
    }

    fn out_of_time(&self) -> Rejection {
        let had = self.call.deadline.time().since(self.call.entered);
        Rejection::timed_out(self.plan.site.as_str(), had)
    }

    /// All attempts, within the call's deadline.
    async fn within_total<B, F>(&self, handler: &mut Handler<'_, B, F>) -> Finished<T, E>
    where
        B: FnMut() -> Option<F>,
        F: Future<Output = Result<T, E>>,
    {
        let clock = self.call.runtime.clock();
        if self.call.deadline == crate::deadline::Deadline::NEVER {
            return self.passing(handler).await;
        }
        if self.call.deadline.is_over(clock.now()) {
            return Finished::Refused(self.out_of_time());
        }
        let attempts = pin!(self.passing(handler));
        let over = tokio::time::sleep_until(clock.instant(self.call.deadline.time()));
        tokio::select! {
            biased;
            finished = attempts => finished,
            () = over => Finished::Refused(self.out_of_time()),
        }
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
        let mut passes =
            match self.admitted(&self.plan.call_gates, self.call.left(), self.plan.degrades).await {
                Ok(passes) => passes,
                Err(rejection) => return Finished::Refused(rejection),
            };
        self.call.keep_throughout();
        let clock = self.call.runtime.clock();
        let started = clock.now();
        passes.started = Some(started);
        let finished = passes.unless_preempted(self.attempts(handler)).await;
        passes.settle(finished.ending(), clock.now().since(started)).await;
        finished
    }

    async fn attempts<B, F>(&self, handler: &mut Handler<'_, B, F>) -> Finished<T, E>
    where
        B: FnMut() -> Option<F>,
        F: Future<Output = Result<T, E>>,
    {
        let clock = self.call.runtime.clock();
        if let Some(budget) = self.plan.budget() {
            lock(budget).first_attempt(clock.now());
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
            match self.inputs.backoff {
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
