use std::collections::BTreeSet;

use steadfast_actors::machine::Kind;

use super::Scenario;
use super::mistake::Notes;
use super::reader::unknown;
use super::tree::Span;

/// Every actor that some variant's policies bring to life.
pub(crate) struct Actors<'a> {
    known: BTreeSet<(&'static str, &'a str)>,
}

impl<'a> Actors<'a> {
    pub(crate) fn of(scenario: &'a Scenario) -> Self {
        let mut known = BTreeSet::new();
        for (handler, policies) in scenario.variants.iter().flat_map(|variant| &variant.policies) {
            for policy in policies {
                let Some(kind) = kind_of(policy.attribute) else { continue };
                let named = match kind {
                    Kind::Idempotency => Some(policy.settings.text("store").unwrap_or("default")),
                    _ => policy.settings.text("name"),
                };
                known.insert((kind.as_str(), named.unwrap_or(handler)));
            }
        }
        Actors { known }
    }

    /// Kind and name of each.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, &'a str)> {
        self.known.iter().copied()
    }

    /// The stores that faults can strike.
    pub(crate) fn stores(&self) -> impl Iterator<Item = &'a str> {
        let kind = Kind::Idempotency.as_str();
        let stores = self.known.iter().filter(move |(known, _)| *known == kind).map(|(_, name)| *name);
        stores.chain(["snapshots"])
    }

    pub(crate) fn any(&self, name: &str) -> bool {
        self.known.iter().any(|(_, known)| matches(known, name))
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.known.iter().map(|(_, name)| *name)
    }

    pub(crate) fn pools(&self) -> impl Iterator<Item = &'a str> {
        let pools = [Kind::Bulkhead.as_str(), Kind::Throttle.as_str()];
        self.known.iter().filter(move |(kind, _)| pools.contains(kind)).map(|(_, name)| *name)
    }

    /// Notes a kind that does not exist, or a name that no variant declares.
    pub(crate) fn check(&self, kind: &str, name: &str, span: &Span, notes: &mut Notes<'_>) {
        if Kind::named(kind).is_none() {
            return unknown("kind of actor", kind, span, Kind::ALL.map(Kind::as_str), notes);
        }
        let of_kind = || self.known.iter().filter(|(known, _)| *known == kind).map(|(_, name)| *name);
        if !of_kind().any(|known| matches(known, name)) {
            unknown(kind, name, span, of_kind(), notes);
        }
    }

    /// A store is one of idempotency's, or the runtime's own snapshots.
    pub(crate) fn check_store(&self, name: &str, span: &Span, notes: &mut Notes<'_>) {
        let stores = || self.stores();
        if !stores().any(|store| store == name) {
            unknown("store", name, span, stores(), notes);
        }
    }
}

/// `db`, or one of the actors that `db` has by key or by place: `db/shard-1`, `checkout#2`.
fn matches(declared: &str, written: &str) -> bool {
    written
        .strip_prefix(declared)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(|c: char| !c.is_ascii_alphanumeric()))
}

fn kind_of(attribute: &str) -> Option<Kind> {
    Some(match attribute {
        "circuit_breaker" => Kind::Breaker,
        "bulkhead" | "bulkhead_priority" => Kind::Bulkhead,
        "throttle" => Kind::Throttle,
        "rate_limit" => Kind::Limiter,
        "idempotent" => Kind::Idempotency,
        "adaptive_timeout" => Kind::Adaptive,
        "hedge" => Kind::Hedge,
        "shed" => Kind::Shed,
        "degrade_gracefully" => Kind::Brownout,
        _ => return None,
    })
}
