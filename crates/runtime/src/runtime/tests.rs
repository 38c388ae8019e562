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

#[tokio::test]
async fn grants_are_a_switch_of_the_runtime_and_of_each_name_and_a_site_says_how_they_stand() {
    use steadfast_actors::settings::Settings;

    let file = "[circuit_breaker.own]\ngrants = \"on\"\n[bulkhead.own]\ngrants = \"on\"\n";
    for (whole, remarked) in [(Grants::On, false), (Grants::Off, true)] {
        let builder = Runtime::builder().isolated().seed(1).environment([]).grants(whole).config_text(file);
        let runtime = builder.build().unwrap();
        assert_eq!(runtime.grants(), whole);
        let named = |name: &str| Settings::new().with("name", name);
        let pipeline = crate::pipeline::Pipeline::builder("checkout")
            .layer("circuit_breaker", named("own"))
            .layer("circuit_breaker", named("other"))
            .layer("bulkhead", named("own"))
            .layer("bulkhead", named("other").with("grants", "off"))
            .build(&runtime)
            .unwrap();
        let breaker = |name: &str| runtime.registry().breaker(name).unwrap().grants();
        let pool = |name: &str| runtime.registry().bulkhead(name).unwrap().grants();
        assert_eq!((breaker("own"), breaker("other")), (Grants::On, whole));
        assert_eq!((pool("own"), pool("other")), (Grants::On, Grants::Off));
        let text = pipeline.describe().to_string();
        assert_eq!(text.matches("; grants in advance").count(), 2, "{text}");
        assert_eq!(text.matches("; asks its actor for every permit").count(), 1, "{text}");
        assert_eq!(text.contains("grants are off in its runtime"), remarked, "{text}");
    }
}
