use super::mistake::Notes;
use super::reader::{Table, clip, text};
use super::tree::Node;

/// A name that may stand in targets, metrics and paths, so without the characters that separate their parts.
pub(crate) fn read_name(table: &mut Table<'_>, notes: &mut Notes<'_>) -> Option<String> {
    let node = table.need("name", "\"db\"", notes)?;
    name_of(node, notes)
}

pub(crate) fn name_of(node: &Node, notes: &mut Notes<'_>) -> Option<String> {
    let name = text(node, notes)?;
    if is_name(name) {
        return Some(name.to_owned());
    }
    notes.add(&node.span, format!("{:?} is no name: 1 to 64 letters, digits, - or _", clip(name)));
    None
}

pub(crate) fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}
