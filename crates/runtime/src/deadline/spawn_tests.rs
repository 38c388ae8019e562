use std::time::Duration;

use crate::__private::{Declaration, Identity, Inputs, Settings, Site, outcome, run_once};
use crate::deadline::{Deadline, parse_deadline_ms, parse_grpc_timeout};
use crate::{Rejection, RejectionKind, Runtime};

type Result<T> = std::result::Result<T, Rejection>;

fn a_second() -> &'static Site {
    static SITE: Site = Site::new(
        Identity { module: "deadlines", owner: "", function: "a_second", file: "tests.rs", line: 1 },
        || vec![Declaration::new("timeout", 1, 1, Settings::new().with("total", "1s"))],
    );
    &SITE
}

async fn millis(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

#[tokio::test(start_paused = true)]
async fn a_spawned_task_has_the_deadline_of_the_call_that_spawned_it_and_is_cut_there() {
    let (told, seen) = tokio::sync::oneshot::channel();
    let call = run_once(a_second(), outcome!(Result<()>), Inputs::new(), || async {
        millis(300).await;
        let task = crate::spawn(async {
            millis(100).await;
            let left = Deadline::remaining();
            millis(60_000).await;
            left
        });
        let _ = told.send(task);
        Ok(())
    });
    call.await.unwrap();
    let clock = std::sync::Arc::clone(Runtime::current().clock());
    let begun = clock.now();
    let answer = seen.await.unwrap().await.unwrap();
    assert_eq!(answer.unwrap_err().kind(), RejectionKind::Timeout);
    assert_eq!(clock.now().since(begun), Duration::from_millis(700));
}

#[tokio::test(start_paused = true)]
async fn an_annotated_call_in_a_spawned_task_is_a_child_of_the_call_that_spawned_it() {
    let left = run_once(a_second(), outcome!(Result<Option<Duration>>), Inputs::new(), || async {
        millis(400).await;
        let child = run_once(a_second(), outcome!(Result<Option<Duration>>), Inputs::new(), || async {
            Ok(Deadline::remaining())
        });
        crate::spawn(child).await.unwrap()?
    });
    assert_eq!(left.await, Ok(Some(Duration::from_millis(600))));
}

#[tokio::test(start_paused = true)]
async fn a_task_spawned_outside_of_a_call_has_no_deadline_and_the_same_runtime() {
    let runtime = Runtime::builder().isolated().environment([]).build().unwrap();
    let task = async { crate::spawn(async { (Deadline::remaining(), Runtime::current().id()) }).await };
    assert_eq!(runtime.scope(task).await.unwrap(), Ok((None, runtime.id())));
}

#[tokio::test(start_paused = true)]
async fn headers_take_what_is_left_to_a_process_whose_clock_shows_another_time() {
    let here = Runtime::builder().isolated().environment([]).build().unwrap();
    millis(5_000).await;
    let there = Runtime::builder().isolated().environment([]).build().unwrap();
    there.clock().shift_wall(Duration::from_secs(86_400), true);
    let headers = run_once(a_second(), outcome!(Result<Vec<(&str, String)>>), Inputs::new(), || async {
        millis(250).await;
        Ok(Deadline::headers().collect())
    });
    let headers = here.scope(headers).await.unwrap();
    // On its way for 50 ms, which no clock tells: what is left is counted from its coming.
    millis(50).await;
    for (name, value) in headers {
        let read =
            if name == "grpc-timeout" { parse_grpc_timeout(&value) } else { parse_deadline_ms(&value) };
        let left = there.serving(read.ok(), async { Deadline::remaining() }).await;
        assert_eq!(left, Some(Duration::from_millis(750)), "{name}: {value}");
    }
}
