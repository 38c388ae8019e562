use steadfast_actors::limiter::{LimiterConfig, LimiterHandle};
use steadfast_actors::registry::Registry;
use steadfast_actors::rejection::Rejection;
use steadfast_actors::settings::Settings;

use crate::config::{ConfigError, Layers};
use crate::pipeline::{ANONYMOUS, network};
use crate::service::Message;

/// The limiter's name, under which files may set another quota.
const NAME: &str = "failed_authentications";

/// Counts failed attempts of each peer.
#[derive(Debug, Default)]
pub(crate) struct FailedAttempts(Option<LimiterHandle>);

impl FailedAttempts {
    /// The quota: 30 a minute, unless a file says otherwise.
    pub(crate) fn config(layers: &Layers) -> Result<LimiterConfig, ConfigError> {
        let default = Settings::new().with("requests", 30_i64).with("per", "minute");
        let settings = layers.over(default, "rate_limit", Some(NAME), &[]);
        LimiterConfig::from_settings(&settings).map_err(|problems| {
            let sentence = |problem| format!("rate_limit {NAME}: {problem}");
            ConfigError::new(problems.into_iter().map(sentence).collect())
        })
    }

    pub(crate) fn declared(registry: &Registry, config: LimiterConfig) -> Result<Self, Rejection> {
        registry.declare_limiter(NAME, config, "authentication").map(|handle| FailedAttempts(Some(handle)))
    }

    /// Counts one.
    ///
    /// # Errors
    /// [`Rejection::RateLimited`] where there were too many.
    pub(super) async fn count(&self, message: &Message) -> Result<(), Rejection> {
        let Some(limiter) = &self.0 else { return Ok(()) };
        let peer = message.client().map_or_else(|| ANONYMOUS.to_owned(), network);
        match limiter.check(&peer).await {
            Err(rejection @ Rejection::RateLimited { .. }) => Err(rejection),
            // Where its actor cannot say, the plain refusal stands.
            _ => Ok(()),
        }
    }
}
