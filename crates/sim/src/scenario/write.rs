use std::fmt::Write as _;

use super::tree::{Item, Key, Node};

/// The text of a whole file.
pub(crate) fn file(root: &Node) -> String {
    let mut text = String::new();
    if let Item::Table(entries) = &root.item {
        section(&mut text, "", entries);
    }
    text
}

/// Plain values first, then tables and lists of tables under headers, as people write it.
fn section(text: &mut String, path: &str, entries: &[(Key, Node)]) {
    for (key, node) in entries.iter().filter(|(_, node)| !is_section(node, path)) {
        let _ = writeln!(text, "{} = {}", name(&key.name), Inline(node));
    }
    for (key, node) in entries.iter().filter(|(_, node)| is_section(node, path)) {
        let own = name(&key.name);
        let path = if path.is_empty() { own } else { format!("{path}.{own}") };
        match &node.item {
            Item::Table(entries) => {
                let _ = writeln!(text, "\n[{path}]");
                section(text, &path, entries);
            }
            Item::List(nodes) => {
                for node in nodes {
                    let _ = writeln!(text, "\n[[{path}]]");
                    if let Item::Table(entries) = &node.item {
                        section(text, &path, entries);
                    }
                }
            }
            _ => {}
        }
    }
}

/// Whether a value stands under a header of its own. Deeper than two levels a header is harder to read than braces.
fn is_section(node: &Node, path: &str) -> bool {
    let depth = if path.is_empty() { 0 } else { path.split('.').count() };
    match &node.item {
        Item::Table(_) => depth == 0 || path == "variant" || path == "variant.service",
        Item::List(nodes) => {
            let tables = nodes.iter().all(|node| matches!(node.item, Item::Table(_)));
            depth == 0 && tables && !nodes.is_empty()
        }
        _ => false,
    }
}

fn name(key: &str) -> String {
    let bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if bare { key.to_owned() } else { Text(key).to_string() }
}

/// A value on one line.
struct Inline<'a>(&'a Node);

impl std::fmt::Display for Inline<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0.item {
            Item::Text(text) => Text(text).fmt(f),
            Item::Integer(number) => write!(f, "{number}"),
            Item::Float(number) if number.is_nan() => f.write_str("nan"),
            Item::Float(number) if number.is_infinite() => {
                f.write_str(if *number > 0.0 { "inf" } else { "-inf" })
            }
            Item::Float(number) => write!(f, "{number:?}"),
            Item::Flag(flag) => write!(f, "{flag}"),
            Item::List(nodes) => {
                f.write_str("[")?;
                for (index, node) in nodes.iter().enumerate() {
                    let comma = if index > 0 { ", " } else { "" };
                    write!(f, "{comma}{}", Inline(node))?;
                }
                f.write_str("]")
            }
            Item::Table(entries) => {
                f.write_str("{ ")?;
                for (index, (key, node)) in entries.iter().enumerate() {
                    let comma = if index > 0 { ", " } else { "" };
                    write!(f, "{comma}{} = {}", name(&key.name), Inline(node))?;
                }
                f.write_str(" }")
            }
        }
    }
}

/// A text in quotes.
struct Text<'a>(&'a str);

impl std::fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("\"")?;
        for character in self.0.chars() {
            match character {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                control if control.is_control() => write!(f, "\\u{:04X}", u32::from(control))?,
                plain => f.write_char(plain)?,
            }
        }
        f.write_str("\"")
    }
}
