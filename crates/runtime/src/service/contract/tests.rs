use std::collections::HashMap;

use garde::Validate;
use serde::{Deserialize, Serialize};
use steadfast_actors::outcome::ErrorKind;
use steadfast_actors::rejection::{FieldProblem, Rejection};

use super::{Reply, Route};
use crate::__private as private;
use crate::service::{Message, RpcResponse};

#[derive(Debug, PartialEq, Deserialize, Validate)]
struct Order {
    #[garde(range(min = 1, max = 9))]
    amount: u32,
    #[garde(length(min = 1))]
    name: String,
}

fn message(body: &str) -> Message {
    Message::builder().user_id("u1").route("POST", "/orders/:id").path_param("id", "7").body(body).build()
}

#[test]
fn a_message_carries_a_caller_and_nothing_else_does() {
    let msg = message("{}");
    let caller = private::context!(&msg).expect("a message carries its caller");
    assert_eq!(caller.get_user_id().unwrap(), "u1");
    let borrowed = &msg;
    assert!(private::context!(&borrowed).is_some());
    assert!(private::context!(&7_u64).is_none());
    assert!(private::context!("text").is_none());
    const CONTEXTS: [bool; 4] = [
        private::is_context!(Message),
        private::is_context!(&Message),
        private::is_context!(u64),
        private::is_context!(Vec<Message>),
    ];
    assert_eq!(CONTEXTS, [true, true, false, false]);
}

#[test]
fn a_generic_argument_carries_no_caller() {
    fn of<T>(argument: &T) -> bool {
        private::context!(argument).is_some()
    }
    assert!(!of(&message("{}")));
}

/// As the macros take it.
macro_rules! fingerprint {
    ($($argument:expr),*) => {
        private::Fingerprints::new()$(.with($argument))*.finish()
    };
}

#[test]
fn a_fingerprint_is_of_the_content_of_all_arguments_in_their_places() {
    let of = |body, amount: u64| fingerprint!(&message(body), &amount);
    assert_eq!(of(r#"{"a":1,"b":2}"#, 3), of(r#"{ "b": 2, "a": 1 }"#, 3));
    assert_ne!(of(r#"{"a":1}"#, 3), of(r#"{"a":1}"#, 4));
    assert_ne!(of(r#"{"a":1}"#, 3), of(r#"{"a":2}"#, 3));
    let pair = |a: &str, b: &str| fingerprint!(a, b);
    assert_ne!(pair("ab", "c"), pair("a", "bc"));
    assert_ne!(pair("a", "b"), pair("b", "a"));
    assert_ne!(fingerprint!(&1), fingerprint!("1"));
}

#[test]
fn the_order_of_a_hash_map_does_not_reach_its_fingerprint() {
    let forward: HashMap<String, u32> = (0..50).map(|n| (n.to_string(), n)).collect();
    let backward: HashMap<String, u32> = (0..50).rev().map(|n| (n.to_string(), n)).collect();
    assert_eq!(fingerprint!(&forward), fingerprint!(&backward));
}

#[test]
fn nor_does_that_of_one_whose_keys_are_no_texts_wherever_it_stands() {
    #[derive(Serialize)]
    struct Grid {
        cells: HashMap<(u8, u8), HashMap<[u8; 2], u32>>,
    }
    let grid = || Grid {
        cells: (0..50).map(|n| ((n, n), (0..9).map(|m| ([n, m], u32::from(m))).collect())).collect(),
    };
    assert_eq!(fingerprint!(&grid()), fingerprint!(&grid()));
    let mut other = grid();
    other.cells.insert((3, 4), HashMap::new());
    assert_ne!(fingerprint!(&grid()), fingerprint!(&other));
}

#[test]
fn values_that_json_cannot_tell_apart_have_fingerprints_of_their_own() {
    #[derive(Serialize)]
    enum Change {
        Keep,
        Set(Option<u32>),
        Move { to: u32 },
        Swap(u32, u32),
    }
    let nested = [None, Some(None), Some(Some(0_u32))].map(|value: Option<Option<u32>>| fingerprint!(&value));
    let numbers = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, 1.0].map(|value| fingerprint!(&value));
    let changes = [Change::Keep, Change::Set(None), Change::Move { to: 1 }, Change::Swap(1, 2)];
    let changes = changes.map(|value| fingerprint!(&value));
    let others =
        [fingerprint!("1"), fingerprint!(&1), fingerprint!(&'a'), fingerprint!(&()), fingerprint!(&[1])];
    let all: Vec<_> = [&nested[..], &numbers, &changes, &others].concat();
    let different: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!(different.len(), all.len());
    assert_eq!(fingerprint!(&f64::NAN), fingerprint!(&-f64::NAN));
}

#[test]
fn how_a_piece_of_json_is_spelled_does_not_reach_its_fingerprint() {
    let raw = |json: &str| {
        let raw = serde_json::value::RawValue::from_string(json.to_owned()).unwrap();
        fingerprint!(&raw)
    };
    assert_eq!(raw(r#"{"a":1,"b":2}"#), raw(r#"{ "b": 2, "a": 1 }"#));
    assert_ne!(raw(r#"{"a":1,"b":2}"#), raw(r#"{"a":1,"b":3}"#));
}

#[test]
fn a_call_that_cannot_be_written_is_like_no_other() {
    struct Unwritable;
    impl Serialize for Unwritable {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("no"))
        }
    }
    assert_ne!(fingerprint!(&Unwritable), fingerprint!(&Unwritable));
    let pairs = HashMap::from([((1, 2), 3)]);
    assert_eq!(fingerprint!(&pairs), fingerprint!(&pairs));
}

#[test]
fn a_key_is_the_text_of_its_argument() {
    assert_eq!((private::key_text("a"), private::key_text(&7)), ("a".to_owned(), "7".to_owned()));
}

fn invalid(problems: &[(&str, &str)]) -> Rejection {
    let problem = |(field, message): &(&str, &str)| FieldProblem {
        field: (*field).to_owned(),
        message: (*message).to_owned(),
    };
    Rejection::invalid(problems.iter().map(problem).collect())
}

#[test]
fn a_validator_reads_the_payload_and_names_every_field_that_breaks_a_rule() {
    let check = private::validator!(Order);
    assert_eq!(check(&message(r#"{"amount":3,"name":"x"}"#)), Ok(()));
    let problems = [("amount", "greater than 9"), ("name", "length is lower than 1")];
    assert_eq!(check(&message(r#"{"amount":10,"name":""}"#)), Err(invalid(&problems)));
    assert!(matches!(check(&message("{}")), Err(Rejection::Malformed { .. })));
}

#[test]
fn a_validated_message_is_a_message_whose_payload_keeps_its_rules() {
    let (msg, amount) = (message(r#"{"amount":0,"name":"x"}"#), 7);
    let borrowed = &msg;
    let borrowed = private::validated!(borrowed);
    assert!(borrowed.deserialize_payload::<Order>().is_err());
    let msg = private::validated!(msg);
    let amount: i32 = private::validated!(amount);
    assert_eq!((msg.get_path_param("id").unwrap().as_str(), amount), ("7", 7));
    assert_eq!(msg.deserialize_payload::<Order>(), Err(invalid(&[("amount", "lower than 1")])));
    assert_eq!(Message::from(msg).deserialize_payload::<Order>().unwrap().amount, 0);
}

async fn plain(msg: Message) -> Result<Vec<String>, String> {
    Ok(vec![msg.get_path_param("id")?])
}

async fn full(_: Message) -> Result<RpcResponse, Unclassified> {
    Ok(RpcResponse::success("made", 201).map_err(Unclassified)?.with_header("Location", "/orders/7"))
}

async fn failing(_: Message) -> Result<RpcResponse, String> {
    Err("HTTP 404: no such order".to_owned())
}

async fn unclassified(_: Message) -> Result<RpcResponse, Unclassified> {
    Err(Unclassified(Rejection::forbidden("no")))
}

#[derive(Debug)]
struct Unclassified(Rejection);

impl std::fmt::Display for Unclassified {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

const IDENTITY: private::Identity =
    private::Identity { module: module_path!(), owner: "", function: "plain", file: file!(), line: line!() };

const _: () = {
    private::route!("GET", "/contract/plain/:id", plain, IDENTITY);
};
private::route!("GET", "/contract/full", full, IDENTITY);
private::route!("GET", "/contract/failing", failing, IDENTITY);
private::route!("GET", "/contract/unclassified", unclassified, IDENTITY);

async fn served(path: &str) -> Reply {
    let mut routes = inventory::iter::<Route>.into_iter();
    routes.find(|route| route.path() == path).unwrap().serve(message("")).await
}

#[tokio::test]
async fn a_route_is_collected_and_answers_with_whatever_serde_can_write() {
    let Reply::Answer(response) = served("/contract/plain/:id").await else { panic!("an answer") };
    assert_eq!((response.status(), response.body()), (200, r#"["7"]"#));
}

#[tokio::test]
async fn an_answer_goes_out_as_it_is_and_not_as_a_payload() {
    let Reply::Answer(response) = served("/contract/full").await else { panic!("an answer") };
    assert_eq!((response.status(), response.body()), (201, r#""made""#));
    assert_eq!(response.headers().len(), 1);
}

#[tokio::test]
async fn an_error_goes_out_by_its_kind_and_one_without_is_unknown() {
    let Reply::Failed { judged, text } = served("/contract/failing").await else { panic!("an error") };
    assert_eq!((judged.kind, text.as_str()), (ErrorKind::NotFound, "HTTP 404: no such order"));
    let Reply::Failed { judged, .. } = served("/contract/unclassified").await else { panic!("an error") };
    assert_eq!((judged.kind, judged.rejection), (ErrorKind::Unknown, None));
}
