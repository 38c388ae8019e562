use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use steadfast::outcome::Classify;
use steadfast::{ErrorKind, Message};

use super::handler::{CallError, inputs_message};
use super::house::House;
use crate::world::{About, Served};

/// A function that stands in for a handler of the scenario.
pub(crate) type Bound =
    Arc<dyn Fn(Request) -> Pin<Box<dyn Future<Output = Result<Served, CallError>> + Send>> + Send + Sync>;

/// The functions of one simulation, by their handlers' names.
#[derive(Clone, Default)]
pub struct Handlers(BTreeMap<String, Bound>);

impl std::fmt::Debug for Handlers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Handlers {
    /// Lets `function` stand in for the handler of this name.
    pub fn bind<F, A, T, E>(&mut self, name: &str, function: F)
    where
        F: Fn(Request) -> A + Send + Sync + 'static,
        A: Future<Output = Result<T, E>> + Send + 'static,
        E: Classify,
    {
        let bound: Bound = Arc::new(move |request| {
            let called = function(request);
            Box::pin(async move {
                match called.await {
                    Ok(_) => Ok(Served { degraded: false }),
                    Err(error) => Err(match error.rejection() {
                        Some(rejection) => CallError::Refused(rejection.clone()),
                        None => CallError::Kind(error.kind()),
                    }),
                }
            })
        });
        self.0.insert(name.to_owned(), bound);
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Bound> {
        self.0.get(name)
    }

    /// The names that are bound.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// One request as a bound function gets it.
#[derive(Clone)]
pub struct Request {
    house: Arc<House>,
    handler: usize,
    about: About,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request").field("number", &self.about.request).finish_non_exhaustive()
    }
}

impl Request {
    pub(crate) fn new(house: &Arc<House>, handler: usize, about: About) -> Self {
        Request { house: Arc::clone(house), handler, about }
    }

    /// Its number in the run, from 1.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.about.request
    }

    /// Whose it is.
    #[must_use]
    pub fn key(&self) -> u64 {
        self.about.key
    }

    /// The same as a message: its key is the user, the API key and the idempotency key.
    #[must_use]
    pub fn message(&self) -> Message {
        inputs_message(self.about)
    }

    /// Calls a service, or another handler, that the scenario's handler declares among its `calls`.
    ///
    /// # Errors
    /// What the dependency answered, or who refused; `not_found` where the scenario declares no such call.
    pub async fn call(&self, name: &str) -> Result<(), CallError> {
        let handler = &self.house.handlers[self.handler];
        let found =
            handler.names.iter().zip(handler.steps.iter().flatten()).find(|(known, _)| *known == name);
        let Some((_, callee)) = found else { return Err(CallError::Kind(ErrorKind::NotFound)) };
        let mut about = self.about;
        about.deadline = self.house.deadline(handler.per_attempt);
        self.house.step(*callee, about).await.map(drop)
    }
}
