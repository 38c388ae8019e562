use std::fmt::Write as _;

use crate::scenario::Document;

/// A scenario that the program carries with it.
#[derive(Clone, Copy, Debug)]
pub struct Bundled {
    /// Its name.
    pub name: &'static str,
    /// Its file.
    pub text: &'static str,
}

macro_rules! bundled {
    ($($name:literal),* $(,)?) => {
        /// Every bundled scenario, in the order in which they are best read.
        pub const BUNDLED: &[Bundled] =
            &[$(Bundled { name: $name, text: include_str!(concat!("../../scenarios/", $name, ".toml")) }),*];
    };
}

bundled![
    "retry-metastable",
    "congestive-collapse",
    "linear-retry",
    "layer-amplification",
    "hung-dependency",
    "partial-outage",
    "half-open-wedge",
    "thundering-herd",
    "slow-drip",
    "cascading-timeout",
    "priority-overload",
    "overload-3x",
    "asymmetric-partition",
    "crash-between",
    "poison-key",
    "restart-storm",
    "hot-key",
    "clock-jump",
    "mailbox-full",
    "swizzle",
];

/// Names and what each shows, one a line.
pub(crate) fn list() -> String {
    let mut page = String::new();
    let width = BUNDLED.iter().map(|bundled| bundled.name.len()).max().unwrap_or(0);
    for bundled in BUNDLED {
        let document = Document::parse(bundled.name, bundled.text.as_bytes());
        let about = document.and_then(|document| document.scenario()).map(|scenario| scenario.about);
        let about = about.unwrap_or_else(|error| error.to_string());
        let line = format!("{:width$}  {}", bundled.name, about.lines().next().unwrap_or_default());
        let _ = match line.chars().count() {
            0..=80 => writeln!(page, "{line}"),
            _ => writeln!(page, "{line:.77}..."),
        };
    }
    page
}
