//! Who calls: how that is found out, and what is known then.
//!
//! ```text
//!   message says who calls already (built in code, or found out before) --> it does
//!   else each authenticator in turn: no credentials of its sort --> the next one
//!                                    right                      --> the message knows its principal
//!                                    wrong                      --> counted against the peer
//!   not known: 401 under `#[require_auth]` (none at all counts there, too), else it passes as nobody
//! ```
//!
//! | rule | default | why |
//! |---|---|---|
//! | failed attempts of one peer | 30 a minute, then 429 in place of 401 | guessing is slowed down, whoever has a valid token is not |
//! | several credentials in one message | the first authenticator that knows its sort decides | a wrong token is not made right by a second one |

mod api_keys;
mod authenticator;
mod configure;
mod failures;
#[cfg(feature = "jwt")]
mod jwt;
mod principal;
#[cfg(test)]
mod tests;

use steadfast_actors::rejection::{Rejection, RejectionKind};

use super::Message;
use crate::runtime::Runtime;

pub use api_keys::ApiKeys;
pub(crate) use authenticator::Authenticators;
pub use authenticator::{AuthRequest, Authenticator};
pub(crate) use configure::{AuthOptions, CheckedAuth};
pub(crate) use failures::FailedAttempts;
#[cfg(feature = "jwt")]
pub use jwt::{InvalidKey, Jwt};
pub use principal::Principal;

/// Finds out who sent `message`, and tells it. Where that is not `required`, a message whose sender is not known passes,
/// too; but guessing is counted there as well, since a quota by API key would tell a right guess from a wrong one.
///
/// # Errors
/// [`Rejection::Unauthenticated`] where it is not known, [`Rejection::RateLimited`] where its peer was wrong too often,
/// and what an authenticator says that cannot decide.
pub(crate) async fn find_out(runtime: &Runtime, message: &Message, required: bool) -> Result<(), Rejection> {
    if message.principal().is_some() {
        return Ok(());
    }
    let Authentication { authenticators, failed } = runtime.authentication();
    let request = AuthRequest::new(message, runtime.clock().wall());
    let rejection = match authenticators.find(&request).await {
        Ok(Some(principal)) => {
            message.identify(principal);
            return Ok(());
        }
        Ok(None) if !required => return Ok(()),
        Ok(None) if authenticators.is_empty() => {
            Rejection::unauthenticated("this service knows no way to find out who calls")
        }
        Ok(None) => Rejection::unauthenticated("no credentials were sent"),
        Err(rejection) => rejection,
    };
    if rejection.kind() == RejectionKind::Unauthenticated {
        failed.count(message).await?;
    }
    if required { Err(rejection) } else { Ok(()) }
}

/// How one runtime finds out who calls.
#[derive(Debug, Default)]
pub(crate) struct Authentication {
    pub(crate) authenticators: Authenticators,
    pub(crate) failed: FailedAttempts,
}
