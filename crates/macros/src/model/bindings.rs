use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Expr, FnArg, Pat, PatIdent, Signature, Token, Type};

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

/// The expression that puts together again what a pattern took apart; `None` where something was left out.
pub(crate) fn as_expression(pattern: &Pat) -> Option<TokenStream> {
    let all = |patterns: &Punctuated<Pat, Token![,]>| {
        patterns.iter().map(as_expression).collect::<Option<Vec<_>>>()
    };
    match pattern {
        Pat::Ident(PatIdent { by_ref: None, ident, subpat: None, .. }) => Some(ident.to_token_stream()),
        Pat::Paren(inner) => as_expression(&inner.pat),
        Pat::Reference(inner) if inner.mutability.is_none() => {
            let inner = as_expression(&inner.pat)?;
            Some(quote!(&#inner))
        }
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
