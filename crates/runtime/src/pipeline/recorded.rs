//! What a call adds to the event stream, where anybody listens to it.

use std::borrow::Cow;
use std::sync::LazyLock;

use steadfast_actors::event::{Event, Happening};
use steadfast_actors::machine::Kind;
use steadfast_actors::rejection::Rejection;

use steadfast_actors::clock::saturating_nanos;
use steadfast_actors::outcome::Outcome;

use super::call::Call;
use super::gate::Pass;
use super::plan::Plan;

/// Whose quota was spent, and how much of it. Keys are what outsiders send; some are secrets.
pub(super) fn spent(key: &str, cost: u64) -> Cow<'static, str> {
    // What is the key of all callers is no secret, and is hashed once.
    static OF_ALL: LazyLock<String> = LazyLock::new(|| in_words("", 1));
    if key.is_empty() && cost == 1 { OF_ALL.as_str().into() } else { in_words(key, cost).into() }
}

fn in_words(key: &str, cost: u64) -> String {
    let masked = &blake3::hash(key.as_bytes()).to_hex()[..16];
    format!("key {masked} cost {cost}")
}

/// What the first pass has done, in the words and the order of the interpreter. Each is for a call that is recorded.
impl Call {
    /// It has come, and was let in by all limiters before the one that refused, if one did.
    #[cold]
    pub(super) fn tell_entry(&self, plan: &Plan, refused: Option<(usize, &Rejection)>) {
        self.happened(&plan.site, || Happening::Arrival { call: self.number });
        let passed = refused.map_or(plan.limits_before.len(), |(index, _)| index);
        for limit in &plan.limits_before[..passed] {
            self.decided(Kind::Limiter, limit.handle.name(), Ok(&()), |()| spent("", 1));
        }
        if let Some((index, rejection)) = refused {
            let name = plan.limits_before[index].handle.name();
            self.decided::<()>(Kind::Limiter, name, Err(rejection), |()| "".into());
        }
    }

    /// It has passed so many of its gates.
    #[cold]
    pub(super) fn tell_gates(&self, plan: &Plan, passed: usize) {
        for gate in plan.at_once.iter().take(passed) {
            let (kind, name) = gate.actor();
            self.decided(kind, name, Ok(gate), |gate| Pass::words_at_once(gate).into());
        }
    }

    /// Its first attempt has ended so.
    #[cold]
    pub(super) fn tell_attempt(&self, plan: &Plan, outcome: Outcome) {
        let (call, ending, latency_ns) = (self.number, outcome.ending, saturating_nanos(outcome.latency));
        self.happened(&plan.site, || Happening::Attempt { call, number: 1, ending, latency_ns });
    }

    /// The same, and with it the call.
    #[cold]
    pub(super) fn tell_end(&self, plan: &Plan, outcome: Outcome) {
        self.tell_attempt(plan, outcome);
        let (call, ending, degraded) = (self.number, outcome.ending, self.is_degraded());
        self.happened(&plan.site, || Happening::Answer { call, ending, degraded });
    }
}

impl Call {
    /// Whether anybody listened to events when it began.
    #[inline]
    pub(crate) fn is_recorded(&self) -> bool {
        self.is_recorded
    }

    /// Adds to the event stream, if anybody listens to it.
    pub(crate) fn happened(&self, site: &str, what: impl FnOnce() -> Happening) {
        if self.is_recorded() {
            let ground = self.runtime.ground();
            let at = ground.clock().now();
            ground.events().record(Event { at, kind: None, name: site.to_owned().into(), what: what() });
        }
    }

    /// Adds what an actor decided on this call to the event stream, if anybody listens to it: the refusal, or the words
    /// of a grant.
    pub(crate) fn decided<T>(
        &self,
        kind: Kind,
        name: &'static str,
        answer: Result<&T, &Rejection>,
        granted: impl FnOnce(&T) -> Cow<'static, str>,
    ) {
        self.told(kind, name, || match answer {
            Ok(grant) => ("granted", granted(grant)),
            Err(rejection) => ("refused", rejection.to_string().into()),
        });
    }

    /// Adds a verdict on this call and its reason to the event stream, if anybody listens to it.
    pub(crate) fn told(
        &self,
        kind: Kind,
        name: &'static str,
        told: impl FnOnce() -> (&'static str, Cow<'static, str>),
    ) {
        if !self.is_recorded() {
            return;
        }
        let ground = self.runtime.ground();
        let (verdict, reason) = told();
        let what = Happening::Decision { call: Some(self.number), verdict: verdict.into(), reason };
        let at = ground.clock().now();
        ground.events().record(Event { at, kind: Some(kind), name: name.into(), what });
    }
}
