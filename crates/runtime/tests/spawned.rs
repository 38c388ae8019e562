//! Whatever is lent to a handler and to its fallback, and whatever their error is: the call can be spawned, and stand behind
//! a trait that asks for `Send`.
#![forbid(unsafe_code)]
#![warn(clippy::pedantic, unused, rust_2018_idioms, elided_lifetimes_in_paths)]
#![allow(
    clippy::unused_async,
    missing_docs,
    reason = "tests name a behaviour, and these have nothing to wait for"
)]

use std::error::Error;

use steadfast::pipeline::Failure;
use steadfast::prelude::*;

type Boxed = Box<dyn Error + Send + Sync>;

#[fallback(boxed_instead)]
#[retry(attempts = 2, base_delay = "1ms")]
async fn boxed(text: &str) -> Result<usize, Boxed> {
    Err(format!("HTTP 503 for {text}").into())
}

async fn boxed_instead(text: &str, failure: &Failure<Boxed>) -> Result<usize, Boxed> {
    Ok(text.len() + failure.error.as_ref().map_or(0, |error| error.to_string().len()))
}

#[fallback(plainly_instead)]
async fn plainly(text: &str) -> Result<Box<dyn Fn() -> usize + Send>, Boxed> {
    Err(text.into())
}

async fn plainly_instead(text: &str) -> Result<Box<dyn Fn() -> usize + Send>, Boxed> {
    let length = text.len();
    Ok(Box::new(move || length))
}

#[derive(Clone)]
struct Part<'a>(&'a str);

#[fallback(named_instead)]
#[circuit_breaker("named")]
#[timeout("1s")]
async fn named<'a>(text: &'a str, part: Part<'a>) -> Result<&'a str, String> {
    tokio::task::yield_now().await;
    Err(format!("timeout of {text}{}", part.0))
}

async fn named_instead<'a>(
    text: &'a str,
    part: Part<'a>,
    failure: &Failure<String>,
) -> Result<&'a str, String> {
    tokio::task::yield_now().await;
    Ok(if failure.kind == ErrorKind::Timeout { part.0 } else { text })
}

struct Shelf<'s, T> {
    label: &'s str,
    books: T,
}

impl<T: Clone + Sync + Send> Shelf<'_, T> {
    #[fallback("Self::any_book")]
    #[retry(attempts = 2, base_delay = "1ms")]
    async fn book<'b>(&'b self, title: &str, others: &[Part<'_>]) -> Result<(&'b T, usize), String> {
        Err(format!("HTTP 503: no {title} and {} others on {}", others.len(), self.label))
    }

    async fn any_book<'b>(
        &'b self,
        title: &str,
        others: &[Part<'_>],
        failure: &Failure<String>,
    ) -> Result<(&'b T, usize), String> {
        tokio::task::yield_now().await;
        failure.error.as_ref().ok_or_else(String::new)?;
        Ok((&self.books, title.len() + others.len()))
    }

    /// As many arguments as a fallback takes, the receiver and the failure on top.
    #[fallback("Self::sum")]
    #[rustfmt::skip]
    #[allow(clippy::too_many_arguments)]
    async fn twelve(&self, _a: u8, _b: u8, _c: u8, _d: u8, _e: u8, _f: u8, _g: u8, _h: u8, _i: u8, _j: u8, _k: u8, _l: u8) -> Result<u8, String> {
        Err("HTTP 503".to_owned())
    }

    #[rustfmt::skip]
    #[allow(clippy::too_many_arguments, clippy::many_single_char_names)]
    async fn sum(&self, a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8, i: u8, j: u8, k: u8, l: u8, failure: &Failure<String>) -> Result<u8, String> {
        let sum: u8 = [a, b, c, d, e, f, g, h, i, j, k, l].iter().sum();
        failure.error.as_ref().map(|_| sum).ok_or_else(String::new)
    }
}

#[async_trait::async_trait]
trait Reader: Send + Sync {
    async fn read(&self, title: &str) -> Result<usize, Boxed>;
}

#[async_trait::async_trait]
impl<T: Clone + Sync + Send> Reader for Shelf<'_, T> {
    #[fallback("Shelf::<T>::skimmed")]
    #[retry(attempts = 2, base_delay = "1ms")]
    async fn read(&self, title: &str) -> Result<usize, Boxed> {
        Err(format!("HTTP 503: {title}").into())
    }
}

impl<T: Clone + Sync + Send> Shelf<'_, T> {
    async fn skimmed(&self, title: &str, _failure: &Failure<Boxed>) -> Result<usize, Boxed> {
        Ok(title.len() + self.label.len())
    }
}

trait Native {
    fn length(&self, title: &str) -> impl Future<Output = Result<usize, Boxed>> + Send;
}

impl Native for u8 {
    #[fallback(length_instead)]
    async fn length(&self, title: &str) -> Result<usize, Boxed> {
        Err(format!("HTTP 503: {title}").into())
    }
}

async fn length_instead(this: &u8, title: &str, _: &Failure<Boxed>) -> Result<usize, Boxed> {
    Ok(title.len() + usize::from(*this))
}

#[tokio::test(start_paused = true)]
async fn a_call_with_a_fallback_can_be_spawned_whatever_it_is_lent_and_whatever_its_error_is() {
    let spawned = tokio::spawn(async {
        let (label, text) = (String::from("left"), String::from("four"));
        assert_eq!(boxed(&text).await.unwrap(), 4 + "HTTP 503 for four".len());
        assert_eq!(plainly(&text).await.unwrap()(), 4);
        assert_eq!(named(&text, Part(&label)).await, Ok("left"));
        let shelf = Shelf { label: &label, books: 7_u8 };
        assert_eq!(shelf.book(&text, &[Part(&text)]).await, Ok((&7, 5)));
        assert_eq!(shelf.twelve(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12).await, Ok(78));
        let reader: &dyn Reader = &shelf;
        assert_eq!(reader.read(&text).await.unwrap(), 8);
        assert_eq!(3_u8.length(&text).await.unwrap(), 7);
    });
    spawned.await.unwrap();
}
