//! The command line for people and scripts: the result on stdout, everything else on stderr.

pub mod banner;
pub mod client;
pub mod exit;
pub mod explain;
pub mod start;
pub mod status;
pub mod stop;

use std::{io::Write, path::PathBuf};

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::store::{ConfigFile, Environment};
use exit::Exit;

/// One endpoint in front of many LLM providers
#[derive(Debug, Parser)]
#[command(name = "llm-router", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage or invalid config.")]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the gateway in the foreground
    ///
    /// Without a config file, or with one that names no provider, the built-in demo provider
    /// answers: a way to see every format work without a key. Changes of the config file are taken
    /// over while requests run.
    Start(start::Start),
    /// Show what the running gateway does
    Status(status::Show),
    /// Say why a request went, or would go, to which target
    ///
    /// With a model: what would happen to a request for it now, without sending anything. With
    /// `--id`: what happened to a request of the running gateway, which remembers the last 256.
    Explain(explain::Explain),
    /// Stop the running gateway
    ///
    /// It stops accepting, lets running requests finish, and exits.
    Stop(stop::Stop),
}

/// Which config file is meant.
#[derive(Debug, Clone, Args)]
pub struct ConfigArgs {
    /// The config file [default: `$LLM_ROUTER_CONFIG` or `~/.llm-router.json`]
    #[arg(long, value_name = "PATH")]
    config: Option<PathBuf>,
}

impl ConfigArgs {
    /// Whether a file was named rather than left to the default.
    #[must_use]
    pub fn is_named(&self) -> bool {
        self.config.is_some()
    }

    /// The config file, which need not exist.
    ///
    /// # Errors
    /// If there is no home directory to look in.
    pub fn locate(&self, environment: Environment) -> anyhow::Result<ConfigFile> {
        ConfigFile::locate(self.config.clone(), environment)
    }
}

impl Cli {
    /// Runs the command.
    ///
    /// # Errors
    /// What kept it from being done, to be shown once.
    pub fn run(self, environment: Environment) -> anyhow::Result<Exit> {
        match self.command {
            Some(Command::Start(start)) => start.run(environment),
            Some(Command::Status(show)) => show.run(environment),
            Some(Command::Explain(explain)) => explain.run(environment),
            Some(Command::Stop(stop)) => stop.run(environment),
            None => {
                print(&Self::command().render_long_help().to_string())?;
                Ok(Exit::Done)
            }
        }
    }
}

/// Says on stderr what is wrong.
///
/// # Errors
/// If stderr cannot be written to.
pub fn complain(message: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stderr().lock(), "llm-router: {message}")?)
}

/// Writes a result to stdout. A reader that has gone away is no failure.
///
/// # Errors
/// If stdout cannot be written to for another reason.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}
