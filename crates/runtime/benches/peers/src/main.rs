//! What a protected call costs here and in libraries that have no actors, in one run.
//!
//! ```text
//! cargo run --release --manifest-path crates/runtime/benches/peers/Cargo.toml [-- --quick] [--json] [PART OF A ROW'S NAME]
//! ```
//!
//! Every row of ours goes through the public handle or an annotated handler, with its actor live and supervised. Ours
//! and the peer's are measured in turn, round by round, and the median of the rounds counts; once with one thread, which
//! is where the actors run too, and once with two threads on one object. Our runtimes read `Clock::fast()`, as those on
//! tokio's multi-threaded scheduler do by themselves.

mod measure;
mod rows;
mod table;

use measure::{Bench, Effort};
use rows::Grounds;
use table::Line;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let says = |flag: &str| arguments.iter().any(|argument| argument == flag);
    if let Some(unknown) = arguments
        .iter()
        .find(|argument| argument.starts_with('-') && !["--quick", "--json"].contains(&argument.as_str()))
    {
        return Err(
            format!("{unknown} is not known; what is: --quick, --json, and a part of a row's name").into()
        );
    }
    let wanted = arguments.iter().find(|argument| !argument.starts_with('-'));
    let effort = if says("--quick") { Effort::QUICK } else { Effort::FULL };
    let mut lines: Vec<Line> = Vec::new();
    let mut tell = |line: Line| {
        if !says("--json") {
            table::print(&line);
        }
        lines.push(line);
    };
    if !says("--json") {
        table::head();
    }
    for threads in [1, 2] {
        let bench = Bench::new(threads)?;
        let grounds = bench.tokio.block_on(async { Grounds::build() })?;
        let is_wanted = |what: &str| wanted.is_none_or(|wanted| what.contains(wanted.as_str()));
        for case in bench.tokio.block_on(rows::all(&grounds)) {
            if is_wanted(&case.what) && (threads == 1 || case.on_two_threads) {
                tell(case.measured(&bench, effort));
            }
        }
        rows::overload::measured(&bench, &grounds, effort, is_wanted, &mut tell);
        if threads == 1 {
            rows::scale::measured(&bench, &grounds, effort, is_wanted, &mut tell)?;
        }
        bench.tokio.block_on(grounds.end());
    }
    if says("--json") {
        println!("{}", table::json(&lines)?);
    }
    Ok(())
}
