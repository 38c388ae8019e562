//! The functions that the specification's handlers call: each does what a test told it, and counts its runs.

use std::collections::HashMap;
use std::future::pending;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::{Handle, Id};
use tokio::time::{Instant, sleep};

/// What a stubbed function does.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Does {
    #[default]
    Succeeds,
    Fails(&'static str),
    /// It succeeds after so many milliseconds.
    Takes(u64),
    Hangs,
    Panics,
}

#[derive(Debug, Default)]
struct Stub {
    does: Does,
    /// For so many runs more; `None` for good.
    times: Option<u32>,
    runs: Vec<Duration>,
    /// The places of its runs among those of all stubs of its test.
    places: Vec<usize>,
}

/// Each test has a tokio runtime of its own, so that its stubs are nobody else's.
type Stubs = HashMap<(Id, &'static str), Stub>;

static STUBS: Mutex<Option<Stubs>> = Mutex::new(None);
static START: Mutex<Option<HashMap<Id, Instant>>> = Mutex::new(None);

fn with<T>(name: &'static str, act: impl FnOnce(&mut Stub) -> T) -> T {
    let mut stubs: MutexGuard<'_, Option<Stubs>> = STUBS.lock().unwrap_or_else(PoisonError::into_inner);
    act(stubs.get_or_insert_default().entry((Handle::current().id(), name)).or_default())
}

/// The test's own time, from the first time that anybody asked.
pub(crate) fn now() -> Duration {
    #[expect(clippy::disallowed_methods, reason = "the test's own clock, which stands still unless told")]
    let now = Instant::now();
    let mut starts = START.lock().unwrap_or_else(PoisonError::into_inner);
    now - *starts.get_or_insert_default().entry(Handle::current().id()).or_insert(now)
}

/// From now on `name` does this.
pub(crate) fn set(name: &'static str, does: Does) {
    with(name, |stub| (stub.does, stub.times) = (does, None));
}

/// `name` does this for so many runs, and succeeds afterwards.
pub(crate) fn set_for(name: &'static str, times: u32, does: Does) {
    with(name, |stub| (stub.does, stub.times) = (does, Some(times)));
}

/// How often it ran.
pub(crate) fn runs(name: &'static str) -> usize {
    with(name, |stub| stub.runs.len())
}

/// Lets others run until `name` has run so often.
pub(crate) async fn until_run(name: &'static str, times: usize) {
    for _ in 0..100_000 {
        if runs(name) >= times {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("{name} ran {} times and not {times}", runs(name));
}

/// When it ran.
pub(crate) fn run_times(name: &'static str) -> Vec<Duration> {
    with(name, |stub| stub.runs.clone())
}

/// As which of all runs in its test it ran.
pub(crate) fn run_order(name: &'static str) -> Vec<usize> {
    with(name, |stub| stub.places.clone())
}

fn all_runs() -> usize {
    let (stubs, id) = (STUBS.lock().unwrap_or_else(PoisonError::into_inner), Handle::current().id());
    stubs.iter().flatten().filter(|((of, _), _)| *of == id).map(|(_, stub)| stub.runs.len()).sum()
}

/// Runs it; how often it has run is what it answers.
pub(crate) async fn run(name: &'static str) -> Result<u32, String> {
    let (at, place) = (now(), all_runs() + 1);
    let (does, run) = with(name, |stub| {
        stub.runs.push(at);
        stub.places.push(place);
        let run = u32::try_from(stub.runs.len()).unwrap_or(u32::MAX);
        let does = match &mut stub.times {
            Some(0) => Does::Succeeds,
            Some(left) => {
                *left -= 1;
                stub.does
            }
            None => stub.does,
        };
        (does, run)
    });
    match does {
        Does::Succeeds => Ok(run),
        Does::Fails(error) => Err(error.to_owned()),
        Does::Takes(milliseconds) => {
            sleep(Duration::from_millis(milliseconds)).await;
            Ok(run)
        }
        Does::Hangs => pending().await,
        Does::Panics => panic!("{name} was told to"),
    }
}

/// Runs `calls` at the same time, in their order.
pub(crate) async fn together<T: Send + 'static>(
    calls: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let tasks: Vec<_> = calls.into_iter().map(tokio::spawn).collect();
    let mut answers = Vec::with_capacity(tasks.len());
    for task in tasks {
        answers.push(task.await.expect("a call panicked"));
    }
    answers
}
