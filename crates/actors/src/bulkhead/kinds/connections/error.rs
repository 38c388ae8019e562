use std::time::Duration;

use crate::rejection::Rejection;
use crate::settings::format_duration;

/// A connector's own error.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a call has no connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// It could not be opened.
    #[error("connection error: pool {pool:?} cannot connect: {source}")]
    Connect {
        /// The pool.
        pool: String,
        /// Why.
        source: BoxError,
    },
    /// It was not open in time.
    #[error("timeout: pool {pool:?} was not connected within {}", format_duration(*limit))]
    TimedOut {
        /// The pool.
        pool: String,
        /// How long it had.
        limit: Duration,
    },
    /// This code cannot have one: no pool of such connections is around it, or it has one already.
    #[error("{0}")]
    Refused(#[from] Rejection),
}

impl From<ConnectionError> for String {
    fn from(error: ConnectionError) -> Self {
        error.to_string()
    }
}

impl From<ConnectionError> for std::io::Error {
    fn from(error: ConnectionError) -> Self {
        let kind = match &error {
            ConnectionError::Connect { source, .. } => {
                let io = source.downcast_ref::<std::io::Error>();
                io.map_or(std::io::ErrorKind::NotConnected, std::io::Error::kind)
            }
            ConnectionError::TimedOut { .. } => std::io::ErrorKind::TimedOut,
            ConnectionError::Refused(_) => std::io::ErrorKind::Other,
        };
        std::io::Error::new(kind, error)
    }
}
