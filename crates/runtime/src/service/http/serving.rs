use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service as _;

use super::router::{ServeError, router, with_not_found};
use super::routes::{Routes, table};
use crate::runtime::Runtime;

/// The connections of one runtime.
pub(crate) struct Serving {
    /// No new connection, and no further request on an old one.
    closing: CancellationToken,
    /// Whatever is still open is cut.
    stopped: CancellationToken,
    connections: TaskTracker,
}

impl Default for Serving {
    fn default() -> Self {
        let connections = TaskTracker::new();
        connections.close();
        Serving { closing: CancellationToken::new(), stopped: CancellationToken::new(), connections }
    }
}

impl fmt::Debug for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serving").field("connections", &self.connections.len()).finish_non_exhaustive()
    }
}

impl Serving {
    pub(crate) fn close(&self) {
        self.closing.cancel();
    }

    /// Waits for the last answer to be sent.
    pub(crate) async fn drained(&self) {
        self.connections.wait().await;
    }

    pub(crate) fn stop(&self) {
        self.stopped.cancel();
    }
}

/// A client may take this long to send the head of a request, or to think between two.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Out of file descriptors, say: there is nothing to do but to wait for one.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

impl Runtime {
    /// Serves all handlers with `#[service_method]` until [`Runtime::shutdown`]; then it takes no new connection,
    /// answers what is in flight, and returns. Dropped, it does the same in the background.
    ///
    /// # Errors
    /// An address that cannot be bound, and what [`Runtime::router`] says of the routes.
    ///
    /// # Cancel safety
    /// As above; no answer is lost.
    pub async fn serve(&self, address: impl ToSocketAddrs) -> Result<(), ServeError> {
        let routes = self.routes()?;
        self.serve_routes(&routes, TcpListener::bind(address).await?).await
    }

    /// The same on a listener that is bound already.
    ///
    /// # Errors
    /// What [`Runtime::router`] says of the routes.
    ///
    /// # Cancel safety
    /// As [`Runtime::serve`].
    pub async fn serve_listener(&self, listener: TcpListener) -> Result<(), ServeError> {
        self.serve_routes(&self.routes()?, listener).await
    }

    async fn serve_routes(&self, routes: &Routes, listener: TcpListener) -> Result<(), ServeError> {
        let service = with_not_found(router(self, routes));
        if routes.is_empty() {
            tracing::warn!(
                "no handler with #[service_method] is linked; a crate of handlers needs `use it as _;`"
            );
        }
        for line in table(routes) {
            tracing::info!(runtime = self.name(), "{line}");
        }
        let address = listener.local_addr()?;
        tracing::info!(runtime = self.name(), %address, "serving");
        let serving = self.connections();
        let closing = serving.closing.child_token();
        let _closes_when_dropped = closing.clone().drop_guard();
        loop {
            let accepted = tokio::select! {
                biased;
                () = closing.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let connection = connection(stream, peer, service.clone(), closing.clone());
                    let stopped = serving.stopped.clone();
                    serving.connections.spawn(async move {
                        tokio::select! {
                            biased;
                            () = stopped.cancelled() => {}
                            () = connection => {}
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(listener);
        serving.drained().await;
        Ok(())
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, router: Router, closing: CancellationToken) {
    // An answer in two small pieces would otherwise wait for the client's acknowledgement of the first.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        let mut router = router.clone();
        async move {
            let response = router.call(request.map(Body::new)).await;
            Ok::<_, Infallible>(response.unwrap_or_else(|never| match never {}))
        }
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service)
    );
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        () = closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection broke");
    }
}
