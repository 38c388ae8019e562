use axum::http::StatusCode;
use axum::response::Response;
use steadfast_actors::clock::Time;

use crate::runtime::Runtime;
use crate::service::contract::Route;

/// The label of all requests that no route is for: scanners try thousands of paths.
const UNMATCHED: &str = "unmatched";
/// As others log it: the client closed its connection before it had an answer.
const GONE: u16 = 499;

/// Counts one request, `steadfast_http_requests_total{method, route, status}` and `steadfast_http_seconds{route}`.
/// Routes are as they are declared: no path that was sent, and no key, is ever a label.
pub(super) struct Observed {
    runtime: Runtime,
    route: &'static Route,
    begun: Time,
    done: bool,
}

impl Observed {
    pub(super) fn new(runtime: &Runtime, route: &'static Route) -> Self {
        Observed { runtime: runtime.clone(), route, begun: runtime.clock().now(), done: false }
    }

    pub(super) fn answered(mut self, response: &Response) {
        self.done = true;
        self.count(response.status().as_u16());
    }

    fn count(&self, status: u16) {
        let latency = self.runtime.clock().now().since(self.begun);
        record(self.route.method(), self.route.path(), status);
        metrics::histogram!("steadfast_http_seconds", "route" => self.route.path())
            .record(latency.as_secs_f64());
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        if !self.done {
            self.count(GONE);
        }
    }
}

/// Counts a request that no route is for.
pub(super) fn unmatched(status: StatusCode) {
    record("any", UNMATCHED, status.as_u16());
}

fn record(method: &'static str, route: &'static str, status: u16) {
    let status = status.to_string();
    metrics::counter!("steadfast_http_requests_total", "method" => method, "route" => route, "status" => status)
        .increment(1);
}
