use std::time::Duration;

use super::{Deadline, format_deadline_ms, format_grpc_timeout};
use crate::pipeline::Call;

impl Deadline {
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
