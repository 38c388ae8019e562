use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::event::Happening;

/// Breakers of keys, driven by hand.
struct Shards {
    machine: KeyedBreakerMachine,
    now: Time,
    ticket: u64,
    told: Vec<Happening>,
}

impl Shards {
    fn new(settings: &Settings, most: usize) -> Self {
        let config = BreakerConfig::from_settings(settings).unwrap();
        let machine =
            KeyedBreakerMachine::new(std::sync::Arc::new(config), Moment::at(Time::ZERO)).with_most(most);
        Shards { machine, now: Time::ZERO, ticket: 0, told: Vec::new() }
    }

    fn input(&mut self, key: &str, ticket: Option<Ticket>, input: BreakerInput) -> Option<BreakerReply> {
        let mut effects = Effects::default();
        let key = (!key.is_empty()).then(|| Arc::from(key));
        self.machine.step(Moment::at(self.now), ticket, &KeyedInput { key, input }, &mut effects);
        self.told.extend(effects.take_happenings());
        effects.take_replies().pop().map(|answer| answer.reply)
    }

    fn pass(&mut self, millis: u64) {
        let end = self.now.after(Duration::from_millis(millis));
        while let Some(deadline) = self.machine.deadline().filter(|deadline| *deadline <= end) {
            self.now = self.now.max(deadline);
            self.machine.catch_up(Moment::at(self.now), &mut Effects::default());
        }
        self.now = end;
    }

    fn admit(&mut self, key: &str) -> Option<(Ticket, u64)> {
        self.ticket += 1;
        let ticket = Ticket(self.ticket);
        match self.input(key, Some(ticket), BreakerInput::Admit { patience: None }) {
            Some(BreakerReply::Admitted { epoch, .. }) => Some((ticket, epoch)),
            _ => None,
        }
    }

    fn report(&mut self, key: &str, (ticket, epoch): (Ticket, u64), ending: Ending) {
        let outcome = Outcome { ending, latency: Duration::ZERO };
        self.input(key, None, BreakerInput::Report { ticket, epoch, outcome });
    }

    fn call(&mut self, key: &str, ending: Ending) -> bool {
        let Some(pass) = self.admit(key) else { return false };
        self.report(key, pass, ending);
        true
    }

    fn status(&self) -> KeyedStatus {
        self.machine.status(self.now)
    }

    fn open_keys(&self) -> Vec<String> {
        self.status().unsettled.keys().map(ToString::to_string).collect()
    }
}

fn at_first_failure() -> Settings {
    Settings::new().with("failure_threshold", 1).with("success_threshold", 1)
}

#[test]
fn one_shard_that_fails_opens_for_itself_alone() {
    let mut shards = Shards::new(&at_first_failure(), 10);
    assert!(shards.call("a", FAILURE));
    assert!(!shards.call("a", Ending::Success));
    assert!(shards.call("b", Ending::Success) && shards.call("", Ending::Success));
    assert_eq!((shards.open_keys(), shards.status().keys), (vec!["a".to_owned()], 2));
    shards.now = shards.now.after(Duration::from_secs(30));
    assert!(shards.call("a", Ending::Success));
    assert!(shards.open_keys().is_empty());
}

#[test]
fn a_transition_says_which_key_it_was_without_giving_the_key_away() {
    let mut shards = Shards::new(&at_first_failure(), 10);
    shards.call("host-7", FAILURE);
    let Some(Happening::Transition { reason, .. }) = shards.told.pop() else { panic!("it opened") };
    assert!(reason.starts_with("1 failures in 1 calls (key ") && !reason.contains("host-7"), "{reason}");
}

#[test]
fn a_key_without_failures_gives_its_place_to_a_new_one_the_longest_unused_first() {
    let mut shards = Shards::new(&Settings::new(), 3);
    for key in ["a", "b", "c", "a"] {
        assert!(shards.call(key, Ending::Success));
    }
    shards.call("c", FAILURE);
    assert!(shards.call("d", Ending::Success));
    let keys: Vec<String> = shards.machine.known().map(str::to_owned).collect();
    assert_eq!(keys, ["a", "c", "d"]);
}

#[test]
fn what_a_key_admitted_before_it_gave_its_place_up_says_nothing_to_its_next_breaker() {
    let mut shards = Shards::new(&at_first_failure(), 1);
    let old = shards.admit("a").unwrap();
    shards.call("b", Ending::Success);
    shards.call("a", Ending::Success);
    shards.report("a", old, FAILURE);
    assert!(shards.call("a", Ending::Success));
}

#[test]
fn keys_for_which_there_is_no_room_share_one_breaker_and_it_is_said_once() {
    let mut shards = Shards::new(&at_first_failure(), 2);
    for key in ["a", "b"] {
        shards.call(key, FAILURE);
    }
    assert!(shards.call("c", Ending::Success) && shards.call("d", FAILURE));
    assert!(!shards.call("c", Ending::Success) && !shards.call("e", Ending::Success));
    assert_eq!((shards.status().keys, shards.open_keys().len()), (2, 2));
    let notices = shards.told.iter().filter(|told| matches!(told, Happening::Notice { .. })).count();
    assert_eq!(notices, 1);
}

#[test]
fn a_key_that_is_open_when_the_process_ends_resumes_its_rest() {
    let mut first = Shards::new(&at_first_failure(), 10);
    first.call("a", FAILURE);
    first.call("b", Ending::Success);
    let bytes = first.machine.snapshot(Moment::at(first.now));
    let mut second = Shards::new(&at_first_failure(), 10);
    second.machine.restore(Moment::at(second.now), &bytes).unwrap();
    assert_eq!((second.open_keys(), second.status().keys), (vec!["a".to_owned()], 1));
    second.now = second.now.after(Duration::from_secs(29));
    assert!(!second.call("a", Ending::Success) && second.call("b", Ending::Success));
    second.now = second.now.after(Duration::from_secs(1));
    assert!(second.call("a", Ending::Success));
    assert!(second.machine.restore(Moment::at(second.now), &bytes[..9]).is_err());
}

proptest! {
    /// With room for all, each key decides as a breaker of its own would, whatever the others do.
    #[test]
    fn keys_do_not_notice_one_another(
        steps in prop::collection::vec((0usize..3, 0u64..4_000, 0usize..3), 1..120),
    ) {
        let settings = Settings::new()
            .with("failure_rate_threshold", 0.5)
            .with("minimum_requests", 3)
            .with("window", "10s")
            .with("recovery_timeout", "5s");
        let keys = ["", "a", "b"];
        let mut shards = Shards::new(&settings, 2);
        let mut alone = keys.map(|_| Bench::new(&settings));
        for (key, millis, ending) in steps {
            shards.pass(millis);
            alone.iter_mut().for_each(|bench| bench.pass(millis));
            let ending = [FAILURE, Ending::Success, Ending::Cancelled][ending];
            let bench = &mut alone[key];
            prop_assert_eq!(shards.call(keys[key], ending), bench.call(ending));
            let unsettled = shards.status().unsettled.get(keys[key]).map(|status| status.state);
            let state = if key == 0 { shards.status().own.state } else { unsettled.unwrap_or(BreakerState::Closed) };
            prop_assert_eq!(state, bench.state());
        }
    }
}
