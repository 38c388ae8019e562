//! One static that describes the handler, and one call that runs it.

mod body;
mod fallback;
mod inputs;
mod opaque;
mod site;
#[cfg(test)]
mod tests;

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::quote;

use crate::model::{self, Handler};
pub(crate) use opaque::has_opaque;

/// Expands one handler. Where something is wrong the item stays, without the attributes: an editor goes on working.
pub(crate) fn compose(gathered: TokenStream, item: TokenStream) -> TokenStream {
    match Handler::read(gathered, item.clone()) {
        Ok(handler) => expand(&handler),
        Err(errors) => {
            let errors = errors.into_compile_error();
            quote!(#errors #item)
        }
    }
}

fn expand(handler: &Handler) -> TokenStream {
    let function = &handler.function;
    let model::Function { attributes, visibility, default, inner, .. } = function;
    let (signature, rebound) = fallback::named(handler, body::signature(handler));
    let site = site::site(handler);
    let inputs = inputs::inputs(handler);
    let call = body::call(handler);
    let statements = match &function.form {
        model::Form::Async => quote!(#site #rebound #inputs #call),
        model::Form::Boxed { before, pin } => quote!(#site #before #pin(async move { #inputs #call })),
    };
    let route = site::route(handler);
    quote! {
        #(#attributes)*
        #visibility #default #signature {
            #inner
            #statements
        }
        #route
    }
}

/// A variable that meets none of the user's.
fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// The place of what the user wrote, with names that meet none of the user's, and known to lints as generated.
fn at(span: Span) -> Span {
    Span::mixed_site().located_at(span)
}

/// The same tokens, with each mistake about them told at `span`.
pub(crate) fn located(tokens: TokenStream, span: Span) -> TokenStream {
    let located = tokens.into_iter().map(|mut tree| {
        if let TokenTree::Group(group) = tree {
            tree = TokenTree::Group(Group::new(group.delimiter(), located(group.stream(), span)));
        }
        tree.set_span(tree.span().located_at(span));
        tree
    });
    located.collect()
}
