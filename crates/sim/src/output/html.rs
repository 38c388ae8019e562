use serde::Serialize;

use super::events::Details;

const PAGE: &str = include_str!("page.html");

/// What the page says beside the run's own figures.
#[derive(Debug, Serialize)]
pub(crate) struct Page<'a> {
    pub(crate) about: &'a str,
    /// The line that replays the run.
    pub(crate) replay: &'a str,
    /// The names of the services, in the order of the series' queues.
    pub(crate) services: Vec<&'a str>,
    pub(crate) details: &'a [Details],
}

/// One self-contained page: style, script and data are in it, and it loads nothing.
///
/// # Errors
/// Where the data cannot be written as JSON.
pub(crate) fn html(title: &str, run: &impl Serialize, page: &Page<'_>) -> serde_json::Result<String> {
    let title: String = title.chars().filter(|c| c.is_ascii_alphanumeric() || "-_ ".contains(*c)).collect();
    let mut text = PAGE.to_owned();
    // Data goes in last, so that nothing in it can be taken for a place to fill.
    for (place, content) in [
        ("{{title}}", title),
        ("{{style}}", include_str!("page.css").to_owned()),
        ("{{script}}", include_str!("page.js").to_owned()),
        ("{{page}}", embedded(page)?),
        ("{{run}}", embedded(run)?),
    ] {
        text = text.replacen(place, &content, 1);
    }
    Ok(text)
}

/// JSON that cannot end the script element it stands in.
fn embedded(data: &impl Serialize) -> serde_json::Result<String> {
    Ok(serde_json::to_string(data)?.replace('<', "\\u003c"))
}
