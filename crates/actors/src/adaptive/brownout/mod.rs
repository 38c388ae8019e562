//! Brown-out: under stress optional parts of an answer are left out, the least important first.
//!
//! ```text
//!   each second: the 95 % quantile of the site's latencies against its target
//!       below --> the dimmer goes up --> parts come back, the most important first
//!       above --> the dimmer goes down --> parts are left out, the least important first
//! ```
//!
//! | figure | value | why |
//! |---|---|---|
//! | `latency_target` | half of the site's total timeout; none without one | what is slower than that is about to fail; without a bound nobody said what is slow |
//! | what is measured | the 95 % quantile of a second, of 10 calls at least | the tail is what callers feel; of fewer calls it is one of luck |
//! | step | 0.2 of the relative error, and 0.3 of its change | PI in its velocity form; from all parts to none takes 5 s at the worst error |
//! | error | from -1 to 1 | one hung call must not throw the dimmer |
//!
//! The dimmer is Klein's brown-out ("Brownout: Building More Robust Cloud Applications", ICSE 2014) with a PI controller.
//! Its integral is the dimmer itself, which is held between 0 and 1: it can't wind up. However long a spell lasts in
//! which the dimmer can go no further, the first second below the target already brings parts back.
//!
//! With three parts and a dimmer of 0.5 the first part is on, the second one for half of the calls, the third one off.
//! Which calls get a part that is on for some is spread evenly over their numbers; one call sees one decision for all
//! its parts.

mod config;
mod control;
#[cfg(feature = "host")]
mod handle;
#[cfg(all(test, feature = "host"))]
mod handle_tests;
mod machine;
mod status;
#[cfg(test)]
mod tests;

pub use config::DegradeGracefully;
#[cfg(feature = "host")]
pub use handle::BrownoutHandle;
pub use machine::{BrownoutChange, BrownoutInput, BrownoutMachine, MOST_PARTS};
pub use status::BrownoutStatus;
