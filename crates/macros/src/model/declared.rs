use proc_macro2::{Span, TokenStream};
use steadfast_actors::declare;
use steadfast_actors::settings::{Problem, Value};
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Error, ExprPath, Ident, LitStr, Token, parenthesized};

use crate::attribute::Attribute;
use crate::grammar::{self, Arguments, Entry, Written};

/// One attribute of a handler.
pub(crate) struct Declared {
    pub(crate) attribute: &'static Attribute,
    /// The whole attribute, as the user wrote it.
    pub(crate) span: Span,
    pub(crate) arguments: Arguments,
}

struct Gathered(Ident, TokenStream);

impl Parse for Gathered {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = input.parse()?;
        let arguments;
        parenthesized!(arguments in input);
        Ok(Gathered(name, arguments.parse()?))
    }
}

impl Declared {
    /// All that the attributes have gathered, with their own mistakes noted.
    pub(super) fn all(gathered: TokenStream, errors: &mut Vec<Error>) -> Vec<Self> {
        let parser = |input: ParseStream<'_>| input.parse_terminated(Gathered::parse, Token![,]);
        let gathered = match parser.parse2(gathered) {
            Ok(gathered) => gathered,
            Err(error) => {
                errors.push(error);
                return Vec::new();
            }
        };
        let mut all: Vec<Declared> = Vec::new();
        for Gathered(name, tokens) in gathered {
            let Some(attribute) = Attribute::of(&name.to_string()) else {
                errors.push(Error::new(name.span(), "this is no attribute of steadfast"));
                continue;
            };
            let before = errors.len();
            let arguments = grammar::parse(attribute, tokens, errors);
            let declared = Declared { attribute, span: name.span(), arguments };
            // What is missing may only be what could not be read.
            let readable = errors.len() == before;
            errors.extend(
                declared
                    .problems()
                    .into_iter()
                    .filter(|(_, at)| readable || at.is_some())
                    .map(|(problem, at)| declared.error(&problem, at)),
            );
            errors.extend(declared.paths_that_are_none());
            let stands_twice = all.iter().any(|other| other.attribute.name == attribute.name);
            if stands_twice && attribute.name != "rate_limit" {
                let message = format!("#[{}] stands on this function twice", attribute.name);
                errors.push(Error::new(declared.span, message));
            }
            all.push(declared);
        }
        all
    }

    /// Texts that stand for a path and are none; an empty one is told of as a setting.
    fn paths_that_are_none(&self) -> Vec<Error> {
        let texts = self.attribute.paths.iter().filter_map(|key| self.arguments.text(key));
        let wrong = texts.filter(|(text, span)| {
            // What a call takes of a pool may be what an argument says.
            let says_argument = self.attribute.name.starts_with("bulkhead") && text.starts_with("arg:");
            !text.trim().is_empty() && !says_argument && LitStr::new(text, *span).parse::<ExprPath>().is_err()
        });
        wrong
            .map(|(text, span)| {
                Error::new(span, format!("{text:?} is no path of a function, as \"cache::reviews\" is one"))
            })
            .collect()
    }

    /// The path that stands under `key`, bare or as a text, with its place.
    pub(crate) fn path(&self, key: &str) -> Option<(ExprPath, Span)> {
        let entry = self.arguments.get(key)?;
        let path = match &entry.value {
            Written::Tokens(tokens) => syn::parse2(tokens.clone()),
            Written::Text(text) => LitStr::new(text, entry.span).parse(),
            _ => return None,
        };
        Some((path.ok()?, entry.span))
    }

    /// What the code that both the runtime and this crate check settings with says, and the entry that it is about.
    fn problems(&self) -> Vec<(Problem, Option<&Entry>)> {
        let name = self.attribute.name;
        let mut problems = declare::check(name, &self.arguments.settings()).err().unwrap_or_default();
        if self.attribute.needs_name() && self.arguments.get("name").is_none() {
            problems.retain(|problem| problem.key != "name");
            let message = format!("write its name first, as in #[{name}{}]", self.attribute.example);
            problems.insert(0, Problem { key: "name".to_owned(), message });
        }
        problems
            .into_iter()
            .map(|problem| {
                let entry = find(&self.arguments.entries, &problem.key);
                (problem, entry)
            })
            .collect()
    }

    fn error(&self, problem: &Problem, at: Option<&Entry>) -> Error {
        let Some(entry) = at else {
            return Error::new(self.span, problem.message.clone());
        };
        let span = if problem.message.starts_with("unknown setting") {
            entry.key_span
        } else {
            element(entry, &problem.message).unwrap_or(entry.span)
        };
        Error::new(span, problem.message.clone())
    }
}

fn find<'a>(entries: &'a [Entry], key: &str) -> Option<&'a Entry> {
    let (first, rest) = key.split_once('.').map_or((key, None), |(first, rest)| (first, Some(rest)));
    let entry = entries.iter().find(|entry| entry.key == first)?;
    match (rest, &entry.value) {
        (Some(rest), Written::Table(inner)) => find(inner, rest).or(Some(entry)),
        _ => Some(entry),
    }
}

/// The element of a list that a message begins with.
fn element(entry: &Entry, message: &str) -> Option<Span> {
    let Written::List(values) = &entry.value else { return None };
    let mut told = values.iter().filter(|(value, _)| match value.to_value() {
        Value::Text(text) => message.starts_with(&format!("{text:?}")),
        _ => false,
    });
    told.next().map(|(_, span)| *span)
}
