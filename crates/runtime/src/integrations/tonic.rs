use std::error::Error;
use std::time::Duration;

use ::tonic::{Code, Status};
use steadfast_actors::outcome::ErrorKind;
use steadfast_actors::rejection::Rejection;

use crate::outcome::Classify;

/// By its code, unless it says which refusal it was made of. `grpc-retry-pushback-ms` (gRFC A6) is heeded as a
/// `Retry-After` is.
impl Classify for Status {
    fn kind(&self) -> ErrorKind {
        let of_code = || kind_of_code(self.code());
        Classify::rejection(self).map_or_else(of_code, |rejection| rejection.kind().error_kind())
    }

    fn retry_after(&self) -> Option<Duration> {
        let wait = Classify::rejection(self).and_then(Rejection::retry_after);
        wait.or_else(|| {
            let millis = self.metadata().get("grpc-retry-pushback-ms")?.to_str().ok()?.parse().ok()?;
            Some(Duration::from_millis(millis)).filter(|wait| !wait.is_zero())
        })
    }

    fn rejection(&self) -> Option<&Rejection> {
        self.source()?.downcast_ref()
    }
}

fn kind_of_code(code: Code) -> ErrorKind {
    match code {
        Code::DeadlineExceeded => ErrorKind::Timeout,
        Code::Unavailable => ErrorKind::Unavailable,
        Code::ResourceExhausted => ErrorKind::RateLimit,
        Code::Internal | Code::DataLoss => ErrorKind::ServerError,
        Code::Unauthenticated => ErrorKind::AuthenticationError,
        Code::PermissionDenied => ErrorKind::AuthorizationError,
        // A server that lacks a method will lack it at the next attempt.
        Code::NotFound | Code::Unimplemented => ErrorKind::NotFound,
        Code::AlreadyExists | Code::Aborted => ErrorKind::Conflict,
        Code::InvalidArgument | Code::OutOfRange | Code::FailedPrecondition => ErrorKind::ValidationError,
        Code::Cancelled => ErrorKind::Cancelled,
        Code::Ok | Code::Unknown => ErrorKind::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_what_its_code_says_unless_it_says_which_refusal_it_is() {
        let mut status = Status::unavailable("later");
        status.metadata_mut().insert("grpc-retry-pushback-ms", 250.into());
        assert_eq!(status.kind(), ErrorKind::Unavailable);
        assert_eq!(status.retry_after(), Some(Duration::from_millis(250)));
        let refused = Rejection::timed_out("orders", Duration::from_secs(1));
        let status = Status::from(refused.clone());
        assert_eq!((status.kind(), Classify::rejection(&status)), (ErrorKind::Timeout, Some(&refused)));
    }
}
