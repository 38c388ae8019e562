use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use steadfast_actors::breaker::KeyedInput;
use steadfast_actors::clock::{Moment, WallTime};
use steadfast_actors::host::interpose::{Interposer, Passage, Place};
use steadfast_actors::machine::Effects;

/// What a wrapper remembers of one actor.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The state that the last transition led to.
    pub(crate) state: String,
    /// The last epoch that was told.
    pub(crate) epoch: u64,
    /// Inputs, or answers, of the sort that the bug is about.
    pub(crate) count: u64,
    /// When it was last asked.
    pub(crate) asked: Option<WallTime>,
}

/// What a bug does to an input.
pub(crate) type OnInput<I> = fn(&mut Seen, &mut Moment, &I) -> Passage;

/// What a bug does to what comes of one.
pub(crate) type OnEffects<R> = fn(&mut Seen, &mut Effects<R>);

/// Stands around every machine whose inputs are `I` and whose answers are `R`, and leaves the others alone.
struct Wrapper<I, R> {
    seen: Mutex<BTreeMap<String, Seen>>,
    input: OnInput<I>,
    effects: OnEffects<R>,
}

impl<I: 'static, R: 'static> Interposer for Wrapper<I, R> {
    fn input(&self, to: Place<'_>, moment: &mut Moment, input: &dyn Any) -> Passage {
        let mut seen = self.seen.lock().unwrap();
        let seen = seen.entry(to.name.to_owned()).or_default();
        if let Some(input) = input.downcast_ref() {
            return (self.input)(seen, moment, input);
        }
        // A breaker's inputs come with the key that they concern.
        let Some(keyed) = input.downcast_ref::<KeyedInput>() else { return Passage::Pass };
        let Some(input) = (&keyed.input as &dyn Any).downcast_ref() else { return Passage::Pass };
        match (self.input)(seen, moment, input) {
            Passage::Replace(other) => match other.downcast() {
                Ok(input) => replace(KeyedInput { key: keyed.key.clone(), input: *input }),
                Err(_) => Passage::Pass,
            },
            passage => passage,
        }
    }

    fn effects(&self, of: Place<'_>, effects: &mut dyn Any) {
        let Some(effects) = effects.downcast_mut() else { return };
        let mut seen = self.seen.lock().unwrap();
        (self.effects)(seen.entry(of.name.to_owned()).or_default(), effects);
    }
}

/// A bug of every machine of one type.
pub(crate) fn wrapper<I: 'static, R: 'static>(
    input: OnInput<I>,
    effects: OnEffects<R>,
) -> Arc<dyn Interposer> {
    Arc::new(Wrapper { seen: Mutex::default(), input, effects })
}

/// The input arrives as it is.
pub(crate) fn pass<I>(_: &mut Seen, _: &mut Moment, _: &I) -> Passage {
    Passage::Pass
}

/// What comes of it goes out as it is.
pub(crate) fn keep<R>(_: &mut Seen, _: &mut Effects<R>) {}

/// Another input arrives.
pub(crate) fn replace<I: 'static>(input: I) -> Passage {
    Passage::Replace(Box::new(input))
}

/// Answers other than the machine gave; `None` leaves one as it is.
pub(crate) fn answers<R>(effects: &mut Effects<R>, mut other: impl FnMut(&R) -> Option<R>) {
    for answer in effects.take_replies() {
        let changed = other(&answer.reply);
        // A first answer that says "wait" has a second; another answer in its place is the only one.
        if answer.more && changed.is_none() {
            effects.reply_and_hold(answer.ticket, answer.reply);
        } else {
            effects.reply(answer.ticket, changed.unwrap_or(answer.reply));
        }
    }
}

/// The machine believes that it is so much later.
pub(crate) fn later(moment: &mut Moment, by: Duration) {
    moment.now = moment.now.after(by);
    moment.wall = moment.wall.after(by);
}
