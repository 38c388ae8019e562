use std::sync::Arc;
use std::time::Duration;

use steadfast_actors::rejection::Rejection;

use crate::service::Message;

/// Checks a message before anything else runs.
pub type Validator = fn(&Message) -> Result<(), Rejection>;

/// What layers need to know of one call's arguments, read before the handler takes them.
///
/// Of most calls nothing has to be known: what is, lies apart, so that handing it on costs no more than a word.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    read: Option<Arc<Read>>,
    backoff: Option<fn(u32) -> Duration>,
}

/// What was read of the arguments.
#[derive(Clone, Debug, Default)]
struct Read {
    message: Option<Message>,
    arguments: Vec<(&'static str, String)>,
    fingerprint: Option<[u8; 32]>,
    /// By the occurrence of `rate_limit` on the function.
    costs: Vec<(usize, u64)>,
    /// By the pool's name.
    weights: Vec<(&'static str, u64)>,
    /// The bytes of the message's body, where no layer needs the message itself.
    body: Option<u64>,
    validator: Option<Validator>,
}

impl Inputs {
    /// Nothing.
    #[must_use]
    pub const fn new() -> Self {
        Inputs { read: None, backoff: None }
    }

    fn noted(mut self, note: impl FnOnce(&mut Read)) -> Self {
        note(Arc::make_mut(self.read.get_or_insert_default()));
        self
    }

    /// What an argument says of the caller, if it is a message; the first one counts.
    #[must_use]
    pub fn context(self, message: Option<Message>) -> Self {
        match message {
            Some(message) => self.noted(|read| _ = read.message.get_or_insert(message)),
            None => self,
        }
    }

    /// The text of an argument that a policy goes by.
    #[must_use]
    pub fn argument(self, name: &'static str, text: String) -> Self {
        self.noted(|read| read.arguments.push((name, text)))
    }

    /// The digest of what the call asks for.
    #[must_use]
    pub fn fingerprint(self, digest: [u8; 32]) -> Self {
        self.noted(|read| read.fingerprint = Some(digest))
    }

    /// What the call costs at the `occurrence`th limiter of the function, counted from zero.
    #[must_use]
    pub fn cost(self, occurrence: usize, cost: u64) -> Self {
        self.noted(|read| read.costs.push((occurrence, cost)))
    }

    /// What the call takes of a pool: bytes of a memory, permits of a semaphore.
    #[must_use]
    pub fn weight(self, pool: &'static str, weight: u64) -> Self {
        self.noted(|read| read.weights.push((pool, weight)))
    }

    /// How many bytes an argument's body has, if it is a message; the first one counts.
    #[must_use]
    pub fn body(self, bytes: Option<u64>) -> Self {
        match bytes {
            Some(bytes) => self.noted(|read| _ = read.body.get_or_insert(bytes)),
            None => self,
        }
    }

    /// The waits of a custom backoff.
    #[must_use]
    pub const fn backoff(mut self, function: fn(u32) -> Duration) -> Self {
        self.backoff = Some(function);
        self
    }

    /// What the payload must hold to.
    #[must_use]
    pub fn validator(self, validator: Validator) -> Self {
        self.noted(|read| read.validator = Some(validator))
    }

    /// Whether nothing of its arguments tells one call from another.
    #[inline]
    pub(crate) fn are_the_same_for_all(&self) -> bool {
        self.read.is_none()
    }

    pub(crate) fn message(&self) -> Option<&Message> {
        self.read.as_ref()?.message.as_ref()
    }

    /// What the payload must hold to, and the message that it is in.
    pub(crate) fn validated(&self) -> Option<(Validator, &Message)> {
        let read = self.read.as_ref()?;
        read.validator.zip(read.message.as_ref())
    }

    pub(crate) fn digest(&self) -> Option<[u8; 32]> {
        self.read.as_ref()?.fingerprint
    }

    pub(crate) fn own_backoff(&self) -> Option<fn(u32) -> Duration> {
        self.backoff
    }

    pub(crate) fn text_of(&self, name: &str) -> Option<&str> {
        let arguments = &self.read.as_ref()?.arguments;
        arguments.iter().find(|(known, _)| *known == name).map(|(_, text)| text.as_str())
    }

    pub(crate) fn weight_in(&self, pool: &str) -> Option<u64> {
        let weights = &self.read.as_ref()?.weights;
        weights.iter().find(|(known, _)| *known == pool).map(|(_, weight)| *weight)
    }

    pub(crate) fn body_length(&self) -> Option<u64> {
        let message = self.message().map(|message| message.body().len());
        let counted = self.read.as_ref().and_then(|read| read.body);
        message.map(|bytes| u64::try_from(bytes).unwrap_or(u64::MAX)).or(counted)
    }

    pub(crate) fn cost_of(&self, occurrence: usize) -> u64 {
        let costs = self.read.iter().flat_map(|read| &read.costs);
        costs.into_iter().find(|(known, _)| *known == occurrence).map_or(1, |(_, cost)| *cost)
    }
}
