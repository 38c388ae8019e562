/// The candidate that a misspelt `word` most probably means, if any is near enough to be worth naming.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A third of the letters may be wrong; beyond that a suggestion misleads more than it helps.
    let limit = (word.chars().count() / 3).max(2);
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Edits (insert, delete, replace, swap of neighbours) that lead from `a` to `b`: optimal string alignment.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().take(64).collect();
    let b: Vec<char> = b.chars().take(64).collect();
    let width = b.len() + 1;
    let mut cells = vec![0; (a.len() + 1) * width];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            cells[i * width + j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replace = cells[(i - 1) * width + j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let delete = cells[(i - 1) * width + j] + 1;
                let insert = cells[i * width + j - 1] + 1;
                let mut least = replace.min(delete).min(insert);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    least = least.min(cells[(i - 2) * width + j - 2] + 1);
                }
                least
            };
        }
    }
    cells[a.len() * width + b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_word_finds_its_neighbour_and_a_strange_one_none() {
        let keys = ["failure_threshold", "recovery_timeout", "window"];
        assert_eq!(nearest("failure_treshold", keys), Some("failure_threshold"));
        assert_eq!(nearest("widnow", keys), Some("window"));
        assert_eq!(nearest("colour", keys), None);
    }
}
