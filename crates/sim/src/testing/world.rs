use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use steadfast::Runtime;
use steadfast::deadline::Deadline;
use steadfast_actors::clock::Time;
use steadfast_actors::settings::nearest;

use crate::engine::{CallError, House};
use crate::world::{About, Route};

/// The simulated services and links around one run of a test, and everything that can befall them.
///
/// It is a handle: its clones are one world. It lives for one seed. Each method that injects a fault says what it
/// strikes; the fault begins at once, and ends by itself or by [`Injected::heal`](super::Injected::heal).
#[derive(Clone)]
pub struct World {
    pub(super) house: Arc<House>,
    routes: Arc<BTreeMap<(String, String), Route>>,
    seed: u64,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("seed", &self.seed).finish_non_exhaustive()
    }
}

impl World {
    pub(super) fn new(house: Arc<House>, routes: BTreeMap<(String, String), Route>, seed: u64) -> Self {
        World { house, routes: Arc::new(routes), seed }
    }

    /// The seed of this run.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Virtual time, exact to the nanosecond.
    #[must_use]
    pub fn now(&self) -> Time {
        self.house.clock.now()
    }

    /// The runtime under test, which annotated functions use here.
    #[must_use]
    pub fn runtime(&self) -> &Runtime {
        &self.house.runtime
    }

    /// Calls a service from `app`, as nobody in particular.
    ///
    /// # Errors
    /// What the service answered.
    ///
    /// # Panics
    /// Where there is no service of that name.
    ///
    /// # Cancel safety
    /// A dropped call has left; what its server has begun is served all the same.
    pub async fn call(&self, service: &str) -> Result<(), CallError> {
        self.call_from("app", service, 0).await
    }

    /// The same as the user with this number: faults can aim at one key, and shards are chosen by it.
    ///
    /// # Errors
    /// What the service answered.
    ///
    /// # Panics
    /// Where there is no service of that name.
    pub async fn call_as(&self, key: u64, service: &str) -> Result<(), CallError> {
        self.call_from("app", service, key).await
    }

    /// The same over a link of another sender, where one is declared.
    ///
    /// # Errors
    /// What the service answered.
    ///
    /// # Panics
    /// Where no such link is declared.
    pub async fn call_from(&self, from: &str, service: &str, key: u64) -> Result<(), CallError> {
        let route = self.route(from, service);
        let request = self.house.calls.fetch_add(1, Ordering::Relaxed);
        let deadline = Deadline::current().time().as_nanos();
        let about = About { request, key, priority: 1, deadline, held: 0, entry: About::NO_ENTRY };
        self.house.send(route, about).await.map(drop).map_err(CallError::Kind)
    }

    #[track_caller]
    fn route(&self, from: &str, to: &str) -> Route {
        let key = (from.to_owned(), to.to_owned());
        let links = self.routes.keys().map(|(from, to)| format!("{from}->{to}"));
        *self.routes.get(&key).unwrap_or_else(|| missing("link", &format!("{from}->{to}"), links))
    }

    /// The ends that links may name.
    pub(super) fn ends(&self) -> impl Iterator<Item = String> {
        self.routes.keys().flat_map(|(from, to)| [from.clone(), to.clone()])
    }

    /// Its services.
    pub(super) fn services(&self) -> impl Iterator<Item = String> {
        self.routes.keys().map(|(_, to)| to.clone())
    }
}

/// A test that names what is not there must not look as if it had tested it.
#[expect(clippy::panic, reason = "that is how a test fails")]
#[track_caller]
pub(super) fn missing(what: &str, name: &str, known: impl Iterator<Item = String>) -> ! {
    let known: std::collections::BTreeSet<String> = known.collect();
    let hint = nearest(name, known.iter().map(String::as_str));
    let hint = hint.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    let listed = known.into_iter().collect::<Vec<_>>().join(", ");
    panic!("there is no {what} `{name}`{hint} (known: {listed})")
}
