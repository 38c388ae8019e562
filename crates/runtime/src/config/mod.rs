//! Settings that are laid over the declarations: `steadfast.toml`, then the environment.
//!
//! ```toml
//! [circuit_breaker.payments]        # a policy by its name, wherever it is declared
//! failure_threshold = 3
//!
//! [site.charge_payment.retry]       # one site's attribute, by the site's short or full name
//! attempts = 5
//! ```
//!
//! `STEADFAST__CIRCUIT_BREAKER__PAYMENTS__FAILURE_THRESHOLD=4` says the same in the environment and is stronger: two
//! underscores stand between the parts, and in names each run of what is no letter or digit is written as one, so that
//! `shop::charge` is `SHOP_CHARGE`. Of one source, what is said of a site is stronger than what is said of a policy.

mod environment;
mod file;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::sync::Mutex;

use steadfast_actors::settings::{Settings, nearest};

use crate::lock::lock;

pub(crate) use environment::of_process;

/// All mistakes in declarations, file and environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    mistakes: Vec<String>,
}

impl ConfigError {
    pub(crate) fn new(mistakes: Vec<String>) -> Self {
        ConfigError { mistakes }
    }

    /// One sentence for each mistake.
    #[must_use]
    pub fn mistakes(&self) -> &[String] {
        &self.mistakes
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mistakes.as_slice() {
            [single] => f.write_str(single),
            many => {
                write!(f, "{} mistakes in the settings:", many.len())?;
                many.iter().try_for_each(|mistake| write!(f, "\n  - {mistake}"))
            }
        }
    }
}

impl std::error::Error for ConfigError {}

/// One source's settings for one policy.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Overlay {
    /// The attribute.
    attribute: String,
    /// The policy's name, or the site's.
    name: String,
    /// Whether `name` is a site's.
    of_site: bool,
    /// The settings.
    settings: Settings,
    /// Where they come from, for messages.
    source: String,
    /// Whether the name has lost its case and its punctuation, as in the environment.
    folded: bool,
}

impl Overlay {
    fn concerns(&self, attribute: &str, name: &str, of_site: bool) -> bool {
        self.attribute == attribute
            && self.of_site == of_site
            && if self.folded { self.name == fold(name) } else { self.name == name }
    }
}

/// A name as the environment writes it: one underscore for each run of punctuation, since two of them stand between parts,
/// and none at the ends.
fn fold(name: &str) -> String {
    let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_uppercase).collect::<Vec<_>>().join("_")
}

/// The sources over the declarations, the weakest first.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    overlays: Vec<Overlay>,
    /// What settings were looked up for: the attribute, and the policy's name or one of the site's.
    asked: Mutex<BTreeSet<(String, String, bool)>>,
}

impl Layers {
    /// Reads file, text and environment.
    pub(crate) fn read(
        path: Option<&Path>,
        text: Option<&str>,
        variables: &[(String, String)],
    ) -> Result<Self, ConfigError> {
        let mut layers = Layers::default();
        let mut mistakes = Vec::new();
        if let Some(path) = path {
            match std::fs::read_to_string(path) {
                Ok(text) => {
                    file::read(&text, &path.display().to_string(), &mut layers.overlays, &mut mistakes)
                }
                Err(error) => mistakes.push(format!("{} cannot be read: {error}", path.display())),
            }
        }
        if let Some(text) = text {
            file::read(text, "the settings in code", &mut layers.overlays, &mut mistakes);
        }
        environment::read(variables, &mut layers.overlays, &mut mistakes);
        if mistakes.is_empty() { Ok(layers) } else { Err(ConfigError::new(mistakes)) }
    }

    /// `declared` with what the sources say of the policy, and then of the site. The site goes by any of `sites`.
    pub(crate) fn over(
        &self,
        declared: Settings,
        attribute: &str,
        name: Option<&str>,
        sites: &[&str],
    ) -> Settings {
        self.note_asked(attribute, name, sites);
        self.sources(attribute, name, sites)
            .fold(declared, |settings, overlay| settings.overlaid(&overlay.settings))
    }

    fn note_asked(&self, attribute: &str, name: Option<&str>, sites: &[&str]) {
        let named = name.map(|name| (name, false)).into_iter();
        let mut asked = lock(&self.asked);
        for (name, of_site) in named.chain(sites.iter().map(|site| (*site, true))) {
            asked.insert((attribute.to_owned(), name.to_owned(), of_site));
        }
    }

    /// The settings that concern nothing that was looked up, a sentence each. No mistake by itself: one file may serve
    /// several programs, and names that are made in code are not known yet. But most of them are misspelt.
    pub(crate) fn unasked(&self) -> Vec<String> {
        let asked = lock(&self.asked);
        let concerns = |overlay: &Overlay| {
            asked.iter().any(|(attribute, name, of_site)| overlay.concerns(attribute, name, *of_site))
        };
        let unasked = self.overlays.iter().filter(|overlay| !concerns(overlay));
        let sentence = |Overlay { attribute, name, of_site, source, .. }: &Overlay| {
            let of_a_kind = asked.iter().filter(|(known, _, site)| site == of_site && known == attribute);
            let near = nearest(name, of_a_kind.map(|(_, name, _)| name.as_str()));
            let near = near.map_or_else(String::new, |near| format!("; is {near:?} meant?"));
            let what =
                if *of_site { "no site of that name has it" } else { "nothing of that name is declared" };
            format!("{source}: {attribute} {name:?}: {what}{near}")
        };
        unasked.map(sentence).collect()
    }

    /// Where the settings of a policy came from, for messages.
    pub(crate) fn origin(&self, attribute: &str, name: Option<&str>, sites: &[&str]) -> Option<String> {
        let sources: Vec<&str> =
            self.sources(attribute, name, sites).map(|overlay| overlay.source.as_str()).collect();
        (!sources.is_empty()).then(|| sources.join(" and "))
    }

    fn sources<'a>(
        &'a self,
        attribute: &'a str,
        name: Option<&'a str>,
        sites: &'a [&'a str],
    ) -> impl Iterator<Item = &'a Overlay> {
        self.overlays.iter().filter(move |overlay| {
            name.is_some_and(|name| overlay.concerns(attribute, name, false))
                || sites.iter().any(|site| overlay.concerns(attribute, site, true))
        })
    }
}
