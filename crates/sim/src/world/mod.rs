//! The simulated world: services, links, and those who send requests.
//!
//! It holds no futures and reads no clock. Whoever drives it says what time it is, fires the events that are due, and
//! carries out the [`Job`]s that come of them.

mod active;
mod channel;
mod disk;
mod faults;
mod message;
mod service;
mod source;
mod waiting;

use std::task::Waker;

use tokio::sync::oneshot;

use crate::engine::{Queue, Recorder};
use crate::scenario::{Distribution, Model, Scenario};
use channel::{Channel, Fate, Parcel};
pub(crate) use disk::{Damage, MemoryDisk};
pub(crate) use faults::{ActorFault, ActorFaultKind};
use message::Messages;
pub(crate) use message::{About, Callee, MessageId, Reply, Served};
use service::{Service, Step};
pub(crate) use source::HOT;
use source::Source;
use waiting::Work;

/// Something that happens at its time.
#[derive(Debug)]
pub(crate) enum Event {
    /// The next request of an open load.
    Arrival(usize),
    /// One caller of a closed load sends its next request.
    Client(usize),
    /// A parcel reaches its end.
    Delivery(Parcel),
    /// A server has finished.
    Finished { service: usize, epoch: u32, work: Work },
    /// A fault begins, or strikes again.
    Fault(usize),
    /// A fault ends.
    Heal(usize),
    /// One channel of a swizzle is clogged or freed.
    Swizzle { fault: usize, channel: usize, frees: bool },
    /// Wall time is pushed on while a clock runs wrong.
    Drift(usize),
}

/// A request from outside.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) load: usize,
    pub(crate) handler: usize,
    pub(crate) about: About,
    pub(crate) at: u64,
}

/// What the world wants done by whoever can run futures.
#[derive(Debug)]
pub(crate) enum Job {
    /// Call a handler for a request from outside.
    Request(Request),
    /// Call a handler for a request that came over a link, and send its answer back.
    Serve { handler: usize, message: MessageId, about: About },
    /// Strike an actor.
    Actor(ActorFault),
    /// Let wall time jump by so many nanoseconds.
    ShiftWall(i64),
    /// Let the process die, and another begin with what its disk then holds.
    Restart(Damage),
    /// Let the disk take nothing, or take what is written again.
    FillDisk(bool),
}

/// How a request and its answer travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) callee: Callee,
    pub(crate) forward: usize,
    pub(crate) back: usize,
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) now: u64,
    pub(crate) jobs: Vec<Job>,
    /// Whether something that was sent woke a task since this was last put back.
    pub(crate) woke: bool,
    /// Who sleeps until a time and wants to know of anything before it.
    pub(crate) alarm: Option<(u64, Waker)>,
    seed: u64,
    queue: Queue<Event>,
    recorder: Recorder,
    services: Vec<Service>,
    channels: Vec<Channel>,
    sources: Vec<Source>,
    messages: Messages,
    requests: u64,
    faults: Vec<faults::Planned>,
    handlers: Vec<String>,
    waits_for_events: bool,
}

impl World {
    pub(crate) fn new(scenario: &Scenario, variant: usize, seed: u64, recorder: Recorder) -> Self {
        let variant = &scenario.variants[variant];
        let specs = scenario.services.iter().map(|spec| variant.services.get(&spec.name).unwrap_or(spec));
        let services = specs.map(|spec| Service::new(seed, spec)).collect();
        let sources =
            (0..).zip(&scenario.loads).map(|(index, load)| Source::new(seed, index, load)).collect();
        let handlers = scenario.handlers.iter().map(|handler| handler.name.clone()).collect();
        let mut world = World {
            now: 0,
            jobs: Vec::new(),
            woke: false,
            alarm: None,
            seed,
            queue: Queue::new(),
            recorder,
            services,
            channels: Vec::new(),
            sources,
            messages: Messages::default(),
            requests: 0,
            faults: Vec::new(),
            handlers,
            waits_for_events: false,
        };
        world.plan_faults(scenario);
        world
    }

    /// Lets the loads begin.
    pub(crate) fn begin(&mut self) {
        for index in 0..self.sources.len() {
            match self.sources[index].load.model {
                Model::Open { .. } | Model::Trace { .. } => {
                    if let Some(first) = self.sources[index].first() {
                        self.push(first, Event::Arrival(index));
                    }
                }
                Model::Closed { clients, think, .. } => {
                    for client in 0..clients {
                        // Spread over one think time: nobody's callers all begin at once.
                        let start = u128::from(think) * u128::from(client) / u128::from(clients.max(1));
                        self.push(u64::try_from(start).unwrap_or(0), Event::Client(index));
                    }
                }
            }
        }
    }

    /// Opens both directions of a link.
    pub(crate) fn open(&mut self, from: &str, callee: Callee, latency: &Distribution) -> Route {
        let to = match callee {
            Callee::Service(index) => self.services[index].spec.name.clone(),
            Callee::Handler(index) => self.handlers[index].clone(),
        };
        let forward = self.channels.len();
        self.channels.push(Channel::new(self.seed, from, &to, latency.clone()));
        self.channels.push(Channel::new(self.seed, &to, from, latency.clone()));
        Route { callee, forward, back: forward + 1 }
    }

    pub(crate) fn next_time(&self) -> Option<u64> {
        self.queue.next_time()
    }

    fn push(&mut self, time: u64, event: Event) {
        self.queue.push(time, event);
        if let Some((_, waker)) = self.alarm.take_if(|(armed, _)| time < *armed) {
            waker.wake();
        }
    }

    /// Lets the next event happen.
    pub(crate) fn fire(&mut self) {
        let Some((_, event)) = self.queue.pop() else { return };
        match event {
            Event::Arrival(load) => {
                if let Some(next) = self.sources[load].next() {
                    self.push(next, Event::Arrival(load));
                }
                self.request(load);
            }
            Event::Client(load) => self.request(load),
            Event::Delivery(parcel) => self.deliver(parcel),
            Event::Finished { service, epoch, work } => {
                if self.services[service].epoch == epoch {
                    self.finished(service, work);
                }
            }
            Event::Fault(fault) => self.strike(fault),
            Event::Heal(fault) => self.heal(fault),
            Event::Swizzle { fault, channel, frees } => self.swizzle(fault, channel, frees),
            Event::Drift(fault) => self.drift(fault),
        }
        self.begin_awaited();
    }

    fn request(&mut self, load: usize) {
        self.requests += 1;
        let request = self.requests;
        let source = &mut self.sources[load];
        let key = source.key(request);
        let name = source.load.handler.as_str();
        let Some(handler) = self.handlers.iter().position(|known| known == name) else { return };
        let priority = source.load.priority as u8;
        let entry = u32::try_from(handler).unwrap_or(About::NO_ENTRY);
        let about = About { request, key, priority, deadline: u64::MAX, held: 0, entry };
        {
            let mut record = self.recorder.record();
            record.measures.arrived(self.now, handler);
            let line = record.log.line(self.now, "load", name, "request").number("request", request);
            if key != request {
                drop(line.word("key", &self.sources[load].label(key)));
            }
        }
        self.jobs.push(Job::Request(Request { load, handler, about, at: self.now }));
    }

    /// A request from outside was answered: a closed load's caller thinks, and sends the next.
    pub(crate) fn answered(&mut self, load: usize) {
        if let Model::Closed { think, until, .. } = self.sources[load].load.model {
            let next = self.now.saturating_add(think);
            if until.is_none_or(|until| next < until) {
                self.push(next, Event::Client(load));
            }
        }
    }

    /// Sends a request on its way.
    pub(crate) fn send(&mut self, route: Route, about: About, reply: oneshot::Sender<Reply>) -> MessageId {
        if let Callee::Service(_) = route.callee {
            self.recorder.record().measures.attempted(self.now, about.entry as usize);
        }
        let message = self.messages.add(route.callee, route.back, about, reply);
        self.dispatch(route.forward, Parcel::Request(message));
        message
    }

    /// The caller of a message gave up.
    pub(crate) fn left(&mut self, message: MessageId) {
        self.messages.left(message, self.now);
    }

    /// Sends an answer on its way back.
    pub(crate) fn reply(&mut self, message: MessageId, reply: Reply) {
        if let Some(back) = self.messages.get(message).map(|message| message.back) {
            self.dispatch(back, Parcel::Answer(message, reply));
        }
    }

    fn dispatch(&mut self, channel: usize, parcel: Parcel) {
        let id = parcel.message();
        let Some(about) = self.messages.get(id).map(|message| message.about) else { return };
        let fate = self.channels[channel].fate(about.key);
        let at = |delay: u64| self.now.saturating_add(delay);
        match fate {
            Fate::Arrives(0) => self.deliver(parcel),
            Fate::Arrives(delay) => self.push(at(delay), Event::Delivery(parcel)),
            Fate::Copied(delays) => {
                for _ in 1..delays.len() {
                    self.log_link(channel, "duplicated", about.request);
                    self.messages.copied(id);
                }
                for delay in delays {
                    self.push(self.now.saturating_add(delay), Event::Delivery(parcel));
                }
            }
            Fate::Lost => {
                self.log_link(channel, "lost", about.request);
                self.messages.lost(id);
            }
            Fate::Held => {
                self.log_link(channel, "held", about.request);
                self.channels[channel].hold(parcel);
            }
        }
    }

    fn log_link(&self, channel: usize, kind: &'static str, request: u64) {
        let Channel { from, to, .. } = &self.channels[channel];
        let mut record = self.recorder.record();
        record.log.line(self.now, "link", from, kind).word("to", to).number("request", request);
        record.came(kind);
    }

    fn deliver(&mut self, parcel: Parcel) {
        match parcel {
            Parcel::Answer(message, reply) => self.woke |= self.messages.answered(message, reply),
            Parcel::Request(id) => {
                let Some(message) = self.messages.get(id) else { return };
                let about = message.about;
                match message.callee {
                    Callee::Handler(handler) => self.jobs.push(Job::Serve { handler, message: id, about }),
                    Callee::Service(service) if self.services[service].swallows(about.key) => {
                        self.messages.lost(id);
                    }
                    Callee::Service(service) => {
                        let work = Work { message: id, since: self.now, began: 0, server: 0 };
                        let step = self.services[service].arrive(self.now, work, about);
                        self.took(service, step);
                    }
                }
            }
        }
    }

    fn about(messages: &Messages, work: Work) -> About {
        let entry = About::NO_ENTRY;
        let nobody = About { request: 0, key: 0, priority: 0, deadline: u64::MAX, held: 0, entry };
        messages.get(work.message).map_or(nobody, |message| message.about)
    }

    /// Carries out what a service decided.
    fn took(&mut self, service: usize, step: Step) {
        match step {
            Step::Began(work, until) => {
                let about = Self::about(&self.messages, work);
                self.recorder.record().measures.executed(self.now, about.key);
                let epoch = self.services[service].epoch;
                self.push(until, Event::Finished { service, epoch, work });
            }
            Step::Waits(depth) => self.recorder.record().measures.waiting(service, self.now, depth),
            Step::Refused(work, kind, why) => {
                self.log_refused(service, work, "refused", why);
                self.reply(work.message, Err(kind));
            }
            Step::Expired(work) => {
                self.log_refused(service, work, "expired", "its caller's deadline is over");
                self.messages.lost(work.message);
            }
        }
    }

    fn log_refused(&self, service: usize, work: Work, kind: &'static str, why: &str) {
        let about = Self::about(&self.messages, work);
        let name = self.services[service].spec.name.as_str();
        let mut record = self.recorder.record();
        let line = record.log.line(self.now, "service", name, kind).number("request", about.request);
        line.number("waited_ns", self.now - work.since).word("reason", why);
        record.came(kind);
    }

    fn finished(&mut self, service: usize, work: Work) {
        let about = Self::about(&self.messages, work);
        let Some(reply) = self.services[service].finish(work, about) else { return };
        let left_at = self.messages.get(work.message).map_or(u64::MAX, |message| message.left_at);
        let ran = self.now - work.began;
        {
            let mut record = self.recorder.record();
            record.measures.worked.add(self.now, ran);
            record.measures.wasted.add(self.now, self.now.saturating_sub(left_at.max(work.began)));
            let name = self.services[service].spec.name.as_str();
            let line = record.log.line(self.now, "service", name, "served").number("request", about.request);
            let ending = reply.map_or_else(|kind| kind.as_str(), |_| "success");
            line.number("waited_ns", work.began - work.since).number("ran_ns", ran).word("ending", ending);
        }
        self.reply(work.message, reply);
        let shard = self.services[service].shard_of(about.key);
        self.pump(service, shard);
    }

    /// Lets free servers take up what waits.
    fn pump(&mut self, service: usize, shard: usize) {
        loop {
            let (services, messages) = (&mut self.services, &self.messages);
            let about = |work| Self::about(messages, work);
            let Some(step) = services[service].next(self.now, shard, about) else { return };
            self.took(service, step);
        }
    }
}
