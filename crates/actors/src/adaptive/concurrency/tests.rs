use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::bulkhead::Adaptive;
use crate::clock::{Entropy, Time};

const MILLI: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MILLI;

/// A service of so many servers in front of which calls wait, and as many callers as its limit lets in.
struct Service {
    servers: usize,
    /// Beyond so many at once it refuses; none where they wait without end.
    room: Option<u64>,
    /// When each server is free.
    free: BinaryHeap<Reverse<u64>>,
    /// By their end: calls in flight, with their beginning and whether they were served.
    calls: BinaryHeap<Reverse<(u64, u64, bool)>>,
    now: u64,
    /// From when on a caller that was refused tries again.
    paused: u64,
    limit: Limit,
    callers: u64,
    entropy: Entropy,
    jitter: u64,
}

impl Service {
    fn new(adaptive: Adaptive, capacity: u64, servers: usize, jitter: u64) -> Self {
        Service {
            servers,
            room: None,
            free: (0..servers).map(|_| Reverse(0)).collect(),
            calls: BinaryHeap::new(),
            now: 0,
            paused: 0,
            limit: Limit::new(adaptive, capacity, Time::ZERO),
            callers: u64::MAX,
            entropy: Entropy::new(7, "service"),
            jitter,
        }
    }

    /// 100 ms for each call, more or less by the jitter.
    fn takes(&mut self) -> u64 {
        let jitter = self.jitter * MILLI;
        100 * MILLI - jitter + self.entropy.up_to(2 * jitter)
    }

    fn resize(&mut self, servers: usize) {
        while self.free.len() > servers {
            self.free.pop();
        }
        while self.free.len() < servers {
            self.free.push(Reverse(self.now));
        }
        self.servers = servers;
    }

    fn fill(&mut self) {
        if self.calls.is_empty() {
            self.now = self.now.max(self.paused);
        }
        let most = self.limit.limit().min(self.callers);
        while (self.calls.len() as u64) < most && self.now >= self.paused {
            if self.room.is_some_and(|room| self.calls.len() as u64 >= room) {
                self.paused = self.now + 5 * MILLI;
                self.calls.push(Reverse((self.now + MILLI, self.now, false)));
                return;
            }
            let Some(Reverse(free)) = self.free.pop() else { return };
            let ends = free.max(self.now) + self.takes();
            self.free.push(Reverse(ends));
            self.calls.push(Reverse((ends, self.now, true)));
        }
    }

    /// Runs for so many seconds; the mean limit of the last two of them.
    fn run(&mut self, seconds: u64) -> u64 {
        let until = self.now + seconds * SECOND;
        let (mut sum, mut weight) = (0_u128, 0_u128);
        while self.now < until {
            self.fill();
            let Some(Reverse((ends, began, served))) = self.calls.pop() else { break };
            if ends + 2 * SECOND > until {
                sum += u128::from(self.limit.limit()) * u128::from(ends - self.now);
                weight += u128::from(ends - self.now);
            }
            self.now = ends;
            let in_flight = self.calls.len() as u64 + 1;
            let ended = if served { Ended::Answered } else { Ended::Overloaded };
            let latency = Duration::from_nanos(ends - began);
            self.limit.learn(Sample { now: Time::from_nanos(self.now), latency, in_flight, ended });
        }
        u64::try_from(sum / weight.max(1)).unwrap()
    }
}

fn is_near(limit: u64, knee: u64) -> bool {
    limit.abs_diff(knee) * 10 <= knee
}

#[test]
fn each_finds_the_knee_within_a_tenth_in_thirty_seconds_from_below_and_from_above() {
    for adaptive in [Adaptive::Gradient, Adaptive::Vegas] {
        for (start, knee) in [(10, 40), (40, 40), (64, 20), (200, 40), (20, 100), (100, 10)] {
            for jitter in [0, 20] {
                let mut service = Service::new(adaptive, start, knee, jitter);
                let limit = service.run(30);
                assert!(
                    is_near(limit, knee as u64),
                    "{adaptive:?} from {start}: {limit} for {knee}, {jitter} ms"
                );
            }
        }
    }
}

#[test]
fn each_follows_a_halving_of_capacity_within_ten_seconds_and_the_way_back() {
    for adaptive in [Adaptive::Gradient, Adaptive::Vegas] {
        for jitter in [0, 20] {
            let mut service = Service::new(adaptive, 40, 40, jitter);
            service.run(30);
            service.resize(20);
            let limit = service.run(10);
            assert!(is_near(limit, 20), "{adaptive:?}: {limit} for 20, {jitter} ms");
            service.resize(40);
            let limit = service.run(30);
            assert!(is_near(limit, 40), "{adaptive:?}: {limit} for 40, {jitter} ms");
        }
    }
}

#[test]
fn aimd_finds_the_room_of_a_service_that_refuses_and_follows_its_halving() {
    for start in [10, 40, 80] {
        let mut service = Service::new(Adaptive::Aimd, start, 40, 0);
        service.room = Some(40);
        let limit = service.run(30);
        assert!(is_near(limit, 40), "from {start}: {limit}");
        service.room = Some(20);
        service.resize(20);
        let limit = service.run(10);
        assert!(is_near(limit, 20), "halved, from {start}: {limit}");
    }
}

#[test]
fn a_service_that_became_slower_at_the_same_capacity_keeps_its_limit() {
    for adaptive in [Adaptive::Gradient, Adaptive::Vegas] {
        let mut limit = Limit::new(adaptive, 20, Time::ZERO);
        let mut now = 0;
        let mut feed = |limit: &mut Limit, latency: u64, seconds: u64| {
            let until = now + seconds * SECOND;
            while now < until {
                now += latency / limit.limit().max(1);
                // Nobody waits, whatever the limit: it is the dependency that needs so long.
                let sample = Sample {
                    now: Time::from_nanos(now),
                    latency: Duration::from_nanos(latency),
                    in_flight: limit.limit().min(20),
                    ended: Ended::Answered,
                };
                limit.learn(sample);
            }
            limit.limit()
        };
        feed(&mut limit, 100 * MILLI, 20);
        let slower = feed(&mut limit, 200 * MILLI, 40);
        assert!(slower >= 18, "{adaptive:?}: {slower}");
    }
}

#[test]
fn a_limit_that_nobody_presses_against_stays() {
    for adaptive in [Adaptive::Gradient, Adaptive::Vegas, Adaptive::Aimd] {
        let mut service = Service::new(adaptive, 40, 100, 0);
        service.callers = 10;
        assert_eq!(service.run(30), 40, "{adaptive:?}");
    }
}

proptest! {
    #[test]
    fn it_stays_within_its_bounds_whatever_it_is_told(
        samples in prop::collection::vec((0_u64..10_000, 0_u64..1_000, 0_u8..3), 0..2_000),
        capacity in 1_u64..50,
        which in 0_usize..3,
    ) {
        let adaptive = [Adaptive::Gradient, Adaptive::Vegas, Adaptive::Aimd][which];
        let mut limit = Limit::new(adaptive, capacity, Time::ZERO);
        let mut now = 0;
        for (latency, in_flight, ended) in samples {
            now += latency * 1_000;
            let ended = [Ended::Answered, Ended::Overloaded, Ended::Neutral][usize::from(ended)];
            let latency = Duration::from_millis(latency);
            limit.learn(Sample { now: Time::from_nanos(now), latency, in_flight, ended });
            prop_assert!(limit.limit() >= 1 && limit.limit() <= capacity * 10);
        }
    }
}
