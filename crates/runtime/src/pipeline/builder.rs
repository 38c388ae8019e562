use std::fmt;
use std::sync::Arc;

use steadfast_actors::rejection::Rejection;
use steadfast_actors::settings::Settings;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::inputs::Inputs;
use super::plan::{Described, Plan};
use super::run::{Callee, Failure, execute, execute_or};
use super::site::Declaration;
use crate::config::ConfigError;
use crate::outcome::Outcome;
use crate::outcome::probe::codec;
use crate::runtime::Runtime;
use crate::service::Message;
use crate::service::contract::Fingerprints;

/// The layers of an annotated call, put together in code.
///
/// Layers are added from the outermost inward. Left in the canonical order they are what the attributes make; another
/// order is possible where it can be meant, and refused where it can't: a fallback below a retry would hide every
/// failure from it.
///
/// ```
/// # use steadfast::pipeline::Pipeline;
/// # use steadfast::Runtime;
/// # use steadfast_actors::settings::Settings;
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// let runtime = Runtime::builder().isolated().build()?;
/// let charge = Pipeline::builder("charge")
///     .layer("retry", Settings::new().with("attempts", 3))
///     .layer("circuit_breaker", Settings::new().with("name", "payments"))
///     .build(&runtime)?;
/// let receipt: Result<u32, String> = charge.call(|| async { Ok(7) }).await;
/// assert_eq!(receipt, Ok(7));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Pipeline {
    runtime: Runtime,
    plan: Arc<Plan>,
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline").field("site", &self.plan.site).finish_non_exhaustive()
    }
}

/// Puts a [`Pipeline`] together.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct PipelineBuilder {
    name: String,
    layers: Vec<(String, Settings)>,
}

/// What stands above a retry, whichever way it is written: it answers or bounds the whole call.
const ABOVE_RETRY: [&str; 11] = [
    "audit_log",
    "metrics",
    "rate_limit",
    "require_auth",
    "validate",
    "fallback",
    "idempotent",
    "timeout",
    "timeout_cascade",
    "shed",
    "throttle",
];

impl Pipeline {
    /// Begins a pipeline of this name.
    pub fn builder(name: &str) -> PipelineBuilder {
        PipelineBuilder { name: name.to_owned(), layers: Vec::new() }
    }

    /// Runs one call; `body` makes a future for each attempt.
    ///
    /// # Errors
    /// What the body returned, or a refusal.
    ///
    /// # Cancel safety
    /// Dropped at any point it gives back everything that it was granted.
    pub async fn call<T, E, F>(&self, body: impl FnMut() -> F) -> Result<T, E>
    where
        E: From<Rejection> + crate::Classify,
        F: Future<Output = Result<T, E>>,
    {
        self.run(Outcome::classified, Inputs::new(), body).await
    }

    /// The same for a message: its caller is whom limiters count and authentication asks for, and what it asks for is
    /// what an idempotency store tells calls apart by.
    ///
    /// # Errors
    /// As [`call`](Pipeline::call).
    ///
    /// # Cancel safety
    /// As [`call`](Pipeline::call); a call that began under an idempotency key leaves its outcome unknown.
    pub async fn call_for<T, E, F>(&self, message: &Message, body: impl FnMut() -> F) -> Result<T, E>
    where
        T: Serialize + DeserializeOwned,
        E: From<Rejection> + crate::Classify,
        F: Future<Output = Result<T, E>>,
    {
        let mut inputs = Inputs::new().context(Some(message.clone()));
        // It is as much work as the message is long, and only a store compares it.
        if self.plan.once.is_some() {
            inputs = inputs.fingerprint(Fingerprints::new().with(message).finish());
        }
        self.run(|| Outcome::classified().stored(codec()), inputs, body).await
    }

    /// The same with an answer for when it fails; declared by a layer `fallback`.
    ///
    /// # Errors
    /// What the body returned, or a refusal, where the fallback failed too or is not meant for it.
    pub async fn call_or<T, E, F, H>(
        &self,
        body: impl FnMut() -> F,
        fallback: impl FnOnce(Arc<Failure<E>>) -> H,
    ) -> Result<T, E>
    where
        E: From<Rejection> + crate::Classify,
        F: Future<Output = Result<T, E>>,
        H: Future<Output = Result<T, E>>,
    {
        self.run_or(Outcome::classified, Inputs::new(), body, fallback).await
    }

    /// The same for results that are read by `outcome`, with what layers need to know of the call's arguments: who
    /// calls, and the texts that limiters and stores go by.
    ///
    /// # Errors
    /// As [`call`](Pipeline::call).
    pub async fn call_with<T, E, F>(
        &self,
        outcome: Outcome<T, E>,
        inputs: Inputs,
        body: impl FnMut() -> F,
    ) -> Result<T, E>
    where
        E: From<Rejection>,
        F: Future<Output = Result<T, E>>,
    {
        self.run(move || outcome, inputs, body).await
    }

    /// Both: results that are read by `outcome`, and an answer for when the call fails.
    ///
    /// # Errors
    /// As [`call_or`](Pipeline::call_or).
    pub async fn call_with_or<T, E, F, H>(
        &self,
        outcome: Outcome<T, E>,
        inputs: Inputs,
        body: impl FnMut() -> F,
        fallback: impl FnOnce(Arc<Failure<E>>) -> H,
    ) -> Result<T, E>
    where
        E: From<Rejection>,
        F: Future<Output = Result<T, E>>,
        H: Future<Output = Result<T, E>>,
    {
        self.run_or(move || outcome, inputs, body, fallback).await
    }

    fn run<T, E, F>(
        &self,
        outcome: impl Fn() -> Outcome<T, E>,
        inputs: Inputs,
        mut body: impl FnMut() -> F,
    ) -> impl Future<Output = Result<T, E>>
    where
        E: From<Rejection>,
        F: Future<Output = Result<T, E>>,
    {
        execute(Callee::Plan(&self.runtime, &self.plan), outcome, inputs, move || Some(body()))
    }

    fn run_or<T, E, F, H>(
        &self,
        outcome: impl Fn() -> Outcome<T, E>,
        inputs: Inputs,
        mut body: impl FnMut() -> F,
        fallback: impl FnOnce(Arc<Failure<E>>) -> H,
    ) -> impl Future<Output = Result<T, E>>
    where
        E: From<Rejection>,
        F: Future<Output = Result<T, E>>,
        H: Future<Output = Result<T, E>>,
    {
        execute_or(Callee::Plan(&self.runtime, &self.plan), outcome, inputs, move || Some(body()), fallback)
    }

    /// The same, with every call interpreted from its start.
    #[cfg(test)]
    pub(super) fn interpreted(mut self) -> Self {
        let plan = Arc::get_mut(&mut self.plan).expect("nobody has called it yet");
        (plan.goes_ahead, plan.goes_on_ahead, plan.is_bare) = (false, false, false);
        plan.at_once = Vec::new();
        self
    }

    /// Its layers, outermost first.
    #[must_use]
    pub fn describe(&self) -> Described {
        self.plan.described(self.runtime.grants())
    }
}

impl PipelineBuilder {
    /// Adds a layer inside those that were added before: the attribute's name, and its arguments by their keys.
    pub fn layer(mut self, attribute: &str, settings: Settings) -> Self {
        self.layers.push((attribute.to_owned(), settings));
        self
    }

    /// Checks the order and every setting, and creates the actors.
    ///
    /// # Errors
    /// All mistakes at once.
    pub fn build(self, runtime: &Runtime) -> Result<Pipeline, ConfigError> {
        let mut mistakes = self.misplaced();
        let retry = self.layers.iter().position(|(attribute, _)| attribute == "retry");
        let declarations: Vec<Declaration> = self
            .layers
            .iter()
            .enumerate()
            .map(|(index, (attribute, settings))| {
                let outside_retry = retry.is_some_and(|retry| index < retry);
                Declaration::new(attribute.clone(), 0, 0, settings.clone()).outside_retry(outside_retry)
            })
            .collect();
        match runtime.plans().make(&self.name, &[&self.name], declarations, runtime) {
            Ok(plan) if mistakes.is_empty() => {
                Ok(Pipeline { runtime: runtime.clone(), plan: Arc::new(plan) })
            }
            Ok(_) => Err(ConfigError::new(mistakes)),
            Err(more) => {
                mistakes.extend(more);
                Err(ConfigError::new(mistakes))
            }
        }
    }

    fn misplaced(&self) -> Vec<String> {
        let Some(retry) = self.layers.iter().position(|(attribute, _)| attribute == "retry") else {
            return Vec::new();
        };
        let below = self.layers.iter().skip(retry + 1);
        let mut mistakes: Vec<String> = below
            .filter(|(attribute, settings)| {
                ABOVE_RETRY.contains(&attribute.as_str())
                    // A timeout of each attempt belongs there.
                    && !(attribute == "timeout" && settings.get("total").is_none())
            })
            .map(|(attribute, _)| {
                format!("`{attribute}` below `retry` would act on single attempts and hide them from it; put it above")
            })
            .collect();
        if self.layers.iter().filter(|(attribute, _)| attribute == "retry").count() > 1 {
            mistakes.push("`retry` stands twice; attempts would multiply".to_owned());
        }
        mistakes
    }
}
