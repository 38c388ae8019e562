//! What is learned from calls in place of being fixed.
//!
//! | folder | what it learns |
//! |---|---|
//! | [`sketch`] | quantiles of recent latencies, which the others share |
//! | [`hedge`] | when a second attempt pays |
//! | [`timeout`] | how long an attempt may take |
//! | [`concurrency`] | how many calls a dependency takes at once |
//! | [`brownout`] | how many optional parts an answer can have |

pub mod brownout;
pub mod concurrency;
pub mod hedge;
pub mod sketch;
pub mod timeout;
