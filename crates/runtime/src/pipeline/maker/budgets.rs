//! From which budget a site's repeats are paid.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use steadfast_actors::settings::{Settings, Value};

use super::Maker;
use crate::lock::lock;
use crate::pipeline::linked::{Linked, linked};
use crate::pipeline::plan::Words;
use crate::retry::{BudgetConfig, RetryConfig, SharedBudget};

/// All budgets of a runtime: by the name of the breaker that its sites share, or of the one site.
pub(in crate::pipeline) type Budgets = Mutex<BTreeMap<String, Paid>>;

/// A budget that sites pay from.
pub(in crate::pipeline) struct Paid {
    settings: BudgetConfig,
    /// Who came to it first.
    by: String,
    budget: Arc<SharedBudget>,
}

/// What one site knows of its budget.
pub(super) struct Budget {
    name: String,
    is_of_breaker: bool,
    /// Whether the site's `retry` says what it is.
    pub(super) is_written: bool,
    /// What it is; nothing where repeats cost nothing.
    settings: Option<BudgetConfig>,
}

impl Budget {
    /// That of a site without a breaker.
    pub(super) fn of_site(site: &str) -> Self {
        Budget { name: site.to_owned(), is_of_breaker: false, is_written: false, settings: None }
    }

    /// It is that of what stands behind a breaker.
    pub(super) fn is_of_breaker(&mut self, name: &str) {
        (self.name, self.is_of_breaker) = (name.to_owned(), true);
    }

    fn contradicted(&self, one: &str, other: &str) -> String {
        let name = &self.name;
        format!(
            "retry: {one} and {other} pay from one budget, that of the breaker {name:?}, and say different things of it; \
             write it at one of them, or the same at both"
        )
    }
}

impl Maker<'_> {
    /// Finds out what the site's budget is. All sites on one breaker pay from one: what any of them says of it holds for
    /// those that say nothing, and two that say different things are nobody's, whoever calls first.
    pub(super) fn settle_budget(&mut self) {
        let own = match &self.retry {
            Some(retry) => retry.budget().copied(),
            None => Some(BudgetConfig::default()),
        };
        let Some(own) = own else { return };
        let own_words = self.budget.is_written.then(|| (self.plan.site.clone(), own));
        let others = if self.budget.is_of_breaker { linked() } else { &[] };
        let others: Vec<(String, BudgetConfig)> =
            others.iter().filter_map(|other| self.says_of_its_budget(other)).collect();
        let mut said = own_words.iter().chain(&others);
        let settings = match said.next() {
            Some((one, settings)) => {
                if let Some((other, _)) = said.find(|(_, other)| other != settings) {
                    self.mistakes.push(self.budget.contradicted(one, other));
                }
                *settings
            }
            None => own,
        };
        self.budget.settings = Some(settings);
        // Only now is it known which one that is.
        if let Some(retry) = self.retry.take() {
            let retry = retry.with_budget(Some(settings));
            if let Some(shown) = self.plan.shown.iter_mut().find(|shown| shown.layer == "retry") {
                shown.words = Words::Fixed(retry.to_string());
            }
            self.retry = Some(retry);
        }
    }

    /// What another site says of the budget that is this one's, too.
    fn says_of_its_budget(&self, other: &Linked) -> Option<(String, BudgetConfig)> {
        let breaker =
            other.declarations.iter().rfind(|declaration| declaration.attribute == "circuit_breaker");
        if breaker?.settings.text("name") != Some(&self.budget.name) {
            return None;
        }
        let retry = other.declarations.iter().find(|declaration| declaration.attribute == "retry")?;
        let path = other.site.identity().path();
        let names = [other.site.identity().function, other.name.as_str(), path.as_str()];
        let settings = self.layers.over(retry.settings.clone(), "retry", None, &names);
        let Some(Value::Table(written)) = settings.get("budget") else { return None };
        let settings = Settings::new().with("budget", written.clone());
        // A mistake is told where that site itself is planned.
        let config = RetryConfig::from_settings(&settings).ok()?;
        Some((other.name.clone(), *config.budget()?))
    }

    /// The budget, where there is one.
    pub(super) fn shared_budget(&mut self, budgets: &Budgets) -> Option<Arc<SharedBudget>> {
        let settings = self.budget.settings?;
        let now = self.runtime.clock().now();
        let mut budgets = lock(budgets);
        let paid = budgets.entry(self.budget.name.clone()).or_insert_with(|| Paid {
            settings,
            by: self.plan.site.clone(),
            budget: Arc::new(SharedBudget::new(settings, now)),
        });
        if self.budget.is_written && paid.settings != settings {
            self.mistakes.push(self.budget.contradicted(&paid.by, &self.plan.site));
        }
        Some(Arc::clone(&paid.budget))
    }
}
