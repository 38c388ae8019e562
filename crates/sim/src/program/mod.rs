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
#[cfg(test)]
mod tests;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use crate::scenario::Document;

pub use bundled::{BUNDLED, Bundled};

use arguments::Arguments;

const HELP: &str = "\
Replays fault scenarios bit for bit.

steadfast-sim explain FILE|NAME [--set PATH=VALUE]   what a scenario says, in words
steadfast-sim list                                   the bundled scenarios
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
    let (mut out, mut errors) = (std::io::stdout().lock(), std::io::stderr().lock());
    ExitCode::from(run(arguments, &mut out, &mut errors) as u8)
}

/// Runs one command. What it says goes to `out`, what went wrong to `errors`.
pub fn run(arguments: &[String], out: &mut dyn Write, errors: &mut dyn Write) -> Exit {
    let result = match arguments.split_first() {
        Some((command, rest)) => command_of(command, rest, out),
        None => Err(format!("write what to do\n\n{HELP}")),
    };
    result.unwrap_or_else(|message| {
        // Whoever closed the other end of a pipe has read enough.
        let _ = writeln!(errors, "{}", message.trim_end());
        Exit::Wrong
    })
}

const COMMANDS: [&str; 3] = ["explain", "list", "help"];

fn command_of(command: &str, rest: &[String], out: &mut dyn Write) -> Result<Exit, String> {
    let written = match command {
        "explain" => {
            let mut arguments = Arguments::new(rest, &["--set"])?;
            let document = open(&mut arguments)?;
            arguments.finish()?;
            explain::explain(&document)?
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

/// The document that the arguments name: a file, or one of the bundled ones, with what was set in it.
fn open(arguments: &mut Arguments<'_>) -> Result<Document, String> {
    let name = arguments.positional("FILE")?;
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
    for assignment in arguments.all("--set") {
        let Some((path, value)) = assignment.split_once('=') else {
            return Err(format!("--set {assignment}: write it as in --set duration=10s"));
        };
        document.set(path.trim(), value.trim()).map_err(|error| error.to_string())?;
    }
    Ok(document)
}
