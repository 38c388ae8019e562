//! What is wrong with a backend at the moment, and how many calls reached it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use steadfast::actors::settings::{format_duration, parse_duration};
use tokio::sync::watch;

/// A fault: what it does to calls. It is written as
/// `{"error_rate": 0.5, "status": 503, "latency": "2s", "hang": false}`, each part optional.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub(crate) struct Fault {
    error_rate: f64,
    status: StatusCode,
    latency: Duration,
    hang: bool,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// Which part of the calls fails, from 0 to 1. Left out it is 1 where a status is given, else 0.
    error_rate: Option<f64>,
    /// What a failing call is answered with. 500 where it is left out.
    status: Option<u16>,
    /// How much longer every call takes.
    latency: Option<String>,
    /// Whether calls are never answered. Those that wait are answered once the fault is cleared.
    #[serde(default)]
    hang: bool,
}

impl Default for Fault {
    /// Nothing is wrong.
    fn default() -> Self {
        let (error_rate, status) = (0.0, StatusCode::INTERNAL_SERVER_ERROR);
        Fault { error_rate, status, latency: Duration::ZERO, hang: false }
    }
}

impl TryFrom<Written> for Fault {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { error_rate, status, latency, hang } = written;
        let mut mistakes = Vec::new();
        if error_rate.is_some_and(|rate| !(0.0..=1.0).contains(&rate)) {
            mistakes.push("`error_rate` is a number from 0 to 1".to_owned());
        }
        if status.is_some_and(|status| !(400..=599).contains(&status)) {
            mistakes.push("`status` is an error's status, from 400 to 599".to_owned());
        }
        let latency =
            latency.as_deref().map_or(Ok(Duration::ZERO), parse_duration).unwrap_or_else(|problem| {
                mistakes.push(format!("`latency`: {problem}"));
                Duration::ZERO
            });
        if !mistakes.is_empty() {
            return Err(mistakes.join("; "));
        }
        Ok(Fault {
            error_rate: error_rate.unwrap_or(if status.is_some() { 1.0 } else { 0.0 }),
            status: status
                .and_then(|status| StatusCode::from_u16(status).ok())
                .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            latency,
            hang,
        })
    }
}

impl From<Fault> for Written {
    fn from(fault: Fault) -> Self {
        let Fault { error_rate, status, latency, hang } = fault;
        Written {
            error_rate: Some(error_rate),
            status: Some(status.as_u16()),
            latency: Some(format_duration(latency)),
            hang,
        }
    }
}

/// Stands in front of one backend: counts what arrives, and lets the fault happen.
#[derive(Debug)]
pub(crate) struct Injector {
    fault: watch::Sender<Fault>,
    calls: AtomicU64,
    /// Failures that are due. Errors are spread evenly and not drawn, so that two runs of one script see the same.
    due: Mutex<f64>,
}

impl Injector {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Injector { fault: watch::Sender::default(), calls: AtomicU64::new(0), due: Mutex::new(0.0) })
    }

    pub(crate) fn set(&self, fault: Fault) {
        *self.due.lock().unwrap_or_else(PoisonError::into_inner) = 0.0;
        self.fault.send_replace(fault);
    }

    pub(crate) fn fault(&self) -> Fault {
        self.fault.borrow().clone()
    }

    /// Calls that really arrived.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Waits until calls no longer hang; the fault that holds then.
    async fn once_cleared(&self) -> Fault {
        let mut fault = self.fault.subscribe();
        let cleared = fault.wait_for(|fault| !fault.hang).await;
        cleared.map(|fault| fault.clone()).unwrap_or_default()
    }

    fn fails(&self, rate: f64) -> bool {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        *due += rate;
        // A third three times is a little less than one.
        let fails = *due > 1.0 - 1e-9;
        if fails {
            *due -= 1.0;
        }
        fails
    }
}

/// The middleware: the fault first, then the backend's own answer.
pub(crate) async fn inject(State(injector): State<Arc<Injector>>, request: Request, next: Next) -> Response {
    injector.calls.fetch_add(1, Ordering::Relaxed);
    let fault = injector.fault();
    if !fault.latency.is_zero() {
        tokio::time::sleep(fault.latency).await;
    }
    let fault = if fault.hang { injector.once_cleared().await } else { fault };
    if injector.fails(fault.error_rate) {
        let status = fault.status;
        let reason = status.canonical_reason().unwrap_or("failed");
        return (status, Json(serde_json::json!({ "error": reason }))).into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_spread_evenly_over_the_calls() {
        for (rate, failures) in [(0.0, 0), (0.25, 25), (1.0 / 3.0, 33), (0.5, 50), (1.0, 100)] {
            let injector = Injector::new();
            assert_eq!((0..100).filter(|_| injector.fails(rate)).count(), failures, "{rate}");
        }
    }

    fn read(text: &str) -> Result<Fault, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_status_alone_means_that_every_call_fails() {
        for (text, rate, status) in [
            (r#"{"status": 503}"#, 1.0, 503),
            (r#"{"error_rate": 0.5}"#, 0.5, 500),
            (r#"{"error_rate": 0, "status": 503}"#, 0.0, 503),
            ("{}", 0.0, 500),
        ] {
            let fault = read(text).unwrap();
            assert_eq!((fault.error_rate, fault.status.as_u16()), (rate, status), "{text}");
        }
    }

    #[test]
    fn a_fault_is_shown_as_it_can_be_written() {
        let fault = read(r#"{"error_rate": 0.5, "latency": "2.5s", "hang": true}"#).unwrap();
        assert_eq!(read(&serde_json::to_string(&fault).unwrap()), Ok(fault));
    }

    #[test]
    fn all_mistakes_of_a_fault_are_told_at_once() {
        let problem = read(r#"{"error_rate": 2, "status": 200, "latency": "soon"}"#).unwrap_err();
        for part in ["error_rate", "status", "latency"] {
            assert!(problem.contains(part), "{problem}");
        }
        assert!(read(r#"{"eror_rate": 1}"#).unwrap_err().contains("eror_rate"));
    }
}
