use std::sync::mpsc;

use super::*;
use crate::__private::{Inputs, Settings, Site, outcome, run_once};
use crate::deadline::Deadline;
use crate::{Degradation, RejectionKind};

type Result<T> = std::result::Result<T, Rejection>;

const MODULE: &str = "kinds";

fn threads(name: &str) -> Settings {
    Settings::new().with("name", name).with("kind", "threads").with("capacity", 1).with("queue", 4)
}

fn isolated() -> Runtime {
    Runtime::builder().isolated().seed(1).environment([]).build().unwrap()
}

#[tokio::test]
async fn deadline_runtime_degradation_and_tokio_hold_on_the_thread_too() {
    let site = site!("reenters", "timeout" => Settings::new().with("total", "1h"), "bulkhead" => threads("reenters"));
    let runtime = isolated();
    let seen = run_once(site, outcome!(Result<bool>), Inputs::new(), || {
        Bulkhead::blocking(|| {
            let inner = tokio::runtime::Handle::current().block_on(Deadline::bound("inner", async { 7 }));
            let left = Deadline::remaining().is_some_and(|left| left.as_secs() > 3_000);
            let named = std::thread::current().name() == Some("reenters-1");
            left && named && inner == Ok(7) && !Degradation::current().is_degraded()
        })
    });
    assert_eq!(runtime.scope(seen).await, Ok(true));
    let own = run_once(site, outcome!(Result<u64>), Inputs::new(), || {
        Bulkhead::blocking(|| Runtime::current().id())
    });
    assert_eq!(runtime.scope(own).await, Ok(runtime.id()));
}

#[tokio::test]
async fn a_call_that_is_cut_leaves_its_permit_to_its_work() {
    let site = site!("cut", "bulkhead" => threads("cut"));
    let runtime = isolated();
    let ((begins, begun), (end, ends)) = (tokio::sync::oneshot::channel(), mpsc::channel::<()>());
    let work = run_once(site, outcome!(Result<()>), Inputs::new(), move || {
        Bulkhead::blocking(move || {
            begins.send(()).unwrap();
            ends.recv().unwrap();
        })
    });
    let scoped = runtime.clone();
    let call = tokio::spawn(async move { scoped.scope(work).await });
    begun.await.unwrap();
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    let pool = runtime.registry().bulkhead("cut").unwrap();
    assert_eq!(pool.in_use(), 1);
    end.send(()).unwrap();
    let again = run_once(site, outcome!(Result<u32>), Inputs::new(), || Bulkhead::blocking(|| 7));
    assert_eq!(runtime.scope(again).await, Ok(7));
}

#[tokio::test(start_paused = true)]
async fn without_a_pool_of_threads_around_it_says_what_to_write() {
    let plain = site!("plain", "bulkhead" => Settings::new().with("name", "plain"));
    let outside = Bulkhead::blocking(|| ()).await.unwrap_err();
    let inside =
        run_once(plain, outcome!(Result<()>), Inputs::new(), || Bulkhead::blocking(|| ())).await.unwrap_err();
    for rejection in [outside, inside] {
        assert_eq!(rejection.kind(), RejectionKind::Misconfigured);
        assert!(rejection.to_string().contains("kind = \"threads\""), "{rejection}");
    }
}

mod tcp {
    //! Real connections and a real clock; nothing sleeps.

    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    struct Echo(std::net::SocketAddr);

    impl Connector for Echo {
        type Connection = TcpStream;
        type Error = std::io::Error;

        async fn connect(&self) -> std::io::Result<TcpStream> {
            TcpStream::connect(self.0).await
        }

        async fn check(&self, connection: &mut TcpStream) -> std::io::Result<()> {
            let answer = echo(connection, b'?').await?;
            if answer == b'?' { Ok(()) } else { Err(std::io::ErrorKind::InvalidData.into()) }
        }
    }

    async fn echo(connection: &mut TcpStream, byte: u8) -> std::io::Result<u8> {
        connection.write_all(&[byte]).await?;
        connection.read_u8().await
    }

    #[derive(Default)]
    struct Seen {
        now: AtomicUsize,
        most: AtomicUsize,
        ever: AtomicUsize,
    }

    async fn server() -> (Echo, Arc<Seen>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, seen) = (listener.local_addr().unwrap(), Arc::<Seen>::default());
        let counts = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let counts = Arc::clone(&counts);
                counts.ever.fetch_add(1, Ordering::Relaxed);
                let now = counts.now.fetch_add(1, Ordering::Relaxed) + 1;
                counts.most.fetch_max(now, Ordering::Relaxed);
                tokio::spawn(async move {
                    while let Ok(byte) = socket.read_u8().await {
                        // A question that is never answered.
                        if byte != b'!' && socket.write_all(&[byte]).await.is_err() {
                            break;
                        }
                    }
                    counts.now.fetch_sub(1, Ordering::Relaxed);
                });
            }
        });
        (Echo(address), seen)
    }

    fn connections(name: &str) -> Settings {
        let settings = Settings::new().with("name", name).with("kind", "connections").with("capacity", 3);
        settings.with("queue", 50)
    }

    async fn ask(site: &'static Site, byte: u8) -> std::io::Result<u8> {
        run_once(site, outcome!(std::io::Result<u8>), Inputs::new(), move || async move {
            let mut connection = Bulkhead::connection::<TcpStream>().await?;
            echo(&mut connection, byte).await
        })
        .await
    }

    #[tokio::test]
    async fn many_calls_share_as_many_real_connections_as_there_are_permits() {
        let site = site!("tcp", "bulkhead" => connections("tcp"));
        let (runtime, (echo, seen)) = (isolated(), server().await);
        runtime.connect("tcp", echo).unwrap();
        let calls: Vec<_> = (0..30)
            .map(|byte| {
                let runtime = runtime.clone();
                tokio::spawn(async move { runtime.scope(ask(site, byte)).await.unwrap() == byte })
            })
            .collect();
        for call in calls {
            assert!(call.await.unwrap());
        }
        let (most, ever) = (seen.most.load(Ordering::Relaxed), seen.ever.load(Ordering::Relaxed));
        assert!(most <= 3 && ever <= 3, "{most} at once, {ever} in all");
    }

    #[tokio::test]
    async fn the_connection_of_a_call_that_was_cut_is_closed_and_nobody_reads_its_answer() {
        let site = site!("left", "bulkhead" => connections("left"));
        let (runtime, (echo, seen)) = (isolated(), server().await);
        runtime.connect("left", echo).unwrap();
        let scoped = runtime.clone();
        let waits = tokio::spawn(async move { scoped.scope(ask(site, b'!')).await });
        while seen.now.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        waits.abort();
        assert!(waits.await.unwrap_err().is_cancelled());
        while seen.now.load(Ordering::Relaxed) > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(runtime.scope(ask(site, b'a')).await.unwrap(), b'a');
        assert_eq!(seen.ever.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_a_connection_error_of_the_handler() {
        let site = site!("nobody", "bulkhead" => connections("nobody"));
        let runtime = isolated();
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        runtime.connect("nobody", Echo(free)).unwrap();
        let error = runtime.scope(ask(site, b'a')).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
        let connect = async {
            run_once(site, outcome!(std::result::Result<u8, String>), Inputs::new(), || async {
                let mut connection = Bulkhead::connection::<TcpStream>().await?;
                connection.read_u8().await.map_err(|error| error.to_string())
            })
            .await
        };
        let error = runtime.scope(connect).await.unwrap_err();
        assert!(error.starts_with("connection error: pool \"nobody\" cannot connect"), "{error}");
    }
}
