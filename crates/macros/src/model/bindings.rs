use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Expr, FnArg, Pat, PatIdent, Signature, Token, Type, parse_quote};

/// One argument, the receiver apart.
pub(crate) struct Argument {
    /// `#[cfg(..)]`: what is made from the argument must go with it.
    pub(crate) conditions: Vec<Attribute>,
    pub(crate) pattern: Pat,
    pub(crate) ty: Type,
    pub(crate) bindings: Vec<Binding>,
}

/// A name that an argument's pattern binds. These are cloned, and not the argument: axum's `Path<u32>` is no `Clone`,
/// the number inside it is.
pub(crate) struct Binding {
    pub(crate) conditions: Vec<Attribute>,
    pub(crate) name: Ident,
    pub(crate) mutable: Option<Token![mut]>,
    /// Where a missing `Clone` is told: the argument's type.
    pub(crate) span: Span,
}

impl Binding {
    /// Whether the user called it `_`: no run of the handler reads it, so none needs a clone of it.
    pub(crate) fn is_wildcard(&self) -> bool {
        self.name.to_string().starts_with(WILDCARD)
    }

    /// Whether an underscore says that the handler does not read it.
    pub(super) fn is_unused(&self) -> bool {
        self.name.to_string().starts_with('_')
    }

    /// Attributes of a statement that reads the binding.
    pub(crate) fn of_statement(&self) -> TokenStream {
        let conditions = &self.conditions;
        let unused = self.is_unused().then(reads_unused);
        quote!(#(#conditions)* #unused)
    }
}

/// The user says by an underscore that the handler does not read it; what we make of the handler does.
pub(crate) fn reads_unused() -> TokenStream {
    quote!(#[allow(clippy::used_underscore_binding, reason = "it is only handed on")])
}

impl Argument {
    pub(super) fn all(signature: &Signature) -> Vec<Argument> {
        let typed = signature.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(typed) => Some(typed),
            FnArg::Receiver(_) => None,
        });
        typed
            .map(|typed| {
                let conditions: Vec<Attribute> = typed
                    .attrs
                    .iter()
                    .filter(|attribute| attribute.path().is_ident("cfg"))
                    .cloned()
                    .collect();
                let mut names = Names::default();
                names.visit_pat(&typed.pat);
                let bindings = names.0.into_iter().map(|(name, mutable)| Binding {
                    conditions: conditions.clone(),
                    name,
                    mutable,
                    span: typed.ty.span(),
                });
                Argument {
                    bindings: bindings.collect(),
                    conditions,
                    pattern: (*typed.pat).clone(),
                    ty: (*typed.ty).clone(),
                }
            })
            .collect()
    }
}

/// Gives a name to what the user calls `_`: the handler does not read it, but a policy may ask it who calls, and a
/// fallback is handed it.
pub(super) fn name_wildcards(signature: &mut Signature) {
    for (index, input) in signature.inputs.iter_mut().enumerate() {
        if let FnArg::Typed(typed) = input
            && let Pat::Wild(_) = &*typed.pat
        {
            let name = format_ident!("{WILDCARD}{index}", span = Span::mixed_site());
            *typed.pat = parse_quote!(#name);
        }
    }
}

/// How the name of a `_` begins.
const WILDCARD: &str = "_steadfast_argument_";

#[derive(Default)]
struct Names(Vec<(Ident, Option<Token![mut]>)>);

impl<'a> Visit<'a> for Names {
    fn visit_pat_ident(&mut self, pattern: &'a PatIdent) {
        // A capital is a constant or a unit struct, and binds nothing.
        if !pattern.ident.to_string().starts_with(char::is_uppercase) {
            let mutable = pattern.mutability.filter(|_| pattern.by_ref.is_none());
            self.0.push((pattern.ident.clone(), mutable));
        }
        visit::visit_pat_ident(self, pattern);
    }

    fn visit_expr(&mut self, _: &'a Expr) {}
}

/// The signature without the `mut` of its bindings, which goes to the clones.
pub(crate) fn without_mut(mut signature: Signature) -> Signature {
    struct Strip;
    impl VisitMut for Strip {
        fn visit_pat_ident_mut(&mut self, pattern: &mut PatIdent) {
            if pattern.by_ref.is_none() {
                pattern.mutability = None;
            }
            visit_mut::visit_pat_ident_mut(self, pattern);
        }
    }
    for input in &mut signature.inputs {
        if let FnArg::Typed(typed) = input {
            Strip.visit_pat_mut(&mut typed.pat);
        }
    }
    signature
}

impl Argument {
    /// How a fallback is given the argument whole.
    pub(crate) fn whole(&self) -> Whole {
        let shared = matches!(&self.ty, Type::Reference(reference) if reference.mutability.is_none());
        match as_expression(&self.pattern) {
            Some(expression) => Whole::Expression(expression),
            None if shared => Whole::StandIn,
            None => Whole::Lost,
        }
    }
}

/// How a fallback is given an argument that the handler's pattern may have taken apart.
pub(crate) enum Whole {
    Expression(TokenStream),
    /// Under a name of ours, which the pattern takes apart later.
    StandIn,
    /// Not at all.
    Lost,
}

/// The expression that puts together again what a pattern took apart; `None` where something was left out.
fn as_expression(pattern: &Pat) -> Option<TokenStream> {
    let all = |patterns: &Punctuated<Pat, Token![,]>| {
        patterns.iter().map(as_expression).collect::<Option<Vec<_>>>()
    };
    match pattern {
        Pat::Ident(PatIdent { by_ref: None, ident, subpat: None, .. }) => Some(ident.to_token_stream()),
        Pat::Paren(inner) => as_expression(&inner.pat),
        Pat::Tuple(tuple) => {
            let all = all(&tuple.elems)?;
            Some(quote!((#(#all,)*)))
        }
        Pat::TupleStruct(tuple) => {
            let (path, all) = (&tuple.path, all(&tuple.elems)?);
            Some(quote!(#path(#(#all),*)))
        }
        Pat::Struct(fields) if fields.rest.is_none() => {
            let path = &fields.path;
            let values = fields.fields.iter().map(|field| {
                let (member, value) = (&field.member, as_expression(&field.pat)?);
                Some(quote!(#member: #value))
            });
            let values = values.collect::<Option<Vec<_>>>()?;
            Some(quote!(#path { #(#values),* }))
        }
        _ => None,
    }
}
