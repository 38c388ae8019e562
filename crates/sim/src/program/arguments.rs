use steadfast_actors::settings::nearest;

/// The arguments of one command: positional ones in order, and options, each with a value.
pub(crate) struct Arguments<'a> {
    positional: Vec<&'a str>,
    options: Vec<(&'a str, &'a str)>,
    flags: Vec<&'a str>,
}

impl<'a> Arguments<'a> {
    /// Sorts what was written. `known` options take a value, as `--seed 7` or `--seed=7`; those that end in `!` take
    /// none.
    pub(crate) fn new(written: &'a [String], known: &[&'static str]) -> Result<Self, String> {
        let mut arguments = Arguments { positional: Vec::new(), options: Vec::new(), flags: Vec::new() };
        let mut rest = written.iter();
        while let Some(word) = rest.next() {
            if !word.starts_with('-') || word == "-" {
                arguments.positional.push(word);
                continue;
            }
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (word.as_str(), None),
            };
            let flag = |known: &&'static str| known.strip_suffix('!') == Some(name);
            if known.iter().any(flag) {
                match value {
                    Some(_) => return Err(format!("{name} takes no value")),
                    None => arguments.flags.push(name),
                }
                continue;
            }
            if !known.contains(&name) {
                let words = known.iter().map(|known| known.trim_end_matches('!'));
                return Err(unknown("option", name, words));
            }
            let value = value.or_else(|| rest.next().map(String::as_str));
            let value = value.ok_or_else(|| format!("{name} needs a value"))?;
            arguments.options.push((name, value));
        }
        Ok(arguments)
    }

    /// The next positional argument, called `what` where it is missing.
    pub(crate) fn positional(&mut self, what: &str) -> Result<&'a str, String> {
        if self.positional.is_empty() {
            return Err(format!("write which {what}; steadfast-sim help shows how"));
        }
        Ok(self.positional.remove(0))
    }

    /// Every value of an option that may stand several times.
    pub(crate) fn all(&self, name: &str) -> Vec<&'a str> {
        self.options.iter().filter(|(known, _)| *known == name).map(|(_, value)| *value).collect()
    }

    /// The last value of an option.
    pub(crate) fn last(&self, name: &str) -> Option<&'a str> {
        self.all(name).last().copied()
    }

    /// The last value of an option that takes a whole number.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, String> {
        let read =
            |text: &str| text.parse().map_err(|_| format!("{name} takes a whole number, not {text:.40?}"));
        self.last(name).map(read).transpose()
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.flags.contains(&name)
    }

    /// Ends the reading: nothing may be left over.
    pub(crate) fn finish(self) -> Result<(), String> {
        match self.positional.first() {
            Some(extra) => Err(format!("{extra:?} is one argument too many")),
            None => Ok(()),
        }
    }
}

/// A word that is not known, with the nearest that is.
pub(crate) fn unknown<'b>(what: &str, word: &str, known: impl IntoIterator<Item = &'b str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let hint = nearest(word, known.iter().copied()).map(|near| format!("; did you mean {near}?"));
    let listed = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    format!("there is no {what} {word:.60?}{} (known: {listed})", hint.unwrap_or_default())
}
