//! What stands between an attribute's parentheses: `"name", key = value, { key = value }`.
//!
//! Written by hand, since `syn::Meta` cannot hold a bare `{ .. }`. A mistake ends its own entry only: the parser goes
//! on behind the next comma, so that all mistakes are told at once.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use quote::ToTokens;
use steadfast_actors::settings::{Settings, Value};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::spanned::Spanned;
use syn::{Error, ExprPath, Ident, Lit, LitStr, Path, Result, Token, Type, braced, bracketed, token};

use crate::attribute::{Attribute, Positional};

/// A value as it was written.
#[derive(Clone)]
pub(crate) enum Written {
    Text(String),
    Integer(i64),
    Float(f64),
    Flag(bool),
    List(Vec<(Written, Span)>),
    Table(Vec<Entry>),
    /// A path or a type, as tokens.
    Tokens(TokenStream),
}

/// `key = value`, or a value alone under the key that its attribute gives it.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Span,
    pub(crate) value: Written,
    pub(crate) span: Span,
}

/// All arguments of one attribute, and what is wrong with their grammar.
#[derive(Clone, Default)]
pub(crate) struct Arguments {
    pub(crate) entries: Vec<Entry>,
    pub(crate) krate: Option<Path>,
}

impl Arguments {
    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    pub(crate) fn text(&self, key: &str) -> Option<(&str, Span)> {
        match self.get(key) {
            Some(Entry { value: Written::Text(text), span, .. }) => Some((text, *span)),
            _ => None,
        }
    }

    pub(crate) fn settings(&self) -> Settings {
        settings(&self.entries)
    }
}

fn settings(entries: &[Entry]) -> Settings {
    let mut settings = Settings::new();
    for entry in entries {
        settings.insert(&entry.key, entry.value.to_value());
    }
    settings
}

impl Written {
    pub(crate) fn to_value(&self) -> Value {
        match self {
            Written::Text(text) => Value::from(text.as_str()),
            Written::Integer(number) => Value::from(*number),
            Written::Float(number) => Value::from(*number),
            Written::Flag(flag) => Value::from(*flag),
            Written::List(values) => Value::List(values.iter().map(|(value, _)| value.to_value()).collect()),
            Written::Table(entries) => Value::Table(settings(entries)),
            Written::Tokens(_) => Value::Text(self.plain_text()),
        }
    }

    /// A text as it is, a path or a type without its spaces; empty for anything else.
    pub(crate) fn plain_text(&self) -> String {
        match self {
            Written::Text(text) => text.clone(),
            Written::Tokens(tokens) => tokens.to_string().replace(' ', ""),
            _ => String::new(),
        }
    }
}

/// Parses the arguments of `attribute`, noting mistakes in `errors`.
pub(crate) fn parse(attribute: &Attribute, tokens: TokenStream, errors: &mut Vec<Error>) -> Arguments {
    let mut arguments = Arguments::default();
    let parser = |input: ParseStream<'_>| {
        Entries { attribute, arguments: &mut arguments, errors }.all(input, true);
        Ok(())
    };
    let parsed = parser.parse2(tokens);
    debug_assert!(parsed.is_ok(), "mistakes are noted, and all input is taken");
    arguments
}

struct Entries<'a> {
    attribute: &'a Attribute,
    arguments: &'a mut Arguments,
    errors: &'a mut Vec<Error>,
}

impl Entries<'_> {
    fn all(&mut self, input: ParseStream<'_>, outermost: bool) {
        while !input.is_empty() {
            if let Err(error) = self.one(input, outermost) {
                self.errors.push(error);
                skip_to_comma(input);
            }
            if !input.is_empty() && input.parse::<Token![,]>().is_err() {
                self.errors.push(Error::new(input.span(), "expected a comma between settings"));
                skip_to_comma(input);
                let _ = input.parse::<Token![,]>();
            }
        }
    }

    fn one(&mut self, input: ParseStream<'_>, outermost: bool) -> Result<()> {
        if input.peek(token::Brace) && outermost {
            let inner;
            braced!(inner in input);
            self.all(&inner, false);
            return Ok(());
        }
        if !(input.peek(Ident::peek_any) && input.peek2(Token![=])) {
            let entry = self.positional(input, outermost)?;
            self.add(entry);
            return Ok(());
        }
        let key = input.call(Ident::parse_any)?;
        let equals = input.parse::<Token![=]>()?;
        if input.is_empty() || input.peek(Token![,]) {
            return Err(Error::new(equals.span(), format!("`{key}` is given no value")));
        }
        if key == "crate" {
            let text: LitStr = input.parse().map_err(|error| {
                Error::new(error.span(), "expected the crate's path as a text, as in crate = \"::shield\"")
            })?;
            let path = text.parse_with(Path::parse_mod_style).map_err(|_| {
                Error::new(text.span(), "this is no path of a crate; write it as in crate = \"::shield\"")
            })?;
            self.arguments.krate = Some(path);
            return Ok(());
        }
        let (value, span) = self.value(input, &key.to_string())?;
        self.add(Entry { key: key.unraw().to_string(), key_span: key.span(), value, span });
        Ok(())
    }

    fn add(&mut self, entry: Entry) {
        if self.arguments.entries.iter().any(|known| known.key == entry.key) {
            self.errors.push(Error::new(entry.key_span, format!("`{}` is written twice", entry.key)));
        } else {
            self.arguments.entries.push(entry);
        }
    }

    fn positional(&mut self, input: ParseStream<'_>, outermost: bool) -> Result<Entry> {
        let Some((key, sort)) = self.attribute.positional.filter(|_| outermost) else {
            let example = self.attribute.example;
            let message = format!("expected `key = value`, as in #[{}{example}]", self.attribute.name);
            return Err(Error::new(span_of_next(input), message));
        };
        if self.arguments.get(key).is_some() {
            let message = format!("only one value stands without a key, and `{key}` is already written");
            return Err(Error::new(span_of_next(input), message));
        }
        let (value, span) = match sort {
            Positional::Type => {
                let first = span_of_next(input);
                let parsed: Type = input.parse().map_err(|_| {
                    let (name, example) = (self.attribute.name, self.attribute.example);
                    Error::new(first, format!("expected the payload's type, as in #[{name}{example}]"))
                })?;
                (Written::Tokens(parsed.to_token_stream()), parsed.span())
            }
            Positional::Value => self.value(input, key)?,
        };
        Ok(Entry { key: key.to_owned(), key_span: span, value, span })
    }

    fn value(&mut self, input: ParseStream<'_>, key: &str) -> Result<(Written, Span)> {
        if input.peek(token::Bracket) {
            let inner;
            let bracket = bracketed!(inner in input);
            let mut values = Vec::new();
            while !inner.is_empty() {
                values.push(self.value(&inner, key)?);
                if !inner.is_empty() {
                    inner.parse::<Token![,]>()?;
                }
            }
            return Ok((Written::List(values), bracket.span.join()));
        }
        if input.peek(token::Brace) {
            let inner;
            let brace = braced!(inner in input);
            let mut table = Arguments::default();
            Entries { attribute: self.attribute, arguments: &mut table, errors: self.errors }
                .all(&inner, false);
            return Ok((Written::Table(table.entries), brace.span.join()));
        }
        if input.peek(Token![-]) {
            let minus: Token![-] = input.parse()?;
            let (value, span) = literal(input.parse()?)?;
            let span = minus.span.join(span).unwrap_or(span);
            return match value {
                Written::Integer(number) => Ok((Written::Integer(-number), span)),
                Written::Float(number) => Ok((Written::Float(-number), span)),
                _ => Err(Error::new(span, "only a number can be negative")),
            };
        }
        if input.peek(Lit) {
            return literal(input.parse()?);
        }
        if self.attribute.paths.contains(&key) {
            let span = span_of_next(input);
            let path: ExprPath = input.parse().map_err(|_| {
                let message = format!("`{key}` takes the path of a function, my_function or \"my_function\"");
                Error::new(span, message)
            })?;
            return Ok((Written::Tokens(path.to_token_stream()), path.span()));
        }
        let span = span_of_next(input);
        if let Ok(word) = input.call(Ident::parse_any) {
            // A constant, a type, a call: the attribute is read before any of them has a value.
            let is_expression = word.to_string().contains(char::is_uppercase)
                || input.peek(Token![::])
                || input.peek(Token![.])
                || input.peek(token::Paren)
                || input.peek(Token![!]);
            let message = if is_expression {
                "no constant and no expression can stand here; write the value itself: a text, a number, true or false"
                    .to_owned()
            } else {
                format!("a bare word is no value; write \"{word}\"")
            };
            return Err(Error::new(span, message));
        }
        let message = "expected a text, a number, true or false, [a list] or { a table }";
        Err(Error::new(span, message))
    }
}

fn literal(literal: Lit) -> Result<(Written, Span)> {
    let span = literal.span();
    let value = match literal {
        Lit::Str(text) => Written::Text(text.value()),
        Lit::Int(number) => Written::Integer(number.base10_parse()?),
        Lit::Float(number) => Written::Float(number.base10_parse()?),
        Lit::Bool(flag) => Written::Flag(flag.value),
        _ => return Err(Error::new(span, "expected a text, a number, true or false")),
    };
    Ok((value, span))
}

fn span_of_next(input: ParseStream<'_>) -> Span {
    if input.is_empty() {
        input.span()
    } else {
        input.cursor().token_tree().map_or(input.span(), |(tree, _)| span_of(&tree))
    }
}

fn span_of(tree: &TokenTree) -> Span {
    match tree {
        TokenTree::Group(group) if group.delimiter() == Delimiter::None => group.stream().span(),
        tree => tree.span(),
    }
}

fn skip_to_comma(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        let _ = input.parse::<TokenTree>();
    }
}
