use std::time::Duration;

use ::axum::http::{HeaderName, HeaderValue, header};
use ::axum::response::Response;
use steadfast_actors::outcome::ErrorKind;
use steadfast_actors::rejection::Rejection;

use crate::outcome::Classify;
use crate::outcome::probe::Responds;
use crate::retry::{kind_of_status, parse_retry_after};

const TRUE: HeaderValue = HeaderValue::from_static("true");

/// By its status, unless it says which refusal it was made of.
impl Classify for Response {
    fn kind(&self) -> ErrorKind {
        let of_status = || kind_of_status(self.status().as_u16());
        Classify::rejection(self).map_or_else(of_status, |rejection| rejection.kind().error_kind())
    }

    fn retry_after(&self) -> Option<Duration> {
        let wait = Classify::rejection(self).and_then(Rejection::retry_after);
        wait.or_else(|| {
            let sent = self.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
            parse_retry_after(sent, crate::Runtime::current().clock().wall())
        })
    }

    fn rejection(&self) -> Option<&Rejection> {
        self.extensions().get()
    }
}

impl Responds for Response {
    fn status(&self) -> u16 {
        Response::status(self).as_u16()
    }

    fn mark_degraded(&mut self) {
        self.headers_mut().insert(HeaderName::from_static("degraded"), TRUE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::axum::body::Body;
    use ::axum::http::StatusCode;

    fn with_status(status: u16) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        response
    }

    #[tokio::test]
    async fn an_answer_is_what_its_status_says_unless_it_says_which_refusal_it_is() {
        let mut response = with_status(503);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("7"));
        assert_eq!(response.kind(), ErrorKind::Unavailable);
        assert_eq!(response.retry_after(), Some(Duration::from_secs(7)));
        assert_eq!(with_status(404).kind(), ErrorKind::NotFound);
        let refused = Rejection::timed_out("orders", Duration::from_secs(1));
        let response = Response::from(refused.clone());
        assert_eq!((response.kind(), Classify::rejection(&response)), (ErrorKind::Timeout, Some(&refused)));
    }
}
