//! The attributes of Steadfast. Depend on `steadfast`, which re-exports them; this crate is a part of it.
//!
//! An attribute only moves itself into one trailing attribute, which expands last and sees all of them:
//!
//! | module | what it does |
//! |---|---|
//! | `enlist` | moves an attribute into that trailing one |
//! | `grammar` | reads what stands in the parentheses |
//! | `model` | one handler with all that is declared on it, checked |
//! | `expand` | one static that describes the handler, and one call that runs it |
//! | `classify` | `#[derive(Classify)]` |
//! | `simulated` | `#[steadfast_sim::test]`, which joins no composition |
//!
//! `STEADFAST_MACROS_DEBUG=1 cargo check` prints what each annotated function becomes.

#![forbid(unsafe_code)]

mod attribute;
mod classify;
mod enlist;
mod expand;
mod grammar;
mod model;
mod simulated;

use proc_macro::TokenStream;

macro_rules! attributes {
    ($($name:ident)+) => {$(
        #[doc = include_str!(concat!("../docs/", stringify!($name), ".md"))]
        #[proc_macro_attribute]
        pub fn $name(arguments: TokenStream, item: TokenStream) -> TokenStream {
            enlist::enlist(stringify!($name), arguments.into(), item.into()).into()
        }
    )+};
}

attributes! {
    circuit_breaker fallback retry idempotent timeout timeout_cascade bulkhead bulkhead_priority rate_limit throttle
    degrade_gracefully adaptive_timeout hedge shed service_method require_auth validate metrics audit_log
}

/// Expands what the attributes have gathered. Nobody writes it.
#[doc(hidden)]
#[proc_macro_attribute]
pub fn compose(gathered: TokenStream, item: TokenStream) -> TokenStream {
    let expanded = expand::compose(gathered.into(), item.into());
    if std::env::var_os("STEADFAST_MACROS_DEBUG").is_some_and(|value| value == "1") {
        eprintln!("{expanded}\n");
    }
    expanded.into()
}

#[doc = include_str!("../docs/classify.md")]
#[proc_macro_derive(Classify, attributes(kind))]
pub fn classify(input: TokenStream) -> TokenStream {
    classify::derive(input.into()).into()
}

#[doc = include_str!("../docs/simulated.md")]
#[proc_macro_attribute]
pub fn simulated(arguments: TokenStream, item: TokenStream) -> TokenStream {
    simulated::test(arguments.into(), item.into()).into()
}
