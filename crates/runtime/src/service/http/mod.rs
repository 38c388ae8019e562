//! The HTTP server: every handler with `#[service_method]`, on axum and hyper.
//!
//! ```text
//!   head --> route --> address of the caller --> deadline of the caller --> body --> the handler with its layers
//!    |         |                                      |                       |                |
//!   30 s   404, 405                              400, or over: 504      408, 413, 400    answer or problem
//! ```
//!
//! | file | what it holds |
//! |---|---|
//! | `options` | whom the server believes, and how much it reads |
//! | `routes`, `router` | what the linker collected, checked, as an axum router |
//! | `serving` | connections, and how they end |
//! | `exchange` | one request from head to answer |
//! | `networks`, `client` | who calls as far as addresses tell |
//! | `wire` | the caller's deadline |
//! | `request` | a request as a message |
//! | `answer`, `problem`, `fields` | what the caller gets |
//! | `observed` | what is counted of each request |
//!
//! | setting | default | why |
//! |---|---|---|
//! | `trusted_proxies` | nobody | anybody can write `X-Forwarded-For` |
//! | `trusted_peers` | nobody | a stranger's deadline of 1 ms would be a stranger's way to fail our calls |
//! | `body_limit` | 1 MiB | a body is held in memory, before its sender is known |
//! | `body_timeout` | 30 s | the slow client gets 408; a handler that is slow is 504, never the client's fault |
//!
//! A client that goes away cancels its call, which gives everything back. A run under an idempotency key that has begun
//! goes on without it: a repeat will ask for its result.

mod answer;
mod client;
mod exchange;
mod networks;
mod observed;
mod options;
mod problem;
mod request;
mod router;
mod routes;
mod serving;
mod wire;

pub(crate) use options::HttpOptions;
pub use router::ServeError;
pub(crate) use serving::Serving;
