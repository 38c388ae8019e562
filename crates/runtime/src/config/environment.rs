use std::ffi::OsString;

use steadfast_actors::declare::ATTRIBUTES;
use steadfast_actors::settings::{Settings, Value};

use super::{Overlay, file, fold};

const PREFIX: &str = "STEADFAST__";
/// What a site's settings begin with, behind that.
const SITE: &str = "SITE__";

/// The process's variables as texts. What is none is read with replacement characters: of somebody else's variable it is
/// no matter, and of ours the check then says which one it is.
pub(crate) fn of_process() -> Vec<(String, String)> {
    let text = |value: OsString| value.to_string_lossy().into_owned();
    std::env::vars_os().map(|(variable, value)| (text(variable), text(value))).collect()
}

/// Reads the environment's variables that begin with `STEADFAST__`.
pub(super) fn read(variables: &[(String, String)], overlays: &mut Vec<Overlay>, mistakes: &mut Vec<String>) {
    let mut ours: Vec<(&str, &str)> = variables
        .iter()
        .filter_map(|(variable, value)| Some((variable.strip_prefix(PREFIX)?, value.as_str())))
        .collect();
    // The environment has no order of its own, and mistakes must come in the same order each time. Sites come last: what is
    // said of one of them is stronger than what is said of all.
    ours.sort_unstable_by_key(|(variable, value)| (variable.starts_with(SITE), *variable, *value));
    for (variable, value) in ours {
        match parse(variable, value) {
            Ok(overlay) => overlays.push(overlay),
            Err(message) => mistakes.push(format!("{PREFIX}{variable}: {message}")),
        }
    }
}

fn parse(variable: &str, value: &str) -> Result<Overlay, String> {
    let parts: Vec<&str> = variable.split("__").collect();
    let (of_site, attribute, name, keys) = match parts.as_slice() {
        ["SITE", name, attribute, keys @ ..] => (true, attribute, name, keys),
        [attribute, name, keys @ ..] => (false, attribute, name, keys),
        _ => return Err("write STEADFAST__POLICY__NAME__KEY".to_owned()),
    };
    let attribute = attribute.to_ascii_lowercase();
    if !ATTRIBUTES.contains(&attribute.as_str()) {
        return Err(file::unknown(&attribute));
    }
    let Some((last, tables)) = keys.split_last() else {
        return Err("the setting's key is missing; write STEADFAST__POLICY__NAME__KEY".to_owned());
    };
    let mut settings = Settings::new().with(&last.to_ascii_lowercase(), read_value(value)?);
    for table in tables.iter().rev() {
        settings = Settings::new().with(&table.to_ascii_lowercase(), settings);
    }
    Ok(Overlay {
        attribute,
        name: fold(name),
        of_site,
        settings,
        source: format!("{PREFIX}{variable}"),
        folded: true,
    })
}

/// A number, a flag or a list where it reads as one, else a text: nobody quotes texts in an environment.
fn read_value(value: &str) -> Result<Value, String> {
    let parsed = format!("v = {value}").parse::<toml::Table>().ok().and_then(|mut table| table.remove("v"));
    match parsed {
        Some(toml::Value::Datetime(_)) | None => Ok(Value::from(value)),
        Some(parsed) => file::convert(parsed),
    }
}
