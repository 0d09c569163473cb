//! The one program: server, demo and commands.

use std::process::ExitCode;

fn main() -> ExitCode {
    poshta::cli::run()
}
