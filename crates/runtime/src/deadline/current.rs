use std::time::Duration;

use steadfast_actors::rejection::Rejection;

use super::{Deadline, format_deadline_ms, format_grpc_timeout};
use crate::pipeline::Call;

impl Deadline {
    /// Runs `future` until the deadline of the annotated call around this code, and to its end where there is none.
    /// `name` is what the refusal says was cut.
    ///
    /// # Errors
    /// [`Rejection::TimedOut`] where the deadline came first.
    ///
    /// # Cancel safety
    /// That of `future`.
    pub async fn bound<F: Future>(name: &str, future: F) -> Result<F::Output, Rejection> {
        let call = Call::current().filter(|call| call.has_deadline());
        let Some(call) = call else { return Ok(future.await) };
        let clock = call.runtime.clock();
        let begun = clock.now();
        let over = |_| Rejection::timed_out(name, begun.until(call.deadline().time()));
        if call.deadline().is_over(begun) {
            return Err(Rejection::timed_out(name, Duration::ZERO));
        }
        tokio::time::timeout_at(clock.instant(call.deadline().time()), future).await.map_err(over)
    }

    /// What is left until the deadline of the annotated call that this code runs in; `None` where it has no end.
    #[must_use]
    pub fn remaining() -> Option<Duration> {
        Call::current().and_then(|call| call.left())
    }

    /// The headers that tell the next process how much of this call's time is left; none where it has no end. They are
    /// read again for each attempt, so that a repeated request carries what is left then.
    ///
    /// ```
    /// # use steadfast::deadline::Deadline;
    /// let mut request = Vec::new();
    /// for (name, value) in Deadline::headers() {
    ///     request.push(format!("{name}: {value}"));
    /// }
    /// assert!(request.is_empty(), "outside of a call there is no deadline");
    /// ```
    pub fn headers() -> impl Iterator<Item = (&'static str, String)> {
        let left = Self::remaining();
        let headers = left.map(|left| {
            [("grpc-timeout", format_grpc_timeout(left)), ("x-deadline-ms", format_deadline_ms(left))]
        });
        headers.into_iter().flatten()
    }
}
