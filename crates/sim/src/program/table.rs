use std::fmt::Write as _;

use super::layout::{number, wrapped};
use crate::engine::{Report, VariantReport, Verdict};

/// Transitions shown of one variant; a breaker that flaps fills no screen.
const MOST_TRANSITIONS: usize = 20;

/// What a terminal shows of a run, in at most 80 columns: transitions, variants side by side, what did not hold.
pub(crate) fn table(report: &Report) -> String {
    let mut page = String::new();
    for variant in &report.variants {
        transitions(&mut page, variant);
    }
    let cells: Vec<[String; 9]> = report.variants.iter().map(row).collect();
    let head = ["variant", "offered", "good/s", "tries", "success", "p50 ms", "p99 ms", "recov s", "changes"];
    let head = head.map(str::to_owned);
    // The name gets what the figures leave of 80 columns.
    let name = cells.iter().map(|row| row[0].chars().count()).max().unwrap_or(0).clamp(7, 16);
    for row in std::iter::once(&head).chain(&cells) {
        let _ = write!(page, "{:name$.name$}", row[0]);
        for cell in &row[1..] {
            let _ = write!(page, "{cell:>8}");
        }
        page.truncate(page.trim_end().len());
        page.push('\n');
    }
    let failed = report.expect.iter().filter(|expected| !expected.ok);
    for expected in failed {
        let value = expected.value.map_or_else(|| "never".to_owned(), number);
        let (variant, metric, bound) = (&expected.variant, &expected.metric, &expected.bound);
        let line = format!("FAILED  {variant}: {metric} is {value}, must be {bound}");
        page.push_str(&wrapped(&line, 8));
    }
    for invariant in report.invariants.iter().filter(|invariant| !invariant.ok) {
        page.push_str(&wrapped(&format!("BROKEN  {}: {}", invariant.name, invariant.detail), 8));
    }
    let held = report.expect.iter().filter(|expected| expected.ok).count();
    let verdict = if report.verdict == Verdict::Pass { "pass" } else { "FAIL" };
    let _ = writeln!(
        page,
        "{verdict}: {held} of {} expectations held, {} events, {:.1} s, digest {:.16}",
        report.expect.len(),
        report.events,
        seconds(report.wall_ms),
        report.digest,
    );
    page
}

fn transitions(page: &mut String, variant: &VariantReport) {
    for seen in variant.timeline.iter().take(MOST_TRANSITIONS) {
        let at = seconds(seen.t_ns / 1_000_000);
        let (name, from, to) = (&seen.name, &seen.from, &seen.to);
        let line = format!("{at:>9.3} s  {:.16}  {}/{name:.20}  {from} -> {to}", variant.name, seen.kind);
        let _ = writeln!(page, "{line:.80}");
    }
    let more = variant.timeline.len().saturating_sub(MOST_TRANSITIONS);
    if more > 0 {
        let _ = writeln!(page, "             {}: {more} more", variant.name);
    }
}

fn row(variant: &VariantReport) -> [String; 9] {
    let latency = &variant.latency_ms;
    [
        variant.name.clone(),
        count(variant.offered),
        number(variant.goodput_per_s),
        count(variant.attempts),
        format!("{:.1}%", variant.success_ratio * 100.0),
        number(latency.p50),
        number(latency.p99),
        variant.recovery_s.map_or_else(|| "-".to_owned(), number),
        count(variant.transitions.values().sum()),
    ]
}

fn count(count: u64) -> String {
    match count {
        0..1_000_000 => count.to_string(),
        _ => format!("{}k", count / 1_000),
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown to people")]
fn seconds(millis: u64) -> f64 {
    millis as f64 / 1e3
}
