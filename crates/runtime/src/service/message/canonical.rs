use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// The one form that every spelling of the same JSON has: names sorted, no space, texts escaped in one way. Numbers stay
/// as they were written: reading them as floats would make one of two large ones.
///
/// `None` where it is no JSON, or is nested deeper than handlers can read.
pub(crate) fn canonical(json: &[u8]) -> Option<String> {
    // The depth is checked before anything recurses into it.
    serde_json::from_slice::<serde_json::Value>(json).ok()?;
    let text = std::str::from_utf8(json).ok()?;
    let mut written = String::with_capacity(text.len());
    write(text.trim(), &mut written)?;
    Some(written)
}

fn write(json: &str, written: &mut String) -> Option<()> {
    match json.as_bytes().first()? {
        b'{' => {
            let fields: BTreeMap<String, &RawValue> = serde_json::from_str(json).ok()?;
            written.push('{');
            for (index, (name, value)) in fields.iter().enumerate() {
                if index > 0 {
                    written.push(',');
                }
                written.push_str(&serde_json::to_string(name).ok()?);
                written.push(':');
                write(value.get(), written)?;
            }
            written.push('}');
        }
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(json).ok()?;
            written.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    written.push(',');
                }
                write(item.get(), written)?;
            }
            written.push(']');
        }
        b'"' => {
            let text: String = serde_json::from_str(json).ok()?;
            written.push_str(&serde_json::to_string(&text).ok()?);
        }
        _ => written.push_str(json),
    }
    Some(())
}
