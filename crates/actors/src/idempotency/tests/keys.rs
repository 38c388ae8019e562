use super::*;
use crate::rejection::Rejection;

#[test]
fn an_equal_key_of_another_user_route_or_path_value_never_meets_it() {
    let spaces = [
        KeySpace { scope: "POST /orders", principal: Principal::Anyone, path: &[] },
        KeySpace { scope: "POST /orders", principal: Principal::User("a"), path: &[] },
        KeySpace { scope: "POST /orders", principal: Principal::User("b"), path: &[] },
        KeySpace { scope: "POST /orders", principal: Principal::ApiKey("a"), path: &[] },
        KeySpace { scope: "POST /refunds", principal: Principal::User("a"), path: &[] },
        KeySpace { scope: "POST /orders", principal: Principal::User("a"), path: &["7"] },
        KeySpace { scope: "POST /orders", principal: Principal::User("a"), path: &["8"] },
        KeySpace { scope: "POST /orders", principal: Principal::User("a"), path: &["7", ""] },
        KeySpace { scope: "POST /orders", principal: Principal::User("a7"), path: &[""] },
    ];
    let keys: std::collections::BTreeSet<RecordKey> =
        spaces.iter().map(|space| RecordKey::explicit(*space, "1").unwrap()).collect();
    assert_eq!(keys.len(), spaces.len());
    let mut store = store();
    for key in &keys {
        assert_eq!(store.begin_as(key, ORDER, None).1, IdempotencyReply::Run);
    }
}

#[test]
fn a_key_that_a_client_names_never_meets_a_fingerprint() {
    let text = "f".repeat(32);
    let fingerprint: Fingerprint = text.as_bytes().try_into().unwrap();
    let named = RecordKey::explicit(space("s"), &text).unwrap();
    let nameless = RecordKey::fingerprinted(space("s"), &fingerprint);
    assert_ne!(named, nameless);
    assert_eq!((named.is_explicit(), nameless.is_explicit()), (true, false));
    assert!(!RecordKey::from("").is_explicit());
}

#[test]
fn a_key_is_1_to_255_visible_characters() {
    for good in ["k", "8e03978e-40d5-43dd-bc93-6894a57f9324", &"ä".repeat(255)] {
        assert!(RecordKey::explicit(space("s"), good).is_ok(), "{good:?}");
    }
    assert_eq!(Rejection::conflict("default", ConflictReason::BadKey, None).http_status(), 400);
    for bad in ["", " ", "a b", "a\n", "\u{7f}", &"k".repeat(256)] {
        assert_eq!(RecordKey::explicit(space("s"), bad), Err(ConflictReason::BadKey), "{bad:?}");
    }
}

#[test]
fn the_name_of_a_record_shows_its_scope_and_hides_its_key() {
    let name = RecordKey::explicit(space("POST /orders"), "secret-key").unwrap();
    assert!(name.as_str().starts_with("POST /orders#"));
    assert!(!name.as_str().contains("secret"));
    let long = "s".repeat(1_000);
    assert!(RecordKey::explicit(space(&long), "k").unwrap().as_str().len() < 200);
    assert_eq!(RecordKey::from(name.as_str()), name);
}
