//! What a handler does with the permit that it runs under.
//!
//! | pool of kind | its handler uses the permit by |
//! |---|---|
//! | `threads` | [`Bulkhead::blocking`] |
//! | `connections` | [`Bulkhead::connection`], once [`Runtime::connect`] has said what opens them |

#[cfg(test)]
mod tests;

use std::sync::Arc;

use steadfast_actors::bulkhead::{BulkheadConfig, PoolKind};
pub use steadfast_actors::bulkhead::{ConnectionCounts, ConnectionError, Connector, Lease, SharedPermit};
use steadfast_actors::rejection::Rejection;
use steadfast_actors::settings::Settings;

use crate::Runtime;
use crate::pipeline::Call;

/// The permits of the annotated call that this code runs in.
///
/// ```
/// use steadfast::Bulkhead;
/// use steadfast::prelude::*;
///
/// #[bulkhead("reports", kind = "threads", capacity = 4)]
/// async fn report(path: String) -> Result<usize, String> {
///     let bytes = Bulkhead::blocking(move || std::fs::read(path)).await?;
///     Ok(bytes.map_err(|error| error.to_string())?.len())
/// }
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// assert!(report("/dev/null".to_owned()).await.is_ok());
/// # }
/// ```
#[derive(Debug)]
pub struct Bulkhead(());

impl Bulkhead {
    /// Runs blocking work on a thread of the innermost pool of threads around. The call's deadline, runtime and
    /// degradation hold there too, and so does tokio's runtime.
    ///
    /// The permit belongs to the work: where its caller is cut, by a timeout or by its own caller's leaving, the permit
    /// comes back when the thread is free, and not before.
    ///
    /// # Errors
    /// [`Rejection::Misconfigured`] where no pool of threads is around, else as
    /// [`SharedPermit::blocking`](steadfast_actors::bulkhead::SharedPermit::blocking) says, which tells of paused
    /// runtimes too.
    ///
    /// # Panics
    /// With the work's own panic, which the layers see as the handler's; the thread goes on.
    ///
    /// # Cancel safety
    /// Dropped while the work is queued, it never runs. Once begun it runs to its end.
    pub async fn blocking<T: Send + 'static>(
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Rejection> {
        let (call, permit) = permit("Bulkhead::blocking", PoolKind::Threads)?;
        let (runtime, tokio) = (Runtime::current(), tokio::runtime::Handle::current());
        let deadline = call.deadline().time();
        let inside = move || {
            let _tokio = tokio.enter();
            runtime.scope_blocking(|| call.around_blocking(work))
        };
        permit.blocking(deadline, inside).await
    }
}

impl Bulkhead {
    /// The connection that the permit of the innermost pool of connections around is: lent until the lease is dropped.
    ///
    /// It belongs to the attempt. Where that is cut, the connection is closed, and never lent again: an answer may still
    /// be on its way.
    ///
    /// # Errors
    /// Where it cannot be opened within the pool's `connect_timeout` and the call's deadline; where no pool of
    /// connections is around, it has none of this type, or the call's is lent already.
    ///
    /// # Cancel safety
    /// A connection that was being opened is closed.
    pub async fn connection<C: Send + 'static>() -> Result<Lease<C>, ConnectionError> {
        let (call, permit) = permit("Bulkhead::connection", PoolKind::Connections)?;
        permit.connection(call.deadline().time()).await
    }
}

impl Runtime {
    /// Says what opens the connections of the pool `name`, which is declared of kind `connections` by this, as far as no
    /// site has done so.
    ///
    /// # Errors
    /// [`Rejection::Misconfigured`] where the pool is of another kind, or has a connector.
    pub fn connect(&self, name: &str, connector: impl Connector) -> Result<(), Rejection> {
        let settings = Settings::new().with("kind", PoolKind::Connections.as_str());
        let config = BulkheadConfig::from_settings(&settings).unwrap_or_default();
        let pool = self.registry().declare_bulkhead(name, config, "Runtime::connect")?;
        pool.connect_with(connector)
    }
}

/// The permit of the innermost pool of that kind, and the call that this code runs in.
fn permit(asks: &str, kind: PoolKind) -> Result<(Arc<Call>, SharedPermit), Rejection> {
    let call = Call::current();
    let permit = call.as_ref().and_then(|call| call.permit_of(kind));
    call.zip(permit).ok_or_else(|| {
        let kind = kind.as_str();
        let problem = format!(
            "it is called in no handler that holds a permit of a pool of that kind; write #[bulkhead(\"..\", \
             kind = {kind:?})] on one around it"
        );
        Rejection::misconfigured(asks, problem)
    })
}
