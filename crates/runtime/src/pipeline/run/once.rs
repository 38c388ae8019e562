use std::pin::pin;
use std::sync::Arc;

use steadfast_actors::idempotency::Begun;
use steadfast_actors::machine::Kind;
use steadfast_actors::outcome::Ending;
use steadfast_actors::rejection::{ConflictReason, Rejection};

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
        match &self.plan.once {
            // Boxed, so that calls without a store hold no room for it.
            Some(once) => Box::pin(self.once_of(once, handler)).await,
            None => self.within_total(handler).await,
        }
    }

    async fn once_of<B, F>(&self, once: &Once, handler: &mut Handler<'_, B, F>) -> Finished<T, E>
    where
        B: FnMut() -> Option<F>,
        F: Future<Output = Result<T, E>>,
    {
        let known = match once.known(&self.inputs) {
            Ok(known) => known,
            Err(rejection) => return Finished::refused(rejection),
        };
        let begun = once.store.begin(&known.record, known.fingerprint, self.call.deadline().time());
        let begun = self.in_time(begun).await;
        self.call.told(Kind::Idempotency, once.store.name(), || match &begun {
            Ok(Begun::Run(_)) => ("granted", "it runs".to_owned()),
            Ok(Begun::Replay(_)) => ("replayed", "it was done before".to_owned()),
            Err(rejection) => ("refused", rejection.to_string()),
        });
        let run = match begun {
            Ok(Begun::Run(run)) => run,
            Ok(Begun::Replay(bytes)) => return self.replayed(once, &bytes),
            Err(rejection) => return Finished::refused(rejection),
        };
        self.call.note_key(known.passed_on);
        let finished = {
            let mut watched = handler.watched(&run, self.call.trail());
            let within = pin!(self.within_total(&mut watched));
            run.renewed(within).await
        };
        match self.verdict(once, &finished) {
            Verdict::Done(result) => run.complete(result).await,
            Verdict::Unknown => run.unknown("it returned an error that leaves the outcome open").await,
            // Unless an attempt was cut, which the run remembers.
            Verdict::Free => run.release().await,
        }
        finished
    }

    /// What became of the run, to its store.
    fn verdict(&self, once: &Once, finished: &Finished<T, E>) -> Verdict {
        let Finished::Answer { result, ending, cause } = finished else { return Verdict::Free };
        let rejection = cause.as_ref().and_then(|cause| cause.rejection.as_ref());
        let stored = |sort: u8, encoded: Option<Vec<u8>>| {
            Verdict::Done(encoded.map(|bytes| std::iter::once(sort).chain(bytes).collect()))
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
