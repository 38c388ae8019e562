//! `--check`: every route is called once, and how it answered is printed.

use std::net::SocketAddr;
use std::process::ExitCode;

use axum::body::Bytes;
use axum::http::{Request, StatusCode};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use crate::ready::{Ready, ready};

/// Calls them all; succeeds where every one of them did.
pub(crate) async fn every_route(shop: SocketAddr, token: &str) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for ready in ready() {
        let answered = call(shop, &ready, token).await;
        let shown = answered.as_ref().map_or_else(Clone::clone, StatusCode::to_string);
        println!("{:24} {:4} {:40} {shown}", ready.name, ready.method, ready.path);
        if !answered.is_ok_and(|status| status.is_success()) {
            code = ExitCode::FAILURE;
        }
    }
    code
}

async fn call(shop: SocketAddr, ready: &Ready, token: &str) -> Result<StatusCode, String> {
    let mut request = Request::builder().method(ready.method).uri(format!("http://{shop}{}", ready.path));
    for (name, value) in &ready.headers {
        request = request.header(name, value.as_str().unwrap_or_default());
    }
    if ready.auth {
        request = request.header("Authorization", format!("Bearer {token}"));
    }
    let body = ready.body.as_ref().map_or_else(Bytes::new, |body| body.to_string().into());
    let request = request.body(Full::new(body)).map_err(|error| error.to_string())?;
    let client = Client::builder(TokioExecutor::new()).build_http();
    client.request(request).await.map(|answer| answer.status()).map_err(|error| error.to_string())
}
