//! Tests whose body runs in virtual time under many seeds, with a [`World`] of simulated services that can be made to
//! fail.
//!
//! ```
//! use std::time::Duration;
//!
//! use steadfast::prelude::*;
//! use steadfast_sim::{CallError, World};
//!
//! #[circuit_breaker("db", failure_threshold = 3, recovery_timeout = "2s")]
//! #[timeout(per_attempt = "500ms")]
//! async fn checkout(world: World) -> Result<(), CallError> {
//!     world.call("db").await
//! }
//!
//! const DB: &str = r#"
//!     [[service]]
//!     name = "db"
//!     servers = 10
//!     latency = { dist = "exp", mean = "20ms" }
//! "#;
//!
//! steadfast_sim::World::under_seeds(DB, 0..20, |world| async move {
//!     assert_eq!(checkout(world.clone()).await, Ok(()));
//!     world.link("app", "db").hold(Duration::from_secs(5));
//!     for _ in 0..3 {
//!         assert!(checkout(world.clone()).await.is_err());
//!     }
//!     // The breaker is open now: it answers at once.
//!     let before = world.now();
//!     assert!(matches!(checkout(world.clone()).await, Err(CallError::Refused(_))));
//!     assert_eq!(world.now(), before);
//!     tokio::time::sleep(Duration::from_secs(6)).await;
//!     assert_eq!(checkout(world).await, Ok(()));
//! });
//! ```
//!
//! The same as an attribute is [`steadfast_sim::test`](crate::test).
//!
//! | file | what it holds |
//! |---|---|
//! | `seeds` | one body under many seeds, and the line that replays the one that fails |
//! | `stage` | one body in one world, with everything that always must hold |
//! | `world`, `faults` | what a test sees of its world, and does to it |

mod faults;
mod seeds;
mod stage;
#[cfg(test)]
mod tests;
mod world;

pub use faults::{ActorHandle, ClockHandle, Injected, LinkHandle, ServiceHandle};
pub use seeds::under_seeds;
pub use world::World;

/// What `#[steadfast_sim::test]` may call.
pub(crate) mod private {
    pub use super::seeds::{Ground, Told, test};
}
