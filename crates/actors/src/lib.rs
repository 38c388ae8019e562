//! Every resilience primitive of Steadfast: as a pure machine, and as the supervised actor that hosts it.
//!
//! Users depend on the `steadfast` crate; this one is for who wants the machines or the handles alone. With
//! `default-features = false` it builds neither tokio nor kameo: cargo then proves that the machines are pure.
//!
//! | folder | what it holds |
//! |---|---|
//! | [`machine`], [`clock`], [`outcome`], [`rejection`], [`event`], [`snapshot`] | the contract of every primitive and the words they share |
//! | [`gate`] | what an actor grants in advance, and how callers take it without a message |
//! | [`adaptive`], [`shed`] | what is learned from calls, and what acts on load |
//! | [`settings`] | what a site may write, checked the same way wherever it is written |

pub mod adaptive;
pub mod breaker;
pub mod bulkhead;
pub mod clock;
pub mod declare;
pub mod event;
pub mod gate;
#[cfg(feature = "host")]
pub mod host;
pub mod idempotency;
pub mod limiter;
pub mod machine;
pub mod outcome;
#[cfg(feature = "host")]
pub mod registry;
pub mod rejection;
pub mod settings;
pub mod shed;
pub mod snapshot;
pub mod supervise;
