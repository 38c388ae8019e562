use std::ops::RangeInclusive;

use steadfast_actors::clock::saturating_nanos;
use steadfast_actors::settings::{nearest, parse_duration};

use super::mistake::Notes;
use super::tree::{Item, Key, Node, Span};

/// No time in a scenario is longer than this: a week.
pub(crate) const LONGEST: u64 = 7 * 86_400 * 1_000_000_000;

/// Reads one table. Every getter makes its key known; `finish` notes the keys that nobody asked for.
pub(crate) struct Table<'a> {
    pub(crate) span: &'a Span,
    entries: &'a [(Key, Node)],
    known: Vec<&'static str>,
}

impl<'a> Table<'a> {
    /// A reader of `node`, which `what` names in messages.
    pub(crate) fn new(node: &'a Node, what: &str, notes: &mut Notes<'_>) -> Option<Self> {
        match &node.item {
            Item::Table(entries) => Some(Table { span: &node.span, entries, known: Vec::new() }),
            _ => {
                notes.add(&node.span, format!("{what} is a table, found {}", node.type_name()));
                None
            }
        }
    }

    pub(crate) fn get(&mut self, key: &'static str) -> Option<&'a Node> {
        self.known.push(key);
        self.entries.iter().find(|(found, _)| found.name == key).map(|(_, node)| node)
    }

    /// Every entry that no getter asked for so far.
    pub(crate) fn others(&self) -> impl Iterator<Item = (&'a Key, &'a Node)> {
        let known = self.known.clone();
        self.entries
            .iter()
            .filter(move |(key, _)| !known.contains(&key.name.as_str()))
            .map(|(key, node)| (key, node))
    }

    /// A value that must be written.
    pub(crate) fn need(
        &mut self,
        key: &'static str,
        example: &str,
        notes: &mut Notes<'_>,
    ) -> Option<&'a Node> {
        let found = self.get(key);
        if found.is_none() {
            notes.add(self.span, format!("`{key}` is missing; write it as in {key} = {example}"));
        }
        found
    }

    pub(crate) fn text(&mut self, key: &'static str, notes: &mut Notes<'_>) -> Option<&'a str> {
        text(self.get(key)?, notes)
    }

    pub(crate) fn flag(&mut self, key: &'static str, notes: &mut Notes<'_>) -> Option<bool> {
        let node = self.get(key)?;
        match node.item {
            Item::Flag(flag) => Some(flag),
            _ => mismatch(node, "true or false", notes),
        }
    }

    pub(crate) fn integer(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u64>,
        notes: &mut Notes<'_>,
    ) -> Option<u64> {
        integer(self.get(key)?, range, notes)
    }

    pub(crate) fn number(
        &mut self,
        key: &'static str,
        range: RangeInclusive<f64>,
        notes: &mut Notes<'_>,
    ) -> Option<f64> {
        number(self.get(key)?, range, notes)
    }

    pub(crate) fn duration(&mut self, key: &'static str, notes: &mut Notes<'_>) -> Option<u64> {
        duration(self.get(key)?, notes)
    }

    pub(crate) fn choice<T: Clone>(
        &mut self,
        key: &'static str,
        choices: &[(&'static str, T)],
        notes: &mut Notes<'_>,
    ) -> Option<T> {
        choice(self.get(key)?, choices, notes)
    }

    /// The entries of a list of at most so many.
    pub(crate) fn list(&mut self, key: &'static str, most: usize, notes: &mut Notes<'_>) -> &'a [Node] {
        let Some(node) = self.get(key) else { return &[] };
        match &node.item {
            Item::List(nodes) if nodes.len() <= most => nodes,
            Item::List(nodes) => {
                notes.add(
                    &node.span,
                    format!("{} entries are too many; at most {most} can stand here", nodes.len()),
                );
                &[]
            }
            _ => {
                notes.add(&node.span, format!("`{key}` is a list, found {}", node.type_name()));
                &[]
            }
        }
    }

    /// Notes every key that no getter asked for, with the nearest that exists.
    pub(crate) fn finish(self, notes: &mut Notes<'_>) {
        for (key, _) in self.others() {
            // Looking for the nearest name costs time that a file with ten thousand wrong keys shall not get.
            if notes.is_full() {
                break;
            }
            let hint = nearest(&key.name, self.known.iter().copied());
            let hint = hint.map(|known| format!("; did you mean `{known}`?")).unwrap_or_default();
            let known = self.known.join(", ");
            notes.add(&key.span, format!("unknown key `{}`{hint} (known here: {known})", clip(&key.name)));
        }
    }
}

/// A text short enough to be repeated in a message.
pub(crate) fn clip(text: &str) -> String {
    if text.chars().count() <= 60 {
        return text.to_owned();
    }
    text.chars().take(57).chain("...".chars()).collect()
}

fn mismatch<T>(node: &Node, wanted: &str, notes: &mut Notes<'_>) -> Option<T> {
    notes.add(&node.span, format!("expected {wanted}, found {}", node.type_name()));
    None
}

pub(crate) fn text<'a>(node: &'a Node, notes: &mut Notes<'_>) -> Option<&'a str> {
    match &node.item {
        Item::Text(text) => Some(text),
        _ => mismatch(node, "a text", notes),
    }
}

pub(crate) fn integer(node: &Node, range: RangeInclusive<u64>, notes: &mut Notes<'_>) -> Option<u64> {
    let Item::Integer(number) = node.item else { return mismatch(node, "a whole number", notes) };
    match u64::try_from(number) {
        Ok(number) if range.contains(&number) => Some(number),
        _ => {
            let (low, high) = (range.start(), range.end());
            notes.add(&node.span, format!("{number} is out of range; it can be {low} to {high}"));
            None
        }
    }
}

pub(crate) fn number(node: &Node, range: RangeInclusive<f64>, notes: &mut Notes<'_>) -> Option<f64> {
    let number = match node.item {
        Item::Float(number) => number,
        #[expect(clippy::cast_precision_loss, reason = "what is near 2^53 is out of every range")]
        Item::Integer(number) => number as f64,
        _ => return mismatch(node, "a number", notes),
    };
    // No range contains a NaN.
    if range.contains(&number) {
        return Some(number);
    }
    let (low, high) = (range.start(), range.end());
    notes.add(&node.span, format!("{number} is out of range; it can be {low} to {high}"));
    None
}

/// Nanoseconds, at most a week.
pub(crate) fn duration(node: &Node, notes: &mut Notes<'_>) -> Option<u64> {
    let Item::Text(text) = &node.item else { return mismatch(node, "a duration such as \"30s\"", notes) };
    let nanos = saturating_nanos(notes.keep(&node.span, parse_duration(&clip(text)))?);
    if nanos > LONGEST {
        notes.add(&node.span, format!("{} is longer than a week, which is the most", clip(text)));
        return None;
    }
    Some(nanos)
}

/// Requests a second, from `"280/s"` or `"6000/m"`.
pub(crate) fn rate(node: &Node, notes: &mut Notes<'_>) -> Option<f64> {
    let Item::Text(text) = &node.item else { return mismatch(node, "a rate such as \"280/s\"", notes) };
    let rate = notes.keep(&node.span, parse_rate(text))?;
    if (0.0..=MOST_A_SECOND).contains(&rate) {
        return Some(rate);
    }
    notes.add(&node.span, format!("{rate}/s is out of range; it can be 0/s to {MOST_A_SECOND}/s"));
    None
}

/// No load is larger than this.
pub(crate) const MOST_A_SECOND: f64 = 10_000_000.0;

pub(crate) fn parse_rate(text: &str) -> Result<f64, String> {
    let shown = clip(text);
    let Some((number, unit)) = text.split_once('/') else {
        return Err(format!("{shown:?} is no rate; a rate is a number and a unit, as in \"280/s\""));
    };
    let seconds = match unit.trim() {
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        _ => return Err(format!("the unit in {shown:?} is not known; it can be /s, /m or /h")),
    };
    let plain = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit() || c == '.');
    match number.parse::<f64>() {
        Ok(number) if plain => Ok(number / seconds),
        _ => Err(format!("{shown:?} does not begin with a number")),
    }
}

pub(crate) fn choice<T: Clone>(
    node: &Node,
    choices: &[(&'static str, T)],
    notes: &mut Notes<'_>,
) -> Option<T> {
    let text = text(node, notes)?;
    if let Some((_, choice)) = choices.iter().find(|(word, _)| *word == text) {
        return Some(choice.clone());
    }
    let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
    none_of(&words, node, text, "is not known here", notes);
    None
}

/// Notes that what `node` says is none of some words, with the nearest that is.
pub(crate) fn none_of(words: &[&str], node: &Node, written: &str, wrong: &str, notes: &mut Notes<'_>) {
    let hint = nearest(written, words.iter().copied()).map(|word| format!("; did you mean {word:?}?"));
    let (shown, hint, words) = (clip(written), hint.unwrap_or_default(), words.join(", "));
    notes.add(&node.span, format!("{shown:?} {wrong}; it can be {words}{hint}"));
}

/// Notes a name that nothing declares, with the nearest that is.
pub(crate) fn unknown<'a>(
    what: &str,
    name: &str,
    span: &Span,
    known: impl IntoIterator<Item = &'a str>,
    notes: &mut Notes<'_>,
) {
    if notes.is_full() {
        return;
    }
    let known: Vec<&str> = known.into_iter().take(1_000).collect();
    let hint = nearest(name, known.iter().copied()).map(|near| format!("; did you mean `{near}`?"));
    let listed: Vec<&str> = known.iter().copied().take(20).collect();
    let listed = if listed.is_empty() { "none".to_owned() } else { listed.join(", ") };
    let (name, hint) = (clip(name), hint.unwrap_or_default());
    notes.add(span, format!("there is no {what} `{name}`{hint} (known: {listed})"));
}
