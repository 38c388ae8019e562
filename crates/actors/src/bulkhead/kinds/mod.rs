//! What a permit stands for where it is more than a number.
//!
//! | kind | a permit is | where |
//! |---|---|---|
//! | `semaphore` | a number | the machine alone |
//! | `memory` | bytes | the machine alone |
//! | `threads` | a thread for blocking work | `threads` |

mod shared;
mod threads;

pub use shared::SharedPermit;
use threads::Threads;

use std::sync::OnceLock;

/// What a pool of one kind has beside its machine.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    threads: OnceLock<Threads>,
}
