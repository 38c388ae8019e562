//! Identity, names, runtimes: what holds of runtimes that are built. Their place in the process is one, so these
//! tests have a process of their own, and take turns.
#![allow(missing_docs, reason = "tests name a behaviour")]

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use steadfast::prelude::*;
use steadfast::runtime::BuildError;

/// The process's place for a runtime.
fn place() -> MutexGuard<'static, ()> {
    static PLACE: Mutex<()> = Mutex::new(());
    PLACE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn tokio_runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

fn build(name: &str) -> Result<Runtime, BuildError> {
    Runtime::builder().name(name).seed(1).environment([]).build()
}

#[circuit_breaker("place", failure_threshold = 1)]
async fn guarded(fails: bool) -> Result<u64, String> {
    if fails { Err("HTTP 500".to_owned()) } else { Ok(Runtime::current().id()) }
}

#[test]
fn a_runtime_installs_itself_and_a_second_one_is_an_error_unless_it_is_isolated() {
    let _place = place();
    tokio_runtime().block_on(async {
        let first = build("first").unwrap();
        assert_eq!(guarded(false).await, Ok(first.id()));
        let refused = build("second").unwrap_err();
        assert!(matches!(&refused, BuildError::AlreadyInstalled { name } if name == "first"), "{refused}");
        let isolated = Runtime::builder().isolated().seed(1).environment([]).build().unwrap();
        assert_eq!(guarded(false).await, Ok(first.id()));
        assert_eq!(isolated.scope(guarded(false)).await, Ok(isolated.id()));
        let entered = isolated.enter();
        assert_eq!(guarded(false).await, Ok(isolated.id()));
        drop(entered);
        assert_eq!(guarded(false).await, Ok(first.id()));
        first.shutdown(Duration::ZERO).await;
    });
}

#[test]
fn annotated_calls_on_any_thread_and_any_tokio_runtime_use_the_installed_one() {
    let _place = place();
    // Outside tokio its actors live on a thread of its own, whose clock runs: so must the callers', and patiently.
    let running = || tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let patience = Duration::from_secs(600);
    let installed = Runtime::builder().seed(1).environment([]).ask_timeout(patience).build().unwrap();
    let failed = running().block_on(guarded(true));
    let refused = std::thread::spawn(move || running().block_on(guarded(false))).join().unwrap();
    let id = running().block_on(async { Runtime::current().id() });
    running().block_on(installed.shutdown(Duration::ZERO));
    assert_eq!((failed, id), (Err("HTTP 500".to_owned()), installed.id()));
    assert!(refused.unwrap_err().contains("\"place\" is open"), "one breaker for all");
}

#[test]
fn a_shutdown_frees_the_place() {
    let _place = place();
    tokio_runtime().block_on(async {
        let first = build("first").unwrap();
        first.shutdown(Duration::ZERO).await;
        let second = build("second").unwrap();
        assert_eq!(guarded(false).await, Ok(second.id()));
        second.shutdown(Duration::ZERO).await;
    });
}

#[test]
fn the_end_of_the_tokio_runtime_that_it_was_built_on_frees_the_place() {
    let _place = place();
    let tokio = tokio_runtime();
    let first = tokio.block_on(async { build("first").unwrap() });
    assert!(tokio_runtime().block_on(async { build("too early") }).is_err());
    drop(tokio);
    tokio_runtime().block_on(async {
        let second = build("second").unwrap();
        assert_ne!(second.id(), first.id());
        assert_eq!(guarded(false).await, Ok(second.id()));
        second.shutdown(Duration::ZERO).await;
    });
}

#[test]
fn where_none_is_installed_two_tokio_runtimes_share_no_state_and_neither_hangs_on_the_others_actors() {
    let _place = place();
    assert!(tokio_runtime().block_on(guarded(true)).is_err());
    assert!(tokio_runtime().block_on(guarded(false)).is_ok(), "the first one's breaker is open");
}

#[test]
fn outside_tokio_whoever_calls_before_a_runtime_is_built_is_told_to_build_one() {
    let _place = place();
    let panic = std::panic::catch_unwind(Runtime::current).unwrap_err();
    let told = panic.downcast_ref::<String>().unwrap();
    assert!(told.contains("outside tokio") && told.contains("Runtime::builder()"), "{told}");
}

#[circuit_breaker("settings", failure_threshold = 4, success_threshold = 2, recovery_timeout = "40s")]
async fn with_settings() -> Result<(), String> {
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_environment_overrides_the_file_that_overrides_the_attribute_that_overrides_the_default() {
    let runtime = Runtime::builder()
        .isolated()
        .config_text("[circuit_breaker.settings]\nfailure_threshold = 3\nrecovery_timeout = '30s'\n")
        .environment([("STEADFAST__CIRCUIT_BREAKER__SETTINGS__FAILURE_THRESHOLD".to_owned(), "2".to_owned())])
        .build()
        .unwrap();
    let described = runtime.describe("with_settings").unwrap().to_string();
    for part in [
        "opens at 2 failures",
        "in the last 10 calls",
        "for 30s",
        "closes after 2 successes",
        "STEADFAST__CIRCUIT_BREAKER__SETTINGS__FAILURE_THRESHOLD",
    ] {
        assert!(described.contains(part), "{part} in {described}");
    }
}

/// Says to this test that it is the process with the odd environment.
#[cfg(unix)]
const ODD: &str = "ODD_ENVIRONMENT";

#[cfg(unix)]
#[test]
fn a_variable_that_is_no_unicode_is_no_reason_not_to_start_unless_it_is_ours() {
    use std::os::unix::ffi::OsStrExt as _;

    if std::env::var_os(ODD).is_some() {
        let built = tokio_runtime().block_on(async { Runtime::builder().isolated().seed(1).build() });
        eprintln!(
            "{}",
            built.map_or_else(|refused| refused.to_string(), |runtime| runtime.name().to_owned())
        );
        return;
    }
    let no_unicode = std::ffi::OsStr::from_bytes(b"\xff");
    let starts_with = |variable: &str| {
        let this = "a_variable_that_is_no_unicode_is_no_reason_not_to_start_unless_it_is_ours";
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", this, "--nocapture"]).env(ODD, "1").env(variable, no_unicode);
        String::from_utf8(command.output().unwrap().stderr).unwrap()
    };
    let said = starts_with("SOMEBODY_ELSES");
    assert!(said.contains("steadfast\n"), "{said}");
    let said = starts_with("STEADFAST__CIRCUIT_BREAKER__SETTINGS__WINDOW");
    assert!(said.contains("`window`"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn values_that_make_no_sense_are_refused_all_at_once_with_their_keys() {
    let text = "[circuit_breaker.settings]\nfailure_threshold = 0\nrecovery_timeout = '0s'\n\
                failure_rate_threshold = nan\n";
    let refused = Runtime::builder().isolated().config_text(text).environment([]).build().unwrap_err();
    let refused = refused.to_string();
    for key in ["failure_threshold", "recovery_timeout", "failure_rate_threshold"] {
        assert!(refused.contains(key), "{key} in {refused}");
    }
}

#[retry(attempts = 9, budget = "off")]
async fn jittered(waits: Arc<Mutex<Vec<tokio::time::Instant>>>) -> Result<(), String> {
    #[expect(clippy::disallowed_methods, reason = "the test's own clock, which is paused")]
    waits.lock().unwrap().push(tokio::time::Instant::now());
    Err("HTTP 503".to_owned())
}

async fn waits_of(runtime: Runtime) -> Vec<Duration> {
    let waits = Arc::default();
    let _ = runtime.scope(jittered(Arc::clone(&waits))).await;
    let waits = waits.lock().unwrap();
    waits.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[tokio::test(start_paused = true)]
async fn a_seed_fixes_the_jitter_and_without_one_every_replica_has_its_own() {
    let seeded = |seed| Runtime::builder().isolated().seed(seed).environment([]).build().unwrap();
    let unseeded = || Runtime::builder().isolated().environment([]).build().unwrap();
    assert_eq!(waits_of(seeded(7)).await, waits_of(seeded(7)).await);
    assert_ne!(waits_of(seeded(7)).await, waits_of(seeded(8)).await);
    assert_ne!(waits_of(unseeded()).await, waits_of(unseeded()).await);
}
