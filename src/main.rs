//! The binary: reads the command line and the environment, runs one mode, and turns what went wrong
//! into one line and an exit code.

use std::{io::Write, process::ExitCode};

use llm_router::{
    cli::{self, exit::Exit},
    store::Environment,
};

/// Bodies of a megabyte cost half as much as with the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let environment: Environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    match cli::run(std::env::args_os().collect(), environment) {
        Ok(exit) => exit.into(),
        Err(error) => {
            // With stderr closed there is nobody to tell.
            drop(writeln!(std::io::stderr(), "llm-router: {error:#}"));
            Exit::Failed.into()
        }
    }
}
