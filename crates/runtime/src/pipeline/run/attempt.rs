use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use steadfast_actors::bulkhead::Metered;
use steadfast_actors::clock::{Time, saturating_nanos};
use steadfast_actors::event::Happening;
use steadfast_actors::outcome::{Ending, Outcome};
use steadfast_actors::rejection::{Rejection, RejectionKind};

use super::finished::Cause;
use super::handler::{Attempt, Handler};
use super::{Finished, Running};
use crate::degradation::runs_in_spite_of;
use crate::outcome::Judged;
use crate::pipeline::began::Began;
use crate::pipeline::call::Call;
use crate::pipeline::gate::{Gate, Pass, Patience};
use crate::pipeline::plan::Plan;
use crate::pipeline::until::until;

impl<T, E: From<Rejection>> Running<'_, T, E> {
    /// One attempt, with those that a hedge begins beside it.
    pub(super) async fn attempt<B, F>(&self, handler: &mut Handler<'_, B, F>) -> Finished<T, E>
    where
        B: FnMut() -> Option<F>,
        F: Future<Output = Result<T, E>>,
    {
        if self.plan.degrades {
            self.call.forget_down();
        }
        let mut passes = self.passes(std::mem::take(&mut handler.ahead.attempt), handler.ahead.began.take());
        if passes.held.len() < self.plan.gates.len()
            && !handler.was_polled()
            && let Err(rejection) = self.admitted_attempt(self.plan.degrades, &mut passes).await
        {
            return Finished::refused(rejection);
        }
        match &self.plan.hedge {
            // Boxed, so that calls without a hedge hold no room for one.
            Some(hedge) => Box::pin(self.hedged(hedge, handler, passes)).await,
            None => self.run_admitted(&mut passes, self.next_run(), handler.attempt()).await,
        }
    }

    /// The number of one more run of the handler, from 1.
    pub(super) fn next_run(&self) -> u32 {
        self.runs.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }

    /// Passes the gates of an attempt; with `degrades`, in spite of what such a call may run in spite of.
    pub(super) async fn admitted_attempt(
        &self,
        degrades: bool,
        passes: &mut Passes<'_>,
    ) -> Result<(), Rejection> {
        let patience = Patience { per_attempt: self.plan.per_attempt(), call: self.call };
        self.admitted(&self.plan.gates, patience, degrades, passes).await
    }

    /// Runs the handler once, behind the gates.
    pub(super) async fn run_admitted<F>(
        &self,
        passes: &mut Passes<'_>,
        number: u32,
        attempt: Option<Attempt<'_, F>>,
    ) -> Finished<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        if self.plan.sheds() {
            self.call.note_begun();
        }
        let clock = self.call.runtime.clock();
        if self.plan.judges_time || self.call.is_recorded() {
            passes.began.at(clock);
        }
        let Some(attempt) = attempt else {
            // Only a handler that cannot run twice has no further future, and it has no retry either.
            passes.settle(Ending::Cancelled, Duration::ZERO).await;
            let problem = "its handler cannot be run a second time";
            return Finished::refused(Rejection::misconfigured(self.plan.site.as_str(), problem));
        };
        // Where the call ends first, that cut is judged by what is fair: a short deadline fails no probe.
        let lease = passes.lease().filter(|lease| self.call.left().is_none_or(|left| *lease < left));
        let mut attempt = Metered::new(attempt, passes.held.iter().filter_map(Pass::shared));
        let Passes { held, began, .. } = &mut *passes;
        let finished = unless_preempted(held, self.within_attempt(&mut attempt, lease, began)).await;
        // Our own pool never makes a dependency look slow.
        let latency = passes.latency().saturating_sub(attempt.put_off());
        drop(attempt);
        let ending = match finished.ending() {
            Ending::Rejected(RejectionKind::Timeout) => passes.cut_further_in(clock.now(), latency),
            ending => ending,
        };
        passes.told(number, ending, latency);
        if passes.hold_something() {
            passes.settle(ending, latency).await;
        }
        finished
    }

    /// The passes of one that has passed nothing yet.
    pub(super) fn no_passes(&self) -> Passes<'_> {
        self.passes(Vec::new(), None)
    }

    /// The passes of one that has passed these, and then began.
    pub(super) fn passes(&self, held: Vec<Pass>, began: Option<Time>) -> Passes<'_> {
        let held = if held.capacity() == 0 { self.call.room() } else { held };
        Passes::of(self.plan, self.call, held, began)
    }

    /// Passes those of `gates` that are not passed yet, outermost first; what was granted before a refusal is given back.
    pub(super) async fn admitted(
        &self,
        gates: &[Gate],
        patience: Patience<'_>,
        degrades: bool,
        passes: &mut Passes<'_>,
    ) -> Result<(), Rejection> {
        for gate in gates.iter().skip(passes.held.len()) {
            // Turned away before it waited, it does not wait after all.
            if degrades
                && matches!(gate, Gate::Pool(..))
                && let Some(shed) = self.call.shed_in_spite()
                && !gate.has_place(self.call, &self.inputs, &passes.held)
            {
                match gate.admit_reduced(self.call, &self.inputs).await {
                    Ok(reduced) => passes.held.extend(reduced),
                    Err(_) => {
                        passes.settle(Ending::Rejected(shed.kind()), Duration::ZERO).await;
                        return Err(shed);
                    }
                }
                continue;
            }
            let answer = gate.admit(self.call, &self.inputs, patience, &passes.held).await;
            let (kind, name) = gate.actor();
            self.call.decided(kind, name, answer.as_ref(), Pass::describe);
            match answer {
                Ok(pass) => passes.held.push(pass),
                Err(rejection) => {
                    let goes_on = degrades && runs_in_spite_of(rejection.kind());
                    // Where the lane for reduced calls is full too, the first refusal says why.
                    let reduced =
                        if goes_on { gate.admit_reduced(self.call, &self.inputs).await.ok() } else { None };
                    let Some(reduced) = reduced else {
                        passes.settle(Ending::Rejected(rejection.kind()), Duration::ZERO).await;
                        return Err(rejection);
                    };
                    passes.held.extend(reduced);
                    self.call.note_down(rejection);
                }
            }
        }
        Ok(())
    }

    async fn within_attempt<F>(
        &self,
        attempt: &mut Metered<Attempt<'_, F>>,
        lease: Option<Duration>,
        began: &Began,
    ) -> Finished<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let clock = self.call.runtime.clock();
        let running = pin!(poll_fn(|context| {
            let polled = attempt.poll_within(&self.plan.site, context);
            if polled.is_pending() {
                // From here on time passes.
                began.at(clock);
            }
            polled
        }));
        let ended = match shorter(self.plan.fixed_per_attempt(), lease) {
            None => Ok(running.await),
            Some(limit) => {
                let ended = until(|| clock.instant(began.at(clock).after(limit)), running).await;
                ended.ok_or(limit)
            }
        };
        match ended {
            Ok(Ok(result)) => self.judged(result),
            Ok(Err(panic)) => Finished::Panicked(panic),
            Err(limit) => Finished::refused(Rejection::timed_out(self.plan.site.as_str(), limit)),
        }
    }

    pub(super) fn judged(&self, result: Result<T, E>) -> Finished<T, E> {
        if result.is_ok() {
            let ending = self.outcome.ending(&result, None);
            return Finished::Answer { result, ending, cause: None };
        }
        let mut judged = result.as_ref().err().map(self.outcome.judge);
        if let Some(judged) = &mut judged
            && judged.rejection.is_none()
            && let Some(text) = &judged.text
            && let Some(rejection) = self.call.trail().refusal_that_reads(text)
        {
            judged.retry_after = rejection.retry_after();
            judged.rejection = Some(rejection);
        }
        let ending = self.outcome.ending(&result, judged.as_ref());
        let cause =
            |judged: Judged| Box::new(Cause { retry_after: judged.retry_after, rejection: judged.rejection });
        Finished::Answer { result, ending, cause: judged.map(cause) }
    }
}

pub(super) fn shorter(a: Option<Duration>, b: Option<Duration>) -> Option<Duration> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// What one attempt was let through by. Dropped with something still held, the attempt was cut: the gates then hear why.
pub(super) struct Passes<'c> {
    pub(super) held: Vec<Pass>,
    /// When the handler began; nothing can be said of anyone before.
    pub(super) began: Began,
    /// Its number, where it runs beside another one: the one that loses is cut, and that is on record.
    race: Option<u32>,
    plan: &'c Plan,
    call: &'c Arc<Call>,
}

/// Runs what was let through, until a caller of a higher class wants one of its permits. What was cut is gone by
/// then, and the permit is not: it is given back by whoever settles, and handed on only then.
pub(super) async fn unless_preempted<T, E>(
    held: &mut [Pass],
    running: impl Future<Output = Finished<T, E>>,
) -> Finished<T, E> {
    let mut running = pin!(running);
    poll_fn(|context| {
        if let Poll::Ready(finished) = running.as_mut().poll(context) {
            return Poll::Ready(finished);
        }
        let mut preempted = held.iter_mut().map(|pass| pass.poll_preempted(context));
        preempted.find(Poll::is_ready).unwrap_or(Poll::Pending).map(Finished::refused)
    })
    .await
}

impl<'c> Passes<'c> {
    /// What a call of `plan` has passed before it, or one of its attempts, began.
    pub(super) fn of(plan: &'c Plan, call: &'c Arc<Call>, held: Vec<Pass>, began: Option<Time>) -> Self {
        Passes { held, began: Began::of(began), race: None, plan, call }
    }

    pub(super) fn race(&mut self, number: u32) {
        self.race = Some(number);
    }

    /// Adds the end of the attempt to the event stream.
    fn told(&mut self, number: u32, ending: Ending, latency: Duration) {
        self.race = None;
        self.call.happened(&self.plan.site, || Happening::Attempt {
            call: self.call.number,
            number,
            ending,
            latency_ns: saturating_nanos(latency),
        });
    }

    /// The shortest of what probes among them may take.
    fn lease(&self) -> Option<Duration> {
        self.held.iter().filter_map(Pass::lease).min()
    }

    pub(super) fn hold_something(&self) -> bool {
        !self.held.is_empty()
    }

    /// How long the handler ran; nothing where it was ready at once and nobody judges that.
    pub(super) fn latency(&self) -> Duration {
        let began = self.began.known();
        began.map_or(Duration::ZERO, |began| self.call.runtime.clock().now().since(began))
    }

    pub(super) async fn settle(&mut self, ending: Ending, latency: Duration) {
        while let Some(pass) = self.held.pop() {
            pass.settle(Outcome { ending, latency }).await;
        }
    }

    /// How an attempt ended that was dropped from outside after `latency`.
    fn dropped(&self, now: Time, latency: Duration) -> Ending {
        if std::thread::panicking() {
            return Ending::Panicked;
        }
        if self.is_over(now) && latency >= self.fair_time() || latency >= self.plan.slow_after {
            return Ending::TimedOut;
        }
        Ending::Cancelled
    }

    /// How an attempt ended that returned a callee's timeout. Where that was the callee's own, whatever it waits for
    /// is too slow; where a deadline around both is over, the callee only noticed first.
    fn cut_further_in(&self, now: Time, latency: Duration) -> Ending {
        if self.is_over(now) { self.dropped(now, latency) } else { Ending::TimedOut }
    }

    /// Whether the call's deadline is over, or that of a call around it.
    fn is_over(&self, now: Time) -> bool {
        std::iter::successors(Some(self.call), |call| call.parent()).any(|call| call.deadline().is_over(now))
    }

    /// How long an attempt must have run to be blamed for a deadline: one of 1 ms, that a client chose, opens nobody's
    /// breaker.
    fn fair_time(&self) -> Duration {
        // A tenth of the total may have gone to actors' answers before the attempt began.
        let declared = self.call.declared.map(|total| total - total / 10);
        declared.map_or(self.plan.blame_after, |declared| declared.min(self.plan.blame_after))
    }
}

impl Drop for Passes<'_> {
    fn drop(&mut self) {
        if self.held.is_empty() && self.race.is_none() {
            self.call.give_room_back(std::mem::take(&mut self.held));
            return;
        }
        let now = self.call.runtime.clock().now();
        let latency = self.began.known().map(|began| now.since(began));
        let ending = latency.map_or(Ending::Cancelled, |latency| self.dropped(now, latency));
        let latency = latency.unwrap_or_default();
        if let Some(number) = self.race {
            self.told(number, ending, latency);
        }
        while let Some(pass) = self.held.pop() {
            pass.note(Outcome { ending, latency });
        }
    }
}
