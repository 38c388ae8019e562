//! Refusals as gRPC says them: a status code, and `grpc-retry-pushback-ms` (gRFC A6) where there is a time to try again.

use std::sync::Arc;

use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

use super::{ConflictReason, Rejection, RejectionKind};
use crate::clock::saturating_nanos;

/// The status that a refusal becomes, with the refusal itself as its source, so that breakers and retries further out
/// still know what it was.
impl From<Rejection> for Status {
    fn from(rejection: Rejection) -> Self {
        let mut status = Status::new(code(&rejection), rejection.to_string());
        if let Some(wait) = rejection.retry_after() {
            // Rounded up: who waits that long is not refused again for having come a moment early.
            let millis = saturating_nanos(wait).div_ceil(1_000_000);
            status.metadata_mut().insert("grpc-retry-pushback-ms", MetadataValue::from(millis));
        }
        status.set_source(Arc::new(rejection));
        status
    }
}

fn code(rejection: &Rejection) -> Code {
    match rejection.kind() {
        RejectionKind::Open | RejectionKind::Full | RejectionKind::Shed | RejectionKind::Unavailable => {
            Code::Unavailable
        }
        RejectionKind::RateLimited => Code::ResourceExhausted,
        RejectionKind::Timeout => Code::DeadlineExceeded,
        RejectionKind::Unauthenticated => Code::Unauthenticated,
        RejectionKind::Forbidden => Code::PermissionDenied,
        RejectionKind::Invalid => Code::InvalidArgument,
        RejectionKind::Conflict => match rejection {
            Rejection::Conflict { reason: ConflictReason::OtherPayload | ConflictReason::BadKey, .. } => {
                Code::InvalidArgument
            }
            _ => Code::Aborted,
        },
        // It may have taken effect in part: a client's layer that repeats what is unavailable must not.
        RejectionKind::Preempted => Code::Aborted,
        RejectionKind::Misconfigured => Code::Internal,
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_refusal_becomes_a_status_that_still_knows_what_it_was() {
        let refused = Rejection::rate_limited("uploads", "10 a minute", Some(Duration::from_micros(1_500)));
        let status = Status::from(refused.clone());
        assert_eq!((status.code(), status.message()), (Code::ResourceExhausted, &*refused.to_string()));
        assert_eq!(status.metadata().get("grpc-retry-pushback-ms").unwrap(), "2");
        assert_eq!(status.source().and_then(|source| source.downcast_ref()), Some(&refused));
    }
}
