use super::*;

#[test]
fn whoever_waits_gets_the_first_ones_result() {
    let mut store = store();
    let owner = store.started("k");
    let waiters = [store.waits("k", 100), store.waits("k", 100)];
    store.complete(owner, "r");
    let replay = IdempotencyReply::Replay(bytes("r"));
    assert_eq!(store.later(), waiters.map(|waiter| (waiter, replay.clone())));
    assert_eq!((store.status().runs, store.status().waiting), (1, 0));
}

#[test]
fn a_wait_ends_at_its_own_deadline_and_says_when_to_ask_again() {
    let mut store = store();
    store.started("k");
    let waiter = store.waits("k", 10);
    let patient = store.waits("k", 29);
    store.at(11);
    assert_eq!(store.later(), [(waiter, refused(ConflictReason::InFlight, Some(20)))]);
    store.tell(IdempotencyInput::GiveBack(patient));
    store.at(29);
    assert_eq!(store.later(), []);
    assert_eq!(store.begin_as(&key("k"), ORDER, Some(29)).1, refused(ConflictReason::InFlight, Some(1)));
}

#[test]
fn when_the_key_comes_free_one_of_those_who_wait_runs_and_the_others_wait_for_it() {
    let mut store = store();
    let owner = store.started("k");
    let (gone, next, last) = (store.waits("k", 100), store.waits("k", 100), store.waits("k", 100));
    store.tell(IdempotencyInput::GiveBack(gone));
    store.tell(IdempotencyInput::Release(owner));
    assert_eq!(store.later(), [(next, IdempotencyReply::Run)]);
    store.complete(next, "r");
    assert_eq!(store.later(), [(last, IdempotencyReply::Replay(bytes("r")))]);
    assert_eq!(store.status().runs, 2);
}

#[test]
fn a_waiter_that_was_let_in_and_is_gone_gives_its_run_to_the_next() {
    let mut store = store();
    let owner = store.started("k");
    let (first, second) = (store.waits("k", 100), store.waits("k", 100));
    store.tell(IdempotencyInput::Release(owner));
    store.tell(IdempotencyInput::GiveBack(first));
    assert_eq!(store.later(), [(first, IdempotencyReply::Run), (second, IdempotencyReply::Run)]);
}

#[test]
fn when_the_outcome_is_unknown_all_who_wait_are_told_unless_one_would_run_all_the_same() {
    let mut store = store();
    let owner = store.started("k");
    let waiter = store.waits("k", 100);
    store.tell(cut(owner));
    assert_eq!(store.later(), [(waiter, refused(ConflictReason::Unknown, Some(900)))]);

    let mut store = Bench::new(&Settings::new().with("on_unknown", "rerun"));
    store.started("k");
    let (first, second) = (store.waits("k", 100), store.waits("k", 100));
    store.at(30);
    assert_eq!(store.later(), [(first, IdempotencyReply::Run)]);
    store.complete(first, "r");
    assert_eq!(store.later(), [(second, IdempotencyReply::Replay(bytes("r")))]);
}

#[test]
fn a_result_that_was_not_kept_is_said_to_all_who_waited_for_it() {
    let mut store = Bench::new(&Settings::new().with("max_result", "1B"));
    let owner = store.started("k");
    let waiter = store.waits("k", 100);
    store.complete(owner, "too large");
    assert_eq!(store.later(), [(waiter, refused(ConflictReason::ResultNotKept, None))]);
}

#[test]
fn at_most_a_hundred_wait_for_one_key() {
    let mut store = store();
    store.started("k");
    let waiters: Vec<Ticket> = (0..100).map(|_| store.waits("k", 100)).collect();
    assert_eq!(store.begin_as(&key("k"), ORDER, Some(100)).1, refused(ConflictReason::InFlight, Some(30)));
    store.started("other");
    store.waits("other", 100);
    store.tell(IdempotencyInput::GiveBack(waiters[50]));
    store.waits("k", 100);
    assert_eq!(store.status().waiting, 101);
}
