use std::time::Duration;

use super::networks::Networks;
use crate::config::ConfigError;
use crate::runtime::RuntimeBuilder;

/// Whom the HTTP server believes, and how much it reads.
#[derive(Clone, Debug)]
pub(crate) struct HttpOptions {
    /// Whose `X-Forwarded-For` counts.
    pub(super) proxies: Networks,
    /// Whose deadlines count.
    pub(super) peers: Networks,
    pub(super) body_limit: usize,
    pub(super) body_timeout: Duration,
    mistakes: Vec<String>,
}

const BODY_LIMIT: usize = 1024 * 1024;
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

impl Default for HttpOptions {
    fn default() -> Self {
        HttpOptions {
            proxies: Networks::default(),
            peers: Networks::default(),
            body_limit: BODY_LIMIT,
            body_timeout: BODY_TIMEOUT,
            mistakes: Vec::new(),
        }
    }
}

impl HttpOptions {
    pub(crate) fn check(self) -> Result<Self, ConfigError> {
        if self.mistakes.is_empty() { Ok(self) } else { Err(ConfigError::new(self.mistakes)) }
    }
}

fn add<T: AsRef<str>>(
    networks: &mut Networks,
    mistakes: &mut Vec<String>,
    method: &str,
    blocks: impl IntoIterator<Item = T>,
) {
    for block in blocks {
        if let Err(mistake) = networks.add(block.as_ref()) {
            mistakes.push(format!("{method}: {mistake}"));
        }
    }
}

/// HTTP.
impl RuntimeBuilder {
    /// Believes the `X-Forwarded-For` of these peers: addresses, or blocks as in `10.0.0.0/8`. Default: nobody's.
    pub fn trusted_proxies<T: AsRef<str>>(mut self, blocks: impl IntoIterator<Item = T>) -> Self {
        add(&mut self.http.proxies, &mut self.http.mistakes, "trusted_proxies", blocks);
        self
    }

    /// Honours the deadlines (`grpc-timeout`, `X-Deadline-Ms`) of these callers: addresses, or blocks as in
    /// `10.0.0.0/8`. They only ever shorten a call. Default: nobody's.
    pub fn trusted_peers<T: AsRef<str>>(mut self, blocks: impl IntoIterator<Item = T>) -> Self {
        add(&mut self.http.peers, &mut self.http.mistakes, "trusted_peers", blocks);
        self
    }

    /// Reads bodies of at most so many bytes; a longer one is 413. Default: 1 MiB.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.http.body_limit = bytes;
        self
    }

    /// Waits for a body no longer than this; a slower one is 408. Default: 30 s.
    pub fn body_timeout(mut self, timeout: Duration) -> Self {
        self.http.body_timeout = timeout;
        self
    }
}
