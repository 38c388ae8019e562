use super::*;
use crate::outcome::ErrorKind;
use crate::rejection::RejectionKind;
use crate::settings::{Mode, OnUnavailable};

#[test]
fn what_nobody_wrote_is_the_table_of_defaults() {
    let site = Idempotent::from_settings(&Settings::new()).unwrap();
    assert_eq!(site, Idempotent::default());
    assert_eq!((site.store(), site.key()), ("default", &KeySource::Fingerprint));
    let terms = site.terms(true);
    assert_eq!((terms.ttl, terms.unknown_ttl), (seconds(86_400), seconds(900)));
    assert_eq!((terms.max_result, terms.rerun), (65_536, false));
    assert_eq!(site.terms(false).ttl, seconds(60));
    assert_eq!(site.store_config().max_records(), 100_000);
    assert_eq!(site.store_config().lease(), seconds(30));
    assert_eq!((site.mode(), site.on_unavailable()), (Mode::Enforce, OnUnavailable::Reject));
}

#[test]
fn every_setting_can_be_written() {
    let settings = Settings::new()
        .with("store", "payments")
        .with("key", "header:Idempotency-Key")
        .with("ttl", "48h")
        .with("fingerprint_ttl", "5s")
        .with("unknown_ttl", "1h")
        .with("on_conflict", "wait")
        .with("unknown_on", vec!["timeout", "open"])
        .with("on_unknown", "rerun")
        .with("require_key", true)
        .with("max_result", "1MiB")
        .with("name", "charge")
        .with("max_records", 10)
        .with("store_errors", true)
        .with("mode", "observe")
        .with("on_unavailable", "allow");
    let site = Idempotent::from_settings(&settings).unwrap();
    assert_eq!(site.key(), &KeySource::Header("Idempotency-Key".to_owned()));
    assert_eq!((site.store(), site.name(), site.require_key()), ("payments", Some("charge"), true));
    assert_eq!(site.on_conflict(), OnConflict::Wait);
    assert!(site.leaves_unknown(ErrorKind::Timeout, None));
    assert!(site.leaves_unknown(ErrorKind::Unavailable, Some(RejectionKind::Open)));
    assert!(!site.leaves_unknown(ErrorKind::Unavailable, None));
    assert!(site.stores_error(ErrorKind::ValidationError) && !site.stores_error(ErrorKind::ServerError));
    assert!(site.terms(true).rerun);
    assert_eq!(site.terms(true).max_result, 1_048_576);
    assert_eq!(site.store_config().max_records(), 10);
}

#[test]
fn every_mistake_is_said_at_once_with_the_way_out() {
    let settings = Settings::new()
        .with("key", "heeder:Idempotency-Key")
        .with("ttl", "0s")
        .with("max_result", 65_536)
        .with("max_records", 0)
        .with("on_conflict", "wiat")
        .with("unknown_tll", "1s");
    let problems = Idempotent::from_settings(&settings).unwrap_err();
    let mut keys: Vec<&str> = problems.iter().map(|problem| problem.key.as_str()).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["key", "max_records", "max_result", "on_conflict", "ttl", "unknown_tll"]);
    let said: String = problems.iter().map(|problem| problem.message.as_str()).collect();
    for hint in ["\"header:\"", "\"wait\"", "`unknown_ttl`", "\"64KiB\""] {
        assert!(said.contains(hint), "{hint} in {said}");
    }
    for key in ["header:", "arg:", "header:a b", "arg:a-b"] {
        let problems = Idempotent::from_settings(&Settings::new().with("key", key)).unwrap_err();
        assert_eq!(problems[0].key, "key", "{key}");
    }
    let problems = Idempotent::from_settings(&Settings::new().with("require_key", true)).unwrap_err();
    assert_eq!(problems[0].key, "require_key");
}
