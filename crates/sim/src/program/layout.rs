/// As many columns as every terminal has.
const COLUMNS: usize = 80;

/// Breaks the lines of a text at spaces so that each fits a terminal; what is continued is set in by `indent` spaces
/// more than its line. A word that is longer than that stays whole.
pub(crate) fn wrapped(text: &str, indent: usize) -> String {
    let mut page = String::new();
    for line in text.lines() {
        wrap(&mut page, line, indent);
        page.push('\n');
    }
    page
}

fn wrap(page: &mut String, line: &str, indent: usize) {
    let words = line.trim_start_matches(' ');
    let before = line.len() - words.len();
    page.push_str(&line[..before]);
    let (mut column, mut first) = (before, true);
    for word in words.split(' ') {
        let long = word.chars().count();
        if !first && column + 1 + long > COLUMNS {
            let indent = before + indent;
            page.truncate(page.trim_end_matches(' ').len());
            page.push('\n');
            page.extend(std::iter::repeat_n(' ', indent));
            column = indent;
        } else if !first {
            page.push(' ');
            column += 1;
        }
        page.push_str(word);
        column += long;
        first = false;
    }
}

/// A figure in at most seven characters.
pub(crate) fn number(number: f64) -> String {
    match number {
        _ if number >= 10_000_000.0 => format!("{number:.1e}"),
        _ if number >= 100.0 || number == 0.0 => format!("{number:.0}"),
        _ if number >= 10.0 => format!("{number:.1}"),
        _ if number < 1.0 => format!("{number:.3}"),
        _ => format!("{number:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_broken_at_spaces_and_set_in() {
        let text = format!("  short\n  {}last\n", "seven77 ".repeat(10));
        let page = wrapped(&text, 4);
        let lines: Vec<&str> = page.lines().collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0], "  short");
        assert!(lines[1].len() <= 80 && lines[2] == "      seven77 last", "{page}");
        assert_eq!(page.split_whitespace().count(), text.split_whitespace().count());
    }

    #[test]
    fn a_word_that_is_too_long_stays_whole() {
        let word = "x".repeat(100);
        assert_eq!(wrapped(&format!("a {word} b"), 2), format!("a\n  {word}\n  b\n"));
    }
}
