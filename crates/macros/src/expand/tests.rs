//! What the attributes become, as a person may read it.

use proc_macro2::TokenStream;
use quote::quote;

use super::compose;
use crate::enlist::enlist;

/// The expansion of what the attributes gathered, laid out.
fn expanded(gathered: TokenStream, item: TokenStream) -> String {
    prettyplease::unparse(&syn::parse2(compose(gathered, item)).expect("the expansion is no Rust"))
}

#[test]
fn an_attribute_joins_the_composition_at_the_end() {
    let once = enlist(
        "retry",
        quote!(attempts = 3),
        quote!(
            #[timeout("1s")]
            #[inline]
            async fn charge() {}
        ),
    );
    let twice = enlist("timeout", quote!("1s"), once.clone());
    insta::assert_snapshot!(once, @r##"# [timeout ("1s")] # [inline] # [:: steadfast :: __private :: compose (retry (attempts = 3) ,)] async fn charge () { }"##);
    insta::assert_snapshot!(twice, @r##"# [timeout ("1s")] # [inline] # [:: steadfast :: __private :: compose (retry (attempts = 3) , timeout ("1s") ,)] async fn charge () { }"##);
}

#[test]
fn the_one_crate_that_was_named_holds_for_all() {
    let first = enlist(
        "metrics",
        quote!(),
        quote!(
            async fn charge() {}
        ),
    );
    let second = enlist("retry", quote!({ attempts = 3, crate = "::shield" }), first);
    let third = enlist("timeout", quote!("1s"), second);
    insta::assert_snapshot!(third, @r##"# [:: shield :: __private :: compose (metrics () , retry ({ attempts = 3 , crate = "::shield" }) , timeout ("1s") ,)] async fn charge () { }"##);
}

#[test]
fn a_handler_that_runs_once_moves_its_arguments() {
    let text = expanded(
        quote!(circuit_breaker("payments", { failure_threshold = 3 }), timeout("30s", per_attempt = "2.5s"),),
        quote! {
            /// Charges.
            pub async fn charge(mut order: Order) -> Result<Receipt, PayError> {
                order.lock();
                send(order).await
            }
        },
    );
    insta::assert_snapshot!(text);
}

#[test]
fn a_handler_that_may_run_again_clones_what_its_patterns_bind() {
    let text = expanded(
        quote!(retry(attempts = 3, backoff = "waits", budget = { ratio = 0.2 }, retry_on = ["timeout"]),),
        quote! {
            async fn charge<T: Clone>(&self, Path(mut id): Path<u32>, #[cfg(test)] extra: T) -> Result<impl Into<u32>, E> {
                id += 1;
                Ok(id)
            }
        },
    );
    insta::assert_snapshot!(text);
}

#[test]
fn a_fallback_gets_the_arguments_themselves() {
    let text = expanded(
        quote!(fallback("Self::instead", on = ["open"]), retry(),),
        quote! {
            async fn charge(&self, (left, right): (u32, u32), _: u8) -> Result<u32, String> {
                Ok(left + right)
            }
        },
    );
    insta::assert_snapshot!(text);
}

#[test]
fn inputs_are_read_before_the_handler_takes_its_arguments() {
    let text = expanded(
        quote!(
            service_method("POST /orders/:id"),
            validate(Order),
            idempotent(key = "header:Idempotency-Key"),
            rate_limit(requests = 10, per = "minute", by = "user"),
            rate_limit(requests = 99, per = "hour", by = "arg:msg", cost = weight),
        ),
        quote! {
            pub async fn order(msg: Message) -> Result<RpcResponse, String> {
                Ok(place(msg).await?)
            }
        },
    );
    insta::assert_snapshot!(text);
}

#[test]
fn what_a_call_takes_of_its_pools_is_read_from_its_arguments() {
    let text = expanded(
        quote!(
            bulkhead("uploads", capacity = "64MiB", cost = "arg:size"),
            bulkhead_priority("disk", priority = "low", cost = crate::pages),
        ),
        quote! {
            pub async fn upload(name: &str, size: u64) -> Result<u64, String> {
                store(name, size).await
            }
        },
    );
    insta::assert_snapshot!(text);
    let text = expanded(
        quote!(bulkhead("uploads")),
        quote! {
            pub async fn upload(msg: Message) -> Result<u64, String> {
                store(msg).await
            }
        },
    );
    assert!(text.contains("body_length!"), "{text}");
}

#[test]
fn what_async_trait_made_is_recognised() {
    let text = expanded(
        quote!(retry(), fallback("Store::spare"),),
        quote! {
            fn fetch<'life0, 'async_trait>(
                &'life0 self,
                key: String,
            ) -> ::core::pin::Pin<Box<dyn ::core::future::Future<Output = Result<u32, String>> + Send + 'async_trait>>
            where
                'life0: 'async_trait,
                Self: 'async_trait,
            {
                Box::pin(async move {
                    let __self = self;
                    let key = key;
                    let __ret: Result<u32, String> = { __self.find(key) };
                    __ret
                })
            }
        },
    );
    insta::assert_snapshot!(text);
}

#[test]
fn a_mistaken_handler_keeps_its_item() {
    let item = quote!(
        #[inline]
        fn charge() -> u32 {
            1
        }
    );
    let text = expanded(quote!(retry(atempts = 3),), item);
    assert!(text.contains("compile_error"), "{text}");
    assert!(text.ends_with("#[inline]\nfn charge() -> u32 {\n    1\n}\n"), "{text}");
}

/// Each mistake on its own line, as rustc would tell them.
fn mistakes(gathered: TokenStream, item: TokenStream) -> Vec<String> {
    let Err(errors) = crate::model::Handler::read(gathered, item) else { return Vec::new() };
    errors.into_iter().map(|error| error.to_string()).collect()
}

#[test]
fn all_mistakes_of_a_handler_are_told_in_one_pass() {
    let told = mistakes(
        quote!(
            retry(atempts = 3, strategy = "liner"),
            timeout("0s"),
            timeout("1s"),
            rate_limit(requests = 1, per = "second", by = "arg:nmae"),
        ),
        quote!(
            async fn charge(self, name: String) -> u32 {
                1
            }
        ),
    );
    let starts =
        ["\"liner\"", "unknown setting; did you mean `attempts`?", "zero is refused", "#[timeout] stands"];
    for start in starts {
        assert!(told.iter().any(|message| message.starts_with(start)), "{start} in {told:#?}");
    }
    assert!(told.iter().any(|message| message.contains("`Result<u32, E>`")), "{told:#?}");
    assert!(told.iter().any(|message| message.contains("take `&self`")), "{told:#?}");
    assert!(told.iter().any(|message| message.contains("\"arg:name\"")), "{told:#?}");
}

#[test]
fn a_half_typed_body_is_no_mistake_of_the_attributes() {
    let body: TokenStream = "{ let order = ; msg. }".parse().expect("tokens");
    let item = quote!(async fn charge(msg: Message) -> Result<(), String> #body);
    assert_eq!(mistakes(quote!(retry(),), item), Vec::<String>::new());
}
