use std::fmt;
use std::time::Duration;

use crate::outcome::Ending;
use crate::settings::{Mode, Problem, Reader, Settings, Value};

use super::backoff::Multiplier;
use super::{Backoff, BackoffFunction, BudgetConfig, RetryRules, Strategy};

/// What a failure means to an outer retry when an annotated call inside the attempt has used up its own retries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Nested {
    /// The attempt is not repeated: the layer nearest to the fault has already done it.
    #[default]
    Once,
    /// It is, and the numbers of attempts multiply.
    Multiply,
}

/// Checked settings of one site's retries.
#[derive(Clone, Debug)]
pub struct RetryConfig {
    attempts: u32,
    backoff: Backoff,
    rules: RetryRules,
    budget: Option<BudgetConfig>,
    nested: Nested,
    mode: Mode,
}

/// A call that is made more often than this was meant to be a loop of the caller's own.
const MOST_ATTEMPTS: u32 = 1_000_000;

const BASE_DELAY: Duration = Duration::from_secs(1);

const STRATEGIES: [(&str, Strategy); 5] = [
    ("exponential", Strategy::Exponential),
    ("fixed", Strategy::Fixed),
    ("linear", Strategy::Linear),
    ("decorrelated", Strategy::Decorrelated),
    ("custom", Strategy::Custom),
];

impl Default for RetryConfig {
    /// The table at the top of this folder.
    fn default() -> Self {
        Self {
            attempts: 3,
            backoff: Backoff::exponential(BASE_DELAY),
            rules: RetryRules::default(),
            budget: Some(BudgetConfig::default()),
            nested: Nested::Once,
            mode: Mode::Enforce,
        }
    }
}

impl RetryConfig {
    /// Checks settings as an attribute, a file or a scenario writes them.
    ///
    /// # Errors
    /// Every mistake at once. `strategy = "custom"` is one here: settings can name a function but not hold one.
    pub fn from_settings(settings: &Settings) -> Result<Self, Vec<Problem>> {
        Self::from_settings_and_function(settings, None)
    }

    /// The same, with the function that the attribute's `backoff` names.
    ///
    /// # Errors
    /// Every mistake at once.
    pub fn from_settings_and_function(
        settings: &Settings,
        function: Option<BackoffFunction>,
    ) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader::new(settings);
        let default = Self::default();
        let nested = [("once", Nested::Once), ("multiply", Nested::Multiply)];
        let config = Self {
            attempts: reader.integer32("attempts", 1..=MOST_ATTEMPTS).unwrap_or(default.attempts),
            backoff: read_backoff(&mut reader, function),
            rules: RetryRules::read(&mut reader),
            budget: read_budget(&mut reader, default.budget),
            nested: reader.choice("nested", &nested).unwrap_or_default(),
            mode: reader.mode(),
        };
        reader.finish()?;
        Ok(config)
    }

    /// Checks an attribute, which may name the function of a custom backoff.
    ///
    /// # Errors
    /// Every mistake at once.
    pub fn check(settings: &Settings) -> Result<(), Vec<Problem>> {
        let function: BackoffFunction = |_| Duration::ZERO;
        let named = settings.get("backoff").is_some();
        Self::from_settings_and_function(settings, named.then_some(function)).map(drop)
    }

    /// The same with this many runs at most, the first included; zero is read as one.
    #[must_use]
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// The same with another wait between runs.
    #[must_use]
    pub fn with_backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// The same with another budget, or with none.
    #[must_use]
    pub fn with_budget(mut self, budget: Option<BudgetConfig>) -> Self {
        self.budget = budget;
        self
    }

    /// All runs, the first included.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The wait between runs.
    #[must_use]
    pub fn backoff(&self) -> &Backoff {
        &self.backoff
    }

    /// The budget's settings; `None` where it is off.
    #[must_use]
    pub fn budget(&self) -> Option<&BudgetConfig> {
        self.budget.as_ref()
    }

    /// What becomes of an attempt whose own inner retries are used up.
    #[must_use]
    pub fn nested(&self) -> Nested {
        self.nested
    }

    /// Whether it acts on its decisions.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The same for a site whose calls do no harm when they run twice: one that was cut for a call of a higher class, and
    /// may have taken effect in part, is repeated too.
    #[must_use]
    pub fn repeating_preempted(mut self) -> Self {
        self.rules = self.rules.repeating_preempted();
        self
    }

    /// Whether a call may run again after run `attempt` (from 1) ended so; budget and deadline are still to be asked.
    #[must_use]
    pub fn repeats(&self, attempt: u32, ending: Ending) -> bool {
        attempt < self.attempts && self.rules.repeats(ending)
    }
}

fn read_backoff(reader: &mut Reader<'_>, function: Option<BackoffFunction>) -> Backoff {
    let named = reader.text("backoff").is_some();
    let written = reader.choice("strategy", &STRATEGIES);
    let strategy = written.unwrap_or(if named { Strategy::Custom } else { Strategy::Exponential });
    if named && strategy != Strategy::Custom {
        reader.problem("backoff", "it goes with strategy = \"custom\"; leave one of the two out");
    }
    // A fixed delay of zero can only mean "at once"; any other curve would stay at zero for ever, which nobody means.
    let base = match written {
        Some(Strategy::Fixed) => reader.duration_or_zero("base_delay"),
        _ => reader.duration("base_delay"),
    };
    let jitter = reader.flag("jitter");
    let factor = reader.number("multiplier", 1.0..=100.0);
    let mut backoff = match strategy {
        Strategy::Fixed => Backoff::fixed(base.unwrap_or(BASE_DELAY)),
        Strategy::Linear => Backoff::linear(base.unwrap_or(BASE_DELAY)),
        Strategy::Exponential => Backoff::exponential(base.unwrap_or(BASE_DELAY)),
        Strategy::Decorrelated => Backoff::decorrelated(base.unwrap_or(BASE_DELAY)),
        Strategy::Custom => match function {
            Some(function) => Backoff::custom(function),
            None => {
                reader.problem(
                    "strategy",
                    "\"custom\" needs backoff = \"path\", a fn(u32) -> Duration, in the attribute",
                );
                Backoff::exponential(BASE_DELAY)
            }
        },
    };
    if let Some(factor) = factor {
        match Multiplier::new(factor) {
            _ if strategy != Strategy::Exponential => {
                reader.problem("multiplier", "only an exponential strategy multiplies");
            }
            Some(multiplier) => backoff = backoff.with_multiplier(multiplier),
            None => reader.problem("multiplier", format!("{factor} has more than three decimals")),
        }
    }
    match jitter {
        Some(false) if strategy == Strategy::Decorrelated => {
            reader.problem("jitter", "a decorrelated delay is random by nature; use another strategy");
        }
        Some(false) => backoff = backoff.without_jitter(),
        Some(true) => backoff = backoff.with_full_jitter(),
        None => {}
    }
    reader.duration("max_delay").map_or(backoff, |max| backoff.with_max_delay(max))
}

fn read_budget(reader: &mut Reader<'_>, default: Option<BudgetConfig>) -> Option<BudgetConfig> {
    match reader.value("budget") {
        None => default,
        Some(Value::Table(_)) => reader.table("budget", BudgetConfig::read),
        Some(Value::Text(text)) if text == "off" => None,
        Some(other) => {
            let message = format!(
                "expected \"off\" or a table such as {{ ratio = 0.2, min = \"10/s\", cap = 100 }}, found {other}"
            );
            reader.problem("budget", message);
            default
        }
    }
}

impl fmt::Display for RetryConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {} runs; waits {}", self.attempts, self.backoff)?;
        match &self.budget {
            Some(budget) => write!(f, "; budget {budget}")?,
            None => write!(f, "; no budget")?,
        }
        if self.nested == Nested::Multiply {
            write!(f, "; multiplies the retries of calls inside it")?;
        }
        f.write_str(self.mode.remark())
    }
}
