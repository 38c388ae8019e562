//! The services that the shop depends on: HTTP servers on loopback, each on a port of its own, that fail on demand.
//!
//! | file | what it holds |
//! |---|---|
//! | [`fault`] | what is wrong with a backend, and how many calls reached it |
//! | [`client`] | how handlers call them, and which error text a failure becomes |
//! | `people`, `sales`, `goods`, `work` | what they answer, and what they keep |

pub(crate) mod client;
pub(crate) mod fault;
mod goods;
mod people;
mod sales;
#[cfg(test)]
mod tests;
mod work;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::middleware::from_fn_with_state;
use fault::{Injector, inject};
use tokio::net::TcpListener;

/// All backends by name. Those that a breaker guards are named as the breaker.
#[derive(Debug)]
pub(crate) struct Backends {
    by_name: BTreeMap<&'static str, Backend>,
}

/// One backend: where it listens, and what is wrong with it.
#[derive(Debug)]
pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    pub(crate) injector: Arc<Injector>,
}

static INSTALLED: OnceLock<Backends> = OnceLock::new();

impl Backends {
    /// Starts them all, each on a free port. They end with the process.
    pub(crate) async fn start() -> std::io::Result<Backends> {
        let mut by_name = BTreeMap::new();
        for (name, router) in routers() {
            by_name.insert(name, Backend::start(router).await?);
        }
        Ok(Backends { by_name })
    }

    /// Makes them the ones that handlers call; only the first ones can be.
    pub(crate) fn install(self) -> &'static Backends {
        INSTALLED.get_or_init(|| self)
    }

    /// Those that handlers call.
    pub(crate) fn installed() -> Option<&'static Backends> {
        INSTALLED.get()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Backend> {
        self.by_name.get(name)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.by_name.keys().copied()
    }
}

impl Backend {
    async fn start(router: Router) -> std::io::Result<Backend> {
        let injector = Injector::new();
        let router = router.layer(from_fn_with_state(Arc::clone(&injector), inject));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Backend { address, injector })
    }
}

fn routers() -> [(&'static str, Router); 17] {
    [
        ("recommendation_service", people::recommendations()),
        ("payment_processor", sales::payments()),
        ("review_service", people::reviews()),
        ("external_service", work::operations()),
        ("profile_service", people::profiles()),
        ("preferences_service", people::preferences()),
        ("activity_service", people::activity()),
        ("sync", work::sync()),
        ("third_party", work::third_party()),
        ("orders", sales::orders()),
        ("search", goods::search()),
        ("reports", work::reports()),
        ("analytics", work::analytics()),
        ("catalog", goods::catalog()),
        ("inventory", goods::inventory()),
        ("content", goods::content()),
        ("events", work::events()),
    ]
}
