use proc_macro2::{Delimiter, Group, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Signature;
use syn::visit_mut::{self, VisitMut};

use super::{at, fallback, local};
use crate::model::{Binding, Form, Handler, without_mut};

/// The handler's signature. Where its bindings are cloned, `mut` goes to the clones.
pub(super) fn signature(handler: &Handler) -> Signature {
    let signature = handler.function.signature.clone();
    let outermost = matches!(handler.function.form, Form::Async);
    if handler.clones() && outermost { without_mut(signature) } else { signature }
}

/// The one call that runs the handler.
pub(super) fn call(handler: &Handler) -> TokenStream {
    let private = handler.private();
    let outcome = outcome(handler);
    let body = body(handler);
    let fallback = fallback::closure(handler);
    let run = match (handler.runs_again(), fallback.is_some()) {
        (false, false) => quote!(run_once),
        (true, false) => quote!(run_many),
        (false, true) => quote!(run_once_or),
        (true, true) => quote!(run_many_or),
    };
    let fallback = fallback.map(|fallback| quote!(, #fallback));
    let inputs = local("inputs");
    quote!(#private::#run(&__STEADFAST_SITE, #outcome, #inputs, #body #fallback))
}

fn outcome(handler: &Handler) -> TokenStream {
    let private = handler.private();
    let output = &handler.function.output;
    if handler.declared("idempotent").is_some() {
        return quote!(#private::stored_outcome!(#output));
    }
    match without_opaque(output) {
        Some(erased) => quote!(#private::opaque_outcome!(#erased)),
        None => quote!(#private::outcome!(#output)),
    }
}

/// The closure that makes one run of the handler.
fn body(handler: &Handler) -> TokenStream {
    let function = &handler.function;
    let fake = fake_return(handler);
    let validated = handler.validates_arguments().then(|| validated(handler));
    let body = &function.body;
    // In a block of its own, so that no statement stands before the user's items.
    let mut body = Group::new(Delimiter::Brace, body.clone());
    body.set_span(at(function.body_span));
    let mut block = Group::new(Delimiter::Brace, quote!(#fake #validated #body));
    block.set_span(at(function.body_span));
    let clones: Vec<TokenStream> = function.bindings().map(|binding| clone(handler, binding, true)).collect();
    if !handler.clones() || clones.is_empty() {
        return quote!(move || async move #block);
    }
    match (handler.runs_again(), handler.declared("fallback").is_some()) {
        (true, false) => quote!(move || { #(#clones)* async move #block }),
        (false, _) => quote!({ #(#clones)* move || async move #block }),
        // One set of clones is kept to be cloned for each run: the originals are the fallback's.
        (true, true) => {
            let kept = function.bindings().map(|binding| clone(handler, binding, false));
            quote!({ #(#kept)* move || { #(#clones)* async move #block } })
        }
    }
}

/// Clones what an argument's pattern binds, and tells a missing `Clone` at the argument's type.
fn clone(handler: &Handler, binding: &Binding, last: bool) -> TokenStream {
    let Binding { conditions, name, mutable, span } = binding;
    let private = handler.private();
    let mutable = mutable.filter(|_| last && matches!(handler.function.form, Form::Async));
    let mut located = name.clone();
    located.set_span(name.span().located_at(*span));
    let cloned = quote_spanned!(at(*span)=> #private::again(&#located));
    quote!(#(#conditions)* let #mutable #name = #cloned;)
}

/// A return that never happens fixes the type that `?` and `Ok(..)` are read against.
fn fake_return(handler: &Handler) -> TokenStream {
    let output = &handler.function.output;
    let output = without_opaque(output).unwrap_or_else(|| output.to_token_stream());
    let answer = local("answer");
    quote! {
        #[allow(clippy::all, clippy::pedantic, unreachable_code, unused, reason = "it is there for its type alone")]
        if false {
            let #answer: #output = loop {};
            return #answer;
        }
    }
}

fn validated(handler: &Handler) -> TokenStream {
    let private = handler.private();
    let each = handler.function.bindings().map(|Binding { conditions, name, mutable, .. }| {
        quote!(#(#conditions)* let #mutable #name = #private::validated!(#name);)
    });
    quote!(#(#each)*)
}

/// The type with each `impl Trait` in it left to inference; `None` where there is none.
fn without_opaque(ty: &syn::Type) -> Option<TokenStream> {
    struct Erase(bool);
    impl VisitMut for Erase {
        fn visit_type_mut(&mut self, ty: &mut syn::Type) {
            if let syn::Type::ImplTrait(_) = ty {
                *ty = syn::parse_quote!(_);
                self.0 = true;
            }
            visit_mut::visit_type_mut(self, ty);
        }
    }
    let mut erased = ty.clone();
    let mut erase = Erase(false);
    erase.visit_type_mut(&mut erased);
    erase.0.then(|| erased.to_token_stream())
}
