use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use steadfast_actors::settings::nearest;
use syn::parse::{Parse, ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Error, Expr, ExprRange, FnArg, Ident, ItemFn, LitStr, Path, Token};

const KEYS: [&str; 4] = ["seeds", "world", "scenario", "crate"];

/// What stands in the parentheses.
#[derive(Default)]
struct Options {
    seeds: Option<ExprRange>,
    world: Option<LitStr>,
    scenario: Option<LitStr>,
    krate: Option<Path>,
}

/// One `key = value`, not looked at yet.
struct Entry {
    key: Ident,
    value: Expr,
}

impl Parse for Entry {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        // `crate` is a keyword.
        let key = input.call(<Ident as syn::ext::IdentExt>::parse_any)?;
        input.parse::<Token![=]>()?;
        Ok(Entry { key, value: input.parse()? })
    }
}

/// Lets a test's body run in virtual time, once under each seed. All mistakes are told at once, and the item stays.
pub(crate) fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let (options, mut problems) = read(arguments);
    let function = match syn::parse2::<ItemFn>(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let error = error.into_compile_error();
            return quote!(#error #item);
        }
    };
    problems.extend(mistakes(&function));
    let Some(problems) = problems.into_iter().reduce(|mut all, more| {
        all.combine(more);
        all
    }) else {
        return expand(&options, &function);
    };
    let problems = problems.into_compile_error();
    quote!(#problems #[allow(dead_code)] #item)
}

fn expand(options: &Options, function: &ItemFn) -> TokenStream {
    let ItemFn { attrs, vis, sig, block } = function;
    let name = &sig.ident;
    // A body's own name would hide what it calls under that name.
    let body = format_ident!("{name}_under_one_seed");
    let mut own = sig.clone();
    own.ident = body.clone();
    let krate = options.krate.as_ref().map_or_else(|| quote!(::steadfast_sim), |path| quote!(#path));
    let seeds = options.seeds.as_ref().map_or_else(|| quote!(0..1), |seeds| quote!(#seeds));
    let ground = match (&options.world, &options.scenario) {
        (Some(text), _) => quote!(#krate::__private::Ground::Text(#text)),
        (None, Some(path)) => {
            quote!(#krate::__private::Ground::File(concat!(env!("CARGO_MANIFEST_DIR"), "/", #path)))
        }
        (None, None) => quote!(#krate::__private::Ground::Empty),
    };
    let (parameter, argument) =
        if sig.inputs.is_empty() { (quote!(_), quote!()) } else { (quote!(world), quote!(world)) };
    quote! {
        #(#attrs)*
        #[::core::prelude::v1::test]
        #vis fn #name() {
            #own #block
            #krate::__private::test(
                env!("CARGO_PKG_NAME"),
                concat!(module_path!(), "::", stringify!(#name)),
                #seeds,
                #ground,
                |#parameter: #krate::World| #body(#argument),
            );
        }
    }
}

/// What a test cannot be.
fn mistakes(function: &ItemFn) -> Vec<Error> {
    let signature = &function.sig;
    let mut problems = Vec::new();
    if signature.asyncness.is_none() {
        problems
            .push(Error::new(signature.fn_token.span(), "write `async fn`: its body runs in virtual time"));
    }
    if !signature.generics.params.is_empty() {
        problems.push(Error::new(signature.generics.span(), "a test has no generic parameters"));
    }
    for input in signature.inputs.iter().skip(1) {
        let message = "a test takes nothing, or the `World` alone; its seed is `world.seed()`";
        problems.push(Error::new(input.span(), message));
    }
    if let Some(FnArg::Receiver(receiver)) = signature.inputs.first() {
        problems.push(Error::new(receiver.span(), "a test is a free function"));
    }
    problems
}

fn read(arguments: TokenStream) -> (Options, Vec<Error>) {
    let mut options = Options::default();
    let entries = match Punctuated::<Entry, Token![,]>::parse_terminated.parse2(arguments) {
        Ok(entries) => entries,
        Err(error) => return (options, vec![error]),
    };
    let mut problems = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    for Entry { key, value } in entries {
        let written = key.to_string();
        if seen.contains(&written) {
            problems.push(Error::new(key.span(), format!("`{written}` stands here twice")));
        }
        let read = match written.as_str() {
            "seeds" => range(value).map(|range| options.seeds = Some(range)),
            "world" => text(&value).map(|text| options.world = Some(text)),
            "scenario" => text(&value).map(|text| options.scenario = Some(text)),
            "crate" => text(&value).and_then(|text| text.parse()).map(|path| options.krate = Some(path)),
            _ => Err(unknown(&written, key.span())),
        };
        problems.extend(read.err());
        seen.push(written);
    }
    if let (Some(_), Some(scenario)) = (&options.world, &options.scenario) {
        problems.push(Error::new(scenario.span(), "write `world` or `scenario`, not both"));
    }
    (options, problems)
}

fn unknown(key: &str, span: Span) -> Error {
    let hint = nearest(key, KEYS).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    Error::new(span, format!("there is no option `{key}`{hint} (allowed: {})", KEYS.join(", ")))
}

fn range(value: Expr) -> syn::Result<ExprRange> {
    match value {
        Expr::Range(range) if range.start.is_some() && range.end.is_some() => Ok(range),
        other => Err(Error::new(other.span(), "write the seeds as a range with both ends: `seeds = 0..50`")),
    }
}

fn text(value: &Expr) -> syn::Result<LitStr> {
    match value {
        Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Ok(text.clone()),
        other => Err(Error::new(other.span(), "this takes a text in quotes")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(arguments: TokenStream, item: TokenStream) -> String {
        test(arguments, item).to_string()
    }

    #[test]
    fn a_test_becomes_one_that_gives_its_body_to_the_simulator() {
        let item = quote!(
            #[ignore]
            async fn closes(world: World) {
                body(world).await;
            }
        );
        let expanded = test(quote!(seeds = 0..50, world = "[[service]]"), item);
        insta::assert_snapshot!(prettyplease::unparse(&syn::parse2(expanded).unwrap()), @r#"
        #[ignore]
        #[::core::prelude::v1::test]
        fn closes() {
            async fn closes_under_one_seed(world: World) {
                body(world).await;
            }
            ::steadfast_sim::__private::test(
                env!("CARGO_PKG_NAME"),
                concat!(module_path!(), "::", stringify!(closes)),
                0..50,
                ::steadfast_sim::__private::Ground::Text("[[service]]"),
                |world: ::steadfast_sim::World| closes_under_one_seed(world),
            );
        }
        "#);
    }

    #[test]
    fn all_mistakes_are_told_at_once_each_with_the_way_out_and_the_item_stays() {
        let told = told(
            quote!(seed = 0..5, seeds = 5, world = "", scenario = "a.toml"),
            quote!(
                fn closes<T>(world: World, more: u64) {}
            ),
        );
        let expected = [
            "did you mean `seeds`?",
            "with both ends",
            "not both",
            "write `async fn`",
            "no generic parameters",
            "its seed is `world.seed()`",
            "fn closes < T > (world : World , more : u64)",
        ];
        for expected in expected {
            assert!(told.contains(expected), "{expected} is not in {told}");
        }
    }

    #[test]
    fn another_name_of_the_crate_is_taken() {
        let told = told(
            quote!(crate = "crate::inner"),
            quote!(
                async fn empty() {}
            ),
        );
        assert!(told.contains("crate :: inner :: __private :: test"), "{told}");
        assert!(told.contains("0 .. 1"), "{told}");
    }
}
