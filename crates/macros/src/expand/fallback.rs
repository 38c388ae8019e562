use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{FnArg, Pat, Signature};

use super::{at, local};
use crate::model::{Handler, as_expression};

/// The closure that runs in place of the handler: it is given the arguments themselves, and the failure.
pub(super) fn closure(handler: &Handler) -> Option<TokenStream> {
    let (path, span) = handler.path_of("fallback", "path")?;
    let private = handler.private();
    let arguments = handler.function.arguments.iter().enumerate().filter_map(|(index, argument)| {
        let conditions = &argument.conditions;
        let value = match &argument.pattern {
            Pat::Wild(_) => {
                let name = stand_in(index);
                quote!(#name)
            }
            pattern => as_expression(pattern)?,
        };
        Some(quote!(#(#conditions)* #value))
    });
    let arguments = quote!((#(#arguments,)*));
    let failure = local("failure");
    let called = match handler.function.receiver() {
        Some(receiver) => {
            let this = &receiver.self_token;
            quote_spanned!(at(span)=> #private::call_method_fallback(#path, #this, #arguments, #failure))
        }
        None => quote_spanned!(at(span)=> #private::call_fallback(#path, #arguments, #failure)),
    };
    Some(quote!(move |#failure| #called))
}

/// A `_` gets a name where a fallback needs what it stands for.
pub(super) fn with_names(handler: &Handler, mut signature: Signature) -> Signature {
    if handler.declared("fallback").is_none() || handler.function.is_boxed() {
        return signature;
    }
    let typed = signature.inputs.iter_mut().filter_map(|input| match input {
        FnArg::Typed(typed) => Some(typed),
        FnArg::Receiver(_) => None,
    });
    for (index, argument) in typed.enumerate() {
        if let Pat::Wild(wild) = &*argument.pat {
            let name = Ident::new(&stand_in(index).to_string(), wild.span());
            *argument.pat = syn::parse_quote!(#name);
        }
    }
    signature
}

fn stand_in(index: usize) -> Ident {
    format_ident!("__steadfast_argument_{index}")
}
