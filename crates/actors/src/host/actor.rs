use std::convert::Infallible;
use std::future::pending;
use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use kameo::actor::{ActorId, ActorRef, Spawn as _, WeakActorRef};
use kameo::error::{ActorStopReason, PanicError};
use kameo::mailbox::{self, MailboxReceiver, Signal};
use kameo::message::{BoxMessage, Context, Message};
use kameo::supervision::RestartPolicy;
use kameo::{Actor, prelude::MailboxSender};
use tokio::time::sleep_until;

use super::alarm::Alarm;
use super::aside::later;
use super::hosted::Hosted;
use super::slot::Asker;
use crate::machine::{Machine, Ticket};

/// The root of a runtime's actors. It only restarts: it holds nothing and does nothing that can panic.
#[derive(Debug)]
pub struct Supervisor;

impl Actor for Supervisor {
    type Args = ();
    type Error = Infallible;

    async fn on_start((): (), _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(Supervisor)
    }

    async fn on_link_died(
        &mut self,
        _: WeakActorRef<Self>,
        _: ActorId,
        _: ActorStopReason,
    ) -> Result<ControlFlow<ActorStopReason>, Infallible> {
        Ok(ControlFlow::Continue(()))
    }
}

/// What a host's mailbox takes.
pub(super) enum Envelope<M: Machine> {
    /// A request that wants an answer.
    Ask { ticket: Ticket, input: M::Input, asker: Asker<M> },
    /// The ledger has something, and whoever waits for its effect to be published is to be told.
    Publish(Asker<M>),
    /// Panic, as a poisoned message would: for drills and for the simulator.
    Crash,
    /// Stop for good.
    Stop,
    /// None, while its box is on its way back to whoever sent it.
    Taken,
}

/// The ledger has something.
pub(super) struct Poke;

/// The actor around one machine.
pub(super) struct Host<M: Machine> {
    hosted: Arc<Hosted<M>>,
    alarm: Alarm,
    /// Whether kameo was told that it has started.
    has_started: bool,
}

impl<M: Machine> Host<M> {
    /// Starts the supervised actor of `hosted`.
    pub(super) async fn start(supervisor: &ActorRef<Supervisor>, hosted: Arc<Hosted<M>>) -> ActorRef<Self> {
        let (sender, receiver): (MailboxSender<Self>, _) = mailbox::bounded(hosted.options().mailbox);
        // The supervisor keeps this function, and what is hosted keeps the supervisor: held here, neither would ever end.
        let (kept, first) = (Arc::downgrade(&hosted), Mutex::new(Some(hosted)));
        let hosted = move || {
            let first = first.lock().unwrap_or_else(PoisonError::into_inner).take();
            first.or_else(|| kept.upgrade())
        };
        Host::supervise_with(supervisor, hosted)
            .restart_policy(RestartPolicy::Transient)
            // kameo counts on a clock that does not see virtual time; the limit is kept in `supervise.rs`.
            .restart_limit(u32::MAX, std::time::Duration::MAX)
            .spawn_with_mailbox((sender, receiver))
            .await
    }
}

impl<M: Machine> Host<M> {
    /// Acts on one message; whether it is the last.
    fn take(&self, message: BoxMessage<Self>) -> bool {
        let messages = &self.hosted.messages;
        // Nobody else counts.
        messages.store(messages.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        let drained = self.hosted.drain();
        // What is none of those only asks it to look at what was noted.
        let acted = message.as_any().downcast().map_or(Ok(false), |envelope| self.act(envelope));
        match drained.and(acted) {
            Ok(is_last) => is_last,
            Err(panic) => resume_unwind(panic),
        }
    }

    fn act(&self, mut message: Box<Envelope<M>>) -> std::thread::Result<bool> {
        match std::mem::replace(&mut *message, Envelope::Taken) {
            Envelope::Ask { ticket, input, mut asker } => {
                asker.give_back(message);
                self.hosted.answer(ticket, &input, asker)?;
            }
            // Dropped, it tells that it is done.
            Envelope::Publish(mut asker) => asker.give_back(message),
            #[expect(clippy::panic, reason = "a crash on purpose is what was asked for")]
            Envelope::Crash => panic!("crashed on purpose"),
            Envelope::Stop => {
                self.hosted.stopped();
                return Ok(true);
            }
            Envelope::Taken => {}
        }
        Ok(false)
    }
}

impl<M: Machine> Actor for Host<M> {
    type Args = Option<Arc<Hosted<M>>>;
    type Error = Infallible;

    async fn on_start(hosted: Self::Args, _: ActorRef<Self>) -> Result<Self, Infallible> {
        match hosted {
            Some(hosted) => Ok(Host { hosted, alarm: Alarm::default(), has_started: false }),
            // Nobody is left who could ask it anything.
            None => pending().await,
        }
    }

    async fn on_panic(
        &mut self,
        _: WeakActorRef<Self>,
        panic: PanicError,
    ) -> Result<ControlFlow<ActorStopReason>, Infallible> {
        let reason = panic.with_str(str::to_owned).unwrap_or_else(|| panic.to_string());
        self.hosted.crashed(format!("message handler panicked: {reason}"));
        // Restarted in place: the mailbox, and what is queued in it, stay as they are.
        Ok(ControlFlow::Continue(()))
    }

    /// Messages are taken here, one after the other: whatever comes by kameo's own loop is handed on four times, and has an
    /// address made for it. A panic is caught there as it would be in a handler. Whatever is no message goes its way.
    async fn next(
        &mut self,
        _: WeakActorRef<Self>,
        mailbox: &mut MailboxReceiver<Self>,
    ) -> Result<Option<Signal<Self>>, Infallible> {
        // What comes before this, kameo puts aside, and loses the rest of it where one of those messages panics. Its own
        // sign stands in the mailbox, behind whatever was sent while it started.
        if !std::mem::replace(&mut self.has_started, true) {
            return Ok(Some(Signal::StartupFinished));
        }
        loop {
            let Some(signal) = self.signal(mailbox).await else { return Ok(None) };
            let Signal::Message { message, .. } = signal else { return Ok(Some(signal)) };
            if self.hosted.hung_until().is_some() {
                later(|| self.hosted.until_awake()).await;
            }
            if self.take(message) {
                return Ok(None);
            }
        }
    }
}

impl<M: Machine> Host<M> {
    /// What its mailbox has for it next, with what its deadline asks for done before that.
    async fn signal(&mut self, mailbox: &mut MailboxReceiver<Self>) -> Option<Signal<Self>> {
        loop {
            if let Some(resume) = self.hosted.resume_at() {
                later(|| sleep_until(resume)).await;
                self.hosted.resumed();
            }
            let Some(deadline) = self.hosted.deadline() else {
                self.alarm.unset();
                return mailbox.recv().await;
            };
            tokio::select! {
                biased;
                signal = mailbox.recv() => return signal,
                has_come = self.alarm.wait(&self.hosted.ground, deadline) => {
                    if has_come {
                        later(|| self.hosted.until_awake()).await;
                        self.hosted.expired();
                    }
                }
            }
        }
    }
}

/// For what kameo had taken out of the mailbox itself, which it does before an actor has started.
impl<M: Machine> Message<Envelope<M>> for Host<M> {
    type Reply = ();

    async fn handle(&mut self, envelope: Envelope<M>, context: &mut Context<Self, ()>) {
        self.hosted.until_awake().await;
        if self.take(Box::new(envelope)) {
            context.stop();
        }
    }
}

impl<M: Machine> Message<Poke> for Host<M> {
    type Reply = ();

    async fn handle(&mut self, poke: Poke, context: &mut Context<Self, ()>) {
        self.hosted.until_awake().await;
        if self.take(Box::new(poke)) {
            context.stop();
        }
    }
}
