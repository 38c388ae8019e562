use proc_macro2::{Delimiter, Group, TokenStream};
use quote::quote;
use syn::spanned::Spanned;
use syn::{Signature, parse_quote};

use super::opaque::{has_opaque, without_opaque};
use super::{at, fallback, local, located};
use crate::model::{Binding, Form, Handler, without_mut};

/// The handler's signature. Where its bindings are bound again, `mut` goes with them; what `async_trait` made binds
/// them again itself.
pub(super) fn signature(handler: &Handler) -> Signature {
    let signature = handler.function.signature.clone();
    let outermost = matches!(handler.function.form, Form::Async);
    let rebinds = handler.clones() || handler.validates_arguments();
    if rebinds && outermost { without_mut(signature) } else { signature }
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
    let mut arguments =
        Group::new(Delimiter::Parenthesis, quote!(&__STEADFAST_SITE, #outcome, #inputs, #body #fallback));
    // That it can carry a refusal is asked for by this call, and told once, at the type that the handler returns.
    let span = handler.function.output.span();
    arguments.set_span(at(span));
    let (run, wait) = (located(quote!(#private::#run), span), located(quote!(.await), span));
    quote!(#run #arguments #wait)
}

fn outcome(handler: &Handler) -> TokenStream {
    let private = handler.private();
    let output = &handler.function.output;
    let macro_name = if handler.declared("idempotent").is_some() {
        quote!(stored_outcome)
    } else if has_opaque(output) {
        quote!(opaque_outcome)
    } else {
        quote!(outcome)
    };
    // Only the error's type is read from an opaque one.
    let erased = without_opaque(output, &parse_quote!(()));
    located(quote!(#private::#macro_name!(#erased)), output.span())
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
    let clones: Vec<TokenStream> =
        function.read_bindings().map(|binding| clone(handler, binding, true)).collect();
    if !handler.clones() || clones.is_empty() {
        return quote!(move || async move #block);
    }
    match (handler.runs_again(), handler.declared("fallback").is_some()) {
        (true, false) => quote!(move || { #(#clones)* async move #block }),
        (false, _) => quote!({ #(#clones)* move || async move #block }),
        // One set of clones is kept to be cloned for each run: the originals are the fallback's.
        (true, true) => {
            let kept = function.read_bindings().map(|binding| clone(handler, binding, false));
            quote!({ #(#kept)* move || { #(#clones)* async move #block } })
        }
    }
}

/// Clones what an argument's pattern binds, and tells a missing `Clone` at the argument's type.
fn clone(handler: &Handler, binding: &Binding, last: bool) -> TokenStream {
    let Binding { name, mutable, span, .. } = binding;
    let attributes = binding.of_statement();
    let private = handler.private();
    let last = last && !handler.validates_arguments();
    let mutable = mutable.filter(|_| last && matches!(handler.function.form, Form::Async));
    let cloned = located(quote!(#private::cloned_for_another_run(&#name)), *span);
    quote!(#attributes let #mutable #name = #cloned;)
}

/// A return that never happens fixes the type that `?` and `Ok(..)` are read against.
fn fake_return(handler: &Handler) -> TokenStream {
    let output = &handler.function.output;
    let output = without_opaque(output, &parse_quote!(_));
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
    let each = handler.function.read_bindings().map(|binding| {
        let (attributes, name) = (binding.of_statement(), &binding.name);
        let mutable = binding.mutable.filter(|_| matches!(handler.function.form, Form::Async));
        quote!(#attributes let #mutable #name = #private::validated!(#name);)
    });
    quote!(#(#each)*)
}
