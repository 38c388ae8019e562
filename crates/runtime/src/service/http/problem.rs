use axum::http::StatusCode;
use steadfast_actors::clock::Entropy;
use steadfast_actors::rejection::Rejection;
use steadfast_actors::rejection::http::Problem;

use crate::outcome::Judged;
use crate::pipeline::Identity;

/// A problem of the request itself.
pub(super) fn of_request(status: StatusCode, detail: impl Into<String>) -> Problem {
    Problem::of_status(status.as_u16()).saying(detail)
}

/// A refusal of ours.
pub(super) fn of_rejection(rejection: &Rejection, place: &Identity) -> Problem {
    telling(Problem::of_rejection(rejection), &rejection.to_string(), place)
}

/// An error of a handler.
pub(super) fn of_error(judged: &Judged, text: &str, place: &Identity) -> Problem {
    telling(Problem::of_status(judged.kind.http_status()).after(judged.retry_after), text, place)
}

/// A handler that panicked.
pub(super) fn of_panic(panic: &(dyn std::any::Any + Send), place: &Identity) -> Problem {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    let text = format!("panicked: {}", text.as_deref().unwrap_or("with something that is no text"));
    telling(Problem::of_status(500), &text, place)
}

/// What a caller did wrong is told the caller. What went wrong here may hold names and addresses of the house: that
/// goes to the log, and the caller gets an id to ask by.
fn telling(problem: Problem, text: &str, place: &Identity) -> Problem {
    let status = problem.status();
    if status < 500 {
        return problem.saying(text);
    }
    let (id, place) = (format!("{:016x}", Entropy::system_seed()), place.path());
    if problem.is_refusal() && status != 500 {
        tracing::info!(id, place, status, problem = text, "refused");
    } else {
        tracing::error!(id, place, status, problem = text, "failed");
    }
    problem.logged_as(id)
}
