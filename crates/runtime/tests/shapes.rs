//! Every shape that a handler may have: it compiles without a warning and answers as it would without attributes.
#![forbid(unsafe_code)]
#![warn(clippy::pedantic, missing_docs, unused, unreachable_pub, rust_2018_idioms, elided_lifetimes_in_paths)]
#![allow(clippy::unused_async, reason = "a fallback is async, and these have nothing to wait for")]

use std::collections::BTreeMap;
use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use steadfast::prelude::*;
use steadfast::retry as again;

/// A reader of counts, whose calls fail until the third.
#[derive(Default)]
pub struct Store {
    calls: AtomicU32,
    names: Vec<String>,
}

impl Store {
    /// A method with a borrowed receiver, under all that may run it again.
    ///
    /// # Errors
    /// None on the third run.
    #[retry(attempts = 3, base_delay = "1ms")]
    #[fallback("Self::nobody")]
    #[circuit_breaker("store", failure_threshold = 10)]
    pub async fn count(&self, key: &str) -> Result<usize, String> {
        if self.calls.fetch_add(1, Ordering::Relaxed) < 2 {
            return Err("HTTP 503".to_owned());
        }
        Ok(key.len())
    }

    /// Its fallback takes the receiver too.
    #[fallback("Self::nobody")]
    async fn exhausted(&self, _key: &str) -> Result<usize, String> {
        Err("HTTP 503".to_owned())
    }

    async fn nobody(&self, key: &str) -> Result<usize, String> {
        Ok(self.names.len() + key.len() + 100)
    }

    /// A fallback that does not care for the receiver.
    #[fallback(Self::unnamed)]
    async fn named(&self, id: usize) -> Result<String, String> {
        self.names.get(id).cloned().ok_or_else(|| "unavailable: nobody yet".to_owned())
    }

    async fn unnamed(id: usize) -> Result<String, String> {
        Ok(format!("number {id}"))
    }

    /// A receiver that is lent for writing, and arguments that are no `Clone`, where there is one run.
    #[timeout("5s")]
    #[metrics]
    async fn add(&mut self, name: Unique) -> Result<usize, String> {
        macro_rules! names {
            () => {
                self.names
            };
        }
        names!().push(name.0);
        Ok(self.names.len())
    }

    #[timeout("5s")]
    async fn into_names(self) -> Result<Vec<String>, String> {
        Ok(self.names)
    }

    #[timeout("5s")]
    async fn shared(self: Arc<Self>) -> Result<usize, String> {
        Ok(self.names.len())
    }

    #[retry(attempts = 2)]
    async fn pair<'a>(&'a self, other: &'a Store) -> Result<(&'a str, &'a str), String> {
        let name = |store: &'a Store| {
            store.names.first().map(String::as_str).ok_or_else(|| "not found: name".to_owned())
        };
        Ok((name(self)?, name(other)?))
    }
}

struct Unique(String);

/// Generic over what is fetched, with a constant.
#[retry(attempts = 2)]
#[circuit_breaker("generic")]
async fn generic<T, const N: usize>(values: [T; N], pick: usize) -> Result<T, Rejection>
where
    T: Clone + Send + Sync + 'static,
{
    Ok(values[pick % N].clone())
}

/// `impl Trait` in and out.
#[retry(attempts = 2)]
async fn opaque(
    value: impl Display + Clone,
    suffix: impl Into<String> + Clone,
) -> Result<impl Display, String> {
    Ok(format!("{value}{}", suffix.into()))
}

struct Path<T>(T);
struct Range {
    from: u32,
    to: u32,
}

/// What a pattern binds is cloned, and not the argument, which is no `Clone`.
#[retry(attempts = 2)]
#[fallback(largest)]
async fn patterns(
    Path(mut id): Path<u32>,
    (left, mut right): (u32, u32),
    Range { from, to: end }: Range,
    &factor: &u32,
    _: u8,
) -> Result<u32, String> {
    id += 1;
    right += 1;
    Ok((id + left + right + from + end) * factor)
}

async fn largest(
    path: Path<u32>,
    pair: (u32, u32),
    range: Range,
    factor: &u32,
    _: u8,
) -> Result<u32, String> {
    Ok(path.0.max(pair.0).max(range.from).max(range.to).max(*factor))
}

#[timeout("1s")]
async fn mutable_once(mut values: Vec<u32>, mut last: u32) -> Result<Vec<u32>, String> {
    last += 1;
    values.push(last);
    Ok(values)
}

/// A condition on an argument goes with it.
#[retry(attempts = 2)]
#[fallback(conditioned_too)]
async fn conditioned(
    #[cfg(test)] kept: u32,
    #[cfg(not(test))] dropped: Unknown,
    last: u32,
) -> Result<u32, String> {
    Ok(kept + last)
}

async fn conditioned_too(kept: u32, last: u32) -> Result<u32, String> {
    Ok(kept * last)
}

/// Renamed, by a path, behind `cfg_attr`, and named in full.
#[again(attempts = 2, base_delay = "1ms")]
#[steadfast::circuit_breaker("renamed", { failure_threshold = 1_000 })]
#[cfg_attr(all(), ::steadfast::timeout("5s"))]
#[cfg_attr(any(), ::steadfast::timeout("nonsense"))]
async fn renamed(calls: Arc<AtomicU32>) -> Result<u32, String> {
    match calls.fetch_add(1, Ordering::Relaxed) {
        0 => Err("timed out".to_owned()),
        run => Ok(run),
    }
}

mod shield {
    pub(crate) use steadfast::*;
}

#[retry(attempts = 2, crate = "crate::shield")]
#[timeout("5s")]
async fn by_another_name(value: u32) -> Result<u32, String> {
    Ok(value)
}

macro_rules! handlers {
    ($($name:ident $attempts:literal $limit:expr => $body:block)*) => {$(
        #[retry(attempts = $attempts)]
        #[timeout($limit)]
        async fn $name(value: u32) -> Result<u32, String> {
            let value = value + 1;
            Ok($body + value)
        }
    )*};
}

handlers! {
    made 2 "5s" => { 10 }
    made_too 3 "1.5m" => { 20 }
}

macro_rules! passed_on {
    ($item:item) => {
        #[retry(attempts = 2)]
        $item
    };
}

passed_on! {
    #[timeout("5s")]
    async fn passed(value: u32) -> Result<u32, String> {
        Ok(value)
    }
}

#[tracing::instrument(skip_all)]
#[retry(attempts = 2)]
#[tracing::instrument(err)]
#[timeout("5s")]
async fn instrumented(value: u32) -> Result<u32, String> {
    Ok(value)
}

/// Native async functions in traits.
trait Source {
    fn address(&self) -> String;

    /// A default body, over a receiver of any type.
    #[retry(attempts = 2)]
    async fn fetch(&self, key: String) -> Result<String, String> {
        Ok(format!("{}/{key}", self.address()))
    }

    async fn strict(&self, key: String) -> Result<String, String>;
}

impl Source for Store {
    fn address(&self) -> String {
        "store".to_owned()
    }

    #[retry(attempts = 2)]
    async fn strict(&self, key: String) -> Result<String, String> {
        Ok(format!("{}:{key}", self.address()))
    }
}

#[async_trait::async_trait]
trait Boxed: Send + Sync {
    #[retry(attempts = 2)]
    async fn default_body(&self, (left, right): (u32, u32), mut extra: u32) -> Result<u32, String> {
        extra += 1;
        Ok(left + right + extra)
    }

    async fn fetch(&self, key: &str, mut times: usize) -> Result<String, String>;
}

#[async_trait::async_trait]
impl Boxed for Store {
    #[retry(attempts = 3, base_delay = "1ms")]
    #[fallback("Store::spare")]
    async fn fetch(&self, key: &str, mut times: usize) -> Result<String, String> {
        times += 1;
        if self.calls.fetch_add(1, Ordering::Relaxed) < 4 {
            Err("HTTP 502")?;
        }
        Ok(key.repeat(times))
    }
}

impl Store {
    async fn spare(&self, key: &str, times: usize) -> Result<String, String> {
        Ok(format!("{key}*{times}"))
    }
}

/// Items, inner attributes, early returns, loops with `?`, and a body that ends in a statement.
#[retry(attempts = 2)]
async fn bodies(values: Vec<&'static str>) -> Result<BTreeMap<u32, u32>, std::io::Error> {
    #![allow(clippy::needless_continue)]
    use std::io::{Error, ErrorKind};
    const ZERO: u32 = 0;

    let mut all = BTreeMap::new();
    for value in values {
        let number: u32 = value.parse().map_err(|_| Error::new(ErrorKind::InvalidInput, value))?;
        if number == ZERO {
            return Ok(all);
        }
        all.insert(number, number);
    }
    Ok(all)
}

type Answer<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[retry(attempts = 2)]
#[must_use = "it says how it went"]
#[inline]
pub(crate) async fn by_an_alias(text: &str) -> Answer<u32> {
    Ok(text.parse()?)
}

/// All inputs that a policy may read, of arguments that the handler does not.
#[audit_log]
#[validate]
#[rate_limit(requests = 100, per = "second", by = "arg:_key", cost = "weight")]
#[rate_limit(requests = 100, per = "second", by = "user", name = "shapes")]
#[retry(attempts = 2, backoff = waits)]
#[fallback("inputs_instead")]
async fn inputs(
    _key: u32,
    mut msg: Message,
    #[cfg(test)] _kept: u32,
    #[cfg(not(test))] dropped: Unknown,
) -> Result<u64, String> {
    msg = msg.clone();
    Ok(msg.get_user_id().map_or(0, |user| user.len() as u64))
}

async fn inputs_instead(_key: u32, _msg: Message, _kept: u32) -> Result<u64, String> {
    Ok(0)
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "a cost is told of references")]
fn weight(key: &u32, _msg: &Message, _kept: &u32) -> u64 {
    u64::from(*key)
}

fn waits(_attempt: u32) -> std::time::Duration {
    std::time::Duration::from_millis(1)
}

/// A fingerprint of all arguments, and a result that can be stored.
#[idempotent]
#[retry(attempts = 2)]
async fn stored(msg: Message, _amount: u64, #[cfg(test)] kept: &str) -> Result<Vec<String>, String> {
    Ok(vec![kept.to_owned(), msg.get_user_id()?])
}

/// A caller's context behind a lifetime.
#[require_auth]
#[rate_limit(requests = 100, per = "second", by = "api_key")]
async fn borrowed<'a>(msg: &'a Message) -> Result<&'a str, String> {
    Ok(msg.header("X-Part").unwrap_or("none"))
}

/// What the handler calls `_` says who calls, and need not be `Clone` for a second run.
#[rate_limit(requests = 1, per = "hour", by = "user", name = "unread")]
#[retry(attempts = 2)]
async fn unread(_: Message, _: Unique) -> Result<u32, String> {
    Ok(1)
}

#[service_method("GET /shapes/:id")]
#[timeout("1s")]
async fn routed(msg: Message) -> Result<RpcResponse, String> {
    Ok(RpcResponse::success(&msg.get_path_param("id")?, 0)?)
}

#[timeout("1s")]
async fn unit() -> Result<(), String> {
    Ok(())
}

#[timeout("1s")]
async fn never(_unused: u32) -> Result<(), String> {
    loop {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
}

#[retry(attempts = 2)]
async fn r#match(r#type: String) -> Result<String, String> {
    Ok(r#type)
}

fn is_send<F: Future + Send>(future: F) -> F {
    future
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> Store {
        Store { names: vec!["ada".to_owned()], ..Store::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn methods() {
        let mut store = store();
        assert_eq!(is_send(store.count("four")).await, Ok(4));
        assert_eq!(store.named(0).await, Ok("ada".to_owned()));
        assert_eq!(store.named(9).await, Ok("number 9".to_owned()));
        assert_eq!(is_send(store.add(Unique("grace".to_owned()))).await, Ok(2));
        assert_eq!(store.pair(&store).await, Ok(("ada", "ada")));
        assert_eq!(store.into_names().await, Ok(vec!["ada".to_owned(), "grace".to_owned()]));
        assert_eq!(Arc::new(Store::default()).shared().await, Ok(0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_method_is_its_methods_fallback() {
        assert_eq!(store().exhausted("four").await, Ok(105));
        assert_eq!(Boxed::fetch(&Store::default(), "ab", 1).await, Ok("ab*1".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn functions() {
        assert_eq!(is_send(generic([1, 2, 3], 4)).await, Ok(2));
        assert_eq!(opaque(1, "st").await.unwrap().to_string(), "1st");
        let answer = patterns(Path(1), (2, 3), Range { from: 4, to: 5 }, &2, 0);
        assert_eq!(is_send(answer).await, Ok(34));
        assert_eq!(mutable_once(vec![1], 1).await, Ok(vec![1, 2]));
        assert_eq!(conditioned(1, 2).await, Ok(3));
        assert_eq!(renamed(Arc::default()).await, Ok(1));
        assert_eq!(by_another_name(1).await, Ok(1));
        assert_eq!(made(1).await, Ok(12));
        assert_eq!(made_too(1).await, Ok(22));
        assert_eq!(passed(1).await, Ok(1));
        assert_eq!(is_send(instrumented(1)).await, Ok(1));
        let message = Message::builder().user_id("ada").path_param("id", "7").build();
        assert_eq!(is_send(inputs(1, message.clone(), 2)).await, Ok(3));
        drop(is_send(stored(message.clone(), 1, "")));
        assert_eq!(is_send(borrowed(&message)).await, Ok("none"));
        for user in ["grace", "linus"] {
            let message = Message::builder().user_id(user).build();
            assert_eq!(unread(message, Unique(String::new())).await, Ok(1));
        }
        assert_eq!(routed(message).await.unwrap().payload::<String>().unwrap(), "7");
        assert_eq!(unit().await, Ok(()));
        assert!(never(1).await.is_err());
        assert_eq!(r#match("kind".to_owned()).await, Ok("kind".to_owned()));
        assert_eq!(by_an_alias("5").await.unwrap(), 5);
        assert!(by_an_alias("five").await.is_err());
        assert_eq!(bodies(vec!["3", "0", "4"]).await.unwrap().len(), 1);
        assert!(bodies(vec!["3", "four"]).await.is_err());
        let spawned = tokio::spawn(renamed(Arc::default()));
        assert_eq!(spawned.await.unwrap(), Ok(1));
    }

    #[tokio::test(start_paused = true)]
    async fn traits() {
        let store = store();
        assert_eq!(Source::fetch(&store, "key".to_owned()).await, Ok("store/key".to_owned()));
        assert_eq!(store.strict("key".to_owned()).await, Ok("store:key".to_owned()));
        assert_eq!(store.default_body((1, 2), 3).await, Ok(7));
        store.calls.store(2, Ordering::Relaxed);
        let boxed: &dyn Boxed = &store;
        assert_eq!(is_send(boxed.fetch("ab", 1)).await, Ok("abab".to_owned()));
    }
}
