use std::any::Any;
use std::future::Future;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, FromRequestParts as _, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::Response;
use steadfast_actors::rejection::Rejection;
use steadfast_actors::rejection::http::Problem;
use tokio::runtime::Handle;

use super::answer::{answer, problem};
use super::client::client;
use super::observed::Observed;
use super::problem;
use super::request::{self, NoBody};
use super::wire::time_left;
use crate::pipeline::{Call, Identity, look_at_limits};
use crate::runtime::Runtime;
use crate::service::contract::{Reply, Route};

/// One request from its head to its answer.
pub(super) async fn exchange(runtime: Runtime, route: &'static Route, request: Request) -> Response {
    let observed = Observed::new(&runtime, route);
    let response = answered(runtime, route, request).await;
    observed.answered(&response);
    response
}

async fn answered(runtime: Runtime, route: &'static Route, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let options = runtime.http_options();
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    let addresses = peer.map(|peer| (peer, client(peer, &parts.headers, &options.proxies)));
    let is_trusted = addresses.is_some_and(|(_, client)| options.peers.contains(client));
    let wire = if is_trusted { time_left(&parts.headers) } else { Ok(None) };
    // Before the body: what it takes to come counts towards the deadline.
    let root = Call::serving(&runtime, wire.unwrap_or_default());
    let place = route.identity();
    let head = request::head(route, &parts, addresses);
    let received = match wire {
        Ok(wire) => received(&root, &mut parts, body, place, wire).await,
        Err(invalid) => Err(problem::of_request(StatusCode::BAD_REQUEST, invalid.to_string())),
    };
    let (parameters, body) = match received {
        Ok(received) => received,
        Err(reason) => {
            look_at_limits(&root, place, &head.build()).await;
            return problem(&root, reason);
        }
    };
    let message = request::message(head, route, &parts, &parameters, body);
    let running = Arc::clone(&root);
    let served = async move { running.runtime.scope(running.around(route.serve(message))).await };
    match (Run { future: Some(Box::pin(caught(served))), root: Arc::clone(&root) }).await {
        Ok(reply) => answer(&root, reply, place),
        Err(panic) => problem(&root, problem::of_panic(&*panic, place)),
    }
}

/// What is read of a request before any layer is asked.
async fn received(
    root: &Call,
    parts: &mut Parts,
    body: Body,
    place: &Identity,
    wire: Option<Duration>,
) -> Result<(RawPathParams, Vec<u8>), Problem> {
    let is_over = || root.is_over();
    let over = || {
        let late = Rejection::timed_out(place.path(), wire.unwrap_or_default());
        problem::of_rejection(&late, place)
    };
    if is_over() {
        return Err(over());
    }
    let Ok(parameters) = RawPathParams::from_request_parts(parts, &()).await else {
        return Err(problem::of_request(StatusCode::BAD_REQUEST, "the path is not UTF-8"));
    };
    let options = root.runtime.http_options();
    let patience = root.left().map_or(options.body_timeout, |left| left.min(options.body_timeout));
    let asked_first = parts.headers.contains_key(header::EXPECT);
    match request::body(body, options.body_limit, patience, asked_first).await {
        Ok(body) => Ok((parameters, body)),
        Err(NoBody::TooSlow) if is_over() => Err(over()),
        Err(reason) => Err(no_body(&reason, options.body_limit)),
    }
}

fn no_body(reason: &NoBody, limit: usize) -> Problem {
    let (status, detail) = match reason {
        NoBody::TooLarge => {
            (StatusCode::PAYLOAD_TOO_LARGE, format!("a body of at most {limit} bytes is read"))
        }
        NoBody::TooSlow => (StatusCode::REQUEST_TIMEOUT, "the body did not come in time".to_owned()),
        NoBody::Broken => (StatusCode::BAD_REQUEST, "the body broke off".to_owned()),
    };
    problem::of_request(status, detail)
}

type Caught = Result<Reply, Box<dyn Any + Send>>;

async fn caught(future: impl Future<Output = Reply>) -> Caught {
    let mut future = pin!(future);
    std::future::poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(poll) => poll.map(Ok),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

/// A handler that runs for a client. Dropped with the client it is cancelled, unless a repeat will ask for its result:
/// then it runs on without one.
struct Run {
    future: Option<Pin<Box<dyn Future<Output = Caught> + Send>>>,
    root: Arc<Call>,
}

impl Future for Run {
    type Output = Caught;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Caught> {
        let Some(future) = &mut self.future else { return Poll::Pending };
        let poll = future.as_mut().poll(context);
        if poll.is_ready() {
            self.future = None;
        }
        poll
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Some(future) = self.future.take()
            && self.root.trail().has_begun()
            && let Ok(tokio) = Handle::try_current()
        {
            tokio.spawn(future);
        }
    }
}
