use serde::{Deserialize, Serialize};

/// Which sort of primitive an actor hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// A circuit breaker.
    Breaker,
    /// A pool of permits held for one attempt.
    Bulkhead,
    /// A pool of permits held for a whole call.
    Throttle,
    /// A rate limiter.
    Limiter,
    /// An idempotency store.
    Idempotency,
    /// A learned timeout.
    Adaptive,
    /// What starts second attempts.
    Hedge,
    /// A load shedder.
    Shed,
    /// What switches optional parts off.
    Brownout,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 9] = [
        Kind::Breaker,
        Kind::Bulkhead,
        Kind::Throttle,
        Kind::Limiter,
        Kind::Idempotency,
        Kind::Adaptive,
        Kind::Hedge,
        Kind::Shed,
        Kind::Brownout,
    ];

    /// The kind that goes by `name`, if one does.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The kind's name in paths, logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Breaker => "breaker",
            Kind::Bulkhead => "bulkhead",
            Kind::Throttle => "throttle",
            Kind::Limiter => "limiter",
            Kind::Idempotency => "idempotency",
            Kind::Adaptive => "adaptive",
            Kind::Hedge => "hedge",
            Kind::Shed => "shed",
            Kind::Brownout => "brownout",
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
