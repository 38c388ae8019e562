//! A client that sends what it is told, byte for byte, and a server to send it to.

use std::net::SocketAddr;

use steadfast::service::http::ServeError;
use steadfast::{Runtime, RuntimeBuilder};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) runtime: Runtime,
    pub(crate) serving: JoinHandle<Result<(), ServeError>>,
}

pub(crate) fn builder() -> RuntimeBuilder {
    Runtime::builder().isolated().environment([]).api_key("partner", "k-1")
}

pub(crate) async fn server(builder: RuntimeBuilder) -> Server {
    let runtime = builder.build().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn({
        let runtime = runtime.clone();
        async move { runtime.serve_listener(listener).await }
    });
    Server { address, runtime, serving }
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// What `RateLimit` says behind `part`: `r=` what is left, `t=` the seconds until there is more.
    pub(crate) fn rate_limit(&self, part: &str) -> &str {
        let field = self.header("ratelimit").unwrap_or_else(|| panic!("no RateLimit in {self:?}"));
        field.split(';').find_map(|found| found.strip_prefix(part)).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }
}

impl Server {
    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send("GET", path, headers, "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        self.send("POST", path, &[], body).await
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let length =
            if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        self.raw(&format!(
            "{method} {path} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n{length}{headers}\r\n{body}"
        ))
        .await
    }

    /// Sends `text` and reads until the server closes.
    pub(crate) async fn raw(&self, text: &str) -> Answer {
        read(self.open(text).await).await
    }

    /// Sends `text` and leaves the rest to the caller.
    pub(crate) async fn open(&self, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }
}

/// Waits until no call is in flight.
pub(crate) async fn idle(runtime: &Runtime) {
    while runtime.in_flight() > 0 {
        tokio::task::yield_now().await;
    }
}

pub(crate) async fn read(mut stream: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    // A server that answers before it has read everything may reset the connection after its answer.
    let _ = stream.read_to_end(&mut bytes).await;
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer but {text:?}"));
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Answer { status, headers, body: body.to_owned() }
}
