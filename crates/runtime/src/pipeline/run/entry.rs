use std::time::Duration;

use steadfast_actors::limiter::Reservation;
use steadfast_actors::machine::Kind;
use steadfast_actors::rejection::Rejection;

use super::Running;
use crate::pipeline::limits::Limit;
use crate::service::auth::find_out;

impl<T, E: From<Rejection>> Running<T, E> {
    /// What a call passes before anything of it may fail in a way that a fallback answers: limiters, authentication,
    /// validation.
    pub(super) async fn entered(&self) -> Result<(), Rejection> {
        let now = self.call.runtime.clock().now();
        if self.call.deadline.is_over(now) {
            return Err(Rejection::timed_out(self.plan.site.as_str(), Duration::ZERO));
        }
        let mut held = self.reserved(&self.plan.limits_before).await?;
        if let Err(rejection) = self.authenticated().await {
            // Guessing at a password is paid for.
            held.into_iter().for_each(Reservation::settle);
            return Err(rejection);
        }
        if let Some(caller) = self.caller() {
            self.call.note_caller(caller);
        }
        held.extend(self.reserved(&self.plan.limits_after).await?);
        held.into_iter().for_each(Reservation::settle);
        match (self.inputs.validator, &self.inputs.message) {
            (Some(validate), Some(message)) => validate(message),
            _ => Ok(()),
        }
    }

    /// Takes from each limiter in turn; what was taken before one refuses is given back.
    async fn reserved(&self, limits: &[Limit]) -> Result<Vec<Reservation>, Rejection> {
        let mut held = Vec::with_capacity(limits.len());
        for limit in limits {
            let (key, cost) = (limit.by.key(&self.inputs), self.inputs.cost_of(limit.occurrence));
            let answer = self.in_time(limit.handle.reserve(&key, cost, self.call.deadline.time())).await;
            let decision = match &answer {
                Ok(reservation) => Some(reservation.decision()),
                Err(rejection) => rejection.decision(),
            };
            self.call.decided(Kind::Limiter, limit.handle.name(), answer.as_ref(), |_| {
                // Keys are what outsiders send; some are secrets.
                let masked = &blake3::hash(key.as_bytes()).to_hex()[..16];
                format!("key {masked} cost {cost}")
            });
            if let Some(decision) = decision {
                self.call.trail().note_limit(limit.handle.name(), decision);
            }
            held.push(answer?);
        }
        Ok(held)
    }

    async fn authenticated(&self) -> Result<(), Rejection> {
        let Some(message) = &self.inputs.message else {
            if !self.plan.require_auth {
                return Ok(());
            }
            return Err(Rejection::unauthenticated("the handler takes no message that could say who calls"));
        };
        // Where nobody has to be known, whoever says who calls is still told apart from others.
        self.in_time(find_out(&self.call.runtime, message, self.plan.require_auth)).await
    }

    fn caller(&self) -> Option<String> {
        let principal = self.inputs.message.as_ref()?.principal()?;
        let user = principal.user().map(|user| format!("user:{user}"));
        user.or_else(|| principal.api_key().map(|key| format!("api_key:{key}")))
    }
}
