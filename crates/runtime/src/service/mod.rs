//! Handlers as a service: requests, answers, who calls, and the HTTP server.
//!
//! | file | what it holds |
//! |---|---|
//! | [`auth`] | principals and what they are known by |
//! | [`contract`] | what the macros need of all this |
//! | [`http`] | the HTTP server |
//! | [`message`] | a request, however it came in |
//! | [`response`] | an answer that can be sent, stored and replayed |

pub mod auth;
#[doc(hidden)]
pub mod contract;
#[cfg(feature = "http")]
pub mod http;
pub mod message;
pub mod response;

pub use message::Message;
pub use response::RpcResponse;
