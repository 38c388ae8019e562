use steadfast_actors::outcome::ErrorKind;

use super::active::Active;
use super::message::{About, Reply, Served};
use super::waiting::{Next, Waiting, Work};
use crate::engine::{Stream, float, nanos};
use crate::scenario::{self, ErrorShare, FaultKind};

/// A simulated dependency: identical servers behind one queue, or one such group for each shard.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) spec: scenario::Service,
    stream: Stream,
    shards: Vec<Shard>,
    active: Active,
    /// Counts crashes: what was begun before the last one is never finished.
    pub(crate) epoch: u32,
}

#[derive(Debug)]
struct Shard {
    waiting: Waiting,
    serving: u64,
    /// Work that refusals cost, in nanoseconds of a server, paid by the next that is served.
    debt: u64,
    /// What each server works on; a crash loses it.
    busy: Vec<Option<Work>>,
    idle: Vec<u32>,
    /// What should have been finished while the service hung.
    stalled: Vec<Work>,
}

/// What became of a request at a service.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// A server works on it until then.
    Began(Work, u64),
    /// It waits; so many do.
    Waits(u64),
    /// It is refused, and why.
    Refused(Work, ErrorKind, &'static str),
    /// Its caller is no longer interested, so nobody is told.
    Expired(Work),
}

impl Service {
    pub(crate) fn new(seed: u64, spec: &scenario::Service) -> Self {
        let shard = || Shard {
            waiting: Waiting::new(spec.queue.discipline),
            serving: 0,
            debt: 0,
            busy: Vec::new(),
            idle: Vec::new(),
            stalled: Vec::new(),
        };
        let shards = (0..spec.shards.unwrap_or(1)).map(|_| shard()).collect();
        let stream = Stream::new(seed, &format!("service/{}", spec.name));
        Service { spec: spec.clone(), stream, shards, active: Active::default(), epoch: 0 }
    }

    /// The shard that serves this key.
    pub(crate) fn shard_of(&self, key: u64) -> usize {
        let count = self.shards.len() as u64;
        usize::try_from(key % count).unwrap_or(0)
    }

    /// How many requests wait, over all shards.
    pub(crate) fn depth(&self) -> u64 {
        self.shards.iter().map(|shard| shard.waiting.len()).sum()
    }

    pub(crate) fn is_hung(&self) -> bool {
        self.active.all().any(|(kind, whose)| whose.is_none() && *kind == FaultKind::Hang)
    }

    pub(crate) fn is_down(&self) -> bool {
        self.active.all().any(|(kind, _)| *kind == FaultKind::Crash)
    }

    /// Whether a request of this key is taken and never answered.
    pub(crate) fn swallows(&self, key: u64) -> bool {
        self.active.all().any(|(kind, whose)| whose == Some(key) && *kind == FaultKind::Hang)
    }

    /// Servers that may work now, for each shard.
    fn servers(&self) -> u64 {
        let factor = |kind: &FaultKind| match kind {
            FaultKind::Capacity(factor) => Some(*factor),
            _ => None,
        };
        let factor: f64 = self.active.all().filter_map(|(kind, _)| factor(kind)).product();
        nanos(float(self.spec.servers) * factor)
    }

    /// A request comes.
    pub(crate) fn arrive(&mut self, now: u64, work: Work, about: About) -> Step {
        if self.is_down() {
            return Step::Refused(work, ErrorKind::ConnectionError, "down");
        }
        let (hung, servers, index) = (self.is_hung(), self.servers(), self.shard_of(about.key));
        if !hung && self.shards[index].serving < servers {
            return self.begin(now, work, about);
        }
        let depth = self.shards[index].waiting.len();
        if self.spec.queue.cap.is_some_and(|cap| depth >= cap) {
            self.charge(index);
            return Step::Refused(work, ErrorKind::Unavailable, "queue full");
        }
        self.shards[index].waiting.push(work, about.priority);
        Step::Waits(self.depth())
    }

    /// What a refusal costs.
    fn charge(&mut self, shard: usize) {
        if self.spec.reject_cost > 0.0 {
            let serve = self.stream.time(&self.spec.latency, self.shards[shard].serving);
            let cost = nanos(float(serve) * self.spec.reject_cost);
            self.shards[shard].debt = self.shards[shard].debt.saturating_add(cost);
        }
    }

    fn begin(&mut self, now: u64, mut work: Work, about: About) -> Step {
        let index = self.shard_of(about.key);
        if self.spec.drop_expired && about.deadline <= now {
            return Step::Expired(work);
        }
        if self.spec.queue.deadline.is_some_and(|deadline| now - work.since > deadline) {
            self.charge(index);
            return Step::Refused(work, ErrorKind::Unavailable, "waited too long");
        }
        let in_flight = self.shards[index].serving + self.shards[index].waiting.len();
        let (mut latency, mut drip) = (&self.spec.latency, None);
        for kind in self.active.of(about.key) {
            match kind {
                FaultKind::Latency(other) => latency = other,
                FaultKind::Drip(share, slow) => drip = Some((*share, slow)),
                _ => {}
            }
        }
        let mut lasts = self.stream.time(latency, in_flight);
        if let Some((share, slow)) = drip
            && self.stream.chance(share)
        {
            lasts = self.stream.time(slow, in_flight);
        }
        let shard = &mut self.shards[index];
        lasts = lasts.saturating_add(std::mem::take(&mut shard.debt));
        shard.serving += 1;
        work.began = now;
        work.server = shard.idle.pop().unwrap_or_else(|| {
            shard.busy.push(None);
            u32::try_from(shard.busy.len() - 1).unwrap_or(u32::MAX)
        });
        shard.busy[work.server as usize] = Some(work);
        Step::Began(work, now.saturating_add(lasts))
    }

    /// A server has finished; its answer. `None` while the service hangs.
    pub(crate) fn finish(&mut self, work: Work, about: About) -> Option<Reply> {
        let index = self.shard_of(about.key);
        if self.is_hung() {
            self.shards[index].stalled.push(work);
            return None;
        }
        self.release(index, work);
        Some(self.answer(about.key))
    }

    fn release(&mut self, index: usize, work: Work) {
        let shard = &mut self.shards[index];
        shard.serving -= 1;
        shard.busy[work.server as usize] = None;
        shard.idle.push(work.server);
    }

    fn answer(&mut self, key: u64) -> Reply {
        let mut errors: &[ErrorShare] = &self.spec.errors;
        for kind in self.active.of(key) {
            if let FaultKind::Errors(other) = kind {
                errors = other;
            }
        }
        if errors.is_empty() {
            return Ok(Served { degraded: false });
        }
        let mut drawn = self.stream.unit();
        for error in errors {
            if drawn < error.probability {
                return Err(error.kind);
            }
            drawn -= error.probability;
        }
        Ok(Served { degraded: false })
    }

    /// Takes up the next that waits at the shard of `key`; `None` where nobody waits or no server is free.
    pub(crate) fn next(&mut self, now: u64, shard: usize, about: impl Fn(Work) -> About) -> Option<Step> {
        if self.is_hung() || self.is_down() || self.shards[shard].serving >= self.servers() {
            return None;
        }
        match self.shards[shard].waiting.pop(now)? {
            Next::Serve(work) => Some(self.begin(now, work, about(work))),
            Next::Drop(work) => {
                self.charge(shard);
                Some(Step::Refused(work, ErrorKind::Unavailable, "shed by controlled delay"))
            }
        }
    }

    pub(crate) fn shards(&self) -> usize {
        self.shards.len()
    }

    pub(crate) fn strike(&mut self, fault: usize, kind: FaultKind, key: Option<u64>) {
        self.active.begin(fault, kind, key);
    }

    /// Loses all that is served or waits.
    pub(crate) fn crash(&mut self) -> Vec<Work> {
        self.epoch += 1;
        let mut lost = Vec::new();
        for shard in &mut self.shards {
            shard.serving = 0;
            shard.debt = 0;
            shard.stalled.clear();
            shard.idle.clear();
            lost.extend(std::mem::take(&mut shard.busy).into_iter().flatten());
            lost.extend(shard.waiting.clear());
        }
        lost
    }

    /// Ends a fault; gives what stalled until now and goes on.
    pub(crate) fn heal(&mut self, fault: usize) -> Vec<Work> {
        self.active.end(fault);
        if self.is_hung() {
            return Vec::new();
        }
        self.shards.iter_mut().flat_map(|shard| std::mem::take(&mut shard.stalled)).collect()
    }
}
