use proptest::prelude::*;

use super::*;

fn pool(capacity: i64, queue: i64) -> Pool {
    let settings = Settings::new().with("capacity", capacity).with("queue", queue).with("max_wait", "1m");
    let config = BulkheadConfig::from_settings(&settings).unwrap().with_preemption();
    let machine = BulkheadMachine::new(config, Moment::at(Time::ZERO));
    Pool { machine, now: Time::ZERO, tickets: 0, answers: Vec::new() }
}

fn preempting(priority: Priority) -> Acquire {
    Acquire { preempts: true, ..Acquire::one(priority) }
}

fn told(pool: &Pool) -> Vec<u64> {
    let told = pool.answers.iter().filter(|(_, reply)| *reply == BulkheadReply::Preempted);
    told.map(|(ticket, _)| *ticket).collect()
}

#[test]
fn a_high_caller_that_would_wait_sends_the_youngest_of_the_lowest_class_away() {
    let mut pool = pool(4, 4);
    let holders = [Priority::Low, Priority::Background, Priority::Background, Priority::Normal];
    let holders = holders.map(|class| pool.ask(class));
    let high = pool.ask_as(preempting(Priority::High));
    assert_eq!(told(&pool), [holders[2]]);
    assert!(pool.is_waiting(high));
    pool.ask_as(preempting(Priority::High));
    pool.ask_as(preempting(Priority::High));
    assert_eq!(told(&pool), [holders[2], holders[1], holders[0]]);
}

#[test]
fn the_permit_is_handed_over_only_when_its_holder_has_given_it_back() {
    let mut pool = pool(1, 1);
    let low = pool.ask(Priority::Low);
    let high = pool.ask_as(preempting(Priority::High));
    pool.pass(30_000);
    assert!(pool.is_waiting(high));
    assert_eq!(pool.status().in_use, 1);
    pool.give_back(low);
    assert!(pool.is_granted(high));
    assert_eq!(pool.status().in_use, 1);
}

#[test]
fn nobody_is_sent_away_for_its_own_class_or_a_lower_one_or_while_a_permit_is_free() {
    let mut pool = pool(2, 4);
    pool.ask(Priority::Normal);
    pool.ask_as(preempting(Priority::High));
    assert_eq!(told(&pool), [0; 0]);
    for class in [Priority::Normal, Priority::Low, Priority::Background] {
        let waits = pool.ask_as(preempting(class));
        assert!(pool.is_waiting(waits), "{class:?}");
    }
    assert_eq!(told(&pool), [0; 0]);
}

#[test]
fn who_does_not_preempt_sends_nobody_away_whatever_its_class() {
    let mut pool = pool(1, 4);
    pool.ask(Priority::Background);
    pool.ask(Priority::High);
    assert_eq!(told(&pool), [0; 0]);
}

#[test]
fn a_line_that_is_full_or_none_at_all_has_room_for_a_caller_for_whom_a_holder_goes() {
    let mut pool = pool(1, 0);
    let low = pool.ask(Priority::Low);
    let high = pool.ask_as(preempting(Priority::High));
    let second = pool.ask_as(preempting(Priority::High));
    assert!(pool.is_waiting(high));
    assert_eq!(pool.reason(second), Some(FullReason::QueueFull));
    pool.give_back(low);
    assert!(pool.is_granted(high));
}

#[test]
fn a_large_caller_sends_away_as_many_as_it_needs_and_none_where_all_of_them_are_too_few() {
    let mut pool = pool(4, 4);
    let normal = pool.ask_n(Priority::Normal, 2, Time::MAX);
    let low = [pool.ask(Priority::Low), pool.ask(Priority::Low)];
    let too_much = Acquire { weight: 3, ..preempting(Priority::Normal) };
    pool.ask_as(too_much);
    assert_eq!(told(&pool), [0; 0]);
    pool.ask_as(Acquire { weight: 3, ..preempting(Priority::High) });
    assert_eq!(told(&pool), [low[1], low[0], normal]);
}

#[test]
fn who_leaves_the_line_again_has_at_most_its_own_victim_on_its_conscience() {
    let mut pool = pool(2, 4);
    let low = [pool.ask(Priority::Low), pool.ask(Priority::Low)];
    let impatient = pool.ask_as(preempting(Priority::High));
    pool.give_back(impatient);
    let patient = pool.ask_as(preempting(Priority::High));
    assert_eq!(told(&pool), [low[1]]);
    pool.give_back(low[1]);
    assert!(pool.is_granted(patient));
}

#[test]
fn a_pool_that_only_observes_sends_nobody_away() {
    let observing = BulkheadConfig::from_settings(&Settings::new().with("mode", "observe")).unwrap();
    assert!(!observing.with_preemption().preempts());
}

#[derive(Clone, Debug)]
enum Step {
    Ask { class: usize, weight: u64, preempts: bool },
    GiveBack(usize),
    Leave(usize),
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let ask = (0usize..4, 1u64..3, any::<bool>());
    let step = prop_oneof![
        6 => ask.prop_map(|(class, weight, preempts)| Step::Ask { class, weight, preempts }),
        4 => (0usize..8).prop_map(Step::GiveBack),
        1 => (0usize..8).prop_map(Step::Leave),
        1 => (0u64..1_200).prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 1..80)
}

#[derive(Clone, Copy, Debug)]
struct Known {
    ticket: u64,
    class: usize,
    weight: u64,
    preempts: bool,
    leaving: bool,
}

/// What the answers say of who waits and who holds, each in the order in which it came to it.
#[derive(Default)]
struct Board {
    asked: Vec<Known>,
    waiting: Vec<Known>,
    held: Vec<Known>,
    read: usize,
}

impl Board {
    fn gone(&mut self, ticket: u64) {
        self.waiting.retain(|known| known.ticket != ticket);
        self.held.retain(|known| known.ticket != ticket);
    }

    fn weight(of: &[Known]) -> u64 {
        of.iter().map(|known| known.weight).sum()
    }

    /// Who has to go by the rule as it is written down, one victim after another.
    fn must_go(&self, capacity: u64) -> Vec<u64> {
        let mut held = self.held.clone();
        let mut must_go = Vec::new();
        let mut waiting: Vec<Known> = self.waiting.iter().filter(|known| known.preempts).copied().collect();
        waiting.sort_by_key(|known| known.class);
        let mut claims = 0;
        for waiter in waiting {
            let mut trial = held.clone();
            let mut victims = Vec::new();
            loop {
                let staying: Vec<Known> = trial.iter().filter(|known| !known.leaving).copied().collect();
                if Board::weight(&staying) + claims + waiter.weight <= capacity {
                    claims += waiter.weight;
                    held = trial;
                    must_go.extend(victims);
                    break;
                }
                let lower = trial.iter_mut().filter(|known| known.class > waiter.class && !known.leaving);
                // `max_by_key` takes the last of equals: the youngest.
                let Some(victim) = lower.max_by_key(|known| known.class) else { break };
                victim.leaving = true;
                victims.push(victim.ticket);
            }
        }
        must_go
    }

    /// Takes what was answered since; returns who was told to go.
    fn read(&mut self, pool: &Pool) -> Vec<u64> {
        let mut told = Vec::new();
        for (ticket, reply) in &pool.answers[self.read..] {
            let known = self.asked.iter().find(|known| known.ticket == *ticket).copied().unwrap();
            match reply {
                BulkheadReply::Queued { .. } => self.waiting.push(known),
                BulkheadReply::Granted => {
                    self.gone(*ticket);
                    self.held.push(known);
                }
                BulkheadReply::Refused(_) => self.gone(*ticket),
                BulkheadReply::Preempted => told.push(*ticket),
                BulkheadReply::GivenBack => {}
            }
        }
        self.read = pool.answers.len();
        told
    }
}

proptest! {
    #[test]
    fn whoever_goes_goes_by_the_rule_and_what_is_out_never_exceeds_the_capacity(steps in steps()) {
        const CAPACITY: u64 = 4;
        let mut pool = pool(4, 5);
        let mut board = Board::default();
        for step in steps {
            let index = |of: &[Known], index: usize| (!of.is_empty()).then(|| of[index % of.len()].ticket);
            match step {
                Step::Ask { class, weight, preempts } => {
                    board.asked.push(Known { ticket: pool.tickets + 1, class, weight, preempts, leaving: false });
                    let one = Acquire::one(Priority::NAMES[class].1);
                    pool.ask_as(Acquire { weight, preempts, ..one });
                }
                Step::GiveBack(which) | Step::Leave(which) => {
                    let of = if matches!(step, Step::Leave(_)) { &board.waiting } else { &board.held };
                    if let Some(ticket) = index(of, which) {
                        board.gone(ticket);
                        pool.give_back(ticket);
                    }
                }
                Step::Pass(millis) => pool.pass(millis),
            }
            let told = board.read(&pool);
            prop_assert_eq!(&told, &board.must_go(CAPACITY));
            for known in board.held.iter_mut().filter(|known| told.contains(&known.ticket)) {
                known.leaving = true;
            }
            prop_assert_eq!(pool.status().in_use, Board::weight(&board.held));
            prop_assert!(pool.status().in_use <= CAPACITY);
        }
    }
}
