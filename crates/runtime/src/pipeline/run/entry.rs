use std::time::Duration;

use smallvec::SmallVec;
use steadfast_actors::clock::Time;
use steadfast_actors::limiter::Reservation;
use steadfast_actors::machine::Kind;
use steadfast_actors::rejection::Rejection;

use super::Running;
use crate::pipeline::limits::Limit;
use crate::pipeline::recorded::spent;
use crate::service::auth::find_out;

impl<T, E: From<Rejection>> Running<'_, T, E> {
    /// What a call passes before anything of it may fail in a way that a fallback answers: limiters, authentication,
    /// validation.
    pub(super) async fn entered(&self) -> Result<(), Rejection> {
        if self.call.is_over() {
            return Err(Rejection::timed_out(self.plan.site.as_str(), Duration::ZERO));
        }
        let mut held = SmallVec::new();
        self.reserved(&self.plan.limits_before, &mut held).await?;
        if self.plan.require_auth || self.inputs.message().is_some() {
            if let Err(rejection) = self.authenticated().await {
                // Guessing at a password is paid for.
                held.into_iter().for_each(Reservation::settle);
                return Err(rejection);
            }
            if let Some(caller) = self.caller() {
                self.call.note_caller(caller);
            }
        }
        self.reserved(&self.plan.limits_after, &mut held).await?;
        held.into_iter().for_each(Reservation::settle);
        self.inputs.validated().map_or(Ok(()), |(validate, message)| validate(message))
    }

    /// Takes from each limiter in turn; what was taken before one refuses is given back.
    async fn reserved(
        &self,
        limits: &[Limit],
        held: &mut SmallVec<[Reservation; 2]>,
    ) -> Result<(), Rejection> {
        for limit in limits {
            let (key, cost) = (limit.by.key(&self.inputs), self.inputs.cost_of(limit.occurrence));
            // Nobody waits for a quota that has no line, and a deadline is read only where somebody may wait.
            let waits = limit.handle.config().max_wait().is_some();
            let deadline = if waits { self.call.deadline().time() } else { Time::MAX };
            let answer = self.in_time(limit.handle.reserve(&key, cost, deadline)).await;
            let decision = match &answer {
                Ok(reservation) => Some(reservation.decision()),
                Err(rejection) => rejection.decision(),
            };
            self.call.decided(Kind::Limiter, limit.handle.name(), answer.as_ref(), |_| spent(&key, cost));
            if let Some(decision) = decision {
                self.call.note_limit(limit.handle.name(), decision);
            }
            held.push(answer?);
        }
        Ok(())
    }

    async fn authenticated(&self) -> Result<(), Rejection> {
        let Some(message) = self.inputs.message() else {
            if !self.plan.require_auth {
                return Ok(());
            }
            return Err(Rejection::unauthenticated("the handler takes no message that could say who calls"));
        };
        // Where nobody has to be known, whoever says who calls is still told apart from others.
        self.in_time(find_out(&self.call.runtime, message, self.plan.require_auth)).await
    }

    fn caller(&self) -> Option<String> {
        let principal = self.inputs.message()?.principal()?;
        let user = principal.user().map(|user| format!("user:{user}"));
        user.or_else(|| principal.api_key().map(|key| format!("api_key:{key}")))
    }
}
