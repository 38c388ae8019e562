use std::sync::mpsc;

use super::*;
use crate::__private::{Declaration, Identity, Inputs, Settings, Site, outcome, run_once};
use crate::deadline::Deadline;
use crate::{Degradation, RejectionKind};

type Result<T> = std::result::Result<T, Rejection>;

macro_rules! site {
    ($name:literal, $($attribute:literal => $settings:expr),+ $(,)?) => {{
        static SITE: Site = Site::new(
            Identity { module: "kinds", owner: "", function: $name, file: "tests.rs", line: 1 },
            || vec![$(Declaration::new($attribute, 1, 1, $settings)),+],
        );
        &SITE
    }};
}

fn threads(name: &str) -> Settings {
    Settings::new().with("name", name).with("kind", "threads").with("capacity", 1).with("queue", 4)
}

fn isolated() -> Runtime {
    Runtime::builder().isolated().seed(1).environment([]).build().unwrap()
}

#[tokio::test]
async fn deadline_runtime_degradation_and_tokio_hold_on_the_thread_too() {
    let site = site!("reenters", "timeout" => Settings::new().with("total", "1h"), "bulkhead" => threads("reenters"));
    let runtime = isolated();
    let seen = run_once(site, outcome!(Result<bool>), Inputs::new(), || {
        Bulkhead::blocking(|| {
            let inner = tokio::runtime::Handle::current().block_on(Deadline::bound("inner", async { 7 }));
            let left = Deadline::remaining().is_some_and(|left| left.as_secs() > 3_000);
            let named = std::thread::current().name() == Some("reenters-1");
            left && named && inner == Ok(7) && !Degradation::current().is_degraded()
        })
    });
    assert_eq!(runtime.scope(seen).await, Ok(true));
    let own = run_once(site, outcome!(Result<u64>), Inputs::new(), || {
        Bulkhead::blocking(|| Runtime::current().id())
    });
    assert_eq!(runtime.scope(own).await, Ok(runtime.id()));
}

#[tokio::test]
async fn a_call_that_is_cut_leaves_its_permit_to_its_work() {
    let site = site!("cut", "bulkhead" => threads("cut"));
    let runtime = isolated();
    let ((begins, begun), (end, ends)) = (tokio::sync::oneshot::channel(), mpsc::channel::<()>());
    let work = run_once(site, outcome!(Result<()>), Inputs::new(), move || {
        Bulkhead::blocking(move || {
            begins.send(()).unwrap();
            ends.recv().unwrap();
        })
    });
    let scoped = runtime.clone();
    let call = tokio::spawn(async move { scoped.scope(work).await });
    begun.await.unwrap();
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    let pool = runtime.registry().bulkhead("cut").unwrap();
    assert_eq!(pool.in_use(), 1);
    end.send(()).unwrap();
    let again = run_once(site, outcome!(Result<u32>), Inputs::new(), || Bulkhead::blocking(|| 7));
    assert_eq!(runtime.scope(again).await, Ok(7));
}

#[tokio::test(start_paused = true)]
async fn without_a_pool_of_threads_around_it_says_what_to_write() {
    let plain = site!("plain", "bulkhead" => Settings::new().with("name", "plain"));
    let outside = Bulkhead::blocking(|| ()).await.unwrap_err();
    let inside =
        run_once(plain, outcome!(Result<()>), Inputs::new(), || Bulkhead::blocking(|| ())).await.unwrap_err();
    for rejection in [outside, inside] {
        assert_eq!(rejection.kind(), RejectionKind::Misconfigured);
        assert!(rejection.to_string().contains("kind = \"threads\""), "{rejection}");
    }
}
