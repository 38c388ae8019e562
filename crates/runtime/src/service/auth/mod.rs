//! Who calls: principals and what they are known by.

mod principal;

use steadfast_actors::rejection::Rejection;

use super::Message;
use crate::runtime::Runtime;

pub use principal::Principal;

/// Finds out who sent `message`, and tells it.
pub(crate) async fn authenticate(_runtime: &Runtime, message: &Message) -> Result<(), Rejection> {
    match message.principal() {
        Some(_) => Ok(()),
        None => Err(Rejection::unauthenticated("nobody is known of this request")),
    }
}
