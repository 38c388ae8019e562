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

bundled!["retry-metastable"];

/// Names and what each shows, one a line.
pub(crate) fn list() -> String {
    let mut page = String::new();
    let width = BUNDLED.iter().map(|bundled| bundled.name.len()).max().unwrap_or(0);
    for bundled in BUNDLED {
        let document = Document::parse(bundled.name, bundled.text.as_bytes());
        let about = document.and_then(|document| document.scenario()).map(|scenario| scenario.about);
        let about = about.unwrap_or_else(|error| error.to_string());
        let _ = writeln!(page, "{:width$}  {}", bundled.name, about.lines().next().unwrap_or_default());
    }
    page
}
