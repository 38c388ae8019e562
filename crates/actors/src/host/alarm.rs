//! An actor's one timer.
//!
//! Deadlines mostly move on, as those of leases do: it stays as it was set until it goes off, and only then looks whether
//! that was too early. Where the clock is a fast one, it is an entry of the [table of ends](crate::clock::timer): deadlines
//! also come and go, as those of a line do that is empty most of the time, and what is set and taken back costs nothing there.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Sleep, sleep_until};

use super::ground::Ground;
use crate::clock::Time;
use crate::clock::timer::{Ended, Timer};

/// What wakes one actor.
#[derive(Default)]
pub(super) struct Alarm {
    timer: Option<Timer>,
    /// Of a clock that has no table.
    sleep: Option<Pin<Box<Sleep>>>,
    /// What it is set for; nothing that is over.
    set_for: Option<Time>,
}

impl Alarm {
    /// Waits until `deadline`, or until an earlier one that it was set for; says whether it has come.
    pub(super) async fn wait(&mut self, ground: &Ground, deadline: Time) -> bool {
        poll_fn(|context| self.poll(ground, deadline, context)).await
    }

    fn poll(&mut self, ground: &Ground, deadline: Time, context: &mut Context<'_>) -> Poll<bool> {
        let set_for = match self.set_for {
            Some(set_for) if set_for <= deadline => set_for,
            _ => {
                self.set(ground, deadline, context);
                deadline
            }
        };
        let gone_off = match (&self.timer, &mut self.sleep) {
            // Where nobody drives it any more, the actor ends too.
            (Some(timer), _) => timer.poll(context) == Poll::Ready(Ended::InTime),
            (None, Some(sleep)) => sleep.as_mut().poll(context).is_ready(),
            (None, None) => false,
        };
        if !gone_off {
            return Poll::Pending;
        }
        self.set_for = None;
        Poll::Ready(set_for >= deadline)
    }

    fn set(&mut self, ground: &Ground, deadline: Time, context: &Context<'_>) {
        self.set_for = Some(deadline);
        match ground.timers() {
            Some(timers) => self.timer.get_or_insert_with(|| timers.timer()).arm(deadline, context),
            None => {
                let instant = ground.clock().instant(deadline);
                match &mut self.sleep {
                    Some(sleep) => sleep.as_mut().reset(instant),
                    None => self.sleep = Some(Box::pin(sleep_until(instant))),
                }
            }
        }
    }

    /// Nothing is waited for.
    pub(super) fn unset(&mut self) {
        if self.set_for.take().is_some() {
            self.sleep = None;
            if let Some(timer) = &self.timer {
                timer.disarm();
            }
        }
    }
}
