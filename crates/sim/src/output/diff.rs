use std::collections::VecDeque;
use std::io::{BufRead, Lines};

/// Lines shown before the first that differs.
const CONTEXT: usize = 3;

/// Lines shown from it on.
const AFTER: usize = 3;

/// Where two event logs part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The number of the first event that differs, from 0.
    pub event: u64,
    /// The last events that both have.
    pub before: Vec<String>,
    /// What the first log says from there; nothing where it has ended.
    pub left: Vec<String>,
    /// What the second says.
    pub right: Vec<String>,
}

/// The first event in which two logs differ, if any does.
///
/// # Errors
/// Where one cannot be read.
pub fn first_difference(left: impl BufRead, right: impl BufRead) -> std::io::Result<Option<Difference>> {
    let (mut left, mut right) = (left.lines(), right.lines());
    let mut before = VecDeque::new();
    let mut event = 0;
    loop {
        let (one, other) = (left.next().transpose()?, right.next().transpose()?);
        match (one, other) {
            (None, None) => return Ok(None),
            (Some(one), Some(other)) if one == other => {
                before.push_back(one);
                if before.len() > CONTEXT {
                    before.pop_front();
                }
                event += 1;
            }
            (one, other) => {
                let (left, right) = (following(one, &mut left)?, following(other, &mut right)?);
                return Ok(Some(Difference { event, before: before.into(), left, right }));
            }
        }
    }
}

fn following(first: Option<String>, rest: &mut Lines<impl BufRead>) -> std::io::Result<Vec<String>> {
    let mut lines: Vec<String> = first.into_iter().collect();
    while !lines.is_empty() && lines.len() < AFTER {
        match rest.next().transpose()? {
            Some(line) => lines.push(line),
            None => break,
        }
    }
    Ok(lines)
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "the logs differ from event {} on", self.event)?;
        for line in &self.before {
            writeln!(f, "  {line}")?;
        }
        for (sign, lines) in [('<', &self.left), ('>', &self.right)] {
            if lines.is_empty() {
                writeln!(f, "{sign} (ends here)")?;
            }
            for line in lines {
                writeln!(f, "{sign} {line}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(left: &str, right: &str) -> Option<Difference> {
        first_difference(left.as_bytes(), right.as_bytes()).unwrap()
    }

    #[test]
    fn equal_logs_have_no_difference() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(difference("", ""), None);
    }

    #[test]
    fn the_first_event_that_differs_is_shown_with_what_came_before_and_after() {
        let found = difference("a\nb\nc\nd\ne\nf\ng\nh\n", "a\nb\nc\nd\nX\nf\n").unwrap();
        assert_eq!((found.event, found.before), (4, vec!["b".to_owned(), "c".to_owned(), "d".to_owned()]));
        assert_eq!(found.left, ["e", "f", "g"]);
        assert_eq!(found.right, ["X", "f"]);
    }

    #[test]
    fn a_log_that_ends_early_differs_where_it_ends() {
        let found = difference("a\n", "a\nb\n").unwrap();
        assert_eq!((found.event, found.left.len()), (1, 0));
        assert!(found.to_string().contains("< (ends here)\n> b\n"), "{found}");
    }
}
