use std::pin::pin;
use std::sync::Arc;

use steadfast_actors::idempotency::{Begun, OnConflict, Run};
use steadfast_actors::machine::Kind;
use steadfast_actors::outcome::Ending;
use steadfast_actors::rejection::{ConflictReason, Rejection, UnavailableReason};

use super::{Finished, Handler, Running};
use crate::pipeline::once::Once;

/// A stored result begins with one of these.
const VALUE: u8 = 0;
const ERROR: u8 = 1;

/// What a store is told.
enum Verdict {
    Done(Option<Arc<[u8]>>),
    Unknown,
    Free,
}

impl<T, E: From<Rejection>> Running<'_, T, E> {
    /// One run for each key: a repeat gets the first one's result.
    pub(super) async fn once<B, F>(&self, handler: &mut Handler<'_, B, F>) -> Finished<T, E>
    where
        B: FnMut() -> Option<F>,
        F: Future<Output = Result<T, E>>,
    {
        let Some(once) = &self.plan.once else { return self.within_total(handler).await };
        // Boxed, so that calls without a store hold no room for it.
        let run = match Box::pin(self.begun(once)).await {
            Ok(run) => run,
            Err(finished) => return *finished,
        };
        let finished = {
            let mut watched = handler.watched(&run, self.call.trail());
            let within = pin!(self.within_total(&mut watched));
            // Cut before its lease would be renewed, it needs no timer for that.
            if self.call.left().is_some_and(|left| left < run.renew_every()) {
                within.await
            } else {
                run.renewed(within).await
            }
        };
        match self.verdict(once, &finished) {
            Verdict::Done(result) => run.complete(result).await,
            Verdict::Unknown => run.unknown("it returned an error that leaves the outcome open").await,
            // Unless an attempt was cut, which the run remembers.
            Verdict::Free => run.release().await,
        }
        finished
    }

    /// The right to run, or what the call comes to without.
    async fn begun(&self, once: &Once) -> Result<Run, Box<Finished<T, E>>> {
        let refused = |rejection| Box::new(Finished::refused(rejection));
        let known = once.known(&self.inputs).map_err(refused)?;
        if self.call.is_over() {
            return Err(refused(self.out_of_time()));
        }
        let begun = once.store.begin(&known.record, known.fingerprint, self.call.deadline().time());
        let begun = if once.store.site().on_conflict() == OnConflict::Wait {
            self.in_time(begun).await
        } else {
            // The question ends with the deadline by itself.
            begun.await.map_err(|rejection| self.unless_over(rejection))
        };
        self.call.told(Kind::Idempotency, once.store.name(), || match &begun {
            Ok(Begun::Run(_)) => ("granted", "it runs".into()),
            Ok(Begun::Replay(_)) => ("replayed", "it was done before".into()),
            Err(rejection) => ("refused", rejection.to_string().into()),
        });
        match begun.map_err(refused)? {
            Begun::Run(run) => {
                self.call.note_key(known.passed_on);
                Ok(run)
            }
            Begun::Replay(bytes) => Err(Box::new(self.replayed(once, &bytes))),
        }
    }

    /// Why there was no answer: its own time may have been up.
    fn unless_over(&self, rejection: Rejection) -> Rejection {
        match rejection {
            Rejection::Unavailable { reason: UnavailableReason::NoAnswer, .. } if self.call.is_over() => {
                self.out_of_time()
            }
            other => other,
        }
    }

    /// What became of the run, to its store.
    fn verdict(&self, once: &Once, finished: &Finished<T, E>) -> Verdict {
        let Finished::Answer { result, ending, cause } = finished else { return Verdict::Free };
        let rejection = cause.as_ref().and_then(|cause| cause.rejection.as_ref());
        let stored = |sort: u8, encoded: Option<Vec<u8>>| {
            Verdict::Done(encoded.map(|bytes| {
                let mut stored = Vec::with_capacity(bytes.len() + 1);
                stored.push(sort);
                stored.extend_from_slice(&bytes);
                stored.into()
            }))
        };
        match (result, ending) {
            (Ok(value), Ending::Success) => {
                stored(VALUE, self.outcome.codec.and_then(|codec| (codec.encode)(value)))
            }
            (Ok(_), _) => Verdict::Free,
            (Err(error), ending) => {
                let site = once.store.site();
                let Some(kind) = ending.error_kind() else { return Verdict::Free };
                if site.leaves_unknown(kind, rejection.map(Rejection::kind)) {
                    return Verdict::Unknown;
                }
                match self.outcome.error_codec {
                    Some(codec) if site.stores_error(kind) => stored(ERROR, (codec.encode)(error)),
                    _ => Verdict::Free,
                }
            }
        }
    }

    fn replayed(&self, once: &Once, bytes: &[u8]) -> Finished<T, E> {
        let result = match bytes.split_first() {
            Some((&VALUE, bytes)) => self.outcome.codec.and_then(|codec| (codec.decode)(bytes)).map(Ok),
            Some((&ERROR, bytes)) => {
                self.outcome.error_codec.and_then(|codec| (codec.decode)(bytes)).map(Err)
            }
            _ => None,
        };
        let Some(mut result) = result else {
            // Bytes of a type that the program no longer has: it is done all the same, and must not run again.
            return Finished::refused(Rejection::conflict(
                once.store.name(),
                ConflictReason::ResultNotKept,
                None,
            ));
        };
        self.call.trail().note_replayed();
        if let Ok(value) = &mut result {
            (self.outcome.replay)(value);
        }
        self.judged(result)
    }
}
