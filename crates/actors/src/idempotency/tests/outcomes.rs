use super::*;

#[test]
fn a_handler_that_returned_an_error_frees_its_key() {
    let mut store = store();
    let owner = store.started("k");
    store.tell(IdempotencyInput::Release(owner));
    assert_eq!(store.repeat("k"), IdempotencyReply::Run);
}

#[test]
fn a_run_that_was_given_back_before_it_was_polled_never_was() {
    let mut store = store();
    let (owner, _) = store.begin("k");
    store.tell(IdempotencyInput::GiveBack(owner));
    assert_eq!(store.status().records, 0);
    assert_eq!(store.repeat("k"), IdempotencyReply::Run);
}

#[test]
fn a_run_that_is_cut_is_unknown_for_its_time_and_does_not_run_again() {
    let mut store = store();
    let owner = store.started("k");
    store.at(10).tell(cut(owner));
    assert_eq!(store.repeat("k"), refused(ConflictReason::Unknown, Some(900)));
    assert_eq!(store.at(909).repeat("k"), refused(ConflictReason::Unknown, Some(1)));
    assert_eq!(store.at(910).repeat("k"), IdempotencyReply::Run);
}

#[test]
fn a_result_that_is_heard_of_late_lives_from_when_it_came() {
    let mut store = Bench::new(&Settings::new().with("ttl", "60s"));
    let owner = store.started("k");
    let at = Some(store.at(10).moment().wall);
    store.at(25).tell(IdempotencyInput::Complete { ticket: owner, result: Some(bytes("r")), at });
    assert_eq!(store.at(69).repeat("k"), IdempotencyReply::Replay(bytes("r")));
    assert_eq!(store.at(70).repeat("k"), IdempotencyReply::Run);
}

#[test]
fn a_slow_owner_that_spoke_within_the_unknown_time_is_believed_also_where_that_is_heard_of_later() {
    let mut store = store();
    let owner = store.started("k");
    let at = Some(store.at(40).moment().wall);
    store.at(30 + 900).tell(IdempotencyInput::Complete { ticket: owner, result: Some(bytes("r")), at });
    assert_eq!(store.repeat("k"), IdempotencyReply::Replay(bytes("r")));
}

#[test]
fn where_the_site_says_so_an_unknown_key_runs_again_once() {
    let mut store = Bench::new(&Settings::new().with("on_unknown", "rerun"));
    let first = store.started("k");
    store.tell(cut(first));
    let second = store.started("k");
    assert_eq!(store.repeat("k"), refused(ConflictReason::InFlight, Some(30)));
    store.complete(first, "from the run that was cut");
    assert_eq!(store.repeat("k"), refused(ConflictReason::InFlight, Some(30)), "fenced by its owner");
    store.complete(second, "r");
    assert_eq!(store.repeat("k"), IdempotencyReply::Replay(bytes("r")));
}

#[test]
fn a_lease_that_ends_without_a_word_leaves_the_outcome_unknown() {
    let mut store = store();
    store.started("k");
    assert_eq!(store.at(29).repeat("k"), refused(ConflictReason::InFlight, Some(1)));
    assert_eq!(store.at(30).repeat("k"), refused(ConflictReason::Unknown, Some(900)));
    assert_eq!(store.status().in_flight, 0);
    assert_eq!(store.machine.deadline(), None);
}

#[test]
fn an_owner_that_was_only_slow_may_still_say_what_became_of_its_run() {
    type End = fn(Ticket) -> IdempotencyInput;
    let complete: End = |ticket| IdempotencyInput::Complete { ticket, result: Some(bytes("r")), at: None };
    let ends: [(End, IdempotencyReply); 4] = [
        (complete, IdempotencyReply::Replay(bytes("r"))),
        (IdempotencyInput::Release, IdempotencyReply::Run),
        (IdempotencyInput::Renew, refused(ConflictReason::InFlight, Some(30))),
        (cut, refused(ConflictReason::Unknown, Some(900))),
    ];
    for (end, then) in ends {
        let mut store = store();
        let owner = store.started("k");
        store.at(40).tell(end(owner));
        assert_eq!(store.repeat("k"), then);
    }
}

#[test]
fn what_a_slow_owner_says_after_the_unknown_time_counts_no_more_whether_its_record_was_cleared_or_not() {
    for end in [IdempotencyInput::Renew, cut, IdempotencyInput::Release] {
        let mut store = store();
        let owner = store.started("k");
        store.at(30 + 900).tell(end(owner));
        assert_eq!((store.status().in_flight, store.machine.deadline()), (0, None));
        assert_eq!(store.repeat("k"), IdempotencyReply::Run);
    }
}

#[test]
fn a_slow_owner_is_fenced_once_another_run_has_begun() {
    let mut store = Bench::new(&Settings::new().with("on_unknown", "rerun"));
    let slow = store.started("k");
    store.at(31);
    let second = store.started("k");
    for end in [IdempotencyInput::Release(slow), cut(slow), IdempotencyInput::GiveBack(slow)] {
        store.tell(end);
        assert_eq!(store.repeat("k"), refused(ConflictReason::InFlight, Some(30)));
    }
    store.complete(second, "r");
    store.tell(IdempotencyInput::Release(second));
    assert_eq!(store.repeat("k"), IdempotencyReply::Replay(bytes("r")), "a report counts once");
}

#[test]
fn an_operator_resolves_what_is_unknown_and_nothing_else() {
    let took = |result: Option<&str>| Resolution::TookEffect(result.map(bytes));
    let cases = [
        (took(Some("r")), IdempotencyReply::Replay(bytes("r"))),
        (took(None), refused(ConflictReason::ResultNotKept, None)),
        (Resolution::DidNot, IdempotencyReply::Run),
    ];
    for (resolution, then) in cases {
        let mut store = store();
        let resolve = IdempotencyInput::Resolve { key: key("k"), resolution };
        assert_eq!(store.ask(&resolve).1, IdempotencyReply::Resolved(false), "there is none");
        let owner = store.started("k");
        assert_eq!(store.ask(&resolve).1, IdempotencyReply::Resolved(false), "it runs");
        store.tell(cut(owner));
        assert_eq!(store.ask(&resolve).1, IdempotencyReply::Resolved(true));
        assert_eq!(store.repeat("k"), then);
    }
}

#[test]
fn an_operator_may_forget_what_is_done_or_unknown_but_not_what_runs() {
    let mut store = store();
    let forget = IdempotencyInput::Forget { key: key("k") };
    assert_eq!(store.ask(&forget).1, IdempotencyReply::Resolved(false), "there is none");
    for end in [|ticket| IdempotencyInput::Complete { ticket, result: None, at: None }, cut] {
        let owner = store.started("k");
        assert_eq!(store.ask(&forget).1, IdempotencyReply::Resolved(false), "it runs");
        store.tell(end(owner));
        assert_eq!(store.ask(&forget).1, IdempotencyReply::Resolved(true));
        assert_eq!(store.status().records, 0);
    }
}

#[test]
fn records_live_by_wall_time_and_leases_by_monotonic_time() {
    let mut store = store();
    let done = store.started("done");
    store.complete(done, "r");
    store.started("running");
    store.jumped = 23 * 60 * 60;
    assert_eq!(store.repeat("done"), IdempotencyReply::Replay(bytes("r")), "an hour is left");
    assert_eq!(store.repeat("running"), refused(ConflictReason::InFlight, Some(30)));
    store.jumped = 24 * 60 * 60;
    assert_eq!(store.repeat("done"), IdempotencyReply::Run);
    assert_eq!(store.repeat("running"), refused(ConflictReason::InFlight, Some(30)));
}
