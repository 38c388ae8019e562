//! Adaptive concurrency: how many calls a dependency takes at once, found from how it answers.
//!
//! A dependency has a knee: below it more calls at once are more answers, above it they only wait for one another. The
//! controllers here look for it by windows of some two round trips each. They are pure and belong to a pool's machine,
//! which tells them of each call that ended.
//!
//! | `adaptive` | how it moves | for what |
//! |---|---|---|
//! | `gradient` | to the limit times the ratio of idle to present latency, plus headroom | dependencies that let calls wait; finds a new knee within a few windows |
//! | `vegas` | up by one while fewer wait than a fortieth, down by what waits beyond a tenth | the same, with smaller steps: steadier, and slower to follow |
//! | `aimd` | up by one while nothing is refused, down by a tenth where something is | dependencies that refuse or time out; latency tells it nothing |
//!
//! | figure | value | why |
//! |---|---|---|
//! | start | the pool's capacity | what its author thought right |
//! | bounds | 1 to ten times the capacity | an author is seldom wrong by more |
//! | window | twice the limit in calls, at least 16, and one round trip | of fewer a mean is luck; what was admitted before a change must have left |
//! | headroom | a twentieth, at least 1 | the least that shows room above, within a tenth of the knee |
//! | search for the idle latency | every 10 s, a quarter below the limit, further down while latency falls | a line that stands hides what idle is (as ProbeRTT of BBR) |
//!
//! The algorithms are those of Netflix' concurrency-limits (gradient, vegas, AIMD) in their idea, and our own in how
//! idle latency is found: there it is the least ever seen, or a long mean, which a standing line drags along.
//!
//! A limit rises only while calls press against it: one that nobody needs shows nothing.

mod gradient;
mod idle;
mod limit;
mod sample;
#[cfg(test)]
mod tests;
mod vegas;
mod window;

pub use limit::{Adaptive, Limit};
pub use sample::{Ended, Sample};
