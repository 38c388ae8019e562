use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};
use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// Counts how often it was woken.
#[derive(Default)]
struct Counts(AtomicUsize);

impl Wake for Counts {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn millis(millis: u64) -> Time {
    Time::ZERO.after(Duration::from_millis(millis))
}

fn timers() -> Timers {
    Timers::new(Handle::current(), Arc::new(Clock::system()))
}

/// What a timer comes to that is armed for `ends`.
async fn ended(timer: &Timer, ends: Time) -> Ended {
    let mut armed = false;
    std::future::poll_fn(|context| {
        if !std::mem::replace(&mut armed, true) {
            timer.arm(ends, context);
        }
        timer.poll(context)
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn an_end_is_never_early_and_late_by_two_milliseconds_at_most() {
    let timers = timers();
    let (clock, timer) = (Arc::clone(&timers.0.clock), timers.timer());
    for micros in [1, 999, 1_000, 1_001, 20_500, 1_000_000, 3_600_000_000] {
        let ends = clock.now().after(Duration::from_micros(micros));
        assert_eq!(ended(&timer, ends).await, Ended::InTime);
        let late = clock.now().since(ends);
        assert!(clock.now() >= ends && late <= Duration::from_millis(2), "{micros}: {late:?}");
        timer.disarm();
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_that_is_over_when_it_is_armed_fires_at_once() {
    let timers = timers();
    let (clock, timer) = (Arc::clone(&timers.0.clock), timers.timer());
    for ends in [Time::ZERO, clock.now()] {
        let before = clock.now();
        assert_eq!(ended(&timer, ends).await, Ended::InTime);
        assert!(clock.now().since(before) <= Duration::from_millis(1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_nearer_end_is_not_kept_waiting_by_a_later_one() {
    let timers = timers();
    let (far, near) = (timers.timer(), timers.timer());
    let clock = Arc::clone(&timers.0.clock);
    let first = async {
        let _ = ended(&far, millis(10_000)).await;
        clock.now()
    };
    let second = async {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let _ = ended(&near, millis(20)).await;
        clock.now()
    };
    let (far, near) = tokio::join!(first, second);
    assert!(near < millis(23) && far < millis(10_003), "{near:?} {far:?}");
}

#[tokio::test(start_paused = true)]
async fn a_timer_that_is_used_again_lies_where_it_lay_and_is_gone_once_it_is_idle() {
    let timers = timers();
    let (timer, counts) = (timers.timer(), Arc::new(Counts::default()));
    let waker = Waker::from(Arc::clone(&counts));
    let context = Context::from_waker(&waker);
    for call in 0..1_000 {
        timer.arm(millis(1_000 + call), &context);
        assert!(timer.poll(&context).is_pending());
        timer.disarm();
    }
    assert_eq!(timers.0.lies_in_slots(), 1);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!((timers.0.lies_in_slots(), counts.0.load(Ordering::SeqCst)), (0, 0));
    assert_eq!(Arc::strong_count(&counts), 2, "the test's own and its waker's: nobody keeps one for nothing");
}

#[tokio::test(start_paused = true)]
async fn what_is_dropped_while_it_is_armed_wakes_nobody_and_the_next_one_is_made_of_it() {
    let timers = timers();
    let counts = Arc::new(Counts::default());
    let waker = Waker::from(Arc::clone(&counts));
    for _ in 0..1_000 {
        timers.timer().arm(millis(1_000), &Context::from_waker(&waker));
    }
    assert_eq!((timers.0.lies_in_slots(), Arc::strong_count(&counts)), (1, 2));
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(counts.0.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn the_task_that_looked_last_is_the_one_that_is_woken() {
    let timers = timers();
    let timer = timers.timer();
    let both = [Arc::new(Counts::default()), Arc::new(Counts::default())];
    let wakers = both.clone().map(Waker::from);
    timer.arm(millis(5), &Context::from_waker(&wakers[0]));
    assert!(timer.poll(&Context::from_waker(&wakers[1])).is_pending());
    tokio::time::sleep(Duration::from_millis(8)).await;
    assert_eq!(both.each_ref().map(|counts| counts.0.load(Ordering::SeqCst)), [0, 1]);
    assert_eq!(timer.poll(&Context::from_waker(&wakers[1])), Poll::Ready(Ended::InTime));
}

#[tokio::test(start_paused = true)]
async fn the_driver_goes_with_the_runtime_and_who_waits_is_told() {
    let timers = timers();
    let (timer, table) = (timers.timer(), Arc::downgrade(&timers.0));
    let waits = async { ended(&timer, millis(60_000)).await };
    let goes = async {
        tokio::task::yield_now().await;
        drop(timers);
    };
    assert_eq!(tokio::join!(waits, goes).0, Ended::Undriven);
    assert_eq!(ended(&timer, millis(70_000)).await, Ended::Undriven, "nor is it armed again");
    drop(timer);
    tokio::task::yield_now().await;
    assert!(table.upgrade().is_none(), "no task keeps it");
}

#[test]
fn who_waits_is_told_when_the_drivers_tokio_runtime_ends() {
    let tokio = || tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let (driven, other) = (tokio().unwrap(), tokio().unwrap());
    let timers = driven.block_on(async { timers() });
    let timer = timers.timer();
    let counts = Arc::new(Counts::default());
    let waker = Waker::from(Arc::clone(&counts));
    timer.arm(millis(60_000), &Context::from_waker(&waker));
    drop(driven);
    assert_eq!(counts.0.load(Ordering::SeqCst), 1);
    assert_eq!(other.block_on(ended(&timer, millis(60_000))), Ended::Undriven);
}

#[derive(Clone, Debug)]
enum Step {
    Arm {
        timer: usize,
        ends: u64,
    },
    Disarm(usize),
    Replace(usize),
    /// So many microseconds pass.
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..4_usize, 0..20_000_u64).prop_map(|(timer, ends)| Step::Arm { timer, ends }),
        2 => (0..4_usize).prop_map(Step::Disarm),
        1 => (0..4_usize).prop_map(Step::Replace),
        4 => (0..5_000_u64).prop_map(Step::Pass),
    ]
}

proptest! {
    #[test]
    fn exactly_what_is_armed_and_over_has_fired(steps in prop::collection::vec(step(), 1..80)) {
        let tokio = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let timers = tokio.block_on(async { timers() });
        // Driven by hand: the tokio runtime never runs its task.
        let mut all: Vec<Timer> = (0..4).map(|_| timers.timer()).collect();
        let mut model: Vec<Option<(u64, bool)>> = vec![None; 4];
        let context = Context::from_waker(Waker::noop());
        let mut now = 0;
        for step in steps {
            match step {
                Step::Arm { timer, ends } => {
                    let ends = now + ends;
                    all[timer].arm(Time::from_nanos(ends * 1_000), &context);
                    model[timer] = Some((ends, false));
                }
                Step::Disarm(timer) => {
                    all[timer].disarm();
                    model[timer] = None;
                }
                Step::Replace(timer) => {
                    all[timer] = timers.timer();
                    model[timer] = None;
                }
                Step::Pass(micros) => {
                    now += micros;
                    let next = timers.0.run(Time::from_nanos(now * 1_000)).unwrap();
                    for armed in model.iter_mut().flatten() {
                        armed.1 |= armed.0.div_ceil(1_000) <= now / 1_000;
                        prop_assert!(armed.1 || next <= Time::from_nanos(armed.0.div_ceil(1_000) * 1_000_000));
                    }
                }
            }
            for (timer, armed) in all.iter().zip(&model) {
                let has_fired = timer.poll(&context).is_ready();
                prop_assert_eq!(has_fired, armed.is_some_and(|(_, fired)| fired));
            }
        }
    }
}
