use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use tokio::time::{Instant, Sleep, sleep_until};

/// What `future` comes to, or nothing once it is `deadline`. Asked for first, so that what is ready costs neither a
/// timer nor a look at the clock.
///
/// # Cancel safety
/// Dropped, it leaves the future where it was, and no timer.
pub(super) async fn until<F: Future>(
    deadline: impl FnOnce() -> Instant,
    mut future: Pin<&mut F>,
) -> Option<F::Output> {
    let mut deadline = Some(deadline);
    let mut timer = pin!(None::<Sleep>);
    poll_fn(|context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        if let Some(deadline) = deadline.take() {
            timer.set(Some(sleep_until(deadline())));
        }
        match timer.as_mut().as_pin_mut() {
            Some(timer) => timer.poll(context).map(|()| None),
            None => Poll::Pending,
        }
    })
    .await
}
