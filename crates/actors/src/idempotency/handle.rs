use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::run::Run;
use super::{
    Codec, Fingerprint, IdempotencyConfig, IdempotencyInput, IdempotencyMachine, IdempotencyReply,
    IdempotencyStatus, Idempotent, OnConflict, RecordKey, Resolution,
};
use crate::clock::Time;
use crate::host::{AskError, Hosted};
use crate::machine::{Kind, Ticket};
use crate::rejection::{ConflictReason, Rejection, UnavailableReason};
use crate::settings::{Grants, Mode, OnUnavailable};

/// One store, seen by one site. Cheap to clone; all clones, and all sites that name it, share its records.
#[derive(Clone, Debug)]
pub struct IdempotencyHandle {
    shared: Arc<Shared>,
    site: Arc<Idempotent>,
}

#[derive(Debug)]
struct Shared {
    hosted: Arc<Hosted<IdempotencyMachine>>,
    config: IdempotencyConfig,
    /// Calls that observe mode would have refused or answered with a replay.
    would_refuse: AtomicU64,
}

/// What a call may do.
#[derive(Debug)]
pub enum Begun {
    /// It runs, and says how that ended.
    Run(Run),
    /// It was done before, with this result; it must not run.
    Replay(Arc<[u8]>),
}

impl IdempotencyHandle {
    /// The handle of a hosted store, under the terms that hold where a site writes none.
    #[must_use]
    pub fn new(hosted: Arc<Hosted<IdempotencyMachine>>, config: IdempotencyConfig) -> Self {
        let shared = Arc::new(Shared { hosted, config, would_refuse: AtomicU64::new(0) });
        IdempotencyHandle { shared, site: Arc::default() }
    }

    /// The same store under the terms of `site`.
    #[must_use]
    pub fn of_site(&self, site: Idempotent) -> Self {
        if site.grants() == Some(Grants::On) {
            self.shared.hosted.gate().serve();
        }
        IdempotencyHandle { shared: Arc::clone(&self.shared), site: Arc::new(site) }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.shared.hosted.name()
    }

    /// Its records and counts, with what its callers have left for its actor to find.
    #[must_use]
    pub fn status(&self) -> IdempotencyStatus {
        self.shared.hosted.fresh_status()
    }

    /// What all sites of the store share.
    #[must_use]
    pub fn config(&self) -> &IdempotencyConfig {
        &self.shared.config
    }

    /// What this site declared.
    #[must_use]
    pub fn site(&self) -> &Idempotent {
        &self.site
    }

    /// Whether what its actor grants is given in advance: what its name says, else what its runtime does.
    #[must_use]
    pub fn grants(&self) -> Grants {
        self.site.grants().unwrap_or(self.shared.hosted.options().grants)
    }

    /// The hosted machine, for who watches actors.
    #[must_use]
    pub fn hosted(&self) -> &Arc<Hosted<IdempotencyMachine>> {
        &self.shared.hosted
    }

    /// How many calls observe mode let run that it would have refused or answered with a replay.
    #[must_use]
    pub fn would_refuse(&self) -> u64 {
        self.shared.would_refuse.load(Ordering::Relaxed)
    }

    /// Asks to run for `key`, and waits for the answer no longer than until `deadline`. Where another call with it runs, and
    /// the site says so, it waits for that one, too.
    ///
    /// # Errors
    /// [`Rejection::Conflict`] where it must not run and there is nothing to replay, [`Rejection::Unavailable`] where
    /// the store is full, or cannot decide and the site rejects calls then, or where the key is quarantined.
    ///
    /// # Cancel safety
    /// A dropped `begin` gives back whatever it was granted.
    pub async fn begin(
        &self,
        key: &RecordKey,
        fingerprint: Fingerprint,
        deadline: Time,
    ) -> Result<Begun, Rejection> {
        if self.site.mode() == Mode::Off {
            return Ok(self.unkept());
        }
        let hosted = &self.shared.hosted;
        // A key that crashed the actor is refused whatever it had answered.
        if self.grants() == Grants::On
            && !(hosted.has_quarantined() && hosted.quarantined(&key.to_string()).is_some())
            && let Some(result) = hosted.gate().replay(key, &fingerprint, hosted.clock())
        {
            return self.replay(result);
        }
        let ticket = hosted.ticket();
        // Made before the ask: dropped in the middle of it, whatever the actor grants is given back.
        let mut run = Run::new(Some(self.clone()), ticket);
        let waits = self.site.on_conflict() == OnConflict::Wait && self.site.mode() == Mode::Enforce;
        let input = IdempotencyInput::Begin {
            key: key.clone(),
            fingerprint,
            terms: self.site.terms(key.is_explicit()),
            wait: waits.then_some(deadline),
        };
        // One timer for both: its own deadline, unless that was over already, may be nearer.
        let left = hosted.clock().left_until(deadline);
        let longest = hosted.options().ask_timeout;
        let patience = if left.is_zero() { longest } else { longest.min(left) };
        let answer = hosted.ask_within(ticket, input, patience).await;
        let mut answer = answer.map(|answer| (answer.reply, answer.more));
        let waited = matches!(answer, Ok((IdempotencyReply::Waiting, _)));
        if let Ok((IdempotencyReply::Waiting, more)) = answer {
            answer = hosted
                .second(more, hosted.now().until(deadline))
                .await
                .map(|answer| (answer.reply, answer.more));
        }
        // Nothing else holds anything, and no more may be noted for an actor that does not read it.
        let holds = match &answer {
            Ok((reply, _)) => *reply == IdempotencyReply::Run,
            // It may still be in the line, or on its way there.
            Err(error) => waited || *error == AskError::NoAnswer,
        };
        if !holds {
            run.handle = None;
        }
        match answer.map(|(reply, _)| reply) {
            Ok(IdempotencyReply::Run) => Ok(Begun::Run(run)),
            Ok(IdempotencyReply::Replay(result)) => self.replay(result),
            Ok(IdempotencyReply::Refused(reason, retry_after)) => {
                self.refuse(Rejection::conflict(self.hosted().name_kept(), reason, retry_after))
            }
            Ok(IdempotencyReply::TableFull(room_in)) => {
                let reason = UnavailableReason::TableFull;
                self.refuse(Rejection::unavailable(
                    Kind::Idempotency,
                    self.hosted().name_kept(),
                    reason,
                    room_in,
                ))
            }
            // No call is put in line twice, and none is an operator's order.
            Ok(IdempotencyReply::Waiting | IdempotencyReply::Resolved(_)) => self.unasked(AskError::NoAnswer),
            Err(error) => self.unasked(error),
        }
    }

    fn unkept(&self) -> Begun {
        Begun::Run(Run::new(None, Ticket(0)))
    }

    fn replay(&self, result: Arc<[u8]>) -> Result<Begun, Rejection> {
        if self.site.mode() == Mode::Observe {
            self.shared.would_refuse.fetch_add(1, Ordering::Relaxed);
            return Ok(self.unkept());
        }
        Ok(Begun::Replay(result))
    }

    fn refuse(&self, rejection: Rejection) -> Result<Begun, Rejection> {
        if self.site.mode() == Mode::Observe {
            self.shared.would_refuse.fetch_add(1, Ordering::Relaxed);
            return Ok(self.unkept());
        }
        Err(rejection)
    }

    /// The actor could not be asked.
    fn unasked(&self, error: AskError) -> Result<Begun, Rejection> {
        // Poison must not buy a bypass: a key that crashed the actor is refused whatever is declared.
        if matches!(error, AskError::Quarantined(_)) || self.site.on_unavailable() == OnUnavailable::Reject {
            return self.refuse(error.rejection(Kind::Idempotency, self.hosted().name_kept()));
        }
        Ok(self.unkept())
    }

    /// An operator found out what became of a record whose outcome is unknown. Says whether there was one.
    ///
    /// # Errors
    /// [`Rejection::Unavailable`] where its actor cannot decide.
    pub async fn resolve(&self, key: &RecordKey, resolution: Resolution) -> Result<bool, Rejection> {
        self.order(IdempotencyInput::Resolve { key: key.clone(), resolution }).await
    }

    /// An operator gives a key free whose result, or unknown outcome, is of no use any more. Says whether there was
    /// one; a run in flight keeps its key.
    ///
    /// # Errors
    /// [`Rejection::Unavailable`] where its actor cannot decide.
    pub async fn forget(&self, key: &RecordKey) -> Result<bool, Rejection> {
        self.order(IdempotencyInput::Forget { key: key.clone() }).await
    }

    async fn order(&self, order: IdempotencyInput) -> Result<bool, Rejection> {
        let hosted = &self.shared.hosted;
        match hosted.ask(hosted.ticket(), order).await {
            Ok(answer) => Ok(answer.reply == IdempotencyReply::Resolved(true)),
            Err(error) => Err(error.rejection(Kind::Idempotency, self.hosted().name_kept())),
        }
    }

    /// Runs `handler` once for `key`, or gives the result of the call that did, for code without macros. Its result
    /// goes through `codec`; an error that it returns gives the key free.
    ///
    /// ```no_run
    /// # use steadfast_actors::{idempotency::{Codec, IdempotencyHandle, KeySpace, Principal, RecordKey}, rejection::Rejection};
    /// # #[derive(Debug)] enum Error { Refused(Rejection) }
    /// # impl From<Rejection> for Error { fn from(rejection: Rejection) -> Self { Error::Refused(rejection) } }
    /// # async fn charge(amount: u64) -> Result<String, Error> { Ok(amount.to_string()) }
    /// # async fn example(payments: IdempotencyHandle, sent: &str, payload: &[u8]) -> Result<String, Error> {
    /// let space = KeySpace { scope: "POST /charges", principal: Principal::User("u7"), path: &[] };
    /// let key = RecordKey::explicit(space, sent).map_err(|reason| Rejection::conflict("payments", reason, None))?;
    /// let fingerprint = steadfast_actors::idempotency::fingerprint(payload);
    /// let codec = Codec { encode: |text: &String| Some(text.clone().into()), decode: |bytes| String::from_utf8(bytes.to_vec()).ok() };
    /// payments.run(&key, fingerprint, codec, || charge(100)).await
    /// # }
    /// ```
    ///
    /// # Errors
    /// What `handler` returned, or a refusal as [`begin`](IdempotencyHandle::begin) gives.
    ///
    /// # Cancel safety
    /// Dropped before `handler` was polled it is as if the call had never come; dropped later, the outcome is unknown.
    pub async fn run<T, E, F>(
        &self,
        key: &RecordKey,
        fingerprint: Fingerprint,
        codec: Codec<T>,
        handler: impl FnOnce() -> F,
    ) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
        E: From<Rejection>,
    {
        let run = match self.begin(key, fingerprint, Time::MAX).await? {
            Begun::Run(run) => run,
            Begun::Replay(bytes) => {
                // Bytes of a type that the program no longer has: it is done all the same, and must not run again.
                let unreadable =
                    || Rejection::conflict(self.hosted().name_kept(), ConflictReason::ResultNotKept, None);
                return (codec.decode)(&bytes).ok_or_else(|| unreadable().into());
            }
        };
        let begun = async {
            run.started();
            handler().await
        };
        let result = run.renewed(begun).await;
        match &result {
            Ok(value) => run.complete((codec.encode)(value).map(Into::into)).await,
            Err(_) => run.release().await,
        }
        result
    }
}
