use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Attribute, LitStr, Meta, Path};

/// Moves one attribute into the trailing `compose(..)` of its item, and does nothing else.
///
/// Attributes of one item expand from top to bottom, and each sees the lower ones unexpanded: an attribute that
/// wrapped at once would end up innermost. So each one only joins the list at the end, and that list expands last.
/// Who belongs to it is decided by name resolution (only our own attributes run this function), never by spelling,
/// which would miss renamed imports and take other crates' attributes of the same name.
pub(crate) fn enlist(name: &str, arguments: TokenStream, item: TokenStream) -> TokenStream {
    let item = ungrouped(item);
    let split = |input: ParseStream<'_>| Ok((Attribute::parse_outer(input)?, TokenStream::parse(input)?));
    let (mut attributes, rest) = match split.parse2(item.clone()) {
        Ok(split) => split,
        Err(error) => {
            let error = error.into_compile_error();
            return quote!(#error #item);
        }
    };
    let enlisted = attributes.iter().position(is_composition).map(|at| attributes.remove(at));
    let (path, earlier) = match &enlisted {
        Some(Attribute { meta: Meta::List(list), .. }) => (Some(list.path.clone()), list.tokens.clone()),
        _ => (None, TokenStream::new()),
    };
    // The span of the whole attribute: where a mistake belongs that belongs to no single token of it.
    let own = Ident::new(name, Span::call_site());
    let path = match (crate_override(&arguments), path) {
        (Some(written), _) => quote!(#written::__private::compose),
        (None, Some(path)) => quote!(#path),
        (None, None) => quote_spanned!(Span::call_site()=> ::steadfast::__private::compose),
    };
    quote! {
        #(#attributes)*
        #[#path(#earlier #own(#arguments),)]
        #rest
    }
}

/// Only [`enlist`] writes a path that ends so, and users cannot: `__private` is hidden.
fn is_composition(attribute: &Attribute) -> bool {
    let segments = &attribute.path().segments;
    let last: Vec<String> = segments.iter().rev().take(2).map(|segment| segment.ident.to_string()).collect();
    last == ["compose", "__private"] && matches!(attribute.meta, Meta::List(_))
}

/// An item that came through a `macro_rules!` fragment stands in a group without delimiters.
fn ungrouped(item: TokenStream) -> TokenStream {
    let mut trees = item.clone().into_iter();
    match (trees.next(), trees.next()) {
        (Some(TokenTree::Group(group)), None) if group.delimiter() == proc_macro2::Delimiter::None => {
            group.stream()
        }
        _ => item,
    }
}

/// The path of `crate = "::shield"`, wherever it stands in the arguments. What is wrong with it is said later, with
/// all other mistakes.
pub(crate) fn crate_override(arguments: &TokenStream) -> Option<Path> {
    let trees: Vec<TokenTree> = arguments.clone().into_iter().collect();
    for (index, tree) in trees.iter().enumerate() {
        match tree {
            TokenTree::Ident(ident) if *ident == "crate" => {
                let is_assigned =
                    matches!(trees.get(index + 1), Some(TokenTree::Punct(p)) if p.as_char() == '=');
                if let (true, Some(TokenTree::Literal(literal))) = (is_assigned, trees.get(index + 2))
                    && let Ok(text) = syn::parse2::<LitStr>(TokenTree::Literal(literal.clone()).into())
                    && let Ok(path) = text.parse_with(Path::parse_mod_style)
                {
                    return Some(path);
                }
            }
            TokenTree::Group(group) if group.delimiter() == proc_macro2::Delimiter::Brace => {
                if let Some(path) = crate_override(&group.stream()) {
                    return Some(path);
                }
            }
            _ => {}
        }
    }
    None
}
