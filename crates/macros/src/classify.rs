//! `#[derive(Classify)]`: each variant says what sort of error it is.

use crate::expand::located;
use crate::model::combined;
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};
use steadfast_actors::outcome::ErrorKind;
use steadfast_actors::settings::nearest;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{
    Attribute, Data, DeriveInput, Error, Fields, LitStr, Member, Path, Result, Token, Type, parse_quote,
};

/// What `#[kind(..)]` says of one variant.
enum Kind {
    Of(ErrorKind),
    /// The one field knows.
    Transparent(Member, Box<Type>),
}

struct Variant {
    /// `Self::Name`, or `Self` of a structure.
    path: TokenStream,
    kind: Kind,
    retry_after: Option<Member>,
}

/// The arguments of one `#[kind(..)]`.
#[derive(Default)]
struct Written {
    word: Option<Ident>,
    retry_after: Option<Member>,
    krate: Option<Path>,
}

impl Parse for Written {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut written = Written::default();
        while !input.is_empty() {
            if input.peek(Token![crate]) {
                input.parse::<Token![crate]>()?;
                input.parse::<Token![=]>()?;
                written.krate = Some(input.parse::<LitStr>()?.parse_with(Path::parse_mod_style)?);
            } else {
                let word: Ident = input.parse()?;
                if input.peek(Token![=]) && word == "retry_after" {
                    input.parse::<Token![=]>()?;
                    written.retry_after = Some(input.parse()?);
                } else if let Some(earlier) = written.word.replace(word) {
                    return Err(Error::new(earlier.span(), "an error has one kind"));
                }
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(written)
    }
}

/// Expands the derive.
pub(crate) fn derive(input: TokenStream) -> TokenStream {
    match syn::parse2::<DeriveInput>(input).and_then(|input| expand(&input)) {
        Ok(expanded) => expanded,
        Err(errors) => errors.into_compile_error(),
    }
}

fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let mut errors: Vec<Error> = Vec::new();
    let mut note = |result: Result<Written>| result.map_err(|error| errors.push(error)).unwrap_or_default();
    let of_type = note(written(&input.attrs));
    let krate = of_type.krate.clone().unwrap_or_else(|| parse_quote!(::steadfast));
    let found: Vec<(TokenStream, &Fields, Written)> = match &input.data {
        Data::Struct(structure) => vec![(quote!(Self), &structure.fields, of_type)],
        Data::Enum(choice) => choice
            .variants
            .iter()
            .map(|variant| {
                let name = &variant.ident;
                (quote!(Self::#name), &variant.fields, note(written(&variant.attrs)))
            })
            .collect(),
        Data::Union(union) => {
            let message = "a union does not know which of its errors it holds";
            return Err(Error::new(union.union_token.span, message));
        }
    };
    let mut variants = Vec::new();
    for (path, fields, written) in found {
        match Variant::new(path, fields, written) {
            Ok(variant) => variants.push(variant),
            Err(error) => errors.push(error),
        }
    }
    match combined(errors) {
        Some(errors) => Err(errors),
        None => Ok(implementation(input, &krate, &variants)),
    }
}

fn written(attributes: &[Attribute]) -> Result<Written> {
    let mut all = Written::default();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("kind")) {
        let one: Written = attribute.parse_args()?;
        if let (Some(_), Some(word)) = (&all.word, &one.word) {
            return Err(Error::new(word.span(), "an error has one kind"));
        }
        all.word = all.word.or(one.word);
        all.retry_after = all.retry_after.or(one.retry_after);
        all.krate = all.krate.or(one.krate);
    }
    Ok(all)
}

impl Variant {
    fn new(path: TokenStream, fields: &Fields, written: Written) -> Result<Self> {
        let kind = match written.word {
            Some(word) if word == "transparent" => only_field(fields).ok_or_else(|| {
                Error::new(
                    word.span(),
                    "transparent is what holds exactly one field, the error that knows its kind",
                )
            })?,
            Some(word) => Kind::Of(known(&word)?),
            // A refusal of ours that was taken for an unknown error would be tried again.
            None => only_field(fields).filter(Kind::is_a_rejection).unwrap_or(Kind::Of(ErrorKind::Unknown)),
        };
        if let Some(member) = &written.retry_after
            && !fields.members().any(|known| known == *member)
        {
            let message = format!("there is no field `{}` here", member.to_token_stream());
            return Err(Error::new_spanned(member, message));
        }
        Ok(Variant { path, kind, retry_after: written.retry_after })
    }

    /// An arm that reads the one field of a transparent variant, or is `otherwise`.
    fn arm(&self, krate: &Path, method: &str, otherwise: &TokenStream) -> TokenStream {
        let path = &self.path;
        match &self.kind {
            Kind::Transparent(member, ty) => {
                let method = format_ident!("{method}");
                let called = located(quote!(#krate::Classify::#method(inner)), ty.span());
                quote!(#path { #member: inner } => #called)
            }
            Kind::Of(_) => quote!(#path { .. } => #otherwise),
        }
    }
}

impl Kind {
    fn is_a_rejection(&self) -> bool {
        let Kind::Transparent(_, ty) = self else { return false };
        let Type::Path(path) = &**ty else { return false };
        path.path.segments.last().is_some_and(|segment| segment.ident == "Rejection")
    }
}

fn only_field(fields: &Fields) -> Option<Kind> {
    let mut members = fields.members().zip(fields.iter());
    match (members.next(), members.next()) {
        (Some((member, field)), None) => Some(Kind::Transparent(member, Box::new(field.ty.clone()))),
        _ => None,
    }
}

fn known(word: &Ident) -> Result<ErrorKind> {
    let text = word.to_string();
    let names = || ErrorKind::NAMES.iter().map(|(name, _)| *name).chain(["transparent"]);
    if let Some((_, kind)) = ErrorKind::NAMES.iter().find(|(name, _)| *name == text) {
        return Ok(*kind);
    }
    let hint = nearest(&text, names()).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
    let all: Vec<&str> = names().collect();
    Err(Error::new(word.span(), format!("there is no kind `{text}`; it can be {}{hint}", all.join(", "))))
}

fn implementation(input: &DeriveInput, krate: &Path, variants: &[Variant]) -> TokenStream {
    let name = &input.ident;
    let mut generics = input.generics.clone();
    let transparent = variants.iter().filter_map(|variant| match &variant.kind {
        Kind::Transparent(_, ty) => Some(ty),
        Kind::Of(_) => None,
    });
    if generics.type_params().next().is_some() {
        for ty in transparent.clone() {
            generics.make_where_clause().predicates.push(parse_quote!(#ty: #krate::Classify));
        }
    }
    let none = quote!(::core::option::Option::None);
    let delegates = transparent.count() > 0;
    let method = |method: &str, answer: TokenStream| {
        let arms = variants.iter().map(|variant| variant.arm(krate, method, &none));
        let method = format_ident!("{method}");
        quote!(fn #method(&self) -> ::core::option::Option<#answer> { match self { #(#arms,)* } })
    };
    let kinds = variants.iter().map(|variant| {
        let kind = match variant.kind {
            Kind::Of(kind) => format_ident!("{kind:?}"),
            Kind::Transparent(..) => format_ident!("Unknown"),
        };
        variant.arm(krate, "kind", &quote!(#krate::ErrorKind::#kind))
    });
    let waits = variants.iter().map(|variant| match &variant.retry_after {
        Some(member) => {
            let path = &variant.path;
            let read = located(quote!(#krate::__private::Wait::wait(wait)), member.span());
            quote!(#path { #member: wait, .. } => #read)
        }
        None => variant.arm(krate, "retry_after", &none),
    });
    let asks = delegates || variants.iter().any(|variant| variant.retry_after.is_some());
    let retry_after = asks.then(|| {
        quote! {
            fn retry_after(&self) -> ::core::option::Option<::core::time::Duration> { match self { #(#waits,)* } }
        }
    });
    let rejection = delegates.then(|| method("rejection", quote!(&#krate::Rejection)));
    let text = delegates.then(|| method("text", quote!(&::core::primitive::str)));
    let subject = if variants.is_empty() { quote!(*self) } else { quote!(self) };
    let (of, types, conditions) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #of #krate::Classify for #name #types #conditions {
            fn kind(&self) -> #krate::ErrorKind { match #subject { #(#kinds,)* } }
            #retry_after
            #rejection
            #text
        }
    }
}
