use super::*;

#[test]
fn of_two_first_calls_at_once_one_runs_and_the_other_is_told_when_to_ask_again() {
    let mut store = store();
    let first = store.started("k");
    assert_eq!(store.repeat("k"), refused(ConflictReason::InFlight, Some(30)));
    store.complete(first, "created");
    assert_eq!(store.repeat("k"), IdempotencyReply::Replay(bytes("created")));
    assert_eq!(store.status().runs, 1);
}

#[test]
fn an_equal_key_with_another_payload_is_refused_in_every_state_and_the_first_answer_stays() {
    let mut store = store();
    let other = |store: &mut Bench| store.begin_as(&key("k"), OTHER_ORDER, Some(100)).1;
    let first = store.started("k");
    assert_eq!(other(&mut store), refused(ConflictReason::OtherPayload, None));
    store.complete(first, "10");
    assert_eq!(other(&mut store), refused(ConflictReason::OtherPayload, None));
    assert_eq!(store.repeat("k"), IdempotencyReply::Replay(bytes("10")));
    let owner = store.started("cut");
    store.tell(cut(owner));
    assert_eq!(store.begin_as(&key("cut"), OTHER_ORDER, None).1, refused(ConflictReason::OtherPayload, None));
}

#[test]
fn a_lease_that_is_renewed_outlives_any_handler() {
    let mut store = store();
    let owner = store.started("k");
    for second in (10..=60).step_by(10) {
        store.at(second).tell(IdempotencyInput::Renew(owner));
    }
    assert_eq!(store.at(75).repeat("k"), refused(ConflictReason::InFlight, Some(15)));
    store.complete(owner, "late");
    assert_eq!(store.repeat("k"), IdempotencyReply::Replay(bytes("late")));
    assert_eq!(store.status().runs, 1);
}

#[test]
fn a_result_lives_its_ttl_from_when_the_run_completed_and_no_longer() {
    let mut store = Bench::new(&Settings::new().with("ttl", "100s"));
    let owner = store.started("k");
    store.at(20).complete(owner, "r");
    assert_eq!(store.at(119).repeat("k"), IdempotencyReply::Replay(bytes("r")));
    assert_eq!(store.at(120).repeat("k"), IdempotencyReply::Run);
}

#[test]
fn a_call_without_a_key_keeps_its_result_for_a_minute_only() {
    let mut store = store();
    let key = RecordKey::fingerprinted(space("POST /orders"), &ORDER);
    let terms = store.site.terms(false);
    let begin = IdempotencyInput::Begin { key, fingerprint: ORDER, terms, wait: None };
    let (owner, reply) = store.ask(&begin);
    assert_eq!(reply, IdempotencyReply::Run);
    store.complete(owner, "r");
    assert_eq!(store.at(59).ask(&begin).1, IdempotencyReply::Replay(bytes("r")));
    assert_eq!(store.at(60).ask(&begin).1, IdempotencyReply::Run);
}

#[test]
fn a_key_that_a_client_sent_keeps_its_result_for_a_day() {
    let mut store = store();
    let owner = store.started("k");
    store.complete(owner, "r");
    assert_eq!(store.at(24 * 60 * 60 - 1).repeat("k"), IdempotencyReply::Replay(bytes("r")));
    assert_eq!(store.at(24 * 60 * 60).repeat("k"), IdempotencyReply::Run);
}

#[test]
fn a_full_store_refuses_new_keys_and_drops_only_what_is_over() {
    let mut store = Bench::new(&Settings::new().with("max_records", 3).with("ttl", "60s"));
    let done = store.started("done");
    store.complete(done, "r");
    let running = store.started("running");
    store.at(10);
    let second = store.started("second");
    store.complete(second, "r");
    assert_eq!(store.repeat("new"), IdempotencyReply::TableFull(Some(seconds(50))));
    assert_eq!(store.repeat("done"), IdempotencyReply::Replay(bytes("r")));
    store.at(25).tell(IdempotencyInput::Renew(running));
    store.at(50).tell(IdempotencyInput::Renew(running));
    assert_eq!(store.at(60).repeat("new"), IdempotencyReply::Run);
    assert_eq!(store.repeat("second"), IdempotencyReply::Replay(bytes("r")));
    assert_eq!(store.status().records, 3);
    assert_eq!(store.status().full, 1);
}

#[test]
fn records_that_are_over_are_dropped_as_new_ones_come() {
    let mut store = Bench::new(&Settings::new().with("ttl", "1s"));
    for index in 0..1_000u32 {
        let owner = store.started(&index.to_string());
        store.complete(owner, "r");
        store.at(u64::from(index) + 1);
    }
    assert!(store.status().records <= 3, "{:?}", store.status());
}

#[test]
fn a_result_that_is_too_large_or_streamed_is_delivered_once_and_never_run_again() {
    let mut store = Bench::new(&Settings::new().with("max_result", "4B"));
    for (text, result) in [("fits", Some("1234")), ("large", Some("12345")), ("streamed", None)] {
        let ticket = store.started(text);
        store.tell(IdempotencyInput::Complete { ticket, result: result.map(bytes), at: None });
    }
    assert_eq!(store.repeat("fits"), IdempotencyReply::Replay(bytes("1234")));
    assert_eq!(store.repeat("large"), refused(ConflictReason::ResultNotKept, None));
    assert_eq!(store.repeat("streamed"), refused(ConflictReason::ResultNotKept, None));
    assert_eq!(store.status().runs, 3);
}

#[test]
fn after_the_last_answer_no_timer_is_pending() {
    let mut store = store();
    let owner = store.started("k");
    store.waits("k", 10);
    store.complete(owner, "r");
    let other = store.started("other");
    store.tell(IdempotencyInput::Release(other));
    assert_eq!(store.machine.deadline(), None);
}
