use std::convert::Infallible;
use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::*;

/// A server that counts who is connected to it.
#[derive(Default)]
struct Server {
    opened: AtomicU64,
    connected: AtomicU64,
    is_silent: AtomicBool,
    forgets: AtomicBool,
}

struct Connection {
    number: u64,
    server: Arc<Server>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.server.connected.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Debug, thiserror::Error)]
#[error("it knows of no such connection")]
struct Forgotten;

struct Connects(Arc<Server>);

impl Connector for Connects {
    type Connection = Connection;
    type Error = Forgotten;

    async fn connect(&self) -> Result<Connection, Forgotten> {
        if self.0.is_silent.load(Ordering::Relaxed) {
            pending::<()>().await;
        }
        millis(10).await;
        self.0.connected.fetch_add(1, Ordering::Relaxed);
        let number = self.0.opened.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(Connection { number, server: Arc::clone(&self.0) })
    }

    async fn check(&self, _: &mut Connection) -> Result<(), Forgotten> {
        if self.0.forgets.load(Ordering::Relaxed) { Err(Forgotten) } else { Ok(()) }
    }
}

fn connections(settings: Settings) -> (BulkheadHandle, Arc<Server>) {
    let pool = pool(&settings.with("kind", "connections"));
    let server = Arc::<Server>::default();
    pool.connect_with(Connects(Arc::clone(&server))).unwrap();
    (pool, server)
}

fn of_two() -> (BulkheadHandle, Arc<Server>) {
    connections(Settings::new().with("capacity", 2))
}

async fn lease(pool: &BulkheadHandle) -> Result<Lease<Connection>, ConnectionError> {
    acquire(pool).await.unwrap().shared().connection(Time::MAX).await
}

fn counts(pool: &BulkheadHandle) -> (u64, u64) {
    let counts = pool.connections().unwrap();
    (counts.open, counts.idle)
}

#[tokio::test(start_paused = true)]
async fn a_permit_is_a_connection_and_one_that_comes_back_is_lent_again() {
    let (pool, server) = of_two();
    let (first, second) = (lease(&pool).await.unwrap(), lease(&pool).await.unwrap());
    assert_eq!((first.number, second.number, pool.in_use(), counts(&pool)), (1, 2, 2, (2, 0)));
    drop((first, second));
    millis(1).await;
    assert_eq!((pool.in_use(), counts(&pool)), (0, (2, 2)));
    assert_eq!(lease(&pool).await.unwrap().number, 2);
    assert_eq!(server.opened.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_no_longer_sound_is_closed_and_another_is_opened_in_its_place() {
    let (pool, server) = of_two();
    drop((lease(&pool).await.unwrap(), lease(&pool).await.unwrap()));
    server.forgets.store(true, Ordering::Relaxed);
    assert_eq!(lease(&pool).await.unwrap().number, 3);
    assert_eq!((server.connected.load(Ordering::Relaxed), counts(&pool)), (1, (1, 1)));
}

#[tokio::test(start_paused = true)]
async fn those_that_nobody_uses_are_closed_but_for_the_least_and_all_when_they_are_too_old() {
    let settings = Settings::new().with("capacity", 4).with("min_idle", 1);
    let (pool, server) = connections(settings.with("idle_timeout", "1m").with("max_lifetime", "10m"));
    millis(100).await;
    assert_eq!(counts(&pool), (1, 1), "one was opened in advance");
    let leases = [lease(&pool).await.unwrap(), lease(&pool).await.unwrap(), lease(&pool).await.unwrap()];
    drop(leases);
    assert_eq!(counts(&pool), (3, 3));
    millis(61_000).await;
    assert_eq!(counts(&pool), (1, 1));
    let opened = server.opened.load(Ordering::Relaxed);
    millis(600_000).await;
    assert_eq!((counts(&pool), server.opened.load(Ordering::Relaxed)), ((1, 1), opened + 1));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_costs_the_connect_timeout_or_what_is_left_and_no_place() {
    let (pool, server) = connections(Settings::new().with("capacity", 1).with("connect_timeout", "2s"));
    server.is_silent.store(true, Ordering::Relaxed);
    let begun = pool.hosted().now();
    let error = lease(&pool).await.unwrap_err();
    assert!(matches!(error, ConnectionError::TimedOut { .. }), "{error}");
    assert_eq!(pool.hosted().now().since(begun), Duration::from_secs(2));
    let now = pool.hosted().now();
    let permit = acquire(&pool).await.unwrap().shared();
    let error = permit.connection::<Connection>(now.after(Duration::from_millis(300))).await.unwrap_err();
    assert_eq!(error.to_string(), "timeout: pool \"orders\" was not connected within 300ms");
    assert_eq!(counts(&pool), (0, 0));
    drop(permit);
    server.is_silent.store(false, Ordering::Relaxed);
    assert_eq!(lease(&pool).await.unwrap().number, 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_cut_or_discarded_is_closed_and_never_lent_again() {
    let (pool, server) = of_two();
    let cut_short = lease(&pool).await.unwrap();
    crate::bulkhead::cut(|| drop(cut_short));
    lease(&pool).await.unwrap().discard();
    assert_eq!((server.connected.load(Ordering::Relaxed), counts(&pool)), (0, (0, 0)));
    drop(lease(&pool).await.unwrap());
    assert_eq!(counts(&pool), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn one_permit_is_one_connection_and_a_pool_has_one_connector_of_its_own_kind() {
    let (pool, server) = of_two();
    let permit = acquire(&pool).await.unwrap().shared();
    let lent = permit.connection::<Connection>(Time::MAX).await.unwrap();
    let refused = permit.connection::<Connection>(Time::MAX).await.unwrap_err();
    assert!(refused.to_string().contains("is lent already"), "{refused}");
    drop(lent);
    assert!(permit.connection::<Connection>(Time::MAX).await.is_ok());
    let refused = permit.connection::<Infallible>(Time::MAX).await.unwrap_err();
    assert!(refused.to_string().contains("no connections of type"), "{refused}");
    assert!(pool.connect_with(Connects(Arc::clone(&server))).is_err());
    assert!(of(1).connect_with(Connects(server)).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_is_gone_leaves_no_connection_and_no_timer_behind() {
    let (pool, server) = connections(Settings::new().with("min_idle", 2));
    millis(100).await;
    assert_eq!(server.connected.load(Ordering::Relaxed), 2);
    drop(pool);
    millis(1).await;
    assert_eq!(server.connected.load(Ordering::Relaxed), 0);
    let metrics = tokio::runtime::Handle::current().metrics();
    assert!(metrics.num_alive_tasks() <= 2, "its actor and their supervisor: {}", metrics.num_alive_tasks());
}
