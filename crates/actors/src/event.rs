//! One stream of events with one schema, the same in production and in the simulator.
//!
//! A machine says what [`Happening`] took place; its host adds when, and who. The stream holds enough to rebuild a
//! run: each call's arrival, each decision, each attempt with its latency and outcome, each transition with its reason.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::clock::Time;
use crate::machine::Kind;
use crate::outcome::Ending;

/// What took place, without when and where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Happening {
    /// A call of an annotated site began.
    Arrival {
        /// The call's number within its runtime.
        call: u64,
    },
    /// A policy let a call pass or refused it.
    Decision {
        /// The call's number; `None` where code asked a handle directly.
        call: Option<u64>,
        /// `granted`, `refused`, `queued`, `replayed`, `would_refuse`
        verdict: Cow<'static, str>,
        /// Why, in the policy's own words.
        reason: Cow<'static, str>,
    },
    /// One run of a handler ended.
    Attempt {
        /// The call's number.
        call: u64,
        /// Which attempt, from 1.
        number: u32,
        /// How it ended.
        ending: Ending,
        /// How long it ran, in nanoseconds.
        latency_ns: u64,
    },
    /// A call of an annotated site ended.
    Answer {
        /// The call's number.
        call: u64,
        /// How it ended.
        ending: Ending,
        /// Whether the answer came from a fallback or with parts left out.
        degraded: bool,
    },
    /// A machine went from one state to another.
    Transition {
        /// The state it left.
        from: String,
        /// The state it entered.
        to: String,
        /// Why, with the counts as they stood.
        reason: String,
    },
    /// Something about a machine that is worth knowing and is no transition: a key table is full, settings changed.
    Notice {
        /// What, in one sentence.
        text: String,
    },
    /// An actor's handler panicked.
    Crash {
        /// The panic's message.
        reason: String,
        /// The key that is quarantined for it, if it was one key's message: the start of its blake3 hash, in hex.
        quarantined: Option<String>,
    },
    /// A crashed actor runs again.
    Restart {
        /// Restarts of this name since the runtime began.
        restarts: u64,
    },
    /// An actor crashed more often than its limit allows; its name follows `on_unavailable`.
    Escalation {
        /// When it is tried again.
        retry_at: Time,
    },
}

/// One entry of the event stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Time,
    /// The kind of actor it happened to; `None` for what happens to a call.
    pub kind: Option<Kind>,
    /// The actor's name, or the site's.
    pub name: Cow<'static, str>,
    /// What.
    #[serde(flatten)]
    pub what: Happening,
}

/// Takes events as they happen. Called on the path of calls and actors: it must neither block nor panic.
pub trait EventSink: Send + Sync + 'static {
    /// Whether anybody listens. While nobody does, no event is put together.
    fn is_recording(&self) -> bool {
        true
    }

    /// Takes one event.
    fn record(&self, event: Event);
}
