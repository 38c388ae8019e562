//! What a permit stands for where it is more than a number.
//!
//! | kind | a permit is | where |
//! |---|---|---|
//! | `semaphore` | a number | the machine alone |
//! | `memory` | bytes | the machine alone |
//! | `threads` | a thread for blocking work | `threads` |
//! | `connections` | a connection | `connections` |
//! | `cpu` | a place among those who share processor time | `cpu` |

mod connections;
mod cpu;
mod shared;
mod threads;

pub(super) use connections::{AnyConnections, Connections};
pub use connections::{BoxError, ConnectionCounts, ConnectionError, Connector, Lease};
use cpu::Cpu;
pub use cpu::Metered;
pub use shared::SharedPermit;
use threads::Threads;

use std::cell::Cell;
use std::sync::{Arc, OnceLock};

/// What a pool of one kind has beside its machine.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    threads: OnceLock<Threads>,
    pub(super) connections: OnceLock<Arc<dyn AnyConnections>>,
    cpu: OnceLock<Cpu>,
}

thread_local! {
    static CUTTING: Cell<bool> = const { Cell::new(false) };
}

/// Drops what was cut before it had ended: connections that it held are closed, since nobody knows what is still to come
/// on them.
pub fn cut(drop_it: impl FnOnce()) {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            CUTTING.set(self.0);
        }
    }
    let _restore = Restore(CUTTING.replace(true));
    drop_it();
}

fn is_cutting() -> bool {
    CUTTING.get()
}
