use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Notify;

use super::pool::Connections;

/// The first wait after a connection could not be opened in advance, doubled up to the longest: a server that is down is
/// not helped by being asked.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Closes what is idle too long and opens what is to be there in advance, until nothing is left to look after.
pub(super) async fn keep<C: Send + 'static>(pool: Weak<Connections<C>>, changed: Arc<Notify>) {
    let mut wait = FIRST_WAIT;
    loop {
        let until = {
            let Some(pool) = pool.upgrade() else { return };
            let next_end = pool.retire();
            match pool.open_in_advance().await {
                Ok(true) => {
                    wait = FIRST_WAIT;
                    continue;
                }
                Ok(false) => match next_end {
                    Some(end) => pool.instant(end),
                    None => {
                        pool.is_kept.store(false, Ordering::Release);
                        // Whoever put one back in between saw that it was being kept.
                        if pool.retire().is_none() || pool.is_kept.swap(true, Ordering::AcqRel) {
                            return;
                        }
                        continue;
                    }
                },
                Err(_) => {
                    let until = pool.after(wait);
                    wait = (wait * 2).min(LONGEST_WAIT);
                    next_end.map_or(until, |end| until.min(pool.instant(end)))
                }
            }
        };
        tokio::select! {
            biased;
            () = changed.notified() => {}
            () = tokio::time::sleep_until(until) => {}
        }
    }
}
