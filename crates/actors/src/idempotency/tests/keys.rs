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
    assert!(name.to_string().starts_with("POST /orders#"));
    assert!(!name.to_string().contains("secret"));
    let long = "s".repeat(1_000);
    assert!(RecordKey::explicit(space(&long), "k").unwrap().to_string().len() < 200);
    assert_eq!(RecordKey::from(name.to_string().as_str()), name);
    let nameless = RecordKey::fingerprinted(space("s"), &ORDER);
    assert_eq!(RecordKey::from(nameless.to_string().as_str()), nameless);
}

#[test]
fn a_text_that_is_no_name_of_a_record_stands_for_itself() {
    let digest = "0f".repeat(32);
    for text in
        ["", "k", "#", "s#k", &digest, &digest.to_uppercase(), &format!("s#{}", digest.to_uppercase()), "ä~ö"]
    {
        let key = RecordKey::from(text);
        assert_eq!((key.to_string().as_str(), key.is_explicit()), (text, false));
        assert_eq!(RecordKey::from(text), key);
        assert_ne!(RecordKey::from(format!("s{text}").as_str()), key);
    }
    let named = RecordKey::from(format!("s#{digest}").as_str());
    assert!(named.is_explicit());
    assert_ne!(named, RecordKey::from(format!("t#{digest}").as_str()));
    assert_ne!(named, RecordKey::from(format!("s~{digest}").as_str()));
}

#[test]
fn the_digest_of_a_key_is_what_earlier_releases_wrote_to_disk_and_a_scope_made_once_gives_the_same_keys() {
    let mut hasher = blake3::Hasher::new_derive_key("steadfast idempotency key v1");
    for part in ["POST /orders/{id}", "user", "u7", "\u{1}\0\0\0\0\0\0\0", "7", "key", "k"] {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
    }
    let space = KeySpace { scope: "POST /orders/{id}", principal: Principal::User("u7"), path: &["7"] };
    let key = RecordKey::explicit(space, "k").unwrap();
    assert_eq!(key.to_string(), format!("POST /orders/{{id}}#{}", hasher.finalize().to_hex()));
    let scope = Scope::new("POST /orders/{id}");
    assert_eq!(scope.explicit(Principal::User("u7"), &["7"], "k").unwrap(), key);
    let long = "v".repeat(1_000);
    let of_long = |path: &[&str]| scope.explicit(Principal::Anyone, path, "k").unwrap();
    assert_ne!(of_long(&[&long]), of_long(&[&long, ""]));
}
