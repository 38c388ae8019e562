use std::time::Duration;

use steadfast_actors::rejection::Rejection;

use crate::service::Message;

/// Checks a message before anything else runs.
pub type Validator = fn(&Message) -> Result<(), Rejection>;

/// What layers need to know of one call's arguments, read before the handler takes them.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    pub(crate) message: Option<Message>,
    pub(crate) arguments: Vec<(&'static str, String)>,
    pub(crate) fingerprint: Option<[u8; 32]>,
    /// By the occurrence of `rate_limit` on the function.
    pub(crate) costs: Vec<(usize, u64)>,
    /// By the pool's name.
    pub(crate) weights: Vec<(&'static str, u64)>,
    /// The bytes of the message's body, where no layer needs the message itself.
    pub(crate) body: Option<u64>,
    pub(crate) backoff: Option<fn(u32) -> Duration>,
    pub(crate) validator: Option<Validator>,
}

impl Inputs {
    /// Nothing.
    #[must_use]
    pub const fn new() -> Self {
        Inputs {
            message: None,
            arguments: Vec::new(),
            fingerprint: None,
            costs: Vec::new(),
            weights: Vec::new(),
            body: None,
            backoff: None,
            validator: None,
        }
    }

    /// What an argument says of the caller, if it is a message; the first one counts.
    #[must_use]
    pub fn context(mut self, message: Option<Message>) -> Self {
        self.message = self.message.or(message);
        self
    }

    /// The text of an argument that a policy goes by.
    #[must_use]
    pub fn argument(mut self, name: &'static str, text: String) -> Self {
        self.arguments.push((name, text));
        self
    }

    /// The digest of what the call asks for.
    #[must_use]
    pub const fn fingerprint(mut self, digest: [u8; 32]) -> Self {
        self.fingerprint = Some(digest);
        self
    }

    /// What the call costs at the `occurrence`th limiter of the function, counted from zero.
    #[must_use]
    pub fn cost(mut self, occurrence: usize, cost: u64) -> Self {
        self.costs.push((occurrence, cost));
        self
    }

    /// What the call takes of a pool: bytes of a memory, permits of a semaphore.
    #[must_use]
    pub fn weight(mut self, pool: &'static str, weight: u64) -> Self {
        self.weights.push((pool, weight));
        self
    }

    /// How many bytes an argument's body has, if it is a message; the first one counts.
    #[must_use]
    pub fn body(mut self, bytes: Option<u64>) -> Self {
        self.body = self.body.or(bytes);
        self
    }

    /// The waits of a custom backoff.
    #[must_use]
    pub const fn backoff(mut self, function: fn(u32) -> Duration) -> Self {
        self.backoff = Some(function);
        self
    }

    /// What the payload must hold to.
    #[must_use]
    pub const fn validator(mut self, validator: Validator) -> Self {
        self.validator = Some(validator);
        self
    }

    pub(crate) fn text_of(&self, name: &str) -> Option<&str> {
        self.arguments.iter().find(|(known, _)| *known == name).map(|(_, text)| text.as_str())
    }

    pub(crate) fn weight_in(&self, pool: &str) -> Option<u64> {
        self.weights.iter().find(|(known, _)| *known == pool).map(|(_, weight)| *weight)
    }

    pub(crate) fn body_length(&self) -> Option<u64> {
        let message = self.message.as_ref().map(|message| message.body().len());
        message.map(|bytes| u64::try_from(bytes).unwrap_or(u64::MAX)).or(self.body)
    }

    pub(crate) fn cost_of(&self, occurrence: usize) -> u64 {
        self.costs.iter().find(|(known, _)| *known == occurrence).map_or(1, |(_, cost)| *cost)
    }
}
