//! What a call adds to the event stream, where anybody listens to it.

use steadfast_actors::event::{Event, Happening};
use steadfast_actors::machine::Kind;
use steadfast_actors::rejection::Rejection;

use super::call::Call;

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
            ground.events().record(Event { at, kind: None, name: site.to_owned(), what: what() });
        }
    }

    /// Adds what an actor decided on this call to the event stream, if anybody listens to it: the refusal, or the words
    /// of a grant.
    pub(crate) fn decided<T>(
        &self,
        kind: Kind,
        name: &str,
        answer: Result<&T, &Rejection>,
        granted: impl FnOnce(&T) -> String,
    ) {
        self.told(kind, name, || match answer {
            Ok(grant) => ("granted", granted(grant)),
            Err(rejection) => ("refused", rejection.to_string()),
        });
    }

    /// Adds a verdict on this call and its reason to the event stream, if anybody listens to it.
    pub(crate) fn told(&self, kind: Kind, name: &str, told: impl FnOnce() -> (&'static str, String)) {
        if !self.is_recorded() {
            return;
        }
        let ground = self.runtime.ground();
        let (verdict, reason) = told();
        let what = Happening::Decision { call: Some(self.number), verdict: verdict.to_owned(), reason };
        let at = ground.clock().now();
        ground.events().record(Event { at, kind: Some(kind), name: name.to_owned(), what });
    }
}
