//! 1. Identity, names, runtimes: what holds where nobody builds a runtime. The rest is in `runtimes.rs`.

use std::collections::BTreeSet;

use steadfast::RejectionKind;
use steadfast::prelude::*;

use crate::common::{Runs, log};

mod one {
    use super::*;

    #[timeout("1s")]
    pub(super) async fn twice() -> Result<u32, Rejection> {
        Ok(1)
    }
}

mod other {
    use super::*;

    #[timeout("2s")]
    pub(super) async fn twice() -> Result<u32, Rejection> {
        Ok(2)
    }
}

#[tokio::test(start_paused = true)]
async fn describe_takes_a_short_name_while_it_is_unique_and_else_lists_the_candidates() {
    assert_eq!((one::twice().await, other::twice().await), (Ok(1), Ok(2)));
    let runtime = Runtime::current();
    let ambiguous = runtime.describe("twice").unwrap_err();
    for candidate in ["semantics::identity::one::twice", "semantics::identity::other::twice"] {
        assert!(ambiguous.contains(candidate), "{ambiguous}");
        assert_eq!(runtime.describe(candidate).unwrap().site, candidate);
    }
    let unique = runtime.describe("limited_without_a_name").unwrap();
    assert_eq!(unique.site, "semantics::identity::limited_without_a_name");
    let unknown = runtime.describe("no_such_site").unwrap_err();
    assert!(unknown.contains("semantics::identity::one::twice"), "{unknown}");
    let misspelt = runtime.describe("limited_without_name").unwrap_err();
    assert!(misspelt.contains("is \"limited_without_a_name\" meant?"), "{misspelt}");
}

struct Cat;
struct Dog;

impl Cat {
    #[rate_limit(requests = 1, per = "1m")]
    async fn feed(&self) -> Result<(), Rejection> {
        Ok(())
    }
}

impl Dog {
    #[rate_limit(requests = 1, per = "1m")]
    async fn feed(&self) -> Result<(), Rejection> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn two_sites_on_one_path_are_told_apart_by_their_line_and_share_nothing() {
    assert!(Cat.feed().await.is_ok());
    assert!(Dog.feed().await.is_ok(), "its quota is its own");
    assert_eq!(Cat.feed().await.unwrap_err().kind(), RejectionKind::RateLimited);
    let runtime = Runtime::current();
    let both = runtime.describe("feed").unwrap_err();
    let names: BTreeSet<&str> = both.split([' ', ',']).filter(|word| word.contains("::feed:")).collect();
    assert_eq!(names.len(), 2, "{both}");
    for name in names {
        assert_eq!(runtime.describe(name).unwrap().site, name);
    }
}

#[rate_limit(requests = 5, per = "1m")]
#[throttle(max_concurrent = 2)]
async fn limited_without_a_name() -> Result<(), Rejection> {
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn names_that_users_do_not_give_come_from_the_full_identity() {
    assert!(limited_without_a_name().await.is_ok());
    let runtime = Runtime::current();
    let name = "semantics::identity::limited_without_a_name";
    assert!(runtime.registry().limiter(name).is_some());
    assert!(runtime.registry().throttle(name).is_some());
}

#[circuit_breaker("observes", failure_threshold = 1, mode = "observe")]
#[bulkhead("observes", capacity = 1, queue = 0, mode = "observe")]
#[rate_limit(name = "observes", requests = 1, per = "1m", mode = "observe")]
async fn observes(runs: Runs) -> Result<(), String> {
    runs.next();
    tokio::task::yield_now().await;
    Err("HTTP 500".to_owned())
}

#[circuit_breaker("is-off", failure_threshold = 1, mode = "off")]
#[bulkhead("is-off", capacity = 1, queue = 0, mode = "off")]
#[throttle(name = "is-off", max_concurrent = 1, queue = 0, mode = "off")]
#[rate_limit(name = "is-off", requests = 1, per = "1m", mode = "off")]
async fn is_off(runs: Runs) -> Result<(), String> {
    runs.next();
    tokio::task::yield_now().await;
    Err("HTTP 500".to_owned())
}

#[tokio::test(start_paused = true)]
async fn observe_decides_and_counts_what_it_would_refuse_and_lets_it_through() {
    let runs = Runs::new();
    assert!(observes(runs.clone()).await.is_err());
    let _ = tokio::join!(observes(runs.clone()), observes(runs.clone()));
    assert_eq!(runs.all(), 3);
    let runtime = Runtime::current();
    let registry = runtime.registry();
    assert_eq!(registry.breaker("observes").unwrap().would_refuse(), 2);
    assert_eq!(registry.limiter("observes").unwrap().would_refuse(), 2);
    assert_eq!(registry.bulkhead("observes").unwrap().would_refuse(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_off_neither_refuses_nor_counts() {
    let runs = Runs::new();
    let calls = [is_off(runs.clone()), is_off(runs.clone()), is_off(runs.clone())];
    let [one, two, three] = calls;
    let _ = tokio::join!(one, two, three);
    assert!(is_off(runs.clone()).await.is_err());
    assert_eq!(runs.all(), 4);
    let runtime = Runtime::current();
    let registry = runtime.registry();
    assert_eq!(registry.breaker("is-off").unwrap().status().counts.total, 0);
    assert_eq!(registry.limiter("is-off").unwrap().would_refuse(), 0);
    assert_eq!(registry.bulkhead("is-off").unwrap().would_refuse(), 0);
}

mod declared_twice {
    use super::*;

    #[circuit_breaker("in-two-ways", failure_threshold = 1)]
    pub(super) async fn one() -> Result<(), Rejection> {
        Ok(())
    }

    #[circuit_breaker("in-two-ways", failure_threshold = 2)]
    pub(super) async fn other() -> Result<(), Rejection> {
        Ok(())
    }

    #[bulkhead("pool-in-two-ways", capacity = 1)]
    pub(super) async fn small() -> Result<(), Rejection> {
        Ok(())
    }

    #[bulkhead("pool-in-two-ways", capacity = 2)]
    pub(super) async fn large() -> Result<(), Rejection> {
        Ok(())
    }
}

fn names_both<T: std::fmt::Debug>(result: Result<T, Rejection>, both: [&str; 2]) -> bool {
    let refused = result.unwrap_err();
    refused.kind() == RejectionKind::Misconfigured
        && both.iter().all(|name| refused.to_string().contains(name))
}

#[tokio::test(start_paused = true)]
async fn a_name_that_two_sites_declare_differently_is_misconfigured_for_both_whoever_calls_first() {
    use declared_twice::{large, one, other, small};
    for first in [true, false] {
        let both = ["declared_twice::one", "declared_twice::other"];
        assert!(if first { names_both(one().await, both) } else { names_both(other().await, both) });
        let both = ["declared_twice::small", "declared_twice::large"];
        assert!(if first { names_both(small().await, both) } else { names_both(large().await, both) });
    }
    assert!(limited_without_a_name().await.is_ok(), "that name alone");
}

#[test]
fn where_none_was_installed_each_tokio_runtime_has_its_own_and_a_multi_thread_one_is_warned_once() {
    let (log, _listening) = log();
    let id = |mut tokio: tokio::runtime::Builder| {
        let tokio = tokio.enable_time().build().unwrap();
        let ids: BTreeSet<u64> = (0..3).map(|_| tokio.block_on(async { Runtime::current().id() })).collect();
        assert_eq!(ids.len(), 1);
        ids
    };
    let first = id(tokio::runtime::Builder::new_current_thread());
    assert!(log.lines_with("no runtime is installed").is_empty());
    let second = id(tokio::runtime::Builder::new_multi_thread());
    assert_eq!(log.lines_with("no runtime is installed").len(), 1);
    assert!(first.is_disjoint(&second));
}

#[tokio::test(start_paused = true)]
async fn a_seed_from_the_operating_system_is_logged() {
    let (log, _listening) = log();
    let seed = Runtime::current().ground().seed();
    assert_eq!(log.lines_with(&format!("seed={seed} ")).len(), 1);
}
