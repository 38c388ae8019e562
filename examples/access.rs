//! `require_auth` and `validate`: who may call, and what may be sent.

use garde::Validate;
use serde::Deserialize;
use steadfast::prelude::*;
use steadfast::service::auth::{AuthRequest, Authenticator, Principal};

#[derive(Debug, Deserialize, Validate)]
struct Transfer {
    #[garde(length(chars, min = 3))]
    to: String,
    #[garde(range(min = 1, max = 1_000))]
    amount: u64,
}

/// Inside, `deserialize_payload` refuses what is not valid.
#[require_auth]
#[validate]
async fn transfer(msg: Message) -> Result<String, String> {
    let Transfer { to, amount } = msg.deserialize_payload()?;
    Ok(format!("{} sends {amount} to {to}", msg.get_user_id()?))
}

/// A way of one's own to find out who calls; tokens (JWT) and API keys are built in.
struct Sessions;

impl Authenticator for Sessions {
    async fn authenticate(&self, request: &AuthRequest<'_>) -> Result<Option<Principal>, Rejection> {
        let Some(session) = request.single_header("X-Session") else { return Ok(None) };
        match session {
            "s1" => Ok(Some(Principal::new().with_user("ann"))),
            _ => Err(Rejection::unauthenticated("the session is not known")),
        }
    }
}

async fn send(session: Option<&str>, to: &str, amount: u64) -> Result<String, String> {
    let message = Message::builder().payload(&json!({ "to": to, "amount": amount }))?;
    let message = session.into_iter().fold(message, |message, session| message.header("X-Session", session));
    transfer(message.build()).await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let _runtime = Runtime::builder().authenticator(Sessions).build()?;
    println!("nobody: {:?}", send(None, "bob", 5).await);
    println!("a wrong session: {:?}", send(Some("s2"), "bob", 5).await);
    println!("a user: {:?}", send(Some("s1"), "bob", 5).await);
    println!("a user with a mistake in each field: {:?}", send(Some("s1"), "b", 5_000).await);
    Ok(())
}
