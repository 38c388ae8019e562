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
use steadfast_actors::settings::parse_duration;
use tokio::sync::watch;

/// A fault as it is set: `{"error_rate": 0.5, "status": 503, "latency": "2s", "hang": false}`, each part optional.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    /// Which part of the calls fails, from 0 to 1. Left out it is 1 where a status is given, else 0.
    error_rate: Option<f64>,
    /// What a failing call is answered with. 500 where it is left out.
    status: Option<u16>,
    /// How long every call takes longer.
    latency: Option<String>,
    /// Whether calls are never answered. Those that wait are answered once the fault is cleared.
    #[serde(default)]
    hang: bool,
}

impl Fault {
    /// Every mistake in it, as a sentence.
    pub(crate) fn mistakes(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        if self.error_rate.is_some_and(|rate| !(0.0..=1.0).contains(&rate)) {
            mistakes.push("`error_rate` is a number from 0 to 1".to_owned());
        }
        if self.status.is_some_and(|status| !(400..=599).contains(&status)) {
            mistakes.push("`status` is an error's status, from 400 to 599".to_owned());
        }
        if let Some(Err(problem)) = self.latency.as_deref().map(parse_duration) {
            mistakes.push(format!("`latency`: {problem}"));
        }
        mistakes
    }

    fn rate(&self) -> f64 {
        self.error_rate.unwrap_or(if self.status.is_some() { 1.0 } else { 0.0 })
    }

    fn status(&self) -> StatusCode {
        self.status
            .and_then(|status| StatusCode::from_u16(status).ok())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn latency(&self) -> Duration {
        self.latency.as_deref().and_then(|latency| parse_duration(latency).ok()).unwrap_or_default()
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
    if !fault.latency().is_zero() {
        tokio::time::sleep(fault.latency()).await;
    }
    let fault = if fault.hang { injector.once_cleared().await } else { fault };
    if injector.fails(fault.rate()) {
        let status = fault.status();
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

    #[test]
    fn a_status_alone_means_that_every_call_fails() {
        let fault: Fault = serde_json::from_str(r#"{"status": 503}"#).unwrap();
        assert_eq!((fault.rate(), fault.status().as_u16()), (1.0, 503));
        let fault: Fault = serde_json::from_str(r#"{"error_rate": 1}"#).unwrap();
        assert_eq!((fault.rate(), fault.status().as_u16()), (1.0, 500));
        let fault: Fault = serde_json::from_str("{}").unwrap();
        assert_eq!(fault, Fault::default());
        assert_eq!(fault.rate(), 0.0);
    }

    #[test]
    fn all_mistakes_of_a_fault_are_told_at_once() {
        let fault: Fault =
            serde_json::from_str(r#"{"error_rate": 2, "status": 200, "latency": "soon"}"#).unwrap();
        assert_eq!(fault.mistakes().len(), 3, "{:?}", fault.mistakes());
        assert!(serde_json::from_str::<Fault>(r#"{"eror_rate": 1}"#).is_err());
    }
}
