use std::fmt;
use std::ops::Range;

/// Beyond this many mistakes a file is no scenario, and the rest of them helps nobody.
const MOST_MISTAKES: usize = 50;

/// One mistake and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The line, from 1; 0 where the mistake stands in no file (`--set`).
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The offending text.
    pub text: String,
    /// What is wrong with it, and what was probably meant.
    pub message: String,
}

/// All mistakes of one scenario, found before anything runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioError {
    file: String,
    mistakes: Vec<Mistake>,
}

impl ScenarioError {
    /// A mistake that concerns the whole file.
    pub(crate) fn whole(file: &str, message: impl Into<String>) -> Self {
        let mistake = Mistake { line: 1, column: 1, text: String::new(), message: message.into() };
        ScenarioError { file: file.to_owned(), mistakes: vec![mistake] }
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Its mistakes in the order of the file.
    #[must_use]
    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Mistake { line, column, text, message }) in self.mistakes.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            match line {
                0 => write!(f, "{}: {message}", self.file)?,
                _ => write!(f, "{}:{line}:{column}: {message}", self.file)?,
            }
            if !text.is_empty() {
                write!(f, "\n    {text}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for ScenarioError {}

/// Collects mistakes while a file is read.
#[derive(Debug)]
pub(crate) struct Notes<'a> {
    source: &'a str,
    /// Where the file ends; behind it stand the `--set` arguments, one a line.
    end: usize,
    found: Vec<(Range<usize>, String)>,
}

impl<'a> Notes<'a> {
    pub(crate) fn new(source: &'a str) -> Self {
        Notes { source, end: source.len(), found: Vec::new() }
    }

    /// The same with arguments behind the file's `end`.
    pub(crate) fn with_arguments(source: &'a str, end: usize) -> Self {
        Notes { source, end, found: Vec::new() }
    }

    pub(crate) fn add(&mut self, span: &Range<usize>, message: impl Into<String>) {
        let found = (span.clone(), message.into());
        // A variant repeats the mistakes of what it extends.
        if !self.is_full() && !self.found.contains(&found) {
            self.found.push(found);
        }
    }

    /// What was read; where it could not be, why is noted.
    pub(crate) fn keep<T>(&mut self, span: &Range<usize>, read: Result<T, String>) -> Option<T> {
        read.map_err(|message| self.add(span, message)).ok()
    }

    /// Whether nothing more is kept.
    pub(crate) fn is_full(&self) -> bool {
        self.found.len() >= MOST_MISTAKES
    }

    /// Ends the reading of `file`; `value` counts only where nothing was noted.
    pub(crate) fn finish<T>(mut self, file: &str, value: Option<T>) -> Result<T, ScenarioError> {
        if self.found.is_empty()
            && let Some(value) = value
        {
            return Ok(value);
        }
        if self.found.is_empty() {
            self.found.push((0..0, "it is no scenario".to_owned()));
        }
        self.found.sort_by_key(|(span, _)| span.start);
        let mistakes =
            self.found.iter().map(|(span, message)| place(self.source, self.end, span, message)).collect();
        Err(ScenarioError { file: file.to_owned(), mistakes })
    }
}

/// Turns a span into line, column and the line's own text, clipped around the place.
fn place(source: &str, end: usize, span: &Range<usize>, message: &str) -> Mistake {
    let mut start = span.start.min(source.len());
    while !source.is_char_boundary(start) {
        start -= 1;
    }
    let before = &source[..start];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let in_file = start <= end;
    let line = if in_file { before.bytes().filter(|byte| *byte == b'\n').count() + 1 } else { 0 };
    let column = source[line_start..start].chars().count() + 1;
    let whole = source[line_start..].lines().next().unwrap_or_default();
    // A line may be a megabyte long: what stands around the mistake is enough.
    let skipped = column.saturating_sub(60);
    let text: String = whole.chars().skip(skipped).take(120).collect();
    Mistake { line, column, text: text.trim().to_owned(), message: message.to_owned() }
}
