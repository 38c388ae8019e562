use axum::Router;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, any, get, on};

use super::exchange::exchange;
use super::observed;
use super::problem;
use super::routes::{self, Routes};
use crate::config::ConfigError;
use crate::runtime::Runtime;

/// Why HTTP could not be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The routes have mistakes.
    #[error(transparent)]
    Routes(#[from] ConfigError),
    /// The address could not be bound.
    #[error("cannot listen: {0}")]
    Listen(#[from] std::io::Error),
}

impl Runtime {
    /// All handlers with `#[service_method]`, for a server of your own. Serve it
    /// `into_make_service_with_connect_info::<SocketAddr>()`: without peers' addresses all callers share the quotas
    /// that go by address.
    ///
    /// # Errors
    /// Two sites on one route, and `#[require_auth]` without an authenticator: all of them at once.
    pub fn router(&self) -> Result<Router, ServeError> {
        Ok(router(self, &self.routes()?))
    }

    pub(super) fn routes(&self) -> Result<Routes, ServeError> {
        routes::collect(self).map_err(|mistakes| ServeError::Routes(ConfigError::new(mistakes)))
    }
}

pub(super) fn router(runtime: &Runtime, routes: &Routes) -> Router {
    let mut router = Router::new();
    for (pattern, methods) in routes {
        let mut method_router = MethodRouter::new().fallback(method_not_allowed);
        for (method, route) in methods {
            // Checked where it was written.
            let Ok(filter) = method.parse::<Method>().map_err(drop).and_then(filter) else { continue };
            let (runtime, route) = (runtime.clone(), *route);
            let serve = move |request: Request| exchange(runtime.clone(), route, request);
            method_router = method_router.merge(on(filter, serve));
        }
        router = router.route(pattern, method_router);
    }
    // Asked by who decides whether to stop or to spare the process: they pass no layer at all.
    if !routes.contains_key("/livez") {
        router = router.route("/livez", get(async || "ok"));
    }
    if !routes.contains_key("/readyz") {
        let runtime = runtime.clone();
        router = router.route("/readyz", get(async move || ready(&runtime)));
    }
    router
}

fn filter(method: Method) -> Result<MethodFilter, ()> {
    MethodFilter::try_from(method).map_err(drop)
}

fn ready(runtime: &Runtime) -> (StatusCode, &'static str) {
    if runtime.is_shutting_down() {
        (StatusCode::SERVICE_UNAVAILABLE, "shutting down")
    } else {
        (StatusCode::OK, "ok")
    }
}

async fn method_not_allowed() -> Response {
    unmatched(StatusCode::METHOD_NOT_ALLOWED, "this path takes other methods")
}

async fn not_found() -> Response {
    unmatched(StatusCode::NOT_FOUND, "there is nothing at this path")
}

fn unmatched(status: StatusCode, detail: &str) -> Response {
    observed::unmatched(status);
    problem::of_request(status, detail).into_response()
}

/// The same router with an answer for paths that it does not know.
pub(super) fn with_not_found(router: Router) -> Router {
    router.fallback_service(any(not_found))
}
