use super::Reader;

/// Whether a policy acts on its decisions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// It refuses what it decides to refuse.
    #[default]
    Enforce,
    /// It decides and counts what it would refuse, and lets it through.
    Observe,
    /// It is not there.
    Off,
}

/// What a policy does with a call when its actor cannot decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnUnavailable {
    /// Lets it pass, within what was published last: never unlimited.
    Allow,
    /// Refuses it.
    Reject,
}

/// How callers get what they need of an actor.
///
/// One thread sees no difference: both forms take the same decisions, call for call. Between threads a grant may be
/// used while the actor is changing its mind; what that can cost is said where each primitive's gate is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Grants {
    /// In advance, where a primitive can: what the actor has already granted is taken without a message, and whatever
    /// may change its mind is sent to it at once.
    #[default]
    On,
    /// One by one: every permit is asked of its actor, and every outcome is a message to it. The plainest form of this
    /// system, and some 400 ns a call slower.
    Off,
}

impl Grants {
    /// What a page says where a name has its own; nothing where it follows its runtime.
    #[must_use]
    pub const fn remark(own: Option<Grants>) -> &'static str {
        match own {
            None => "",
            Some(Grants::On) => "; grants in advance",
            Some(Grants::Off) => "; asks its actor for every permit",
        }
    }
}

impl Mode {
    /// What a page says beside the rules of a policy; nothing where they simply hold.
    #[must_use]
    pub const fn remark(self) -> &'static str {
        match self {
            Mode::Enforce => "",
            Mode::Observe => "; observed only: what it would refuse is counted and let through",
            Mode::Off => "; off",
        }
    }
}

impl OnUnavailable {
    /// What a page says of it.
    #[must_use]
    pub const fn remark(self) -> &'static str {
        match self {
            OnUnavailable::Allow => "; while its actor is away, lets pass within what was published last",
            OnUnavailable::Reject => "; while its actor is away, refuses",
        }
    }
}

impl Reader<'_> {
    /// The `mode` of a policy.
    pub fn mode(&mut self) -> Mode {
        let modes = [("enforce", Mode::Enforce), ("observe", Mode::Observe), ("off", Mode::Off)];
        self.choice("mode", &modes).unwrap_or_default()
    }

    /// The `grants` of a policy; `None` where it follows its runtime.
    pub fn grants(&mut self) -> Option<Grants> {
        self.choice("grants", &[("on", Grants::On), ("off", Grants::Off)])
    }

    /// The `on_unavailable` of a policy.
    pub fn on_unavailable(&mut self, default: OnUnavailable) -> OnUnavailable {
        let choices = [("allow", OnUnavailable::Allow), ("reject", OnUnavailable::Reject)];
        self.choice("on_unavailable", &choices).unwrap_or(default)
    }
}
