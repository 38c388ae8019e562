use proc_macro2::{Literal, Span, TokenStream};
use quote::quote;

use crate::grammar::{Entry, Written};
use crate::model::{Declared, Handler};

/// The static that describes the handler, and its entry in the list that the linker makes.
pub(super) fn site(handler: &Handler) -> TokenStream {
    let private = handler.private();
    let identity = identity(handler);
    let declarations = handler.declared.iter().map(|declared| declaration(&private, declared));
    quote! {
        static __STEADFAST_SITE: #private::Site = #private::Site::new(#identity, || ::std::vec![#(#declarations),*]);
        #private::enroll!(__STEADFAST_SITE);
    }
}

fn identity(handler: &Handler) -> TokenStream {
    let private = handler.private();
    let name = handler.function.name();
    let line = line(name.span());
    let name = name.to_string();
    let name = name.trim_start_matches("r#");
    quote! {
        #private::Identity {
            module: ::core::module_path!(),
            owner: "",
            function: #name,
            file: ::core::file!(),
            line: #line,
        }
    }
}

/// Nowhere is there more than four billion lines of code.
fn line(span: Span) -> Literal {
    Literal::u32_unsuffixed(u32::try_from(span.start().line).unwrap_or(u32::MAX))
}

fn declaration(private: &TokenStream, declared: &Declared) -> TokenStream {
    let name = declared.attribute.name;
    let line = line(declared.span);
    // Columns count from one for whoever reads them.
    let column = u32::try_from(declared.span.start().column + 1).unwrap_or(u32::MAX);
    let column = Literal::u32_unsuffixed(column);
    let settings = settings(private, &declared.arguments.entries);
    quote!(#private::Declaration::new(#name, #line, #column, #settings))
}

fn settings(private: &TokenStream, entries: &[Entry]) -> TokenStream {
    let entries = entries.iter().map(|entry| {
        let key = &entry.key;
        let value = value(private, &entry.value);
        quote!(.with(#key, #value))
    });
    quote!(#private::Settings::new()#(#entries)*)
}

fn value(private: &TokenStream, written: &Written) -> TokenStream {
    match written {
        Written::Text(text) => quote!(#text),
        Written::Integer(number) => {
            let number = Literal::i64_suffixed(*number);
            quote!(#number)
        }
        Written::Float(number) => {
            let number = Literal::f64_suffixed(*number);
            quote!(#number)
        }
        Written::Flag(flag) => quote!(#flag),
        Written::List(values) => {
            let values = values.iter().map(|(one, _)| value(private, one));
            quote!(#private::Value::List(::std::vec![#(#private::Value::from(#values)),*]))
        }
        Written::Table(entries) => settings(private, entries),
        Written::Tokens(_) => {
            let text = written.plain_text();
            quote!(#text)
        }
    }
}

/// What makes the handler known to the HTTP server, beside the function.
pub(super) fn route(handler: &Handler) -> Option<TokenStream> {
    let (route, _) = handler.route()?;
    let (method, path) = route.split_once(' ')?;
    let private = handler.private();
    let name = handler.function.name();
    let identity = identity(handler);
    Some(quote!(const _: () = { #private::route!(#method, #path, #name, #identity); };))
}
