//! How long a caller waits for its actor.
//!
//! Hardly anybody waits that long. Where the clock is a fast one, who asks is therefore bounded by an entry of a
//! [table of ends](crate::clock::timer) that is used again, instead of a timer of tokio's for each question.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::ground::Ground;
use super::question::Asking;
use super::reply::Answered;
use crate::clock::timer::Ended;
use crate::machine::Machine;

impl Ground {
    /// What comes of a question, or nothing once it took `length`. A `length` of a tenth of a second or more may be cut short
    /// by a few milliseconds, and any may take two more.
    pub(super) async fn within<M: Machine>(
        &self,
        length: Duration,
        asking: &mut Asking<'_, M>,
    ) -> Option<Answered<M::Reply>> {
        if asking.timer().is_none() {
            return timeout(length, asking).await.ok();
        }
        let (mut is_armed, mut otherwise) = (false, None);
        poll_fn(|context| {
            if let Poll::Ready(answer) = Pin::new(&mut *asking).poll(context) {
                return Poll::Ready(Some(answer));
            }
            let Some(timer) = asking.timer() else { return Poll::Pending };
            // Only now: what is refused at once costs no look at the clock.
            if !std::mem::replace(&mut is_armed, true) {
                timer.arm(self.clock.now_for(length).after(length), context);
                return Poll::Pending;
            }
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
    use std::sync::Arc;

    use tokio::runtime::Handle;

    use super::*;
    use crate::breaker::{BreakerConfig, BreakerInput, BreakerMachine};
    use crate::clock::timer::Timers;
    use crate::clock::{Clock, Time};
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

    const ADMIT: BreakerInput = BreakerInput::Admit { patience: None };

    #[tokio::test(start_paused = true)]
    async fn who_asks_an_actor_that_hangs_hears_no_answer_once_its_time_is_over_and_not_before() {
        let length = Duration::from_millis(3);
        let mut ground = ground(Clock::system(), length);
        // As under a fast clock, whose time no test can stop.
        let timers = Timers::new(Handle::current(), Arc::clone(ground.clock()));
        Arc::get_mut(&mut ground).unwrap().timers = Some(timers);
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
        assert_eq!(breaker.spare.len(), 1);
        let mut left = pin!(breaker.ask(breaker.ticket(), ADMIT));
        assert!(polled(left.as_mut()).is_pending());
        assert_eq!(breaker.spare.len(), 0);
        left.set(breaker.ask(breaker.ticket(), ADMIT));
        assert_eq!(breaker.spare.len(), 1);
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
