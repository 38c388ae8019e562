//! How long a caller waits for its actor.
//!
//! Hardly anybody waits that long. Where the clock is a fast one, who asks is therefore bounded by an entry of a
//! [table of ends](crate::clock::timer) that is used again, instead of a timer of tokio's for each question.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::sleep;

use super::ground::Ground;
use super::hosted::lock;
use crate::clock::Clock;
use crate::clock::timer::{Ended, Timer, Timers};
use crate::gate::Slots;

/// So many timers are kept by each thread for whoever asks next.
const MOST_SPARE: usize = 64;

/// What bounds those who ask.
pub(super) struct Patience {
    timers: Timers,
    spare: Slots<Mutex<Vec<Timer>>>,
}

impl Patience {
    /// That of a runtime; none where its clock is no fast one: simulated time is exact, and stays with tokio's timers.
    pub(super) fn of(tokio: &Handle, clock: &Arc<Clock>) -> Option<Self> {
        clock.is_fast().then(|| Self::on(tokio, clock))
    }

    fn on(tokio: &Handle, clock: &Arc<Clock>) -> Self {
        Patience { timers: Timers::new(tokio.clone(), Arc::clone(clock)), spare: Slots::default() }
    }

    pub(super) fn timers(&self) -> &Timers {
        &self.timers
    }

    fn lend(&self) -> Lent<'_> {
        let spare = lock(self.spare.own().any()).pop();
        Lent { timer: Some(spare.unwrap_or_else(|| self.timers.timer())), patience: self }
    }
}

/// A timer that is given back disarmed.
struct Lent<'a> {
    timer: Option<Timer>,
    patience: &'a Patience,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let Some(timer) = self.timer.take() else { return };
        timer.disarm();
        let mut spare = lock(self.patience.spare.own().any());
        if spare.len() < MOST_SPARE {
            spare.push(timer);
        }
    }
}

impl Ground {
    /// What `future` comes to, or nothing once it took `length`. It is asked first, so that what is ready costs neither a
    /// timer nor a look at the clock. A `length` of a tenth of a second or more may be cut short by a few milliseconds, and
    /// any may take two more.
    pub(super) async fn within<F: Future>(
        &self,
        length: Duration,
        mut future: Pin<&mut F>,
    ) -> Option<F::Output> {
        let Some(patience) = &self.patience else {
            return tokio::time::timeout(length, future).await.ok();
        };
        let mut lent: Option<Lent<'_>> = None;
        let mut otherwise = None;
        poll_fn(|context| {
            if let Poll::Ready(output) = future.as_mut().poll(context) {
                return Poll::Ready(Some(output));
            }
            let Some(timer) = lent.as_ref().and_then(|lent| lent.timer.as_ref()) else {
                let armed = patience.lend();
                if let Some(timer) = &armed.timer {
                    timer.arm(self.clock.now_for(length).after(length), context);
                }
                lent = Some(armed);
                return Poll::Pending;
            };
            match timer.poll(context) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Ended::InTime) => Poll::Ready(None),
                // The actors' tokio runtime is ending, and may not have come to this one yet.
                Poll::Ready(Ended::Undriven) => {
                    let otherwise = otherwise.get_or_insert_with(|| Box::pin(sleep(length)));
                    otherwise.as_mut().poll(context).map(|()| None)
                }
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;
    use crate::breaker::{BreakerConfig, BreakerInput, BreakerMachine};
    use crate::clock::Time;
    use crate::event::{Event, EventSink};
    use crate::host::{AskError, HostOptions, Hosted};
    use crate::machine::Kind;

    struct Nobody;

    impl EventSink for Nobody {
        fn record(&self, _: Event) {}
    }

    fn ground(clock: Clock, ask_timeout: Duration) -> Arc<Ground> {
        let options = HostOptions { ask_timeout, ..HostOptions::default() };
        Ground::new(Handle::current(), 1, Arc::new(clock), Arc::new(Nobody), options)
    }

    fn on(ground: Arc<Ground>) -> Arc<Hosted<BreakerMachine>> {
        Hosted::new(ground, Kind::Breaker, "db", BreakerConfig::default())
    }

    fn breaker(clock: Clock, ask_timeout: Duration) -> Arc<Hosted<BreakerMachine>> {
        on(ground(clock, ask_timeout))
    }

    fn spare(ground: &Ground) -> usize {
        let patience = ground.patience.as_ref().unwrap();
        patience.spare.all().map(|spare| lock(spare).len()).sum()
    }

    const ADMIT: BreakerInput = BreakerInput::Admit { patience: None };

    #[tokio::test(start_paused = true)]
    async fn who_asks_an_actor_that_hangs_hears_no_answer_once_its_time_is_over_and_not_before() {
        let length = Duration::from_millis(3);
        let mut ground = ground(Clock::system(), length);
        // As under a fast clock, whose time no test can stop.
        let patience = Patience::on(&Handle::current(), ground.clock());
        Arc::get_mut(&mut ground).unwrap().patience = Some(patience);
        let breaker = on(ground);
        assert!(breaker.ask(breaker.ticket(), ADMIT).await.is_ok());
        breaker.hang(Time::MAX, false).await.unwrap();
        let start = breaker.now();
        assert_eq!(breaker.ask(breaker.ticket(), ADMIT).await.unwrap_err(), AskError::NoAnswer);
        assert!(breaker.now().since(start) >= length);
    }

    #[tokio::test]
    async fn timers_are_used_again_also_those_of_callers_that_leave() {
        let breaker = breaker(Clock::fast(), Duration::from_secs(60));
        for _ in 0..100 {
            breaker.ask(breaker.ticket(), ADMIT).await.unwrap();
        }
        assert_eq!(spare(breaker.ground()), 1);
        let mut left = pin!(breaker.ask(breaker.ticket(), ADMIT));
        assert!(polled(left.as_mut()).is_pending());
        assert_eq!(spare(breaker.ground()), 0);
        left.set(breaker.ask(breaker.ticket(), ADMIT));
        assert_eq!(spare(breaker.ground()), 1);
    }

    fn polled<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
    }

    #[tokio::test(start_paused = true)]
    async fn under_any_other_clock_a_wait_is_exactly_as_long_as_it_was_to_be() {
        let length = Duration::from_millis(100);
        let breaker = breaker(Clock::system(), length);
        breaker.hang(Time::MAX, false).await.unwrap();
        let start = breaker.now();
        assert_eq!(breaker.ask(breaker.ticket(), ADMIT).await.unwrap_err(), AskError::NoAnswer);
        assert_eq!(breaker.now().since(start), length);
    }
}
