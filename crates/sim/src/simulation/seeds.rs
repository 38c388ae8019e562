use std::future::Future;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use steadfast::Runtime;

use crate::engine::CALENDAR;

/// Set to a seed, only that one is run.
pub(super) const ONE: &str = "STEADFAST_SIM_SEED";

/// Runs a test's body in virtual time, once under each seed, each time in a runtime of its own. Where it panics, the
/// line that replays it is printed.
///
/// ```
/// use std::time::Duration;
///
/// steadfast_sim::under_seeds(0..50, |_seed| async {
///     let breaker = steadfast::Runtime::current().registry().breaker("payments");
///     assert!(breaker.is_none(), "each seed begins with nothing");
///     // An hour passes at once.
///     tokio::time::sleep(Duration::from_secs(3_600)).await;
/// });
/// ```
///
/// # Panics
/// Where the body does, under the first seed that makes it.
pub fn under_seeds<F, A>(seeds: Range<u64>, body: F)
where
    F: Fn(u64) -> A,
    A: Future<Output = ()>,
{
    let only = std::env::var(ONE).ok().and_then(|seed| seed.parse::<u64>().ok());
    for seed in seeds.filter(|seed| only.is_none_or(|only| only == *seed)) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| once(seed, &body))) {
            let test = std::thread::current().name().unwrap_or_default().to_owned();
            eprintln!("seed {seed} failed; replay: {ONE}={seed} cargo test {test}");
            resume_unwind(panic);
        }
    }
}

#[expect(clippy::expect_used, reason = "a test that cannot begin has failed")]
fn once<A: Future<Output = ()>>(seed: u64, body: impl Fn(u64) -> A) {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    tokio.expect("a current-thread runtime").block_on(async {
        let builder = Runtime::builder().isolated().seed(seed).environment([]).wall_clock_from(CALENDAR);
        let runtime = builder.build().expect("settings without mistakes");
        runtime.scope(body(seed)).await;
    });
}
