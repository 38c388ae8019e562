use super::{Reader, nearest};

const IDENTITIES: [&str; 6] = ["user", "ip", "api_key", "global", "header:", "arg:"];

impl Reader<'_> {
    /// The `by` of a policy that keeps its callers, or what they call, apart: `user`, `ip`, `api_key`, `header:X` or
    /// `arg:x`. `None` where all share one state.
    pub fn by(&mut self) -> Option<String> {
        let text = self.text("by")?;
        let named = ["header:", "arg:"].iter().find_map(|prefix| text.strip_prefix(prefix));
        match named {
            Some(name) if !name.is_empty() && name.chars().all(|c| c.is_ascii_graphic()) => Some(text),
            Some(_) => {
                self.problem("by", format!("{text:?} names nothing; write it as \"header:X-Client-ID\""));
                None
            }
            None if text == "global" => None,
            None if IDENTITIES.contains(&text.as_str()) => Some(text),
            None => {
                let hint = nearest(&text, IDENTITIES).map(|word| format!("; did you mean {word:?}?"));
                let hint = hint.unwrap_or_default();
                self.problem(
                    "by",
                    format!(
                        "{text:?} is not known here; it can be user, ip, api_key, global, header:X or arg:x{hint}"
                    ),
                );
                None
            }
        }
    }
}
