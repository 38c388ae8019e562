//! A shop: every handler of the macros' specification on real HTTP, with backends that fail on demand.
//!
//! | file | what it holds |
//! |---|---|
//! | [`handlers`] | the specification's handlers, a file for each domain |
//! | [`backends`] | the services that the shop depends on, and how they fail |
//! | [`faults`] | `/_faults/{backend}`, `/_calls/{backend}`: what goes wrong, and what arrived |
//! | [`operations`] | `/_describe/{site}`, `/_actors`, `/_crash/{kind}/{name}`: what the runtime does |
//! | [`ready`] | `/_examples`: a request for every route |
//! | [`access`] | who may come in |
//! | [`check`] | `--check`: every route once |

mod access;
mod arguments;
mod backends;
mod check;
mod faults;
mod handlers;
mod operations;
mod ready;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use arguments::{Arguments, USAGE};
use backends::Backends;
use steadfast::Runtime;
use tokio::net::TcpListener;

/// How long calls in flight may go on once the shop is to stop.
const GRACE: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match Arguments::read(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(problem) => {
            eprintln!("storefront: {problem}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    if arguments.help {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    match shop(arguments).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("storefront: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn shop(arguments: Arguments) -> Result<ExitCode, Box<dyn Error + Send + Sync>> {
    log_to_stderr(arguments.log);
    Backends::start().await?.install();
    let runtime = Runtime::builder()
        .name("storefront")
        .authenticator(access::tokens()?)
        .api_key("partner", access::API_KEY)
        // Whoever calls from this machine may say how long the answer is wanted.
        .trusted_peers(["127.0.0.1", "::1"])
        .build()?;
    // Two handlers on one route are told before anybody is told where to call.
    drop(runtime.router()?);
    let listener = TcpListener::bind(arguments.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", arguments.listen))?;
    let address = listener.local_addr()?;
    println!("listening on http://{address}");
    let token = access::token("demo", &runtime)?;
    let server = tokio::spawn({
        let runtime = runtime.clone();
        async move { runtime.serve_listener(listener).await }
    });
    let code = if arguments.check {
        check::every_route(address, &token).await
    } else {
        println!("curl -H 'Authorization: Bearer {token}' http://{address}/user-recommendations");
        stop_wanted().await?;
        println!("stopping: no new calls, {} in flight", runtime.in_flight());
        ExitCode::SUCCESS
    };
    if !runtime.shutdown(GRACE).await {
        println!("not every call ended within {} s", GRACE.as_secs());
    }
    server.await??;
    Ok(code)
}

/// The runtime's log: a 5xx shows its caller an id, the log shows what it was.
fn log_to_stderr(level: tracing::Level) {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(level).init();
}

/// Returns on Ctrl-C, and where the system asks the process to end.
async fn stop_wanted() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        let mut ended = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            biased;
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = ended.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}
