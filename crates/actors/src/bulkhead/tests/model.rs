use proptest::prelude::*;

use super::*;

/// What happens, in a form that proptest shrinks well.
#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    Ask { class: usize, weight: u64, deadline: Option<u64> },
    GiveBack(usize),
    GiveBackAgain(usize),
    Resize(u64),
    Lane,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let ask = (0usize..4, 1u64..3, prop::option::weighted(0.2, 0u64..1_500));
    let step = prop_oneof![
        3 => (0u64..700).prop_map(Step::Pass),
        6 => ask.prop_map(|(class, weight, deadline)| Step::Ask { class, weight, deadline }),
        4 => (0usize..8).prop_map(Step::GiveBack),
        1 => (0usize..8).prop_map(Step::GiveBackAgain),
        1 => (2u64..6).prop_map(Step::Resize),
        1 => Just(Step::Lane),
    ];
    prop::collection::vec(step, 1..120)
}

#[derive(Clone, Debug)]
struct Waiting {
    ticket: u64,
    class: usize,
    weight: u64,
    since: u64,
    deadline: u64,
    end: u64,
    overtaken: bool,
}

/// The pool as one would write it on a board: one list of waiters in the order of their arrival, and a record of all
/// that ever happened. In milliseconds.
#[derive(Default)]
struct Model {
    capacity: u64,
    queue: usize,
    now: u64,
    held: Vec<(u64, u64)>,
    waiting: Vec<Waiting>,
    lane: Vec<u64>,
    /// Every grant from the line; whether it went to an aged waiter past a higher class.
    grants: Vec<bool>,
    ended: Vec<(u64, Option<FullReason>)>,
}

const MAX_WAIT: u64 = 1_000;

impl Model {
    fn in_use(&self) -> u64 {
        self.held.iter().map(|(_, weight)| weight).sum()
    }

    fn refuse(&mut self, ticket: u64, reason: FullReason) {
        self.waiting.retain(|waiter| waiter.ticket != ticket);
        self.ended.push((ticket, Some(reason)));
    }

    fn ask(&mut self, ticket: u64, class: usize, weight: u64, deadline: u64) {
        if weight > self.capacity {
            return self.refuse(ticket, FullReason::NeverFits);
        }
        if deadline <= self.now {
            return self.refuse(ticket, FullReason::WaitedTooLong);
        }
        if self.waiting.is_empty() && self.in_use() + weight <= self.capacity {
            self.held.push((ticket, weight));
            return self.ended.push((ticket, None));
        }
        if self.waiting.len() >= self.queue {
            let of = |class: usize| self.waiting.iter().filter(move |waiter| waiter.class == class);
            let lowest = (class + 1..4).rev().find(|lower| of(*lower).count() > 1);
            let Some(displaced) = lowest.and_then(|lowest| of(lowest).next_back()) else {
                return self.refuse(ticket, FullReason::QueueFull);
            };
            self.refuse(displaced.ticket, FullReason::Displaced);
        }
        let (since, end) = (self.now, (self.now + MAX_WAIT).min(deadline));
        self.waiting.push(Waiting { ticket, class, weight, since, deadline, end, overtaken: false });
        self.hand_out();
    }

    fn is_oldest(&self, waiter: &Waiting) -> bool {
        self.waiting.iter().find(|other| other.class == waiter.class).map(|oldest| oldest.ticket)
            == Some(waiter.ticket)
    }

    fn expire(&mut self) {
        loop {
            let over = self.waiting.iter().filter(|waiter| waiter.end <= self.now);
            let Some(first) = over.min_by_key(|waiter| (waiter.end, waiter.ticket)).cloned() else { return };
            let longest = (first.since + 2_000).min(first.deadline);
            let blocked = first.overtaken || self.waiting.iter().any(|other| other.class < first.class);
            if blocked && self.is_oldest(&first) && longest > first.end {
                let waiter = self.waiting.iter_mut().find(|waiter| waiter.ticket == first.ticket).unwrap();
                waiter.end = longest;
            } else {
                self.refuse(first.ticket, FullReason::WaitedTooLong);
            }
        }
    }

    fn hand_out(&mut self) {
        self.expire();
        loop {
            let declared = self.waiting.iter().min_by_key(|waiter| waiter.class);
            let aged = self.waiting.iter().min_by_key(|waiter| {
                let risen = usize::try_from((self.now - waiter.since) / 500).unwrap();
                (waiter.class.saturating_sub(risen), waiter.since, waiter.class)
            });
            let (Some(declared), Some(aged)) = (declared, aged) else { return };
            let aged_lately = self.grants.iter().rev().take(19).any(|aged| *aged);
            let goes_past = aged.class > declared.class && !aged_lately;
            let next = if goes_past { aged.clone() } else { declared.clone() };
            if self.in_use() + next.weight > self.capacity {
                return;
            }
            self.grants.push(goes_past);
            self.held.push((next.ticket, next.weight));
            self.waiting.retain(|waiter| waiter.ticket != next.ticket);
            self.ended.push((next.ticket, None));
            for class in next.class + 1..4 {
                if let Some(oldest) = self.waiting.iter_mut().find(|waiter| waiter.class == class) {
                    oldest.overtaken = true;
                }
            }
        }
    }

    fn give_back(&mut self, ticket: u64) {
        self.held.retain(|(held, _)| *held != ticket);
        self.lane.retain(|held| *held != ticket);
        self.waiting.retain(|waiter| waiter.ticket != ticket);
        self.hand_out();
    }

    fn pass(&mut self, millis: u64) {
        let end = self.now + millis;
        while let Some(next) = self.waiting.iter().map(|waiter| waiter.end).filter(|at| *at <= end).min() {
            self.now = next;
            self.hand_out();
        }
        self.now = end;
    }

    fn resize(&mut self, capacity: u64) {
        self.capacity = capacity;
        let mut too_large: Vec<Waiting> =
            self.waiting.iter().filter(|waiter| waiter.weight > capacity).cloned().collect();
        too_large.sort_by_key(|waiter| waiter.class);
        for waiter in too_large {
            self.refuse(waiter.ticket, FullReason::NeverFits);
        }
        self.hand_out();
    }

    fn lane(&mut self, ticket: u64) {
        if self.lane.is_empty() {
            self.lane.push(ticket);
            self.ended.push((ticket, None));
        } else {
            self.refuse(ticket, FullReason::QueueFull);
        }
    }
}

/// How each ticket ended, in the order in which it did.
fn ended(pool: &Pool) -> Vec<(u64, Option<FullReason>)> {
    let ended = pool.answers.iter().filter_map(|(ticket, reply)| match reply {
        BulkheadReply::Granted => Some((*ticket, None)),
        BulkheadReply::Refused(refusal) => Some((*ticket, Some(refusal.reason))),
        _ => None,
    });
    ended.collect()
}

fn nth_of(tickets: &[u64], index: usize) -> Option<u64> {
    (!tickets.is_empty()).then(|| tickets[index % tickets.len()])
}

proptest! {
    #[test]
    fn it_answers_as_a_list_on_a_board_would_and_every_caller_once(steps in steps()) {
        let mut pool = Pool::new(Settings::new().with("capacity", 3).with("queue", 5));
        let mut model = Model { capacity: 3, queue: 5, ..Model::default() };
        let mut given_back: Vec<u64> = Vec::new();
        for step in steps {
            let in_use = pool.status().in_use;
            match step {
                Step::Pass(millis) => {
                    pool.pass(millis);
                    model.pass(millis);
                }
                Step::Ask { class, weight, deadline } => {
                    let until = deadline.map_or(u64::MAX, |millis| model.now + millis);
                    let time = deadline.map_or(Time::MAX, |millis| pool.now.after(Duration::from_millis(millis)));
                    let ticket = pool.ask_n(Priority::NAMES[class].1, weight, time);
                    model.ask(ticket, class, weight, until);
                }
                Step::GiveBack(index) => {
                    let held = model.held.iter().map(|(ticket, _)| *ticket);
                    let waiting = model.waiting.iter().map(|waiter| waiter.ticket);
                    let known: Vec<u64> = held.chain(waiting).chain(model.lane.iter().copied()).collect();
                    if let Some(ticket) = nth_of(&known, index) {
                        pool.give_back(ticket);
                        model.give_back(ticket);
                        given_back.push(ticket);
                    }
                }
                Step::GiveBackAgain(index) => {
                    if let Some(ticket) = nth_of(&given_back, index) {
                        pool.give_back(ticket);
                    }
                }
                Step::Resize(capacity) => {
                    pool.reconfigure(BulkheadConfig::of(3).unwrap().with_queue(5).ordered(capacity).unwrap());
                    model.resize(capacity);
                }
                Step::Lane => {
                    pool.tickets += 1;
                    pool.step(Some(pool.tickets), BulkheadInput::AcquireLane);
                    model.lane(pool.tickets);
                }
            }
            let status = pool.status();
            prop_assert_eq!(ended(&pool), model.ended.clone());
            prop_assert_eq!((status.in_use, status.waiting as usize), (model.in_use(), model.waiting.len()));
            prop_assert_eq!(status.lane_in_use as usize, model.lane.len());
            prop_assert!(status.in_use <= status.capacity.max(in_use), "{:?} after {} in use", status, in_use);
        }
        let mut answered: Vec<u64> = ended(&pool).iter().map(|(ticket, _)| *ticket).collect();
        answered.sort_unstable();
        let answers = answered.len();
        answered.dedup();
        prop_assert_eq!(answered.len(), answers);
    }
}
