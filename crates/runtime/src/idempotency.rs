//! What code inside an idempotent handler may ask.

use crate::pipeline::Call;

/// The key under which the present call runs once: what its client sent, or one made of what the call asks for. Pass it
/// on to services that take an `Idempotency-Key`, and they will run once, too, however often this handler's attempts
/// are repeated.
///
/// `None` outside an idempotent call. The innermost one counts.
///
/// ```
/// # fn send(_: Option<String>) {}
/// send(steadfast::idempotency::current_key());
/// ```
#[must_use]
pub fn current_key() -> Option<String> {
    Call::current().and_then(|call| call.key().map(str::to_owned))
}
