use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use steadfast_actors::adaptive::brownout::BrownoutHandle;
use steadfast_actors::adaptive::hedge::HedgeHandle;
use steadfast_actors::adaptive::timeout::AdaptiveHandle;
use steadfast_actors::clock::{Entropy, Time};
use steadfast_actors::declare::{AuditLog, Fallback, Timeout, TimeoutCascade};
use steadfast_actors::settings::Grants;

use super::gate::Gate;
use super::limits::Limit;
use super::once::Once;
use super::pool::PoolGate;
use crate::lock::lock;
use crate::retry::{RetryBudget, RetryConfig};

/// A site's layers in one runtime, checked and with their handles.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// `crate::module::function`
    pub(crate) site: String,
    pub(crate) audit: Option<AuditLog>,
    pub(crate) metrics: bool,
    /// Limiters whose key is known before the caller is.
    pub(crate) limits_before: Vec<Limit>,
    pub(crate) require_auth: bool,
    pub(crate) limits_after: Vec<Limit>,
    pub(crate) fallback: Option<Fallback>,
    pub(crate) once: Option<Once>,
    pub(crate) timeout: Option<Timeout>,
    pub(crate) cascade: Option<TimeoutCascade>,
    /// A call without a parent was seen, and it was said that one is assumed.
    pub(crate) assumed_a_parent: AtomicBool,
    /// A call was seen whose errors do not say what they are.
    pub(crate) errors_are_unknown: AtomicBool,
    pub(crate) adaptive: Option<AdaptiveHandle>,
    pub(crate) brownout: Option<BrownoutHandle>,
    pub(crate) retry: Option<Retry>,
    pub(crate) hedge: Option<Hedging>,
    /// Whether the handler runs in spite of open breakers and full pools.
    pub(crate) degrades: bool,
    /// What the whole call passes once, its retries included, outermost first.
    pub(crate) call_gates: Vec<Gate>,
    /// What each attempt passes, outermost first.
    pub(crate) gates: Vec<Gate>,
    /// The shortest time after which a dropped attempt may be blamed on its dependency, but for the call's own total.
    pub(crate) blame_after: Duration,
    /// A dropped attempt that ran as long as this was too slow, whoever dropped it.
    pub(crate) slow_after: Duration,
    /// What `describe` shows, outermost first.
    pub(crate) shown: Vec<Shown>,
}

/// A layer as `describe` shows it.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) layer: &'static str,
    pub(crate) words: Words,
    pub(crate) from: String,
}

/// What is said of a layer.
#[derive(Clone, Debug)]
pub(crate) enum Words {
    Fixed(String),
    /// A pool's settings are those of all sites that declare it, some of them later.
    Pool(PoolGate),
}

/// A site's retries and the budget they are paid from.
#[derive(Clone, Debug)]
pub(crate) struct Retry {
    pub(crate) config: RetryConfig,
    pub(crate) budget: Option<Arc<Mutex<RetryBudget>>>,
    pub(crate) entropy: Arc<Mutex<Entropy>>,
}

/// A site's hedge and the budget that it shares with retries.
#[derive(Clone, Debug)]
pub(crate) struct Hedging {
    pub(crate) handle: HedgeHandle,
    pub(crate) budget: Option<Arc<Mutex<RetryBudget>>>,
}

impl Hedging {
    /// Whether the price of one further attempt is there.
    pub(crate) fn can_spend(&self, now: Time) -> bool {
        self.budget.as_deref().is_none_or(|budget| lock(budget).tokens(now) > 0)
    }

    /// Takes it; `false` where it is not there.
    pub(crate) fn may_spend(&self, now: Time) -> bool {
        self.budget.as_deref().is_none_or(|budget| lock(budget).take(now))
    }
}

impl Retry {
    /// Takes the price of one retry from the budget; `false` where it is not there.
    pub(crate) fn may_spend(&self, now: Time) -> bool {
        self.budget.as_deref().is_none_or(|budget| lock(budget).take(now))
    }
}

impl Plan {
    /// The layers as they hold now, outermost first.
    pub(crate) fn described(&self, grants: Grants) -> Described {
        let described = |shown: &Shown| DescribedLayer {
            layer: shown.layer.to_owned(),
            settings: match &shown.words {
                Words::Fixed(words) => words.clone(),
                Words::Pool(pool) => pool.to_string(),
            },
            from: shown.from.clone(),
        };
        let unknown = "its errors do not say what they are (no `Classify`): to every layer they are unknown, which \
                       is repeated and counts as the dependency's failure";
        let unknown = self.errors_are_unknown.load(Ordering::Relaxed).then(|| unknown.to_owned());
        let asking =
            "grants are off in its runtime: every permit is asked of its actor, and every outcome told to it";
        let asking = (grants == Grants::Off).then(|| asking.to_owned());
        Described {
            site: self.site.clone(),
            layers: self.shown.iter().map(described).collect(),
            remarks: unknown.into_iter().chain(asking).collect(),
        }
    }

    /// What first attempts pay into, and retries and hedges are paid from.
    pub(crate) fn budget(&self) -> Option<&Mutex<RetryBudget>> {
        let of_retry = self.retry.as_ref().map(|retry| &retry.budget);
        let of_hedge = self.hedge.as_ref().map(|hedge| &hedge.budget);
        of_retry.or(of_hedge).and_then(Option::as_deref)
    }

    /// Whether somebody judges how long an attempt took, also where it was ready at once.
    #[inline]
    pub(crate) fn times_attempts(&self) -> bool {
        let judges = |gate: &Gate| match gate {
            Gate::Breaker(breaker, _) => breaker.config().slow_call_duration().is_some(),
            Gate::Timed(..) => true,
            Gate::Pool(..) | Gate::Shed(..) => false,
        };
        self.call_gates.iter().chain(&self.gates).any(judges)
    }

    /// Whether there is anything to pass.
    #[inline]
    pub(crate) fn has_gates(&self) -> bool {
        !self.gates.is_empty() || !self.call_gates.is_empty()
    }

    /// Whether calls are turned away before they wait.
    #[inline]
    pub(crate) fn sheds(&self) -> bool {
        self.call_gates.iter().chain(&self.gates).any(|gate| matches!(gate, Gate::Shed(..)))
    }

    /// The total that is declared, where none of it depends on who calls.
    #[inline]
    pub(crate) fn own_total(&self) -> Option<Duration> {
        self.timeout.and_then(|timeout| timeout.total)
    }

    /// What an attempt may take at most, as far as that is fixed.
    #[inline]
    pub(crate) fn fixed_per_attempt(&self) -> Option<Duration> {
        self.timeout.and_then(|timeout| timeout.per_attempt)
    }

    /// What an attempt may take at most.
    #[inline]
    pub(crate) fn per_attempt(&self) -> Option<Duration> {
        let learned = self.adaptive.as_ref().map(|adaptive| adaptive.limit(true));
        self.fixed_per_attempt().into_iter().chain(learned).min()
    }
}

/// One layer as `describe` shows it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct DescribedLayer {
    /// The layer's name in the canonical order.
    pub layer: String,
    /// Its settings as they hold, with what was laid over the attribute.
    pub settings: String,
    /// Where they come from.
    pub from: String,
}

/// The effective pipeline of a site, outermost layer first: as text by `Display`, as data by its fields.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Described {
    /// `crate::module::function`
    pub site: String,
    /// Its layers.
    pub layers: Vec<DescribedLayer>,
    /// What its author should know: of its errors, once it has been called, and of a runtime without grants.
    pub remarks: Vec<String>,
}

impl fmt::Display for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.site)?;
        for (index, layer) in self.layers.iter().enumerate() {
            writeln!(f, "{:>3}. {}: {}", index + 1, layer.layer, layer.settings)?;
            writeln!(f, "       from {}", layer.from)?;
        }
        writeln!(f, "{:>3}. handler", self.layers.len() + 1)?;
        self.remarks.iter().try_for_each(|remark| writeln!(f, "       {remark}"))
    }
}
