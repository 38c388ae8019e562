use std::collections::BTreeSet;
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

use super::advance::MOST;
use super::gate::Gate;
use super::limits::{By, Limit};
use super::once::Once;
use super::pool::PoolGate;
use crate::observe::Metered;
use crate::retry::{RetryConfig, SharedBudget};

/// A site's layers in one runtime, checked and with their handles.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// `crate::module::function`
    pub(crate) site: String,
    pub(crate) audit: Option<AuditLog>,
    pub(crate) metrics: Option<Metered>,
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
    /// What first attempts pay into, and retries and hedges are paid from.
    pub(crate) budget: Option<Arc<SharedBudget>>,
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
    /// Whether all that it has is of a kind that can be had at once: then a call begins with a look for it.
    pub(crate) goes_ahead: bool,
    /// The same of what it has from its total timeout inwards: then what is let in begins with a look for that.
    pub(crate) goes_on_ahead: bool,
    /// Whether a call that goes ahead passes nobody on its way to the handler, and nobody judges or counts how it ends.
    pub(crate) is_bare: bool,
    /// Whether somebody judges how long an attempt took, also where it was ready at once.
    pub(crate) judges_time: bool,
    /// The gates of one that goes ahead, or on ahead, those of the whole call before those of each attempt.
    pub(crate) at_once: Vec<Gate>,
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
    pub(crate) budget: Option<Arc<SharedBudget>>,
    pub(crate) entropy: Arc<Mutex<Entropy>>,
}

/// A site's hedge and the budget that it shares with retries.
#[derive(Clone, Debug)]
pub(crate) struct Hedging {
    pub(crate) handle: HedgeHandle,
    pub(crate) budget: Option<Arc<SharedBudget>>,
}

impl Hedging {
    /// Whether the price of one further attempt is there.
    pub(crate) fn can_spend(&self, now: Time) -> bool {
        self.budget.as_deref().is_none_or(|budget| budget.has_token(now))
    }

    /// Takes it; `false` where it is not there.
    pub(crate) fn may_spend(&self, now: Time) -> bool {
        self.budget.as_deref().is_none_or(|budget| budget.take(now))
    }
}

impl Retry {
    /// Takes the price of one retry from the budget; `false` where it is not there.
    pub(crate) fn may_spend(&self, now: Time) -> bool {
        self.budget.as_deref().is_none_or(|budget| budget.take(now))
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

    /// Whether a call of it may be over before a layer has got a future.
    pub(crate) fn can_go_ahead(&self) -> bool {
        let hears_of_all = self.audit.is_some() || self.brownout.is_some();
        let asks_before = self.require_auth || self.once.is_some() || !self.limits_after.is_empty();
        let shares_limits = self.limits_before.iter().all(|limit| limit.by == By::Global);
        self.can_go_on_ahead() && !hears_of_all && !asks_before && shares_limits
    }

    /// Whether one that was let in may be over before a layer further in has got a future.
    pub(crate) fn can_go_on_ahead(&self) -> bool {
        let has_its_own_way = self.degrades || self.hedge.is_some() || self.adaptive.is_some();
        let addresses: BTreeSet<usize> = self.all_gates().map(Gate::actor_address).collect();
        let gates = self.call_gates.len() + self.gates.len();
        // A gate that stands twice is passed once.
        let has_few_gates = gates <= MOST && addresses.len() == gates;
        let can_be_had = has_few_gates && self.all_gates().all(Gate::can_be_passed_at_once);
        !has_its_own_way && can_be_had
    }

    /// Whether its calls keep nothing and begin alike, where nothing is around them and nobody listens.
    pub(crate) fn has_calls_like_others(&self) -> bool {
        self.cascade.is_none() && self.brownout.is_none() && !self.degrades && !self.sheds()
    }

    /// All that is passed, what the whole call passes before what each attempt does.
    #[inline]
    pub(crate) fn all_gates(&self) -> impl Iterator<Item = &Gate> {
        self.call_gates.iter().chain(&self.gates)
    }

    /// Whether nobody is to be passed before the handler or told of its success.
    pub(crate) fn asks_nobody(&self) -> bool {
        self.limits_before.is_empty() && self.metrics.is_none() && !self.has_gates() && !self.judges_time
    }

    /// What first attempts pay into, and retries and hedges are paid from.
    pub(crate) fn budget_of_either(&self) -> Option<Arc<SharedBudget>> {
        let of_retry = self.retry.as_ref().map(|retry| &retry.budget);
        let of_hedge = self.hedge.as_ref().map(|hedge| &hedge.budget);
        of_retry.or(of_hedge).and_then(Clone::clone)
    }

    /// Has a first attempt pay into the budget of retries and hedges.
    #[inline]
    pub(crate) fn count_first_attempt(&self) {
        if let Some(budget) = &self.budget {
            budget.first_attempt();
        }
    }

    /// Whether a gate judges how long an attempt took.
    pub(crate) fn times_attempts(&self) -> bool {
        let judges = |gate: &Gate| match gate {
            Gate::Breaker(breaker, _) => breaker.config().slow_call_duration().is_some(),
            Gate::Timed(..) => true,
            Gate::Pool(..) | Gate::Shed(..) => false,
        };
        self.all_gates().any(judges)
    }

    /// Whether there is anything to pass.
    #[inline]
    pub(crate) fn has_gates(&self) -> bool {
        !self.gates.is_empty() || !self.call_gates.is_empty()
    }

    /// Whether calls are turned away before they wait.
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
