use std::collections::BTreeMap;
use std::sync::Mutex;

use steadfast_actors::idempotency::{Fingerprint, IdempotencyHandle, KeySource, Principal, RecordKey, Scope};
use steadfast_actors::rejection::{ConflictReason, Rejection};

use super::inputs::Inputs;
use crate::lock::lock;
use crate::service::Message;

/// The header in which clients send a key, by the IETF's draft "The Idempotency-Key HTTP Header Field".
const HEADER: &str = "Idempotency-Key";

/// A site's store, and where its keys come from.
#[derive(Clone, Debug)]
pub(crate) struct Once {
    pub(crate) store: IdempotencyHandle,
    /// What sets its keys apart from other sites': its name, else its route, else its path.
    pub(crate) scope: Scope,
}

/// What a call is known by to its store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) record: RecordKey,
    pub(crate) fingerprint: Fingerprint,
    /// What a client of the handler passes on: the caller's own key, where there is one.
    pub(crate) passed_on: String,
}

impl Once {
    /// The record of one call.
    ///
    /// # Errors
    /// 400 for a key that is missing, malformed or sent twice.
    pub(crate) fn known(&self, inputs: &Inputs) -> Result<Known, Rejection> {
        let message = inputs.message();
        let path: Vec<&str> = message.map(|message| message.path_values().collect()).unwrap_or_default();
        let principal = message.and_then(Message::principal);
        let principal =
            match (principal.and_then(|known| known.user()), principal.and_then(|known| known.api_key())) {
                (Some(user), _) => Principal::User(user),
                (None, Some(key)) => Principal::ApiKey(key),
                (None, None) => Principal::Anyone,
            };
        let refused = |reason| Rejection::conflict(self.store.name(), reason, None);
        let fingerprint = inputs.digest().unwrap_or_default();
        let site = self.store.site();
        let sent = match site.key() {
            KeySource::Argument(name) => inputs.text_of(name),
            KeySource::Header(name) => header(message, name).map_err(refused)?,
            // Clients that send the standard header mean it, whether or not the site names it.
            KeySource::Fingerprint => header(message, HEADER).map_err(refused)?,
        };
        if let Some(sent) = sent {
            let record = self.scope.explicit(principal, &path, sent).map_err(refused)?;
            return Ok(Known { record, fingerprint, passed_on: sent.to_owned() });
        }
        if site.require_key() {
            return Err(refused(ConflictReason::BadKey));
        }
        let Some(fingerprint) = inputs.digest() else {
            let problem = "nothing tells one call from another: name a key, or call it with what it asks for";
            return Err(Rejection::misconfigured(self.scope.as_str(), problem));
        };
        let record = self.scope.fingerprinted(principal, &path, &fingerprint);
        let passed_on = record.to_string().rsplit('#').next().unwrap_or_default().to_owned();
        Ok(Known { record, fingerprint, passed_on })
    }
}

/// Which site has claimed which scope of which store.
#[derive(Debug, Default)]
pub(crate) struct Scopes(Mutex<BTreeMap<(String, String), String>>);

impl Scopes {
    /// Claims `scope` for `site`.
    ///
    /// # Errors
    /// The site that has it already.
    pub(crate) fn claim(&self, store: &str, scope: &str, site: &str) -> Result<(), String> {
        let mut claimed = lock(&self.0);
        let owner = claimed.entry((store.to_owned(), scope.to_owned())).or_insert_with(|| site.to_owned());
        if owner == site { Ok(()) } else { Err(owner.clone()) }
    }
}

fn header<'a>(message: Option<&'a Message>, name: &'a str) -> Result<Option<&'a str>, ConflictReason> {
    let Some(message) = message else { return Ok(None) };
    let mut sent = message.headers(name);
    match (sent.next(), sent.next()) {
        (first, None) => Ok(first),
        (_, Some(_)) => Err(ConflictReason::BadKey),
    }
}
