//! The one program: server, demo and commands.

use std::process::ExitCode;

/// Many threads take and give back small pieces all the time, which the system's own does slowly.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    poshta::cli::run()
}
