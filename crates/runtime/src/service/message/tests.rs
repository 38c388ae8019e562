use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::json;
use steadfast_actors::outcome::ErrorKind;
use steadfast_actors::rejection::RejectionKind;

use super::*;
use crate::outcome::Classify;

#[derive(Debug, PartialEq, Deserialize)]
struct Search {
    q: String,
    page: Option<u32>,
    exact: bool,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    order: Order,
    max_price: Option<f64>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Order {
    #[default]
    Relevance,
    PriceUp,
}

fn query(parameters: &[(&str, &str)]) -> Message {
    let add = |builder: MessageBuilder, (name, value): &(&str, &str)| builder.query_param(*name, *value);
    parameters.iter().fold(Message::builder(), add).build()
}

fn problems(rejection: Rejection) -> Vec<(String, String)> {
    let Rejection::Malformed { problems, .. } = rejection else { panic!("{rejection:?}") };
    problems.into_iter().map(|problem| (problem.field, problem.message)).collect()
}

#[test]
fn an_empty_payload_is_read_from_the_query_with_numbers_and_booleans_parsed() {
    let message = query(&[
        ("q", "007"),
        ("page", "2"),
        ("exact", "true"),
        ("tags", "a"),
        ("tags", "b"),
        ("order", "price_up"),
        ("max_price", "9.50"),
    ]);
    let search: Search = message.deserialize_payload().unwrap();
    let tags = vec!["a".to_owned(), "b".to_owned()];
    let wanted = Search {
        q: "007".to_owned(),
        page: Some(2),
        exact: true,
        tags,
        order: Order::PriceUp,
        max_price: Some(9.5),
    };
    assert_eq!(search, wanted);
    let untyped: serde_json::Value = message.deserialize_payload().unwrap();
    assert_eq!(
        untyped,
        json!({ "q": "007", "page": 2, "exact": true, "tags": ["a", "b"], "order": "price_up", "max_price": 9.5 })
    );
}

#[test]
fn nothing_at_all_is_a_unit_and_none() {
    assert!(query(&[]).deserialize_payload::<()>().is_ok());
    assert_eq!(query(&[]).deserialize_payload::<Option<Search>>().unwrap(), None);
}

#[test]
fn what_cannot_be_read_from_a_query_names_its_field() {
    for (parameters, field, message) in [
        (&[("exact", "true")][..], "q", "is missing"),
        (&[("q", "x"), ("exact", "yes")], "exact", "\"yes\" is neither true nor false"),
        (
            &[("q", "x"), ("exact", "0"), ("page", "-1")],
            "page",
            "\"-1\" is not a whole number of 32 bits, 0 or more",
        ),
        (&[("q", "x"), ("exact", "1"), ("max_price", "NaN")], "max_price", "\"NaN\" is not a number"),
        (&[("q", "x"), ("q", "y"), ("exact", "1")], "q", "was given more than once"),
    ] {
        let rejection = query(parameters).deserialize_payload::<Search>().unwrap_err();
        assert_eq!(problems(rejection), [(field.to_owned(), message.to_owned())]);
    }
}

#[test]
fn what_cannot_be_read_from_a_payload_names_its_path() {
    #[derive(Debug, Deserialize)]
    struct Order {
        #[allow(dead_code, reason = "only its reading matters")]
        items: Vec<Item>,
    }
    #[derive(Debug, Deserialize)]
    struct Item {
        #[allow(dead_code, reason = "only its reading matters")]
        price: u32,
    }
    let read = |body: &str| {
        problems(Message::builder().body(body).build().deserialize_payload::<Order>().unwrap_err()).remove(0)
    };
    assert_eq!(read(r#"{"items":[{"price":1},{"price":"x"}]}"#).0, "items[1].price");
    assert_eq!(read(r#"{"items":[{}]}"#), ("items[0].price".to_owned(), "is missing".to_owned()));
    assert_eq!(read(r#"{"items":[]"#).0, "payload");
    assert!(read(r#"{"items":[]} x"#).1.contains("trailing characters"));
}

#[test]
fn a_missing_parameter_is_the_callers_fault_and_a_missing_user_an_authentication_error() {
    let message = query(&[("id", "7")]);
    assert_eq!(message.get_path_param("id").unwrap(), "7");
    let missing = message.get_path_param("order").unwrap_err();
    assert_eq!((missing.http_status(), missing.kind()), (400, RejectionKind::Invalid));
    assert_eq!(Classify::kind(&missing.to_string()), ErrorKind::ValidationError);
    let nobody = message.get_user_id().unwrap_err();
    assert_eq!(nobody.http_status(), 401);
    assert_eq!(Classify::kind(&nobody.to_string()), ErrorKind::AuthenticationError);
}

#[test]
fn question_marks_compile_in_handlers_that_return_texts_or_boxed_errors() {
    fn text(message: &Message) -> Result<(String, serde_json::Value), String> {
        Ok((message.get_user_id()?, message.deserialize_payload()?))
    }
    fn boxed(message: &Message) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
        Ok(message.get_path_param("id")?)
    }
    let message = Message::builder().user_id("u1").path_param("id", "7").query_param("id", "8").build();
    assert_eq!(text(&message).unwrap(), ("u1".to_owned(), json!({ "id": 8 })));
    assert_eq!(boxed(&message).unwrap(), "7");
    assert!(text(&Message::default()).unwrap_err().starts_with("not authenticated"));
}

#[test]
fn only_the_first_to_say_who_calls_is_heard_and_every_clone_hears_it() {
    let message = Message::builder().ip("192.0.2.1").build();
    let clone = message.clone();
    assert!(message.identify(Principal::new().with_user("u1").with_role("admin")));
    assert!(!clone.identify(Principal::new().with_user("u2")));
    assert_eq!(clone.get_user_id().unwrap(), "u1");
    assert!(clone.principal().unwrap().has_role("admin"));
}

fn print(message: &Message) -> Vec<u8> {
    serde_json::to_vec(message).unwrap()
}

fn order() -> MessageBuilder {
    Message::builder()
        .route("POST", "/orders/:id")
        .path_param("id", "7")
        .query_param("a", "1")
        .query_param("b", "2")
}

#[test]
fn a_fingerprint_is_of_what_is_asked_and_never_of_who_asks() {
    let first = order().body(r#"{"amount": 3, "to": "\u00e9"}"#).build();
    let repeat = Message::builder()
        .route("POST", "/orders/:id")
        .path_param("id", "7")
        .query_param("b", "2")
        .query_param("a", "1")
        .header("Authorization", "Bearer other")
        .ip("192.0.2.9")
        .user_id("somebody")
        .body("{\"to\":\"é\",\"amount\":3}")
        .build();
    assert_eq!(print(&first), print(&repeat));
    let others = [
        order().body(r#"{"amount": 4, "to": "é"}"#).build(),
        order().path_param("id", "8").body(r#"{"amount": 3, "to": "é"}"#).build(),
        order().query_param("c", "").body(r#"{"amount": 3, "to": "é"}"#).build(),
        order().route("PUT", "/orders/:id").body(r#"{"amount": 3, "to": "é"}"#).build(),
        order().build(),
    ];
    for other in others {
        assert_ne!(print(&first), print(&other), "{other:?}");
    }
}

#[test]
fn two_large_numbers_that_are_one_as_floats_are_two_payloads() {
    let with = |amount: &str| order().body(format!("{{\"amount\":{amount}}}")).build();
    assert_ne!(print(&with("18446744073709551617")), print(&with("18446744073709551618")));
}

#[test]
fn a_payload_that_is_no_json_is_taken_as_its_bytes() {
    let deep = "[".repeat(100_000);
    for body in ["{", "\u{0}", "1 2", deep.as_str()] {
        let message = order().body(body).build();
        let back: Message = serde_json::from_slice(&print(&message)).unwrap();
        assert_eq!((back.body(), print(&back)), (body.as_bytes(), print(&message)));
    }
}

#[test]
fn neither_payload_nor_headers_show_in_debug() {
    let message = order().header("Authorization", "Bearer s3cret").body("s3cret").build();
    assert!(!format!("{message:?}").contains("s3cret"));
}

fn json_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        ".{0,8}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            proptest::collection::btree_map(".{0,4}", inner, 0..4)
                .prop_map(|map: BTreeMap<_, _>| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn canonical_json_means_the_same_and_every_spelling_has_the_same_one(value in json_value()) {
        let compact = super::canonical::canonical(value.to_string().as_bytes()).unwrap();
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        prop_assert_eq!(&compact, &super::canonical::canonical(pretty.as_bytes()).unwrap());
        prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&compact).unwrap(), value);
    }

    #[test]
    fn any_query_is_a_value_or_a_problem_and_never_a_panic(pairs in proptest::collection::vec((".{0,3}", ".{0,5}"), 0..6)) {
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let _ = query(&pairs).deserialize_payload::<Search>();
        prop_assert!(query(&pairs).deserialize_payload::<serde_json::Value>().is_ok());
    }
}
