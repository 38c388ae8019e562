//! Pools whose permit is a connection.
//!
//! ```text
//!   permit --> an idle one, the newest first --> checked --> LEASED --> comes back sound --> IDLE --> unused too long: closed
//!          --> none, and room for one        --> opened  -->        --> cut, broken, too old -------------------------> closed
//! ```
//!
//! | setting | default | why |
//! |---|---|---|
//! | `capacity` | 64 | as many connections as permits: whoever has a permit has one, or may open one |
//! | `min_idle` | 0 | a service that nobody calls keeps no server busy |
//! | `idle_timeout` | 10 min | HikariCP's: shorter than most servers and firewalls cut |
//! | `max_lifetime` | 30 min, each up to a tenth less | HikariCP's: addresses and passwords change; not all at once |
//! | `connect_timeout` | 5 s, and never past the call's deadline | a server that does not answer in that time is down |
//! | check | each time one is lent that was used before | a connection that died unused must not cost a call (r2d2, bb8) |
//!
//! A connection whose handler was cut, or panicked, is closed and never lent again: an answer may still be on its way, and
//! the next one to use it would read it as its own. Where a handler itself drops a request half-way, by a timeout of its
//! own, only the [check](Connector::check) or [`Lease::discard`] can tell.

mod error;
mod idle;
mod keeper;
mod lease;
mod pool;

use std::future::{Future, ready};
use std::pin::Pin;

pub use error::{BoxError, ConnectionError};
pub use lease::Lease;
pub use pool::ConnectionCounts;
pub(in crate::bulkhead) use pool::{AnyConnections, Connections};

/// Opens and checks the connections of a pool.
///
/// # Example
/// ```
/// use steadfast_actors::bulkhead::Connector;
/// use tokio::net::TcpStream;
///
/// struct Echo(std::net::SocketAddr);
///
/// impl Connector for Echo {
///     type Connection = TcpStream;
///     type Error = std::io::Error;
///
///     async fn connect(&self) -> Result<TcpStream, std::io::Error> {
///         TcpStream::connect(self.0).await
///     }
/// }
/// ```
pub trait Connector: Send + Sync + 'static {
    /// What a call is lent.
    type Connection: Send + 'static;
    /// Why there is none.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Opens one.
    ///
    /// # Cancel safety
    /// It may be dropped at any point, and must leave nothing open then.
    fn connect(&self) -> impl Future<Output = Result<Self::Connection, Self::Error>> + Send;

    /// Whether one that was used before is still of use: asks the server something that only a sound connection answers
    /// rightly. Default: yes, unasked.
    fn check(
        &self,
        connection: &mut Self::Connection,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send {
        let _ = connection;
        ready(Ok(()))
    }

    /// Whether one that comes back may be lent again, as far as can be told without waiting. Default: yes.
    fn is_reusable(&self, connection: &mut Self::Connection) -> bool {
        let _ = connection;
        true
    }
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send + 'a>>;

/// A connector of any type, for connections of one.
trait Connects<C>: Send + Sync {
    fn connect(&self) -> Answer<'_, C>;
    fn check<'a>(&'a self, connection: &'a mut C) -> Answer<'a, ()>;
    fn is_reusable(&self, connection: &mut C) -> bool;
}

impl<K: Connector> Connects<K::Connection> for K {
    fn connect(&self) -> Answer<'_, K::Connection> {
        Box::pin(async { Ok(Connector::connect(self).await?) })
    }

    fn check<'a>(&'a self, connection: &'a mut K::Connection) -> Answer<'a, ()> {
        Box::pin(async { Ok(Connector::check(self, connection).await?) })
    }

    fn is_reusable(&self, connection: &mut K::Connection) -> bool {
        Connector::is_reusable(self, connection)
    }
}
