use super::*;

fn isolated() -> Runtime {
    Runtime::builder().isolated().seed(1).environment([]).build().unwrap()
}

#[test]
fn two_tokio_runtimes_without_an_installed_one_share_nothing() {
    let id = || {
        let tokio = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        tokio.block_on(async { Runtime::global().id() })
    };
    assert_ne!(id(), id());
}

#[tokio::test]
async fn entering_and_scopes_are_left_again() {
    let (first, second) = (isolated(), isolated());
    let outside = Runtime::current().id();
    let entered = first.enter();
    assert_eq!(Runtime::current().id(), first.id());
    drop(entered);
    let inside = second.scope(async { Runtime::current().id() }).await;
    assert_eq!(inside, second.id());
    assert_eq!(Runtime::current().id(), outside);
}

#[test]
fn outside_tokio_actors_live_on_a_background_thread() {
    let runtime = isolated();
    let config = steadfast_actors::breaker::BreakerConfig::default();
    let breaker = runtime.registry().declare_breaker("db", config, "test").unwrap();
    let caller = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    assert!(caller.block_on(breaker.admit(None)).is_ok());
}
