use std::sync::Arc;
use std::time::Duration;

use steadfast_actors::breaker::{BreakerInput, BreakerReply, BreakerState};
use steadfast_actors::bulkhead::{Acquire, BulkheadInput, BulkheadReply, Priority};
use steadfast_actors::event::Happening;
use steadfast_actors::host::interpose::{Interposer, Passage};
use steadfast_actors::idempotency::{IdempotencyInput, IdempotencyReply};
use steadfast_actors::limiter::{LimiterInput, LimiterReply};
use steadfast_actors::machine::{Effects, Ticket};
use steadfast_actors::outcome::{Ending, Outcome};
use steadfast_actors::settings::Value;

use crate::wrapper::{Seen, answers, keep, later, pass, replace, wrapper};

const HOUR: Duration = Duration::from_secs(3_600);

/// Where a bug sits.
pub(crate) enum Plant {
    /// Around machines.
    Machine(fn() -> Arc<dyn Interposer>),
    /// In the pipeline's own parts, which no actor hosts: a part that is ignored is a pipeline built without it. The
    /// option, and what it is taken for.
    Setting(&'static str, fn() -> Value),
}

pub(crate) struct Bug {
    pub(crate) name: &'static str,
    /// The attribute whose part it sits in.
    pub(crate) attribute: &'static str,
    pub(crate) plant: Plant,
}

const fn machine(name: &'static str, attribute: &'static str, plant: fn() -> Arc<dyn Interposer>) -> Bug {
    Bug { name, attribute, plant: Plant::Machine(plant) }
}

const fn setting(
    name: &'static str,
    attribute: &'static str,
    option: &'static str,
    value: fn() -> Value,
) -> Bug {
    Bug { name, attribute, plant: Plant::Setting(option, value) }
}

fn failure(outcome: Outcome) -> bool {
    !matches!(outcome.ending, Ending::Success | Ending::Cancelled | Ending::Rejected(_))
}

fn watch(seen: &mut Seen, effects: &mut Effects<BreakerReply>) {
    for happening in effects.take_happenings() {
        if let Happening::Transition { to, .. } = &happening {
            seen.state.clone_from(to);
            seen.count = 0;
        }
        effects.happened(happening);
    }
    answers(effects, |reply| {
        if let BreakerReply::Admitted { epoch, .. } = reply {
            seen.epoch = *epoch;
        }
        None
    });
}

/// Lets in what a breaker refuses in this state.
fn lets_in(state: BreakerState, seen: &mut Seen, effects: &mut Effects<BreakerReply>) {
    watch(seen, effects);
    let epoch = seen.epoch;
    answers(effects, |reply| match reply {
        BreakerReply::Refused { state: refused, .. } if *refused == state => {
            Some(BreakerReply::Admitted { epoch, probe: false })
        }
        _ => None,
    });
}

/// Every bug.
pub(crate) const BUGS: &[Bug] = &[
    machine("half-open-never-closes", "circuit_breaker", || {
        wrapper::<BreakerInput, _>(
            |seen, _, input| match input {
                BreakerInput::Report { outcome, .. } if seen.state == "half_open" && !failure(*outcome) => {
                    Passage::Drop
                }
                _ => Passage::Pass,
            },
            watch,
        )
    }),
    machine("epoch-not-checked", "circuit_breaker", || {
        wrapper::<BreakerInput, _>(
            |seen, _, input| match input {
                BreakerInput::Report { ticket, outcome, .. } => {
                    replace(BreakerInput::Report { ticket: *ticket, epoch: seen.epoch, outcome: *outcome })
                }
                _ => Passage::Pass,
            },
            watch,
        )
    }),
    machine("window-off-by-one", "circuit_breaker", || {
        wrapper::<BreakerInput, _>(
            |seen, _, input| match input {
                BreakerInput::Report { outcome, .. } if seen.state != "half_open" && failure(*outcome) => {
                    seen.count += 1;
                    if seen.count == 1 { Passage::Drop } else { Passage::Pass }
                }
                _ => Passage::Pass,
            },
            watch,
        )
    }),
    machine("never-opens", "circuit_breaker", || {
        wrapper::<BreakerInput, BreakerReply>(
            |_, _, input| match input {
                BreakerInput::Report { outcome, .. } if failure(*outcome) => Passage::Drop,
                _ => Passage::Pass,
            },
            keep,
        )
    }),
    machine("recovery-timeout-ignored", "circuit_breaker", || {
        wrapper::<BreakerInput, _>(
            |seen, moment, input| {
                if matches!(input, BreakerInput::Admit { .. }) && seen.state == "open" {
                    later(moment, HOUR);
                }
                Passage::Pass
            },
            watch,
        )
    }),
    machine("open-lets-in", "circuit_breaker", || {
        wrapper::<BreakerInput, _>(pass, |seen, effects| lets_in(BreakerState::Open, seen, effects))
    }),
    machine("half-open-lets-everybody-in", "circuit_breaker", || {
        wrapper::<BreakerInput, _>(pass, |seen, effects| lets_in(BreakerState::HalfOpen, seen, effects))
    }),
    machine("slow-start-left-out", "circuit_breaker", || {
        wrapper::<BreakerInput, _>(pass, |seen, effects| lets_in(BreakerState::Closed, seen, effects))
    }),
    machine("probe-never-given-back", "circuit_breaker", || {
        wrapper::<BreakerInput, BreakerReply>(
            |_, _, input| match input {
                BreakerInput::GiveBack { .. } => Passage::Drop,
                BreakerInput::Report { outcome, .. }
                    if matches!(outcome.ending, Ending::Cancelled | Ending::Rejected(_)) =>
                {
                    Passage::Drop
                }
                _ => Passage::Pass,
            },
            keep,
        )
    }),
    machine("transition-not-told", "circuit_breaker", || {
        wrapper::<BreakerInput, BreakerReply>(pass, |_, effects| {
            for happening in effects.take_happenings() {
                if !matches!(&happening, Happening::Transition { to, .. } if to == "half_open") {
                    effects.happened(happening);
                }
            }
        })
    }),
    machine("permit-leaked-on-cancel", "bulkhead", || {
        wrapper::<BulkheadInput, BulkheadReply>(
            |seen, _, input| match input {
                BulkheadInput::GiveBack(_) => {
                    seen.count += 1;
                    if seen.count.is_multiple_of(10) { Passage::Drop } else { Passage::Pass }
                }
                _ => Passage::Pass,
            },
            keep,
        )
    }),
    machine("permits-beyond-capacity", "bulkhead", || {
        wrapper::<BulkheadInput, BulkheadReply>(pass, |_, effects| {
            answers(effects, |reply| {
                matches!(reply, BulkheadReply::Refused(_)).then_some(BulkheadReply::Granted)
            });
        })
    }),
    machine("somebody-elses-permit-given-back", "bulkhead", || {
        wrapper::<BulkheadInput, BulkheadReply>(
            |_, _, input| match input {
                BulkheadInput::GiveBack(Ticket(ticket)) => {
                    replace(BulkheadInput::GiveBack(Ticket(ticket + 1)))
                }
                _ => Passage::Pass,
            },
            keep,
        )
    }),
    machine("priority-ignored", "bulkhead", || {
        wrapper::<BulkheadInput, BulkheadReply>(
            |_, _, input| match input {
                BulkheadInput::Acquire(acquire) => {
                    replace(BulkheadInput::Acquire(Acquire { priority: Priority::Normal, ..*acquire }))
                }
                _ => Passage::Pass,
            },
            keep,
        )
    }),
    machine("limiter-grants-twice-at-the-boundary", "rate_limit", || {
        wrapper::<LimiterInput, LimiterReply>(
            |seen, moment, input| {
                // The second half of each second belongs to the next one already.
                if matches!(input, LimiterInput::Check { .. }) {
                    let into = moment.now.as_nanos() % 1_000_000_000;
                    seen.count =
                        seen.count.max(moment.now.as_nanos() / 1_000_000_000 + u64::from(into > 500_000_000));
                    later(moment, Duration::from_secs(seen.count * 2));
                }
                Passage::Pass
            },
            keep,
        )
    }),
    machine("cost-ignored", "rate_limit", || {
        wrapper::<LimiterInput, LimiterReply>(
            |_, _, input| match input {
                LimiterInput::Check { key, hold, patience, .. } => {
                    let (key, hold, patience) = (key.clone(), *hold, *patience);
                    replace(LimiterInput::Check { key, cost: 0, hold, patience })
                }
                _ => Passage::Pass,
            },
            keep,
        )
    }),
    machine("one-refusal-in-ten-granted", "rate_limit", || {
        wrapper::<LimiterInput, LimiterReply>(pass, |seen, effects| {
            answers(effects, |reply| match reply {
                LimiterReply::Refused { decision, .. } => {
                    seen.count += 1;
                    seen.count.is_multiple_of(10).then_some(LimiterReply::Granted(*decision))
                }
                _ => None,
            });
        })
    }),
    machine("keys-share-one-quota", "rate_limit", || {
        wrapper::<LimiterInput, LimiterReply>(
            |_, _, input| match input {
                LimiterInput::Check { cost, hold, patience, .. } => {
                    let (cost, hold, patience) = (*cost, *hold, *patience);
                    replace(LimiterInput::Check { key: String::new(), cost, hold, patience })
                }
                _ => Passage::Pass,
            },
            keep,
        )
    }),
    machine("recorded-before-execution", "idempotent", || {
        wrapper::<IdempotencyInput, IdempotencyReply>(
            |seen, moment, input| match input {
                IdempotencyInput::Begin { .. } => {
                    seen.asked = Some(moment.wall);
                    Passage::Pass
                }
                // Whatever comes of the run, the record says that it was done before.
                IdempotencyInput::Complete { ticket, .. }
                | IdempotencyInput::Release(ticket)
                | IdempotencyInput::Cut { ticket, .. } => {
                    let (ticket, result) = (*ticket, Some(Arc::from([0].as_slice())));
                    replace(IdempotencyInput::Complete { ticket, result, at: seen.asked })
                }
                _ => Passage::Pass,
            },
            keep,
        )
    }),
    machine("result-never-recorded", "idempotent", || {
        wrapper::<IdempotencyInput, IdempotencyReply>(
            |_, _, input| match input {
                IdempotencyInput::Complete { .. } => Passage::Drop,
                _ => Passage::Pass,
            },
            keep,
        )
    }),
    machine("second-run-let-in", "idempotent", || {
        wrapper::<IdempotencyInput, IdempotencyReply>(pass, |_, effects| {
            answers(effects, |reply| {
                let refused = matches!(reply, IdempotencyReply::Refused(..) | IdempotencyReply::Waiting);
                refused.then_some(IdempotencyReply::Run)
            });
        })
    }),
    machine("record-forgotten", "idempotent", || {
        wrapper::<IdempotencyInput, IdempotencyReply>(
            |seen, moment, input| {
                // A day passes between any two questions.
                if matches!(input, IdempotencyInput::Begin { .. }) {
                    seen.count += 1;
                }
                later(moment, HOUR * 25 * u32::try_from(seen.count).unwrap());
                Passage::Pass
            },
            keep,
        )
    }),
    setting("jitter-left-out", "retry", "jitter", || Value::from(false)),
    setting("budget-ignored", "retry", "budget", || Value::from("off")),
    setting("nested-retries-multiply", "retry", "nested", || Value::from("multiply")),
    setting("one-attempt-too-many", "retry", "attempts", || Value::from(5)),
    setting("line-without-end", "bulkhead", "queue", || Value::from(100_000)),
    setting("half-open-permits-ignored", "circuit_breaker", "half_open_permits", || Value::from(1_000)),
    setting("probe-lease-never-ends", "circuit_breaker", "probe_timeout", || Value::from("1h")),
    setting("attempt-never-cut", "timeout", "per_attempt", || Value::from("1h")),
    setting("keys-never-evicted", "rate_limit", "max_keys", || Value::from(1_000_000)),
    setting("timeout-not-learned", "adaptive_timeout", "mode", || Value::from("off")),
    setting("duplicates-not-recognised", "idempotent", "mode", || Value::from("off")),
];
