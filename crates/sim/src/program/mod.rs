//! The program: thin commands over the library.
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | all held |
//! | 1 | an expectation or an invariant failed |
//! | 2 | a file or an argument is wrong |
//! | 3 | two runs of the same scenario and seed differed |
//! | 4 | a limit was reached |

mod arguments;
mod bundled;
mod explain;
mod layout;
mod replay;
mod run;
mod swarm;
mod table;
#[cfg(test)]
mod tests;

use std::io::{IsTerminal as _, Write};
use std::path::Path;
use std::process::ExitCode;

use crate::scenario::Document;

pub use bundled::{BUNDLED, Bundled};

use arguments::Arguments;

const HELP: &str = "\
Replays fault scenarios bit for bit.

steadfast-sim run FILE [--seed N] [--variant V] [--set PATH=VALUE] [--out DIR]
                  [--json]
steadfast-sim swarm FILE --seeds A..B [--jobs J] [--for D] [--set PATH=VALUE]
                    [--variant V] [--out DIR] [--json]
steadfast-sim replay DIR         runs what --out has written again and compares
steadfast-sim shrink DIR -o FILE the smallest scenario that still fails
steadfast-sim diff DIR DIR       the first event that differs
steadfast-sim explain FILE       what a scenario says, in words
steadfast-sim list               the bundled scenarios

FILE is a path, or the name of a bundled scenario:
    steadfast-sim run retry-metastable --out outage/

Exit: 0 all held, 1 an expectation or invariant failed, 2 wrong file or
argument, 3 not deterministic, 4 a limit was reached.
";

/// How a command ended, as the program's exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All held.
    Held = 0,
    /// An expectation or an invariant failed.
    Failed = 1,
    /// A file or an argument is wrong.
    Wrong = 2,
    /// Two runs of the same scenario and seed differed.
    NotDeterministic = 3,
    /// A limit was reached.
    Limit = 4,
}

/// Runs the program with its arguments, without its own name.
#[must_use]
pub fn main(arguments: &[String]) -> ExitCode {
    // Actors that crash because a scenario says so are part of the run, and told in its log.
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic.payload().downcast_ref::<&str>() != Some(&"crashed on purpose") {
            usual(panic);
        }
    }));
    let (mut out, mut errors) = (std::io::stdout().lock(), std::io::stderr().lock());
    ExitCode::from(run(arguments, &mut out, &mut errors) as u8)
}

/// Runs one command. What it says goes to `out`, what went wrong to `errors`.
pub fn run(arguments: &[String], out: &mut dyn Write, errors: &mut dyn Write) -> Exit {
    let result = match arguments.split_first() {
        Some((command, rest)) => command_of(command, rest, out, errors),
        None => Err(format!("write what to do\n\n{HELP}")),
    };
    result.unwrap_or_else(|message| {
        let mut message = message.trim_end().to_owned() + "\n";
        // People read lines that fit; programs search for ones that are whole.
        if std::io::stderr().is_terminal() {
            message = layout::wrapped(&message, 4);
        }
        // Whoever closed the other end of a pipe has read enough.
        let _ = errors.write_all(message.as_bytes());
        Exit::Wrong
    })
}

const COMMANDS: [&str; 8] = ["run", "swarm", "replay", "shrink", "diff", "explain", "list", "help"];

fn command_of(
    command: &str,
    rest: &[String],
    out: &mut dyn Write,
    errors: &mut dyn Write,
) -> Result<Exit, String> {
    let written = match command {
        "run" => return run::run(rest, out),
        "swarm" => return swarm::swarm(rest, out, errors),
        "replay" => return replay::replay(rest, out),
        "shrink" => return replay::shrink(rest, out),
        "diff" => return replay::diff(rest, out),
        "explain" => {
            let mut arguments = Arguments::new(rest, &["--set"])?;
            let document = open(arguments.positional("FILE")?, &arguments.all("--set"))?;
            arguments.finish()?;
            layout::wrapped(&explain::explain(&document)?, 4)
        }
        "list" => {
            Arguments::new(rest, &[])?.finish()?;
            bundled::list()
        }
        "help" | "--help" | "-h" => HELP.to_owned(),
        other => return Err(arguments::unknown("command", other, COMMANDS)),
    };
    let _ = out.write_all(written.as_bytes());
    Ok(Exit::Held)
}

/// The document of a name: a file, or one of the bundled ones, with what was set in it.
fn open(name: &str, sets: &[&str]) -> Result<Document, String> {
    let mut document = if let Some(bundled) = BUNDLED.iter().find(|bundled| bundled.name == name) {
        Document::parse(&format!("{name}.toml"), bundled.text.as_bytes())
    } else if !Path::new(name).exists() && !name.contains(['.', '/']) {
        return Err(arguments::unknown(
            "file or bundled scenario",
            name,
            BUNDLED.iter().map(|bundled| bundled.name),
        ));
    } else {
        Document::read(Path::new(name))
    }
    .map_err(|error| error.to_string())?;
    for assignment in sets {
        let Some((path, value)) = assignment.split_once('=') else {
            return Err(format!("--set {assignment}: write it as in --set duration=10s"));
        };
        document.set(path.trim(), value.trim()).map_err(|error| error.to_string())?;
    }
    Ok(document)
}
