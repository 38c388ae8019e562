use super::*;

#[test]
fn a_crash_in_flight_locks_its_key_for_the_rest_of_the_lease_and_leaves_the_outcome_unknown() {
    let mut store = store();
    store.started("k");
    store.at(1);
    let mut next = store.next_process(1);
    assert_eq!(next.at(3).repeat("k"), refused(ConflictReason::InFlight, Some(25)), "5 s after it began");
    assert_eq!(next.at(28).repeat("k"), refused(ConflictReason::Unknown, Some(900)));
    assert_eq!(next.at(927).repeat("k"), refused(ConflictReason::Unknown, Some(1)));
    assert_eq!(next.at(928).repeat("k"), IdempotencyReply::Run);
}

#[test]
fn after_a_crash_it_runs_again_once_where_the_site_says_so_but_not_before_the_lease_has_ended() {
    let mut store = Bench::new(&Settings::new().with("on_unknown", "rerun"));
    store.started("k");
    let mut next = store.at(1).next_process(1);
    assert_eq!(next.at(3).repeat("k"), refused(ConflictReason::InFlight, Some(25)));
    assert_eq!(next.at(29).repeat("k"), IdempotencyReply::Run);
    assert_eq!(next.repeat("k"), refused(ConflictReason::InFlight, Some(30)));
}

#[test]
fn a_process_that_comes_back_after_the_lease_knows_at_once_that_the_outcome_is_unknown() {
    let mut store = store();
    store.started("k");
    assert_eq!(store.next_process(130).repeat("k"), refused(ConflictReason::Unknown, Some(800)));
    assert_eq!(store.next_process(930).repeat("k"), IdempotencyReply::Run);
}

#[test]
fn results_and_unknown_outcomes_survive_a_restart_for_the_rest_of_their_life() {
    let mut store = store();
    let done = store.started("done");
    store.complete(done, "r");
    let owner = store.started("cut");
    store.tell(cut(owner));
    let mut next = store.next_process(600);
    assert_eq!(next.repeat("done"), IdempotencyReply::Replay(bytes("r")));
    assert_eq!(next.begin_as(&key("done"), OTHER_ORDER, None).1, refused(ConflictReason::OtherPayload, None));
    assert_eq!(next.repeat("cut"), refused(ConflictReason::Unknown, Some(300)));
    assert_eq!(store.next_process(24 * 60 * 60).status().records, 0);
}

#[test]
fn a_ticket_of_the_earlier_process_owns_nothing_in_the_next() {
    let mut store = store();
    let owner = store.started("k");
    let mut next = store.next_process(0);
    next.complete(owner, "forged");
    next.tell(IdempotencyInput::GiveBack(owner));
    assert_eq!(next.repeat("k"), refused(ConflictReason::InFlight, Some(30)));
}

#[test]
fn what_this_process_knows_already_is_not_overwritten_by_an_older_snapshot() {
    let mut store = store();
    let owner = store.started("k");
    let older = store.machine.snapshot(store.moment());
    store.complete(owner, "r");
    store.machine.restore(store.moment(), &older).unwrap();
    assert_eq!(store.repeat("k"), IdempotencyReply::Replay(bytes("r")));
}

#[test]
fn a_damaged_snapshot_is_refused_and_changes_nothing() {
    let mut store = store();
    let owner = store.started("k");
    store.complete(owner, "r");
    let mut damaged = store.machine.snapshot(store.moment());
    *damaged.last_mut().unwrap() ^= 1;
    assert!(store.machine.restore(store.moment(), &damaged).is_err());
    assert_eq!(store.repeat("k"), IdempotencyReply::Replay(bytes("r")));
}

#[test]
fn results_beyond_what_a_snapshot_holds_come_back_as_done_and_are_never_run_again() {
    let mut store = Bench::new(&Settings::new().with("max_result", "16MiB"));
    let large = "x".repeat(15 * 1024 * 1024);
    for text in ["1", "2", "3", "4", "5"] {
        let owner = store.started(text);
        store.complete(owner, &large);
    }
    let mut next = store.next_process(0);
    let replies: Vec<_> = ["1", "2", "3", "4", "5"].map(|text| next.repeat(text)).into();
    let not_kept =
        replies.iter().filter(|reply| **reply == refused(ConflictReason::ResultNotKept, None)).count();
    let replayed = replies.iter().filter(|reply| matches!(reply, IdempotencyReply::Replay(_))).count();
    assert_eq!((replayed, not_kept), (4, 1));
}
