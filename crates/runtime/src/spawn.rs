use steadfast_actors::rejection::Rejection;
use tokio::task::JoinHandle;

use crate::Runtime;
use crate::deadline::Deadline;
use crate::pipeline::Call;

/// Spawns a task that belongs to the annotated call around this code: the call's deadline, runtime, idempotency key and
/// degradation hold inside, an annotated call inside is a child of it, and at the deadline the task ends.
///
/// What is to outlive the call, such as a mail that follows it, is spawned by `tokio::spawn`, and then knows nothing of
/// it.
///
/// # Example
/// ```
/// use steadfast::prelude::*;
///
/// #[timeout("1s")]
/// async fn page() -> Result<String, String> {
///     let reviews = steadfast::spawn(reviews());
///     let product = "a lamp";
///     let reviews = reviews.await.map_err(|error| error.to_string())???;
///     Ok(format!("{product}, {reviews}"))
/// }
///
/// #[timeout_cascade(percentage = 30)]
/// async fn reviews() -> Result<&'static str, String> {
///     assert!(Deadline::remaining().is_some_and(|left| left.as_millis() <= 300));
///     Ok("five stars")
/// }
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// assert_eq!(page().await, Ok("a lamp, five stars".to_owned()));
/// # }
/// ```
///
/// # Errors
/// The task's answer is [`Rejection::TimedOut`] where the deadline cut it.
///
/// # Panics
/// Outside tokio.
///
/// # Cancel safety
/// A dropped handle lets the task go on, to its end or to the deadline.
pub fn spawn<F>(future: F) -> JoinHandle<Result<F::Output, Rejection>>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let (runtime, call) = (Runtime::current(), Call::current());
    tokio::spawn(async move {
        let Some(call) = call else { return Ok(runtime.scope(future).await) };
        runtime.scope(call.around(Deadline::bound("spawned task", future))).await
    })
}
