use steadfast_actors::declare::ATTRIBUTES;
use steadfast_actors::settings::{Settings, Value, nearest};

use super::Overlay;

/// Reads a file's text; mistakes are collected, so that a person sees all of them.
pub(super) fn read(text: &str, source: &str, overlays: &mut Vec<Overlay>, mistakes: &mut Vec<String>) {
    let root: toml::Table = match text.parse() {
        Ok(root) => root,
        Err(error) => return mistakes.push(format!("{source}: {error}")),
    };
    let mut root: Vec<(String, toml::Value)> = root.into_iter().collect();
    // What is said of a site is stronger than what is said of all, whatever the alphabet says.
    root.sort_by_key(|(attribute, _)| attribute == "site");
    for (attribute, value) in root {
        let toml::Value::Table(names) = value else {
            mistakes
                .push(format!("{source}: `{attribute}` stands outside a table; write [{attribute}.NAME]"));
            continue;
        };
        if attribute == "site" {
            read_sites(names, source, overlays, mistakes);
        } else if ATTRIBUTES.contains(&attribute.as_str()) {
            for (name, value) in names {
                let path = format!("{attribute}.{name}");
                push(overlays, mistakes, source, &path, (&attribute, &name, false), value);
            }
        } else {
            mistakes.push(format!("{source}: {}", unknown(&attribute)));
        }
    }
}

fn read_sites(sites: toml::Table, source: &str, overlays: &mut Vec<Overlay>, mistakes: &mut Vec<String>) {
    for (site, value) in sites {
        let toml::Value::Table(attributes) = value else {
            mistakes.push(format!("{source}: `site.{site}` is no table; write [site.{site}.ATTRIBUTE]"));
            continue;
        };
        for (attribute, value) in attributes {
            if ATTRIBUTES.contains(&attribute.as_str()) {
                let path = format!("site.{site}.{attribute}");
                push(overlays, mistakes, source, &path, (&attribute, &site, true), value);
            } else {
                mistakes.push(format!("{source}: in site.{site}: {}", unknown(&attribute)));
            }
        }
    }
}

pub(super) fn unknown(attribute: &str) -> String {
    let known = ATTRIBUTES.into_iter().chain(["site"]);
    let hint = nearest(attribute, known).map(|known| format!("; did you mean `{known}`?"));
    format!("there is no policy `{attribute}`{}", hint.unwrap_or_default())
}

fn push(
    overlays: &mut Vec<Overlay>,
    mistakes: &mut Vec<String>,
    source: &str,
    path: &str,
    (attribute, name, of_site): (&str, &str, bool),
    value: toml::Value,
) {
    match convert(value) {
        Ok(Value::Table(settings)) => overlays.push(Overlay {
            attribute: attribute.to_owned(),
            name: name.to_owned(),
            of_site,
            settings,
            source: format!("[{path}] of {source}"),
            folded: false,
        }),
        Ok(other) => {
            mistakes.push(format!("{source}: `{path}` is {}; write it as a table", other.type_name()));
        }
        Err(message) => mistakes.push(format!("{source}: in {path}: {message}")),
    }
}

pub(super) fn convert(value: toml::Value) -> Result<Value, String> {
    Ok(match value {
        toml::Value::String(text) => Value::Text(text),
        toml::Value::Integer(number) => Value::Integer(number),
        toml::Value::Float(number) => Value::Float(number),
        toml::Value::Boolean(flag) => Value::Flag(flag),
        toml::Value::Datetime(_) => return Err("a date means nothing here".to_owned()),
        toml::Value::Array(values) => Value::List(values.into_iter().map(convert).collect::<Result<_, _>>()?),
        toml::Value::Table(table) => {
            let mut settings = Settings::new();
            for (key, value) in table {
                settings.insert(&key, convert(value)?);
            }
            Value::Table(settings)
        }
    })
}
