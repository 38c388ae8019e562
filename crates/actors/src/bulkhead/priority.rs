/// A class of callers; an earlier one goes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// What users pay for.
    High,
    /// What users wait for.
    #[default]
    Normal,
    /// What can wait a little.
    Low,
    /// What nobody waits for. Never starved for ever.
    Background,
}

impl Priority {
    /// Every class with its name in attributes and files.
    pub const NAMES: [(&'static str, Priority); 4] = [
        ("high", Priority::High),
        ("normal", Priority::Normal),
        ("low", Priority::Low),
        ("background", Priority::Background),
    ];

    /// Its name in attributes and files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Priority::High => "high",
            Priority::Normal => "normal",
            Priority::Low => "low",
            Priority::Background => "background",
        }
    }

    pub(crate) fn index(self) -> usize {
        usize::from(self.level())
    }

    /// Its place among the classes, the highest first.
    pub(crate) const fn level(self) -> u8 {
        match self {
            Priority::High => 0,
            Priority::Normal => 1,
            Priority::Low => 2,
            Priority::Background => 3,
        }
    }
}
