use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::{FnArg, Signature, parse_quote};

use super::opaque::without_opaque;
use super::{local, located};
use crate::model::{Handler, Whole, reads_unused};

/// The closure that runs in place of the handler: it is given the arguments themselves, and the failure.
pub(super) fn closure(handler: &Handler) -> Option<TokenStream> {
    let (path, span) = handler.path_of("fallback", "path")?;
    let private = handler.private();
    let arguments = handler.function.arguments.iter().enumerate().filter_map(|(index, argument)| {
        let conditions = &argument.conditions;
        let value = match argument.whole() {
            Whole::Expression(expression) => expression,
            Whole::StandIn => stand_in(index).to_token_stream(),
            Whole::Lost => return None,
        };
        Some(quote!(#(#conditions)* #value))
    });
    let attributes = handler.function.has_unused().then(reads_unused);
    let handed = local("arguments");
    let kept = quote!(#attributes let #handed = (#(#arguments,)*););
    let failure = local("failure");
    let output = without_opaque(&handler.function.output, &parse_quote!(_));
    let given = match handler.function.receiver() {
        Some(receiver) => {
            let this = &receiver.self_token;
            quote!(#private::handed_by_method::<#output, _, _, _>(#this, #handed, &#failure))
        }
        None => quote!(#private::handed::<#output, _, _>(#handed, &#failure)),
    };
    Some(located(quote!(move |#failure| async move { #kept #given.to(#path).await }), span))
}

/// Gives a name to each argument that a fallback needs whole and that has none, and what binds its parts again.
pub(super) fn named(handler: &Handler, mut signature: Signature) -> (Signature, TokenStream) {
    let mut rebound = TokenStream::new();
    if handler.declared("fallback").is_none() {
        return (signature, rebound);
    }
    let typed = signature.inputs.iter_mut().filter_map(|input| match input {
        FnArg::Typed(typed) => Some(typed),
        FnArg::Receiver(_) => None,
    });
    for (index, (argument, known)) in typed.zip(&handler.function.arguments).enumerate() {
        if let Whole::StandIn = known.whole() {
            let (name, conditions, pattern) = (stand_in(index), &known.conditions, &argument.pat);
            rebound.extend(quote!(#(#conditions)* let #pattern = #name;));
            *argument.pat = parse_quote!(#name);
        }
    }
    (signature, rebound)
}

fn stand_in(index: usize) -> Ident {
    format_ident!("argument_{index}", span = Span::mixed_site())
}
