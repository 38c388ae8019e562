use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::{Settings, Value, nearest, parse_duration, parse_size};

/// One mistake in a set of settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The setting at fault; a setting inside a table is written with a dot, as in `budget.ratio`. Empty where the
    /// mistake belongs to no single setting.
    pub key: String,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "`{}`: {}", self.key, self.message)
        }
    }
}

/// Reads settings one by one and keeps every mistake, so that a person mends all of them in one go.
///
/// A getter returns `None` both where nothing was written and where what was written is wrong: the caller goes on
/// with its default, and [`finish`](Reader::finish) reports the mistake.
pub struct Reader<'a> {
    settings: &'a Settings,
    prefix: String,
    known: Vec<&'static str>,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    /// A reader that has seen nothing yet.
    #[must_use]
    pub fn new(settings: &'a Settings) -> Self {
        Self { settings, prefix: String::new(), known: Vec::new(), problems: Vec::new() }
    }

    /// Whether `key` was written at all (rightly or not). Does not make the key known.
    #[must_use]
    pub fn is_written(&self, key: &str) -> bool {
        self.settings.get(key).is_some()
    }

    /// The raw value of a key that has more than one form.
    pub fn value(&mut self, key: &'static str) -> Option<&'a Value> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.settings.get(key)
    }

    /// Notes a mistake at `key`.
    pub fn problem(&mut self, key: &str, message: impl Into<String>) {
        let key = if self.prefix.is_empty() { key.to_owned() } else { format!("{}.{key}", self.prefix) };
        self.problems.push(Problem { key, message: message.into() });
    }

    fn mismatch(&mut self, key: &str, value: &Value, wanted: &str) {
        self.problem(key, format!("expected {wanted}, found {} {value}", value.type_name()));
    }

    /// A text.
    pub fn text(&mut self, key: &'static str) -> Option<String> {
        match self.value(key)? {
            Value::Text(text) => Some(text.clone()),
            other => {
                self.mismatch(key, other, "a text");
                None
            }
        }
    }

    /// A name of a policy: 1 to 128 visible characters.
    pub fn name(&mut self, key: &'static str) -> Option<String> {
        let text = self.text(key)?;
        if text.is_empty()
            || text.chars().count() > 128
            || text.chars().any(|c| c.is_control() || c.is_whitespace())
        {
            self.problem(
                key,
                format!("a name has 1 to 128 characters, none of them a space; {text:?} is none"),
            );
            return None;
        }
        Some(text)
    }

    /// A whole number inside `range`.
    pub fn integer(&mut self, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        match self.value(key)? {
            Value::Integer(number) => match u64::try_from(*number) {
                Ok(number) if range.contains(&number) => Some(number),
                _ => {
                    let (low, high) = (range.start(), range.end());
                    self.problem(key, format!("{number} is out of range; it can be {low} to {high}"));
                    None
                }
            },
            other => {
                self.mismatch(key, other, "a whole number");
                None
            }
        }
    }

    /// A whole number inside `range` that fits 32 bits.
    pub fn integer32(&mut self, key: &'static str, range: RangeInclusive<u32>) -> Option<u32> {
        let wide = u64::from(*range.start())..=u64::from(*range.end());
        self.integer(key, wide).and_then(|number| u32::try_from(number).ok())
    }

    /// A finite number inside `range`; a whole number is read as one.
    pub fn number(&mut self, key: &'static str, range: RangeInclusive<f64>) -> Option<f64> {
        let number = match self.value(key)? {
            Value::Float(number) => *number,
            #[expect(clippy::cast_precision_loss, reason = "settings are far below 2^52")]
            Value::Integer(number) => *number as f64,
            other => {
                self.mismatch(key, other, "a number");
                return None;
            }
        };
        if range.contains(&number) {
            return Some(number);
        }
        let (low, high) = (range.start(), range.end());
        self.problem(key, format!("{number} is out of range; it can be {low} to {high}"));
        None
    }

    /// A share above 0 and up to 1.
    pub fn share(&mut self, key: &'static str) -> Option<f64> {
        let share = self.number(key, 0.0..=1.0)?;
        if share > 0.0 {
            return Some(share);
        }
        self.problem(key, "0 would act on every call; a share is above 0 and up to 1, as in 0.5");
        None
    }

    /// `true` or `false`.
    pub fn flag(&mut self, key: &'static str) -> Option<bool> {
        match self.value(key)? {
            Value::Flag(flag) => Some(*flag),
            other => {
                self.mismatch(key, other, "true or false");
                None
            }
        }
    }

    /// A duration longer than zero.
    pub fn duration(&mut self, key: &'static str) -> Option<Duration> {
        let duration = self.duration_or_zero(key)?;
        if duration.is_zero() {
            self.problem(
                key,
                "zero is refused: it would mean \"at once\" to one reader and \"never\" to another",
            );
            return None;
        }
        Some(duration)
    }

    /// A duration, zero included.
    pub fn duration_or_zero(&mut self, key: &'static str) -> Option<Duration> {
        match self.value(key)? {
            Value::Text(text) => match parse_duration(text) {
                Ok(duration) => Some(duration),
                Err(message) => {
                    self.problem(key, message);
                    None
                }
            },
            other => {
                self.mismatch(key, other, "a duration such as \"30s\"");
                None
            }
        }
    }

    /// A size in bytes inside `range`.
    pub fn size(&mut self, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        let value = self.value(key)?;
        let Value::Text(text) = value else {
            self.mismatch(key, value, "a size such as \"64KiB\"");
            return None;
        };
        match parse_size(text) {
            Ok(size) if range.contains(&size) => Some(size),
            Ok(_) => {
                let (low, high) = (range.start(), range.end());
                self.problem(key, format!("{text:?} is out of range; it can be {low} to {high} bytes"));
                None
            }
            Err(message) => {
                self.problem(key, message);
                None
            }
        }
    }

    /// One of a few words.
    pub fn choice<T: Clone>(&mut self, key: &'static str, choices: &[(&'static str, T)]) -> Option<T> {
        let value = self.value(key)?;
        self.choose(key, value, choices)
    }

    /// A list of words, each one of `choices`. A single word stands for a list of one.
    pub fn choices<T: Clone>(&mut self, key: &'static str, choices: &[(&'static str, T)]) -> Option<Vec<T>> {
        match self.value(key)? {
            Value::List(values) => {
                Some(values.iter().filter_map(|value| self.choose(key, value, choices)).collect())
            }
            single => self.choose(key, single, choices).map(|choice| vec![choice]),
        }
    }

    fn choose<T: Clone>(
        &mut self,
        key: &'static str,
        value: &Value,
        choices: &[(&'static str, T)],
    ) -> Option<T> {
        let Value::Text(text) = value else {
            self.mismatch(key, value, "a text");
            return None;
        };
        if let Some((_, choice)) = choices.iter().find(|(word, _)| word == text) {
            return Some(choice.clone());
        }
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let hint = nearest(text, words.iter().copied()).map(|word| format!("; did you mean {word:?}?"));
        let hint = hint.unwrap_or_default();
        self.problem(key, format!("{text:?} is not known here; it can be {}{hint}", words.join(", ")));
        None
    }

    /// A nested table, read by `read` with its problems under `key.`.
    pub fn table<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Reader<'a>) -> T) -> Option<T> {
        let value = self.value(key)?;
        let Value::Table(settings) = value else {
            self.mismatch(key, value, "a table such as { a = 1 }");
            return None;
        };
        let prefix = if self.prefix.is_empty() { key.to_owned() } else { format!("{}.{key}", self.prefix) };
        let mut inner = Reader { settings, prefix, known: Vec::new(), problems: Vec::new() };
        let result = read(&mut inner);
        inner.note_unknown();
        self.problems.append(&mut inner.problems);
        Some(result)
    }

    fn note_unknown(&mut self) {
        let settings = self.settings;
        for (key, _) in settings.iter() {
            if self.known.contains(&key) {
                continue;
            }
            let hint =
                nearest(key, self.known.iter().copied()).map(|known| format!("; did you mean `{known}`?"));
            let hint = hint.unwrap_or_default();
            let known = if self.known.is_empty() { "none".to_owned() } else { self.known.join(", ") };
            self.problem(key, format!("unknown setting{hint} (known: {known})"));
        }
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// Every mistake that was noted, and every key that no getter asked for.
    pub fn finish(mut self) -> Result<(), Vec<Problem>> {
        self.note_unknown();
        if self.problems.is_empty() { Ok(()) } else { Err(self.problems) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_mistakes_come_at_once_with_the_nearest_name() {
        let settings = Settings::new()
            .with("atempts", 3)
            .with("jitter", "yes")
            .with("base_delay", "0s")
            .with("strategy", "exponental")
            .with("budget", Settings::new().with("ratio", 2.0));
        let mut reader = Reader::new(&settings);
        assert_eq!(reader.integer("attempts", 1..=100), None);
        assert_eq!(reader.flag("jitter"), None);
        assert_eq!(reader.duration("base_delay"), None);
        assert_eq!(reader.choice("strategy", &[("exponential", ()), ("fixed", ())]), None);
        reader.table("budget", |budget| budget.share("ratio"));
        let problems = reader.finish().unwrap_err();
        let keys: Vec<&str> = problems.iter().map(|problem| problem.key.as_str()).collect();
        assert_eq!(keys, ["jitter", "base_delay", "strategy", "budget.ratio", "atempts"]);
        assert!(problems[2].message.contains("did you mean \"exponential\"?"));
        assert!(problems[4].message.contains("did you mean `attempts`?"));
    }

    #[test]
    fn not_a_number_is_in_no_range() {
        let settings = Settings::new().with("rate", f64::NAN).with("share", f64::INFINITY);
        let mut reader = Reader::new(&settings);
        assert_eq!(reader.share("rate"), None);
        assert_eq!(reader.share("share"), None);
        assert_eq!(reader.finish().unwrap_err().len(), 2);
    }
}
