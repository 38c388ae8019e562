use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::quote;
use syn::parse::{ParseStream, Parser};
use syn::spanned::Spanned;
use syn::{
    Attribute, Error, FnArg, GenericArgument, PathArguments, Receiver, ReturnType, Signature, Token, Type,
    TypeParamBound, Visibility,
};

use super::bindings::name_wildcards;
use super::{Argument, Binding};

/// How the body becomes a future.
pub(crate) enum Form {
    /// `async fn`
    Async,
    /// What `async_trait` makes of one: `Box::pin(async move { .. })` behind these tokens.
    Boxed { before: TokenStream, pin: TokenStream },
}

/// A function whose body stays raw: half-typed code keeps working in an editor, and nothing is lost on the way.
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) default: Option<Token![default]>,
    pub(crate) signature: Signature,
    pub(crate) form: Form,
    /// `#![..]` at the start of the body.
    pub(crate) inner: TokenStream,
    pub(crate) body: TokenStream,
    pub(crate) body_span: Span,
    /// What it answers with, behind any future.
    pub(crate) output: Type,
    pub(crate) arguments: Vec<Argument>,
}

impl Function {
    pub(super) fn read(item: TokenStream, errors: &mut Vec<Error>) -> Option<Self> {
        let parser = |input: ParseStream<'_>| {
            let attributes = Attribute::parse_outer(input)?;
            let first = input.span();
            let visibility = input.parse()?;
            let default: Option<Token![default]> = input.parse()?;
            let signature: Signature = input.parse().map_err(|_| {
                Error::new(
                    first,
                    "attributes of steadfast stand on an `async fn`, with no space between it and them",
                )
            })?;
            let rest: TokenStream = input.parse()?;
            Ok((attributes, visibility, default, signature, rest))
        };
        let (attributes, visibility, default, signature, rest) = match parser.parse2(item.clone()) {
            Ok(parts) => parts,
            Err(error) => {
                errors.push(not_a_function(item).unwrap_or(error));
                return None;
            }
        };
        let Some(TokenTree::Group(body)) = rest.into_iter().next() else {
            let message =
                "this function has no body here; put the attributes on the functions that implement it";
            errors.push(Error::new(signature.ident.span(), message));
            return None;
        };
        let (form, body, output) = match shape(&signature, &body) {
            Ok(shape) => shape,
            Err(error) => {
                errors.push(error);
                return None;
            }
        };
        let body_span = body.span();
        let (inner, body) = without_inner_attributes(body.stream());
        let mut signature = signature;
        name_wildcards(&mut signature);
        let arguments = Argument::all(&signature);
        Some(Function {
            attributes,
            visibility,
            default,
            signature,
            form,
            inner,
            body,
            body_span,
            output,
            arguments,
        })
    }

    pub(crate) fn name(&self) -> &Ident {
        &self.signature.ident
    }

    pub(crate) fn receiver(&self) -> Option<&Receiver> {
        self.signature.inputs.iter().find_map(|input| match input {
            FnArg::Receiver(receiver) => Some(receiver),
            FnArg::Typed(_) => None,
        })
    }

    /// Whether an underscore says of an argument that the handler does not read it.
    pub(crate) fn has_unused(&self) -> bool {
        self.bindings().any(Binding::is_unused)
    }

    /// The bindings that the handler may read.
    pub(crate) fn read_bindings(&self) -> impl Iterator<Item = &Binding> {
        self.bindings().filter(|binding| !binding.is_wildcard())
    }

    pub(crate) fn bindings(&self) -> impl Iterator<Item = &Binding> {
        self.arguments.iter().flat_map(|argument| &argument.bindings)
    }
}

/// What the item is, where its first words say that it is no function.
fn not_a_function(item: TokenStream) -> Option<Error> {
    let split = |input: ParseStream<'_>| {
        Attribute::parse_outer(input)?;
        input.parse::<Visibility>()?;
        input.parse::<TokenStream>()
    };
    let rest = split.parse2(item).ok()?;
    let first = rest.into_iter().next()?;
    let kinds = ["struct", "enum", "union", "trait", "impl", "mod", "static", "type", "use", "macro_rules"];
    let word = first.to_string();
    kinds.contains(&word.as_str()).then(|| {
        let message = format!("attributes of steadfast stand on an `async fn`, and this is `{word}`");
        Error::new(first.span(), message)
    })
}

fn shape(signature: &Signature, body: &Group) -> Result<(Form, Group, Type), Error> {
    if let Some(constant) = &signature.constness {
        return Err(Error::new(
            constant.span(),
            "a `const fn` cannot wait, and every policy may; drop the `const`",
        ));
    }
    if signature.asyncness.is_some() {
        let output = match &signature.output {
            ReturnType::Default => syn::parse_quote!(()),
            ReturnType::Type(_, output) => (**output).clone(),
        };
        return Ok((Form::Async, body.clone(), output));
    }
    if let Some(output) = boxed_output(&signature.output)
        && let Some((form, inner)) = boxed_body(body)
    {
        return Ok((form, inner, output));
    }
    let blocks = mentions(&body.stream(), "block_on");
    let message = if blocks {
        "#[tokio::main] and #[tokio::test] take the `async` away before the attributes of steadfast see it; move the \
         body to an `async fn` of its own"
    } else {
        "attributes of steadfast stand on an `async fn`, and this is none"
    };
    let (word, name) = (&signature.fn_token, &signature.ident);
    Err(Error::new_spanned(quote!(#word #name), message))
}

/// `T` of `Pin<Box<dyn Future<Output = T> + ..>>`.
fn boxed_output(output: &ReturnType) -> Option<Type> {
    let ReturnType::Type(_, pinned) = output else { return None };
    let boxed = only_argument(pinned, "Pin")?;
    let Type::TraitObject(object) = only_argument(&boxed, "Box")? else { return None };
    object.bounds.iter().find_map(|bound| {
        let TypeParamBound::Trait(bound) = bound else { return None };
        let future = bound.path.segments.last().filter(|segment| segment.ident == "Future")?;
        let PathArguments::AngleBracketed(arguments) = &future.arguments else { return None };
        arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::AssocType(output) if output.ident == "Output" => Some(output.ty.clone()),
            _ => None,
        })
    })
}

fn only_argument(ty: &Type, name: &str) -> Option<Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|segment| segment.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty.clone()),
        _ => None,
    })
}

/// The tail `Box::pin(async move { .. })` of a body, split into what stands before it, the path, and the block.
fn boxed_body(body: &Group) -> Option<(Form, Group)> {
    let trees: Vec<TokenTree> = body.stream().into_iter().collect();
    let (TokenTree::Group(call), before) = trees.split_last()? else { return None };
    if call.delimiter() != Delimiter::Parenthesis {
        return None;
    }
    let mut inner = call.stream().into_iter();
    let [word, moved, block] = [inner.next()?, inner.next()?, inner.next()?];
    let TokenTree::Group(block) = block else { return None };
    if word.to_string() != "async" || moved.to_string() != "move" || inner.next().is_some() {
        return None;
    }
    let is_path = |tree: &TokenTree| match tree {
        TokenTree::Ident(ident) => ident != "return",
        TokenTree::Punct(punct) => punct.as_char() == ':',
        _ => false,
    };
    let start = before.iter().rposition(|tree| !is_path(tree)).map_or(0, |at| at + 1);
    let (before, pin) = before.split_at(start);
    let pins = pin.last().is_some_and(|tree| tree.to_string() == "pin");
    pins.then(|| {
        let form =
            Form::Boxed { before: before.iter().cloned().collect(), pin: pin.iter().cloned().collect() };
        (form, block)
    })
}

/// A body's `#![..]` must stay first in its braces.
fn without_inner_attributes(body: TokenStream) -> (TokenStream, TokenStream) {
    let trees: Vec<TokenTree> = body.into_iter().collect();
    let is = |tree: Option<&TokenTree>, sign: char| matches!(tree, Some(TokenTree::Punct(p)) if p.as_char() == sign);
    let mut end = 0;
    while is(trees.get(end), '#') && is(trees.get(end + 1), '!') {
        end = (end + 3).min(trees.len());
    }
    let (inner, rest) = trees.split_at(end);
    (inner.iter().cloned().collect(), rest.iter().cloned().collect())
}

fn mentions(tokens: &TokenStream, word: &str) -> bool {
    tokens.clone().into_iter().any(|tree| match tree {
        TokenTree::Ident(ident) => ident == word,
        TokenTree::Group(group) => mentions(&group.stream(), word),
        _ => false,
    })
}
