use std::error::Error;

use steadfast_actors::outcome::{Ending, ErrorKind};
use steadfast_actors::rejection::{Rejection, RejectionKind};

use super::probe::*;
use super::*;

macro_rules! outcome_of {
    ($ok:ty, $error:ty) => {
        Outcome::<$ok, $error>::new(
            (&&Probe::<$error>::NEW).judge(),
            (&&Probe::<$ok>::NEW).status(),
            (&&Probe::<$ok>::NEW).degrade(),
        )
    };
}

struct Reply(u16);

impl Responds for Reply {
    fn status(&self) -> u16 {
        self.0
    }
}

#[derive(Debug)]
struct Plain;

#[test]
fn an_ok_that_carries_a_5xx_is_the_servers_error() {
    let outcome = outcome_of!(Reply, String);
    for (status, ending) in [
        (200, Ending::Success),
        (404, Ending::Success),
        (500, Ending::Error(ErrorKind::ServerError)),
        (503, Ending::Error(ErrorKind::Unavailable)),
        (504, Ending::Error(ErrorKind::Timeout)),
    ] {
        assert_eq!(outcome.ending(&Ok(Reply(status)), None), ending);
    }
}

#[test]
fn an_error_type_that_does_not_say_what_it_is_is_unknown() {
    let outcome = outcome_of!((), Plain);
    assert_eq!((outcome.judge)(&Plain).kind, ErrorKind::Unknown);
}

#[test]
fn boxed_and_io_errors_are_read_through_their_sources() {
    let rejection = Rejection::open("db", "open", None);
    let io = std::io::Error::from(rejection.clone());
    assert_eq!(Classify::rejection(&io).map(Rejection::kind), Some(RejectionKind::Open));
    let boxed: Box<dyn Error + Send + Sync> = Box::new(io);
    assert_eq!(Classify::rejection(&boxed), Some(&rejection));
    let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
    let boxed: Box<dyn Error + Send + Sync> = Box::new(refused);
    assert_eq!(Classify::kind(&boxed), ErrorKind::ConnectionError);
    let text: Box<dyn Error + Send + Sync> = "HTTP 503 from catalog".into();
    assert_eq!(Classify::kind(&text), ErrorKind::Unavailable);
}

#[test]
fn a_stored_result_comes_back_as_it_was_untyped_values_included() {
    let codec = codec::<serde_json::Value>();
    let value = serde_json::json!({ "id": 7, "tags": ["a", null], "nested": { "x": 0.5 } });
    let bytes = (codec.encode)(&value).unwrap();
    assert_eq!((codec.decode)(&bytes), Some(value));
    assert_eq!((codec.decode)(b"\xc1"), None);
}
