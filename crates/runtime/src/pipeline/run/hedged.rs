//! Attempts side by side: a further one begins where the first takes unusually long, and the first answer wins.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};
use std::time::Duration;

use steadfast_actors::adaptive::hedge::{HedgeGrant, HedgeHandle};
use steadfast_actors::clock::Time;
use steadfast_actors::outcome::{Ending, Health};
use steadfast_actors::rejection::Rejection;

use super::attempt::Passes;
use super::{Finished, Handler, Running};
use crate::lock::lock;
use crate::pipeline::plan::Hedging;

/// What has happened to attempts that run side by side.
enum Heard<T, E> {
    /// One of them ended; `None` where it never ran.
    Ended { place: usize, finished: Option<Finished<T, E>> },
    /// The next one may begin, or there is none.
    Next(Option<HedgeGrant>),
}

impl<T, E: From<Rejection>> Running<'_, T, E> {
    /// An attempt that has passed its gates, and those that begin beside it. All of them are dropped with the call, and
    /// the losers as soon as one has answered.
    pub(super) async fn hedged<B, F>(
        &self,
        hedge: &Hedging,
        handler: &mut Handler<'_, B, F>,
        passes: Passes<'_>,
    ) -> Finished<T, E>
    where
        B: FnMut() -> Option<F>,
        F: Future<Output = Result<T, E>>,
    {
        let handler = Mutex::new(handler);
        let mut first = First::begin(self, &hedge.handle);
        let mut begun = 1;
        let next_of = |begun| (begun < hedge.handle.config().max).then(|| Box::pin(self.next_beside(hedge)));
        let mut next = next_of(begun);
        // Boxed, so that calls without a hedge hold no room for one.
        let mut racing = vec![(0, Box::pin(self.beside(hedge, &handler, Ok(passes))))];
        let mut failed: Vec<(u32, Finished<T, E>)> = Vec::new();
        loop {
            match poll_fn(|context| race(&mut racing, &mut next, context)).await {
                Heard::Next(Some(grant)) => {
                    racing.push((begun, Box::pin(self.beside(hedge, &handler, Err(grant)))));
                    begun += 1;
                    next = next_of(begun);
                }
                Heard::Next(None) => next = None,
                Heard::Ended { place, finished } => {
                    let (number, _) = racing.remove(place);
                    let Some(finished) = finished else {
                        // Barred: what keeps one out keeps the next out too, and says nothing of those that run.
                        next = None;
                        if racing.is_empty() {
                            return earliest(failed);
                        }
                        continue;
                    };
                    let ending = finished.ending();
                    if number == 0 {
                        first.ended(ending);
                    }
                    if is_answer(ending) {
                        if number > 0 {
                            first.lost();
                            hedge.handle.won();
                        }
                        return finished;
                    }
                    failed.push((number, finished));
                    if racing.is_empty() {
                        return earliest(failed);
                    }
                }
            }
        }
    }

    /// One of the attempts: the first with what it has passed, a further one with leave to begin. `None` where it did not
    /// run after all.
    async fn beside<B, F>(
        &self,
        hedge: &Hedging,
        handler: &Mutex<&mut Handler<'_, B, F>>,
        admitted: Result<Passes<'_>, HedgeGrant>,
    ) -> Option<Finished<T, E>>
    where
        B: FnMut() -> Option<F>,
        F: Future<Output = Result<T, E>>,
    {
        let mut passes = match admitted {
            Ok(passes) => passes,
            Err(grant) => {
                let mut passes = self.no_passes();
                self.admitted_attempt(false, &mut passes).await.ok()?;
                if !hedge.may_spend(self.call.runtime.clock().now()) {
                    return None;
                }
                grant.begun();
                passes
            }
        };
        let number = self.next_run();
        passes.race(number);
        let attempt = lock(handler).attempt_beside();
        Some(self.run_admitted(&mut passes, number, attempt).await)
    }

    /// Leave for one more attempt, once the last one has taken unusually long; `None` where there is none.
    async fn next_beside(&self, hedge: &Hedging) -> Option<HedgeGrant> {
        tokio::time::sleep(hedge.handle.delay()?).await;
        let reduced = self.call.degradation().optional_parts_are_off();
        if !reduced && hedge.can_spend(self.call.runtime.clock().now()) {
            hedge.handle.may_begin().await
        } else {
            None
        }
    }
}

/// Polls all of them. The first one comes first: where two are ready at once, its answer is taken.
fn race<T, E, R, N>(
    racing: &mut [(u32, Pin<Box<R>>)],
    next: &mut Option<Pin<Box<N>>>,
    context: &mut Context<'_>,
) -> Poll<Heard<T, E>>
where
    R: Future<Output = Option<Finished<T, E>>>,
    N: Future<Output = Option<HedgeGrant>>,
{
    for (place, (_, attempt)) in racing.iter_mut().enumerate() {
        if let Poll::Ready(finished) = attempt.as_mut().poll(context) {
            return Poll::Ready(Heard::Ended { place, finished });
        }
    }
    match next {
        Some(next) => next.as_mut().poll(context).map(Heard::Next),
        None => Poll::Pending,
    }
}

/// Whether the dependency has answered, so that another attempt would hear the same.
fn is_answer(ending: Ending) -> bool {
    match ending {
        Ending::Success => true,
        Ending::Error(kind) => kind.health() == Health::Success,
        _ => false,
    }
}

/// The failure of the attempt that began first: a further one never hides it.
fn earliest<T, E: From<Rejection>>(failed: Vec<(u32, Finished<T, E>)>) -> Finished<T, E> {
    let first = failed.into_iter().min_by_key(|(number, _)| *number);
    let lost = || Finished::refused(Rejection::misconfigured("hedge", "its first attempt never ended"));
    first.map_or_else(lost, |(_, finished)| finished)
}

/// What the hedge learns of a first attempt, whichever way that ends.
struct First<'a, T, E> {
    running: &'a Running<'a, T, E>,
    hedge: &'a HedgeHandle,
    began: Time,
    told: bool,
}

impl<'a, T, E> First<'a, T, E> {
    fn begin(running: &'a Running<'a, T, E>, hedge: &'a HedgeHandle) -> Self {
        First { running, hedge, began: running.call.runtime.clock().now(), told: false }
    }

    fn ended(&mut self, ending: Ending) {
        let latency = self.latency();
        self.tell((ending == Ending::Success).then_some(latency));
    }

    /// Another one answered. What it had run for is the least that it would have needed.
    fn lost(&mut self) {
        self.tell(Some(self.latency()));
    }

    fn latency(&self) -> Duration {
        self.running.call.runtime.clock().now().since(self.began)
    }

    fn tell(&mut self, latency: Option<Duration>) {
        if !self.told {
            self.told = true;
            self.hedge.ended(latency);
        }
    }
}

impl<T, E> Drop for First<'_, T, E> {
    fn drop(&mut self) {
        self.tell(None);
    }
}
