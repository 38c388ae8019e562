use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use steadfast::ErrorKind;
use steadfast_actors::clock::saturating_nanos;
use steadfast_actors::machine::Kind;

use super::world::{World, missing};
use crate::scenario::{Distribution, ErrorShare, Fault, FaultKind, Target, When};
use crate::world::{ActorFault, ActorFaultKind};

/// A fault that was injected. Dropping this does not end it.
#[derive(Debug)]
pub struct Injected {
    world: World,
    fault: usize,
}

impl Injected {
    /// Ends it now, if it has not ended by itself.
    pub fn heal(self) {
        self.world.house.with(|world| world.heal(self.fault));
    }
}

impl World {
    /// The messages from one end to another. `*` stands for any end.
    ///
    /// # Panics
    /// Where no link has such an end.
    #[must_use]
    #[track_caller]
    pub fn link(&self, from: &str, to: &str) -> LinkHandle {
        for end in [from, to] {
            if end != "*" && !self.ends().any(|known| known == end) {
                missing("end of a link", end, self.ends());
            }
        }
        LinkHandle { world: self.clone(), from: from.to_owned(), to: to.to_owned() }
    }

    /// A service.
    ///
    /// # Panics
    /// Where there is none of that name.
    #[must_use]
    #[track_caller]
    pub fn service(&self, name: &str) -> ServiceHandle {
        if !self.services().any(|known| known == name) {
            missing("service", name, self.services());
        }
        ServiceHandle { world: self.clone(), name: name.to_owned() }
    }

    /// The wall clock. Deadlines and windows run on the monotonic one, which no fault reaches.
    #[must_use]
    pub fn wall_clock(&self) -> ClockHandle {
        ClockHandle { world: self.clone() }
    }

    /// An actor by its kind and name, as in `breaker/db`.
    ///
    /// # Panics
    /// Where no call has brought an actor of that name to life yet.
    #[must_use]
    #[track_caller]
    pub fn actor(&self, path: &str) -> ActorHandle {
        let actors = self.house.runtime.registry().actors();
        let known = || actors.iter().map(|actor| format!("{}/{}", actor.kind, actor.name));
        if !known().any(|known| known == path) {
            missing("actor", path, known());
        }
        let (kind, name) = path.split_once('/').unwrap_or_default();
        ActorHandle { world: self.clone(), kind: kind.to_owned(), name: name.to_owned() }
    }

    /// Lets an actor panic: the same as `actor(path).crash()`.
    ///
    /// # Panics
    /// Where no call has brought an actor of that name to life yet.
    #[track_caller]
    pub fn crash_actor(&self, path: &str) {
        self.actor(path).crash();
    }

    fn inject(&self, target: Target, kind: FaultKind, lasts: Duration) -> Injected {
        let lasts = (lasts != Duration::MAX).then(|| saturating_nanos(lasts));
        let fault =
            Fault { when: When::At(0), lasts, every: None, target, kind, key: None, target_span: 0..0 };
        let fault = self.house.with(|world| world.inject(fault, None));
        Injected { world: self.clone(), fault }
    }
}

/// One direction of a link, and what can befall it. `lasts` may be [`Duration::MAX`]: until it is healed.
#[derive(Debug)]
pub struct LinkHandle {
    world: World,
    from: String,
    to: String,
}

impl LinkHandle {
    fn strike(&self, kind: FaultKind, lasts: Duration) -> Injected {
        let target = Target::Link { from: self.from.clone(), to: self.to.clone() };
        self.world.inject(target, kind, lasts)
    }

    /// Nothing arrives, in either direction.
    pub fn partition(&self, lasts: Duration) -> Injected {
        self.strike(FaultKind::Partition, lasts)
    }

    /// Nothing arrives in this direction.
    pub fn oneway(&self, lasts: Duration) -> Injected {
        self.strike(FaultKind::Oneway, lasts)
    }

    /// Messages of both directions wait until it heals.
    pub fn hold(&self, lasts: Duration) -> Injected {
        self.strike(FaultKind::Hold, lasts)
    }

    /// Messages of this direction wait until it heals.
    pub fn clog(&self, lasts: Duration) -> Injected {
        self.strike(FaultKind::Clog, lasts)
    }

    /// A share of the messages, 0 to 1, is lost.
    pub fn lose(&self, share: f64, lasts: Duration) -> Injected {
        self.strike(FaultKind::Drop(share), lasts)
    }

    /// A share of the messages, 0 to 1, arrives twice.
    pub fn duplicate(&self, share: f64, lasts: Duration) -> Injected {
        self.strike(FaultKind::Duplicate(share, 1), lasts)
    }

    /// A share of the messages, 0 to 1, comes up to `by` later, so that others overtake them.
    pub fn reorder(&self, share: f64, by: Duration, lasts: Duration) -> Injected {
        self.strike(FaultKind::Reorder(share, saturating_nanos(by)), lasts)
    }

    /// Messages take so much longer.
    pub fn slow(&self, add: Duration, lasts: Duration) -> Injected {
        self.strike(FaultKind::Slow(constant(add)), lasts)
    }

    /// The links that this names are clogged one by one within so long, and freed in random order within as long before
    /// the end.
    pub fn swizzle(&self, within: Duration, lasts: Duration) -> Injected {
        self.strike(FaultKind::Swizzle(saturating_nanos(within)), lasts)
    }
}

fn constant(time: Duration) -> Distribution {
    Distribution::Const(saturating_nanos(time))
}

/// A service, and what can befall it. `lasts` may be [`Duration::MAX`]: until it is healed.
#[derive(Debug)]
pub struct ServiceHandle {
    world: World,
    name: String,
}

impl ServiceHandle {
    fn strike(&self, kind: FaultKind, lasts: Duration) -> Injected {
        self.world.inject(Target::Service(self.name.clone()), kind, lasts)
    }

    /// Every request takes so long.
    pub fn latency(&self, latency: Duration, lasts: Duration) -> Injected {
        self.strike(FaultKind::Latency(constant(latency)), lasts)
    }

    /// A share of the answers, 0 to 1, is this error.
    pub fn errors(&self, kind: ErrorKind, share: f64, lasts: Duration) -> Injected {
        self.strike(FaultKind::Errors(vec![ErrorShare { kind, probability: share }]), lasts)
    }

    /// It has this share of its servers; more than 1 gives it more.
    pub fn capacity(&self, factor: f64, lasts: Duration) -> Injected {
        self.strike(FaultKind::Capacity(factor), lasts)
    }

    /// What it serves is lost, and connections are refused.
    pub fn crash(&self, lasts: Duration) -> Injected {
        self.strike(FaultKind::Crash, lasts)
    }

    /// It takes requests and answers none.
    pub fn hang(&self, lasts: Duration) -> Injected {
        self.strike(FaultKind::Hang, lasts)
    }

    /// A share of the answers, 0 to 1, takes so long.
    pub fn drip(&self, share: f64, latency: Duration, lasts: Duration) -> Injected {
        self.strike(FaultKind::Drip(share, constant(latency)), lasts)
    }
}

/// The wall clock, and what can befall it.
#[derive(Debug)]
pub struct ClockHandle {
    world: World,
}

impl ClockHandle {
    /// It jumps ahead.
    pub fn jump(&self, by: Duration) {
        self.world.house.clock.shift_wall(by, false);
    }

    /// It jumps back.
    pub fn jump_back(&self, by: Duration) {
        self.world.house.clock.shift_wall(by, true);
    }

    /// It runs at this rate: 2 is twice as fast.
    pub fn skew(&self, rate: f64, lasts: Duration) -> Injected {
        self.world.inject(Target::Clock, FaultKind::Skew(rate), lasts)
    }

    /// It stands still.
    pub fn freeze(&self, lasts: Duration) -> Injected {
        self.world.inject(Target::Clock, FaultKind::Freeze, lasts)
    }
}

/// An actor of the runtime under test, and what can befall it. What is asked of it after one of these finds it so.
#[derive(Debug)]
pub struct ActorHandle {
    world: World,
    kind: String,
    name: String,
}

impl ActorHandle {
    fn strike(&self, what: ActorFaultKind) {
        let fault = ActorFault { kind: self.kind.clone(), name: self.name.clone(), what };
        let mut striking = Box::pin(Arc::clone(&self.world.house).strike(fault));
        // An actor that runs gets its order here and now, before whatever the test does next.
        let context = &mut Context::from_waker(Waker::noop());
        if Pin::as_mut(&mut striking).poll(context).is_pending() {
            tokio::spawn(striking);
        }
    }

    /// It panics, and is restarted.
    pub fn crash(&self) {
        self.strike(ActorFaultKind::Panic);
    }

    /// It answers nobody for so long.
    pub fn hang(&self, lasts: Duration) {
        self.strike(ActorFaultKind::Hang(saturating_nanos(lasts)));
    }

    /// The same, with a mailbox that takes nothing meanwhile.
    pub fn fill_mailbox(&self, lasts: Duration) {
        self.strike(ActorFaultKind::MailboxFull(saturating_nanos(lasts)));
    }

    /// Each message with this key makes it panic, until `None` ends that. Keys are typed: `user=u1`.
    pub fn poison(&self, key: Option<&str>) {
        if let Some(kind) = Kind::named(&self.kind) {
            self.world.house.runtime.registry().poison(kind, &self.name, key);
        }
    }
}
