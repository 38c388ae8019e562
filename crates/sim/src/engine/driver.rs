use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use steadfast_actors::clock::{Clock, Time};

use super::cost::Meter;
use super::house::House;
use super::quiet::Quiet;
use super::series::BIN;
use crate::world::World;

/// tokio's timers step by this.
const TICK: u64 = 1_000_000;

/// Fires the world's events at their exact times until `end`, with everything else at rest before each.
///
/// tokio's own timers, which users' code waits on, keep their place between them: they fire on whole milliseconds,
/// before the world's events of the same time.
pub(crate) async fn drive(house: &Arc<House>, quiet: &Quiet, end: u64, meter: &mut Meter) {
    let mut look = 0;
    loop {
        quiet.wait().await;
        let mut now = house.clock.now().as_nanos();
        loop {
            let next = house.world().next_time();
            let (time, ends) = match next {
                Some(time) if time < end => (time.max(now), false),
                _ => (end.max(now), true),
            };
            if time / TICK != now / TICK {
                if now.is_multiple_of(TICK) {
                    sleep_until(house, time - time % TICK).await;
                } else {
                    // A jump from inside a tick would land inside another one, late for every timer.
                    let rest = TICK - now % TICK;
                    let mut advancing = pin!(tokio::time::advance(Duration::from_nanos(rest)));
                    moved_on(advancing.as_mut());
                    advancing.await;
                }
                break;
            }
            advance(time - now);
            now = time;
            meter.passed(now);
            if now >= look {
                house.look_at_pools(now);
                look = now - now % BIN + BIN;
            }
            if ends {
                return;
            }
            house.at(now, World::fire);
            // Where nobody was woken, everything is still at rest.
            if std::mem::take(&mut house.world().woke) {
                break;
            }
        }
    }
}

/// Moves the clock within a tick, where no timer of tokio's can fire.
fn advance(nanos: u64) {
    if nanos == 0 {
        return;
    }
    moved_on(pin!(tokio::time::advance(Duration::from_nanos(nanos))));
}

/// Moves the clock: the first poll does, and the rest of the future only yields.
fn moved_on(mut advancing: Pin<&mut impl Future<Output = ()>>) {
    let _ = advancing.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    Clock::moved();
}

/// Sleeps on tokio's clock, which jumps from timer to timer, until `time` or until an earlier event is put in.
async fn sleep_until(house: &Arc<House>, time: u64) {
    let mut sleep = pin!(tokio::time::sleep_until(house.clock.instant(Time::from_nanos(time))));
    std::future::poll_fn(|context| {
        let mut world = house.world();
        if world.next_time().is_some_and(|next| next < time) {
            world.alarm = None;
            return Poll::Ready(());
        }
        world.alarm = Some((time, context.waker().clone()));
        drop(world);
        Pin::as_mut(&mut sleep).poll(context)
    })
    .await;
    house.world().alarm = None;
}
