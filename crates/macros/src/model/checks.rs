//! What no single attribute can see: combinations, and what a handler's signature does not allow.

use proc_macro2::Span;
use steadfast_actors::settings::nearest;
use syn::{Error, ReturnType, Type};

use super::{Handler, Source, Whole};
use crate::expand::has_opaque;
use crate::grammar::Written;

/// Types that are no `Result` whatever is in scope.
const PLAIN: [&str; 18] = [
    "bool", "char", "str", "String", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64",
    "i128", "isize", "f32", "f64",
];

/// The same of types that hold others.
const HOLDERS: [&str; 2] = ["Option", "Vec"];

/// What a fallback may take at most: each number of arguments is a case of its own.
const MOST_OF_A_FALLBACK: usize = 12;

/// By what a policy tells its callers or its records apart, as `by` or `key` says it.
pub(crate) struct Identity<'a> {
    pub(crate) key: &'static str,
    pub(crate) text: &'a str,
    pub(crate) span: Span,
}

impl<'a> Identity<'a> {
    /// The argument's name in `arg:x`.
    pub(crate) fn argument(&self) -> Option<&'a str> {
        self.text.strip_prefix("arg:")
    }

    /// Whether it is read from whoever calls.
    pub(crate) fn is_of_the_caller(&self) -> bool {
        ["user", "ip", "api_key"].contains(&self.text) || self.text.starts_with("header:")
    }
}

impl Handler {
    pub(super) fn check(&self, errors: &mut Vec<Error>) {
        self.check_answer(errors);
        self.check_second_run(errors);
        self.check_hedge(errors);
        self.check_timeouts(errors);
        self.check_route(errors);
        self.check_named_arguments(errors);
    }

    /// What no alias can turn into a `Result` is told here, in one sentence; of the rest, rustc knows more.
    fn check_answer(&self, errors: &mut Vec<Error>) {
        let output = &self.function.output;
        let example = match output {
            Type::Tuple(tuple) if tuple.elems.is_empty() => "()".to_owned(),
            Type::Tuple(_) | Type::Reference(_) | Type::Array(_) | Type::Never(_) => "..".to_owned(),
            Type::Path(path) => match path.path.segments.last() {
                Some(last) if last.arguments.is_none() && path.path.get_ident().is_some() => {
                    match PLAIN.iter().find(|plain| last.ident == plain) {
                        Some(plain) => (*plain).to_owned(),
                        None => return self.check_stored(errors),
                    }
                }
                Some(last) if HOLDERS.iter().any(|holder| last.ident == holder) => {
                    format!("{}<..>", last.ident)
                }
                _ => return self.check_stored(errors),
            },
            _ => return self.check_stored(errors),
        };
        let message = format!(
            "a refusal must reach the caller: return `Result<{example}, E>`, where `E` is `String`, a boxed error, or \
             any type with `From<steadfast::Rejection>`"
        );
        errors.push(match &self.function.signature.output {
            ReturnType::Default => Error::new(self.function.name().span(), message),
            ReturnType::Type(..) => Error::new_spanned(output, message),
        });
    }

    fn check_stored(&self, errors: &mut Vec<Error>) {
        if self.declared("idempotent").is_some() && has_opaque(&self.function.output) {
            let message = "#[idempotent] stores the result and reads it again, and an `impl Trait` cannot be read; \
                           name its type";
            errors.push(Error::new_spanned(&self.function.output, message));
        }
    }

    /// A second run, or a fallback, needs every argument a second time.
    fn check_second_run(&self, errors: &mut Vec<Error>) {
        let again = ["fallback", "retry", "hedge"].into_iter().find(|name| self.declared(name).is_some());
        let Some(again) = again else { return };
        let why = match again {
            "fallback" => {
                "#[fallback] hands each argument to the handler and then to the fallback".to_owned()
            }
            again => format!("#[{again}] may run the handler again, with the same arguments"),
        };
        if let Some(receiver) = self.function.receiver() {
            let shared = match &*receiver.ty {
                Type::Reference(reference) => reference.mutability.is_none(),
                _ => false,
            };
            if !shared {
                let message =
                    format!("{why}, and `self` can be given away or lent like this only once; take `&self`");
                errors.push(Error::new_spanned(receiver, message));
            }
        }
        if again == "fallback" && self.function.arguments.len() > MOST_OF_A_FALLBACK {
            let message = format!(
                "#[fallback] hands on {MOST_OF_A_FALLBACK} arguments at most; put those that belong together into one type"
            );
            errors.push(Error::new(self.function.name().span(), message));
        }
        for argument in &self.function.arguments {
            if let (Whole::Lost, "fallback") = (argument.whole(), again) {
                let message = "#[fallback] hands the whole argument on, and this pattern leaves parts of it out; give \
                               it a name and take it apart in the body";
                errors.push(Error::new_spanned(&argument.pattern, message));
            }
            if let Type::Reference(reference) = &argument.ty
                && reference.mutability.is_some()
            {
                let message = format!(
                    "{why}, and a `&mut` can be lent only once; take it by value, or share it behind an Arc and a lock"
                );
                errors.push(Error::new_spanned(&argument.ty, message));
            }
        }
    }

    fn check_hedge(&self, errors: &mut Vec<Error>) {
        let Some(hedge) = self.declared("hedge") else { return };
        let allowed = hedge
            .arguments
            .get("unsafe_duplicates")
            .is_some_and(|entry| matches!(entry.value, Written::Flag(true)));
        let reads =
            self.route().is_some_and(|(route, _)| route.starts_with("GET ") || route.starts_with("HEAD "));
        if !allowed && !reads && self.declared("idempotent").is_none() {
            let message = "a hedge runs the handler twice at once: add #[idempotent], hedge a GET, or say that it does \
                           no harm by unsafe_duplicates = true";
            errors.push(Error::new(hedge.span, message));
        }
    }

    fn check_timeouts(&self, errors: &mut Vec<Error>) {
        let per_attempt = self.declared("timeout").and_then(|timeout| timeout.arguments.get("per_attempt"));
        if let (Some(adaptive), Some(_)) = (self.declared("adaptive_timeout"), per_attempt) {
            let message = "per_attempt in #[timeout] already bounds each attempt; leave one of the two out";
            errors.push(Error::new(adaptive.span, message));
        }
    }

    fn check_route(&self, errors: &mut Vec<Error>) {
        if self.declared("service_method").is_none() {
            return;
        }
        let generics = &self.function.signature.generics;
        let mistake = if let Some(receiver) = self.function.receiver() {
            Some(Error::new_spanned(receiver, "a route leads to a free function, and this is a method"))
        } else if self.function.arguments.len() != 1 {
            let message = "a route's handler takes exactly one argument, its `Message`";
            Some(Error::new(self.function.name().span(), message))
        } else if let Some(Type::Reference(lent)) = self.function.arguments.first().map(|only| &only.ty) {
            let message = "a route's handler owns its message: take `Message`, without `&`";
            Some(Error::new_spanned(lent, message))
        } else {
            let message = "a route's handler has no type parameters: nobody could choose them";
            generics.type_params().next().map(|parameter| Error::new_spanned(parameter, message))
        };
        errors.extend(mistake);
    }

    /// `by = "arg:x"` and `key = "arg:x"` name an argument.
    fn check_named_arguments(&self, errors: &mut Vec<Error>) {
        let names: Vec<String> =
            self.function.read_bindings().map(|binding| binding.name.to_string()).collect();
        let identities =
            self.identities().filter_map(|identity| Some((identity.argument()?.to_owned(), identity.span)));
        let weights = self.weights().filter_map(|weight| match weight.source {
            Source::Argument(name) => Some((name, weight.span)),
            _ => None,
        });
        for (name, span) in identities.chain(weights) {
            if name.is_empty() || names.contains(&name) {
                continue;
            }
            let hint = nearest(&name, names.iter().map(String::as_str));
            let hint = hint.map(|known| format!("; did you mean \"arg:{known}\"?")).unwrap_or_default();
            let known = if names.is_empty() {
                "it has none".to_owned()
            } else {
                format!("it has {}", names.join(", "))
            };
            errors.push(Error::new(span, format!("the function has no argument `{name}` ({known}){hint}")));
        }
    }

    /// What `by` and `key` say.
    pub(crate) fn identities(&self) -> impl Iterator<Item = Identity<'_>> {
        self.declared.iter().filter_map(|declared| {
            let key = if declared.attribute.name == "idempotent" { "key" } else { "by" };
            declared.arguments.text(key).map(|(text, span)| Identity { key, text, span })
        })
    }

    pub(crate) fn route(&self) -> Option<(&str, Span)> {
        self.declared("service_method")?.arguments.text("route")
    }
}
