//! The `steadfast-sim` program.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    steadfast_sim::program::main(&arguments)
}
