//! Refusals as HTTP says them: `application/problem+json` (RFC 9457), `Retry-After` (RFC 9110) and the `RateLimit`
//! fields (draft-ietf-httpapi-ratelimit-headers).

mod fields;
mod problem;

pub use fields::{add_rate_limit, retry_after};
pub use problem::Problem;

use axum_core::body::Body;

use super::Rejection;

/// What axum's handlers answer, and may fail with.
type Response = http::Response<Body>;

/// The answer that a refusal becomes, with the refusal itself among its extensions, so that breakers and retries
/// further out still know what it was.
impl From<Rejection> for Response {
    fn from(rejection: Rejection) -> Self {
        let problem = Problem::of_rejection(&rejection);
        // What went wrong in the house is told in words of the house: they are for its log.
        let problem = if problem.status() < 500 { problem.saying(rejection.to_string()) } else { problem };
        let mut response = problem.into_response();
        if let Some(decision) = rejection.decision() {
            // Nobody here knows what time it is: whoever waits so long is let in, so more is left by then.
            let reset_after = rejection.retry_after().unwrap_or_default();
            add_rate_limit(response.headers_mut(), rejection.name(), decision, reset_after);
        }
        response.extensions_mut().insert(rejection);
        response
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::rejection::FieldProblem;

    #[test]
    fn a_refusal_becomes_an_answer_that_still_knows_what_it_was() {
        let refused = Rejection::open("payments", "open", Some(Duration::from_millis(2_100)));
        let response = Response::from(refused.clone());
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(response.headers()["retry-after"], "3");
        assert_eq!(response.extensions().get::<Rejection>(), Some(&refused));
    }

    #[test]
    fn a_problem_names_the_policy_and_tells_callers_only_what_is_theirs() {
        let open = Problem::of_rejection(&Rejection::open("payments", "open", Some(Duration::from_secs(2))));
        let told = serde_json::to_value(&open).unwrap();
        let expected = serde_json::json!({
            "status": 503, "title": "Service Unavailable", "policy": "circuit_breaker", "name": "payments",
            "retry_after_ms": 2000,
        });
        assert_eq!(told, expected);
        let problems = vec![FieldProblem { field: "price".to_owned(), message: "is negative".to_owned() }];
        let told = serde_json::to_value(Problem::of_rejection(&Rejection::invalid(problems))).unwrap();
        assert_eq!((&told["status"], &told["errors"][0]["field"]), (&422.into(), &"price".into()));
    }
}
