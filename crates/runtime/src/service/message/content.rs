use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use steadfast_actors::rejection::FieldProblem;

use super::canonical::canonical;
use super::{Inner, Message};

/// What a message asks for, and nothing of who asks: the content that a fingerprint is taken of.
#[derive(Serialize, Deserialize)]
struct Content<'a> {
    method: Cow<'a, str>,
    route: Cow<'a, str>,
    path: Cow<'a, BTreeMap<String, String>>,
    query: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    payload: Payload<'a>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Payload<'a> {
    None,
    Json(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
}

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Inner { method, route, path, query, body, .. } = &*self.inner;
        let mut query: Vec<(Cow<'_, str>, Cow<'_, str>)> =
            query.iter().map(|(name, value)| (Cow::from(name.as_str()), Cow::from(value.as_str()))).collect();
        // Stable: where one name stands several times, the order of its values may matter to the handler.
        query.sort_by(|one, other| one.0.cmp(&other.0));
        let payload = match (body.is_empty(), canonical(body)) {
            (true, _) => Payload::None,
            (_, Some(json)) => Payload::Json(Cow::from(json)),
            (_, None) => Payload::Bytes(Cow::from(body.as_slice())),
        };
        Content {
            method: Cow::from(method.as_str()),
            route: Cow::from(route.as_str()),
            path: Cow::Borrowed(path),
            query,
            payload,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let content = Content::deserialize(deserializer)?;
        let inner = Inner {
            method: content.method.into_owned(),
            route: content.route.into_owned(),
            path: content.path.into_owned(),
            query: content
                .query
                .into_iter()
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect(),
            body: match content.payload {
                Payload::None => Vec::new(),
                Payload::Json(json) => json.into_owned().into_bytes(),
                Payload::Bytes(bytes) => bytes.into_owned(),
            },
            ..Inner::default()
        };
        Ok(Message { inner: Arc::new(inner) })
    }
}

/// The field that could not be read, and why.
pub(super) fn problem_of<E: std::fmt::Display>(error: serde_path_to_error::Error<E>) -> FieldProblem {
    let path = match error.path().to_string() {
        // A `?` stands for a part that the syntax error itself hides.
        root if root == "." || root.contains('?') => String::new(),
        path => path,
    };
    let message = error.inner().to_string();
    // serde names a missing field in its message only.
    let missing = message.strip_prefix("missing field `").and_then(|rest| rest.split_once('`'));
    let field = match missing {
        Some((field, _)) if path.is_empty() => field.to_owned(),
        Some((field, _)) => format!("{path}.{field}"),
        None if path.is_empty() => "payload".to_owned(),
        None => path,
    };
    let message = if missing.is_some() { "is missing".to_owned() } else { message };
    FieldProblem { field, message }
}

/// Something follows the JSON value.
pub(super) fn trailing(error: serde_json::Error) -> FieldProblem {
    FieldProblem { field: "payload".to_owned(), message: error.to_string() }
}
