use std::time::Duration;

/// What layers need to know of one call's arguments, read before the handler takes them.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    pub(crate) arguments: Vec<(&'static str, String)>,
    pub(crate) backoff: Option<fn(u32) -> Duration>,
}

impl Inputs {
    /// Nothing.
    #[must_use]
    pub const fn new() -> Self {
        Inputs { arguments: Vec::new(), backoff: None }
    }

    /// The text of an argument that a policy goes by.
    #[must_use]
    pub fn argument(mut self, name: &'static str, text: String) -> Self {
        self.arguments.push((name, text));
        self
    }

    /// The waits of a custom backoff.
    #[must_use]
    pub const fn backoff(mut self, function: fn(u32) -> Duration) -> Self {
        self.backoff = Some(function);
        self
    }
}
