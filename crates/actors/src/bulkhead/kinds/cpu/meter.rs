use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::Sleep;

use super::budget::Budget;
use crate::bulkhead::{BulkheadHandle, PoolKind, SharedPermit};
use crate::clock::{Clock, Time};
use crate::event::Happening;

/// A poll that used as much is reported: whoever shares its thread had to wait for it.
const LONG_POLL: Duration = Duration::from_millis(50);

/// The processor time of one pool.
#[derive(Debug)]
pub(in crate::bulkhead::kinds) struct Cpu {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    budget: Budget,
    /// Who waits for its turn, first come first served; only the first one looks at the clock.
    line: VecDeque<(u64, Waker)>,
    numbers: u64,
}

impl State {
    fn leave(&mut self, number: u64) -> Option<Waker> {
        let was_first = self.line.front().is_some_and(|(first, _)| *first == number);
        self.line.retain(|(known, _)| *known != number);
        self.line.front().filter(|_| was_first).map(|(_, next)| next.clone())
    }
}

/// Whether a handler may be polled.
enum Turn {
    Now,
    /// It is first in line, and may at this time.
    At(Time),
    /// It is woken when it is first.
    Later,
}

impl Cpu {
    pub(in crate::bulkhead::kinds) fn new(pool: &BulkheadHandle) -> Self {
        let budget = Budget::new(pool.config().cpu(), pool.hosted().now());
        Cpu { state: Mutex::new(State { budget, line: VecDeque::new(), numbers: 0 }) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One attempt's account with one pool.
struct Account {
    /// Held for as long as it is charged.
    _permit: SharedPermit,
    pool: BulkheadHandle,
    number: u64,
    sleep: Option<Pin<Box<Sleep>>>,
    /// Since when it is not polled.
    waits_since: Option<Time>,
}

impl Account {
    fn open(permit: SharedPermit) -> Option<Self> {
        let pool = permit.pool()?.clone();
        let config = pool.config();
        if config.kind() != PoolKind::Cpu {
            return None;
        }
        let cpu = pool.shared.rooms.cpu.get_or_init(|| Cpu::new(&pool));
        let mut state = cpu.lock();
        state.budget.follow(config.cpu());
        state.numbers += 1;
        let number = state.numbers;
        drop(state);
        Some(Account { _permit: permit, pool, number, sleep: None, waits_since: None })
    }

    fn cpu(&self) -> Option<&Cpu> {
        self.pool.shared.rooms.cpu.get()
    }

    fn clock(&self) -> &Arc<Clock> {
        self.pool.hosted().clock()
    }

    fn turn(&self, now: Time, waker: &Waker) -> Turn {
        let Some(cpu) = self.cpu() else { return Turn::Now };
        let mut state = cpu.lock();
        let place = state.line.iter().position(|(number, _)| *number == self.number);
        let is_first = place.map_or(state.line.is_empty(), |place| place == 0);
        let may_run = state.budget.may_run(now);
        if is_first && may_run.is_ok() {
            let next = state.leave(self.number);
            drop(state);
            next.into_iter().for_each(Waker::wake);
            return Turn::Now;
        }
        match place {
            Some(place) => state.line[place].1.clone_from(waker),
            None => state.line.push_back((self.number, waker.clone())),
        }
        match may_run {
            Err(next) if is_first => Turn::At(next),
            _ => Turn::Later,
        }
    }

    /// Ready once a poll may go ahead; says how long it had to wait.
    fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<Duration> {
        loop {
            let now = self.clock().now();
            match self.turn(now, context.waker()) {
                Turn::Now => {
                    self.sleep = None;
                    let waited = self.waits_since.take().map(|since| now.since(since));
                    return Poll::Ready(waited.unwrap_or_default());
                }
                Turn::Later => {
                    self.waits_since.get_or_insert(now);
                    return Poll::Pending;
                }
                Turn::At(next) => {
                    self.waits_since.get_or_insert(now);
                    let until = self.clock().instant(next);
                    let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
                    if sleep.deadline() != until {
                        sleep.as_mut().reset(until);
                    }
                    if sleep.as_mut().poll(context).is_pending() {
                        return Poll::Pending;
                    }
                    // tokio's timers are a millisecond coarse, and never early; the clock has it exactly.
                    self.sleep = None;
                    if self.clock().now() < next {
                        context.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                }
            }
        }
    }

    fn charge(&self, used: Duration, site: &str) {
        if let Some(cpu) = self.cpu() {
            cpu.lock().budget.charge(used);
        }
        if used >= LONG_POLL {
            let text = format!(
                "one poll of {site} used {} ms of processor time; whatever shares its thread had to wait",
                used.as_millis()
            );
            self.pool.hosted().happened(Happening::Notice { text });
        }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        let next = self.cpu().and_then(|cpu| cpu.lock().leave(self.number));
        next.into_iter().for_each(Waker::wake);
    }
}

/// A handler's future, polled only while the pools of kind `cpu` that it runs under have processor time left.
///
/// Other pools leave it as it is.
pub struct Metered<F> {
    future: F,
    accounts: Vec<Account>,
    is_simulated: bool,
    put_off: Duration,
}

impl<F> Metered<F> {
    /// `future` under these permits.
    pub fn new(future: F, permits: impl IntoIterator<Item = SharedPermit>) -> Self {
        let accounts: Vec<Account> = permits.into_iter().filter_map(Account::open).collect();
        let is_simulated = accounts.first().is_some_and(|account| account.clock().is_simulated());
        Metered { future, accounts, is_simulated, put_off: Duration::ZERO }
    }

    /// How long it was not polled in all although it was ready to be: time that its dependency did not take.
    #[must_use]
    pub fn put_off(&self) -> Duration {
        self.put_off
    }
}

impl<F> std::fmt::Debug for Metered<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metered").field("put_off", &self.put_off).finish_non_exhaustive()
    }
}

impl<F: Future + Unpin> Metered<F> {
    /// Polls it, if its pools have time left. `site` is whose poll is reported where it is long.
    pub fn poll_within(&mut self, site: &str, context: &mut Context<'_>) -> Poll<F::Output> {
        if self.accounts.is_empty() {
            return Pin::new(&mut self.future).poll(context);
        }
        for account in &mut self.accounts {
            match account.poll_turn(context) {
                Poll::Ready(waited) => self.put_off += waited,
                Poll::Pending => return Poll::Pending,
            }
        }
        let before = Clock::thread_cpu(self.is_simulated);
        let polled = Pin::new(&mut self.future).poll(context);
        let used = Clock::thread_cpu(self.is_simulated).saturating_sub(before);
        for account in &self.accounts {
            account.charge(used, site);
        }
        polled
    }
}
