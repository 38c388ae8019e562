use proc_macro2::{Literal, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{Lifetime, Path, Type};

use super::{at, local, located};
use crate::model::{Argument, Declared, Handler, Identity, Source, reads_unused};

/// What reads the caller from the arguments.
const READ_THE_CALLER: [&str; 5] = ["require_auth", "audit_log", "validate", "idempotent", "service_method"];

/// What the layers need to know of the arguments, read before the handler takes them.
pub(super) fn inputs(handler: &Handler) -> TokenStream {
    let private = handler.private();
    let variable = local("inputs");
    let inputs = quote!(let #variable = #variable);
    let mut statements = TokenStream::new();
    if reads_the_caller(handler) {
        for binding in handler.function.bindings() {
            let (attributes, name) = (binding.of_statement(), &binding.name);
            statements.extend(quote!(#attributes #inputs.context(#private::context!(&#name));));
        }
    }
    let mut named: Vec<&str> = Vec::new();
    for identity in handler.identities() {
        let Some(argument) = identity.argument().filter(|argument| !named.contains(argument)) else {
            continue;
        };
        named.push(argument);
        let Some(binding) = handler.function.bindings().find(|binding| binding.name == argument) else {
            continue;
        };
        let (attributes, name) = (binding.of_statement(), &binding.name);
        let text = located(quote!(#private::key_text(&#name)), identity.span);
        statements.extend(quote!(#attributes #inputs.argument(#argument, #text);));
    }
    if let Some(idempotent) = handler.declared("idempotent") {
        statements.extend(fingerprint(handler, idempotent, &inputs));
    }
    statements.extend(costs(handler, &inputs));
    statements.extend(weights(handler, &inputs));
    if let Some((path, span)) = handler.path_of("retry", "backoff") {
        statements.extend(located(quote!(#inputs.backoff(#path);), span));
    }
    if let Some((ty, span)) = handler.tokens_of("validate", "type") {
        statements.extend(located(quote!(#inputs.validator(#private::validator!(#ty));), span));
    }
    let assertions = contexts_are_there(handler);
    quote!(#assertions let #variable = #private::Inputs::new(); #statements)
}

fn reads_the_caller(handler: &Handler) -> bool {
    let declared = READ_THE_CALLER.iter().any(|name| handler.declared(name).is_some());
    declared || handler.identities().any(|identity| identity.is_of_the_caller())
}

/// What tells one order from another. Where an argument is the key, the others tell only whether a call with that key
/// asks for the same again, so one of which no fingerprint can be taken is left out; a client's key may be missing, and
/// then all of them are the key.
fn fingerprint(handler: &Handler, idempotent: &Declared, inputs: &TokenStream) -> TokenStream {
    let private = handler.private();
    let variable = local("fingerprint");
    let is_all = idempotent.arguments.text("key").is_none_or(|(key, _)| key.starts_with("header:"));
    let each = handler.function.bindings().map(|binding| {
        let attributes = binding.of_statement();
        let name = &binding.name;
        let with =
            if is_all { quote!(with(&#name)) } else { quote!(with_content(#private::content!(&#name))) };
        located(quote!(#attributes let #variable = #variable.#with;), binding.span)
    });
    quote! {
        let #variable = #private::Fingerprints::new();
        #(#each)*
        #inputs.fingerprint(#variable.finish());
    }
}

fn costs(handler: &Handler, inputs: &TokenStream) -> TokenStream {
    let limits = handler.declared.iter().filter(|declared| declared.attribute.name == "rate_limit");
    let costs = limits.enumerate().filter_map(|(occurrence, limit)| {
        let (path, span) = limit.path("cost")?;
        let occurrence = Literal::usize_unsuffixed(occurrence);
        let (attributes, each) = (handler.function.has_unused().then(reads_unused), borrowed(handler));
        Some(located(quote!(#attributes #inputs.cost(#occurrence, #path(#(#each),*));), span))
    });
    costs.collect()
}

/// Every argument, as a function that weighs a call takes them.
fn borrowed(handler: &Handler) -> Vec<TokenStream> {
    let each = handler.function.bindings().map(|binding| {
        let (conditions, name) = (&binding.conditions, &binding.name);
        quote!(#(#conditions)* &#name)
    });
    each.collect()
}

/// What the call takes of its pools.
fn weights(handler: &Handler, inputs: &TokenStream) -> TokenStream {
    let private = handler.private();
    let mut statements = TokenStream::new();
    let mut reads_body = reads_the_caller(handler);
    for weight in handler.weights() {
        let (pool, span) = (weight.pool, weight.span);
        match weight.source {
            Source::Body { .. } if reads_body => {}
            Source::Body { .. } => {
                reads_body = true;
                for binding in handler.function.bindings() {
                    let (attributes, name) = (binding.of_statement(), &binding.name);
                    statements.extend(quote!(#attributes #inputs.body(#private::body_length!(&#name));));
                }
            }
            Source::Argument(argument) => {
                let Some(binding) = handler.function.bindings().find(|binding| binding.name == argument)
                else {
                    continue;
                };
                let (attributes, name) = (binding.of_statement(), &binding.name);
                let said = located(quote!(#private::weight_of(&#name)), span);
                statements.extend(quote!(#attributes #inputs.weight(#pool, #said);));
            }
            Source::Function(path) => {
                let (attributes, each) =
                    (handler.function.has_unused().then(reads_unused), borrowed(handler));
                let said = quote!(#attributes #inputs.weight(#pool, #path(#(#each),*)););
                statements.extend(located(said, span));
            }
        }
    }
    statements
}

/// `by = "user"` and the like need an argument that knows who calls; told where it is written.
fn contexts_are_there(handler: &Handler) -> TokenStream {
    let private = handler.private();
    // One name in one context of hygiene: the assertion's own span is the user's, the rest is not.
    let found = local("found");
    let candidates: Vec<TokenStream> = handler
        .function
        .arguments
        .iter()
        .filter_map(|argument| concrete(argument, handler))
        .map(|(argument, ty)| {
            let conditions = &argument.conditions;
            quote!(#(#conditions)* { #found = #found || #private::is_context!(#ty); })
        })
        .collect();
    let callers = handler.identities().filter(Identity::is_of_the_caller).map(|identity| {
        let Identity { key, text, span } = identity;
        (format!("{key} = {text:?} needs an argument that carries a caller, such as `msg: Message`"), span)
    });
    let authenticated = handler.declared("require_auth").map(|declared| {
        let message = "#[require_auth] needs an argument that carries a caller, such as `msg: Message`: without one nobody \
                       could ever pass";
        (message.to_owned(), declared.span)
    });
    let bodies = handler.weights().filter(|weight| matches!(weight.source, Source::Body { needed: true }));
    let bodies = bodies.map(|weight| {
        let message = "how many bytes a call takes of a memory is read from its message, such as `msg: Message`; \
                       without one, write a cost, as in cost = \"arg:x\" or the path of a function";
        (message.to_owned(), weight.span)
    });
    let assertions = callers.chain(authenticated).chain(bodies).map(|(message, span)| {
        let start =
            if candidates.is_empty() { quote!(let #found = false;) } else { quote!(let mut #found = false;) };
        quote_spanned! {at(span)=>
            const _: () = { #start #(#candidates)* ::core::assert!(#found, #message); };
        }
    });
    assertions.collect()
}

/// An argument's type as an item outside of the function's generics may name it.
fn concrete<'a>(argument: &'a Argument, handler: &Handler) -> Option<(&'a Argument, Type)> {
    struct Names<'a>(&'a [String], bool);
    impl<'a> Visit<'a> for Names<'_> {
        fn visit_path(&mut self, path: &'a Path) {
            let first = path.segments.first().map(|segment| segment.ident.to_string());
            self.1 |= first.is_some_and(|first| first == "Self" || self.0.contains(&first));
            visit::visit_path(self, path);
        }
        fn visit_type_impl_trait(&mut self, _: &'a syn::TypeImplTrait) {
            self.1 = true;
        }
    }
    struct Forever;
    impl VisitMut for Forever {
        fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
            *lifetime = Lifetime::new("'static", lifetime.span());
        }
        fn visit_type_reference_mut(&mut self, reference: &mut syn::TypeReference) {
            reference.lifetime = Some(Lifetime::new("'static", reference.and_token.span()));
            visit_mut::visit_type_mut(self, &mut reference.elem);
        }
    }
    let generics = &handler.function.signature.generics;
    let names: Vec<String> = generics
        .params
        .iter()
        .filter_map(|parameter| match parameter {
            syn::GenericParam::Type(parameter) => Some(parameter.ident.to_string()),
            syn::GenericParam::Const(parameter) => Some(parameter.ident.to_string()),
            syn::GenericParam::Lifetime(_) => None,
        })
        .collect();
    let mut visitor = Names(&names, false);
    visitor.visit_type(&argument.ty);
    if visitor.1 {
        return None;
    }
    let mut ty = argument.ty.clone();
    Forever.visit_type_mut(&mut ty);
    Some((argument, ty))
}
