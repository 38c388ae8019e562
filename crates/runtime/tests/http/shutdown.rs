use std::time::Duration;

use steadfast::prelude::*;
use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::client::{builder, idle, read, server};

static BEGUN: Notify = Notify::const_new();
static GO_ON: Notify = Notify::const_new();

#[service_method("GET /long")]
async fn long(_: Message) -> Result<&'static str, String> {
    BEGUN.notify_one();
    GO_ON.notified().await;
    Ok("done")
}

#[service_method("GET /endless")]
async fn endless(_: Message) -> Result<(), String> {
    STUCK.notify_one();
    std::future::pending().await
}

static STUCK: Notify = Notify::const_new();

#[tokio::test]
async fn what_is_in_flight_is_answered_and_nothing_new_is_taken() {
    let server = server(builder()).await;
    let stream = server.open("GET /long HTTP/1.1\r\nHost: shop\r\n\r\n").await;
    let idle = server.open("").await;
    BEGUN.notified().await;
    let runtime = server.runtime.clone();
    let ending = tokio::spawn(async move { runtime.shutdown(Duration::from_secs(60)).await });
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!server.serving.is_finished() && !ending.is_finished());
    GO_ON.notify_one();
    let answer = read(stream).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "\"done\""));
    assert!(ending.await.unwrap(), "every call had ended in time");
    server.serving.await.unwrap().unwrap();
    drop(idle);
}

#[tokio::test]
async fn after_its_grace_whatever_still_runs_is_cut() {
    let server = server(builder()).await;
    let mut stream = server.open("GET /endless HTTP/1.1\r\nHost: shop\r\n\r\n").await;
    STUCK.notified().await;
    assert!(!server.runtime.shutdown(Duration::from_millis(20)).await);
    server.serving.await.unwrap().unwrap();
    let mut rest = Vec::new();
    let _ = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut rest).await;
    assert_eq!(rest, b"");
    idle(&server.runtime).await;
}

#[tokio::test]
async fn a_server_that_is_dropped_lets_its_connections_end() {
    let server = server(builder()).await;
    let idle = server.open("GET /livez HTTP/1.1\r\nHost: shop\r\n\r\n").await;
    let mut first = [0; 12];
    let mut idle = idle;
    tokio::io::AsyncReadExt::read_exact(&mut idle, &mut first).await.unwrap();
    server.serving.abort();
    let mut rest = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut idle, &mut rest).await.unwrap();
    assert!(String::from_utf8(rest).unwrap().ends_with("ok"));
}
