//! What the runtime does: a site's pipeline, every actor, and how one comes back after a crash.

use std::time::Duration;

use serde::Serialize;
use steadfast::actors::machine::Kind;
use steadfast::actors::registry::ActorView;
use steadfast::prelude::*;

/// Two names of the specification stand for a route's handler and for a part of the dashboard: the route is meant.
fn meant(site: &str) -> &str {
    match site {
        "get_recommendations" => "storefront::handlers::recommendations::get_recommendations",
        "get_user_profile" => "storefront::handlers::profile::get_user_profile",
        other => other,
    }
}

#[service_method("GET /_describe/:site")]
pub async fn describe(msg: Message) -> Result<RpcResponse, String> {
    let site = msg.get_path_param("site")?;
    let described =
        Runtime::current().describe(meant(&site)).map_err(|problem| format!("not found: {problem}"))?;
    Ok(RpcResponse::success(&described, 0)?)
}

#[service_method("GET /_actors")]
pub async fn actors(_msg: Message) -> Result<RpcResponse, Rejection> {
    RpcResponse::success(&Runtime::current().registry().actors(), 0)
}

/// An actor before its crash and after.
#[derive(Debug, Serialize)]
struct Crashed {
    before: ActorView,
    after: Option<ActorView>,
}

#[service_method("POST /_crash/:kind/:name")]
pub async fn crash(msg: Message) -> Result<RpcResponse, String> {
    let (kind, name) = (msg.get_path_param("kind")?, msg.get_path_param("name")?);
    let kind = Kind::named(&kind).ok_or_else(|| {
        format!("not found: no kind {kind:?}; the kinds are {}", Kind::ALL.map(Kind::as_str).join(", "))
    })?;
    let before = view(kind, &name).ok_or_else(|| {
        let names: Vec<String> = all().filter(|actor| actor.kind == kind).map(|actor| actor.name).collect();
        format!("not found: no {kind} {name:?}; there are {}", names.join(", "))
    })?;
    let crashed = Runtime::current().registry().crash(kind, &name).await;
    crashed.transpose().map_err(|error| format!("unavailable: {error}"))?;
    // It is restarted in the background.
    for _ in 0..50 {
        if view(kind, &name).is_some_and(|actor| actor.restarts > before.restarts) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let after = view(kind, &name);
    Ok(RpcResponse::success(&Crashed { before, after }, 0)?)
}

fn all() -> impl Iterator<Item = ActorView> {
    Runtime::current().registry().actors().into_iter()
}

fn view(kind: Kind, name: &str) -> Option<ActorView> {
    all().find(|actor| actor.kind == kind && actor.name == name)
}
