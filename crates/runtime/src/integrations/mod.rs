//! What other crates' types mean to the layers, each behind a feature of its own.
//!
//! | file | feature | what |
//! |---|---|---|
//! | `axum` | `http` (default) | answers of handlers that axum serves, as results and as errors |
//! | `tonic` | `tonic` | statuses of gRPC calls, as errors |
//! | `reqwest` | `reqwest` | errors of an HTTP client |
//!
//! The way back, from a refusal to an answer or a status, stands with [`Rejection`](crate::Rejection) itself.

#[cfg(feature = "http")]
mod axum;
#[cfg(feature = "reqwest")]
mod reqwest;
#[cfg(feature = "tonic")]
mod tonic;
