//! A shop on real HTTP with backends that fail on demand.
//!
//! | file | what it holds |
//! |---|---|
//! | [`backends`] | the services that the shop depends on, and how they fail |
//! | [`faults`] | how a fault is set, and what arrived |

#![allow(clippy::print_stdout, reason = "what an example shows, it prints")]

#[allow(dead_code, reason = "the handlers that call them are not here yet")]
mod backends;
mod faults;

use backends::Backends;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    Backends::start().await?.install();
    let listener = TcpListener::bind("127.0.0.1:8080").await?;
    println!("listening on http://{}", listener.local_addr()?);
    let stop = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    axum::serve(listener, faults::routes()).with_graceful_shutdown(stop).await
}
