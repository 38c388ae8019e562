//! A bulkhead of kind `connections`: its permits are connections of a pool of their own, here to Redis.
//!
//! `REDIS_URL=redis://127.0.0.1:6379` names a server. Without it the example starts a small one that knows the commands
//! used here.

use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, Client, RedisError};
use steadfast::Bulkhead;
use steadfast::bulkhead::Connector;
use steadfast::prelude::*;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

struct Redis(Client);

impl Connector for Redis {
    type Connection = MultiplexedConnection;
    type Error = RedisError;

    async fn connect(&self) -> Result<MultiplexedConnection, RedisError> {
        self.0.get_multiplexed_async_connection().await
    }

    /// What is sent comes back only over a connection on which nothing else is still to come.
    async fn check(&self, connection: &mut MultiplexedConnection) -> Result<(), RedisError> {
        let answer: String = redis::cmd("PING").arg("sound").query_async(connection).await?;
        if answer == "sound" { Ok(()) } else { Err(std::io::Error::other("another's answer").into()) }
    }
}

#[timeout("2s")]
#[bulkhead("redis", kind = "connections", capacity = 4, queue = 20, idle_timeout = "1m")]
async fn visits(page: &'static str) -> Result<u64, String> {
    let mut redis = Bulkhead::connection::<MultiplexedConnection>().await?;
    redis.incr(format!("visits:{page}"), 1).await.map_err(|error: RedisError| error.to_string())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = Runtime::builder().build()?;
    let url = match std::env::var("REDIS_URL") {
        Ok(url) => url,
        Err(_) => small_server().await?,
    };
    runtime.connect("redis", Redis(Client::open(&*url)?))?;
    println!("{}", runtime.describe("visits")?);
    let calls: Vec<_> = (0..20).map(|_| tokio::spawn(visits("home"))).collect();
    let mut answered = 0;
    for call in calls {
        answered += u32::from(call.await?.is_ok());
    }
    let pool = runtime.registry().bulkhead("redis").ok_or("no such pool")?;
    println!("{answered} of 20 at once were answered, by {:?}", pool.connections());
    println!("one more: {:?}", visits("home").await);
    Ok(())
}

/// As much of Redis as this example uses.
async fn small_server() -> std::io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("redis://{}", listener.local_addr()?);
    println!("no REDIS_URL: a small server of this example's own answers at {url}");
    tokio::spawn(async move {
        let visits = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(answer(socket, visits.clone()));
        }
    });
    Ok(url)
}

async fn answer(
    socket: TcpStream,
    visits: std::sync::Arc<std::sync::atomic::AtomicU64>,
) -> std::io::Result<()> {
    let mut socket = BufReader::new(socket);
    loop {
        let Some(parts) = number(&mut socket, '*').await? else { return Ok(()) };
        let mut command = Vec::new();
        for _ in 0..parts {
            let length = number(&mut socket, '$').await?.unwrap_or(0);
            let mut text = vec![0; length + 2];
            socket.read_exact(&mut text).await?;
            text.truncate(length);
            command.push(String::from_utf8_lossy(&text).into_owned());
        }
        let reply = match command.first().map(|name| name.to_uppercase()).as_deref() {
            Some("PING") => match command.get(1) {
                Some(text) => format!("${}\r\n{text}\r\n", text.len()),
                None => "+PONG\r\n".to_owned(),
            },
            Some("INCRBY") => {
                format!(":{}\r\n", visits.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1)
            }
            _ => "+OK\r\n".to_owned(),
        };
        socket.write_all(reply.as_bytes()).await?;
    }
}

/// The number after `sign`; `None` where the client has left.
async fn number(socket: &mut BufReader<TcpStream>, sign: char) -> std::io::Result<Option<usize>> {
    let mut line = String::new();
    socket.read_line(&mut line).await?;
    Ok(line.trim_end().strip_prefix(sign).and_then(|number| number.parse().ok()))
}
