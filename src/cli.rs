//! The command line for people and scripts: the result on stdout, everything else on stderr.

pub mod ai_help;
pub mod banner;
pub mod entry;
pub mod exit;
pub mod generate;
pub mod legacy;
pub mod mcp;
pub mod reload;
pub mod secret;
pub mod start;
pub mod startup;
pub mod stop;

use std::{ffi::OsString, io::Write, path::PathBuf};

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::{
    commands,
    store::{ConfigFile, Environment},
};
use exit::Exit;

/// One endpoint in front of many LLM providers
#[derive(Debug, Parser)]
#[command(name = "llm-router", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage or invalid config.\n\
    Agents: run `llm-router ai-help` first.")]
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
    /// Brief an agent: what this is, what is set up here, what to do next
    ///
    /// The next steps are computed from the config and the running gateway on this machine. Nothing
    /// is changed, nobody else is asked, and it costs nothing. `--json` is the whole as one document,
    /// with every command and its JSON Schemas.
    AiHelp(ai_help::AiHelp),
    /// Stop the running gateway
    ///
    /// It stops accepting, lets running requests finish, and exits.
    Stop(stop::Stop),
    /// Serve coding agents over MCP, on stdin and stdout
    ///
    /// Agents start it themselves once it is registered with them. For Claude Code:
    /// `claude mcp add llm-router -- llm-router mcp`
    Mcp(mcp::Mcp),
    /// Have the running gateway look at its config now
    ///
    /// It does so by itself, unless it was started with `--watch-config false` or stands on a file
    /// system that tells nothing. Running requests are not disturbed.
    Reload(reload::Reload),
    /// Run the gateway at every login: install, uninstall, status
    ///
    /// As a systemd user unit or a launch agent of macOS. `--dry-run` shows what would be written.
    Startup(startup::Startup),
    /// Print completions for a shell
    ///
    /// For bash: `llm-router completions bash > ~/.local/share/bash-completion/completions/llm-router`
    Completions(generate::Completions),
    /// Print the man page
    ///
    /// To read it: `llm-router man | man -l -`
    Man(generate::Man),
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
    fn run(self, environment: Environment) -> anyhow::Result<Exit> {
        match self.command {
            Some(Command::Start(start)) => start.run(environment),
            Some(Command::AiHelp(help)) => help.run(environment),
            Some(Command::Stop(stop)) => stop.run(environment),
            Some(Command::Mcp(mcp)) => mcp.run(environment),
            Some(Command::Reload(reload)) => reload.run(environment),
            Some(Command::Startup(startup)) => startup.run(environment),
            Some(Command::Completions(completions)) => completions.run(),
            Some(Command::Man(man)) => man.run(),
            None => {
                print(&command().render_long_help().to_string())?;
                Ok(Exit::Done)
            }
        }
    }
}

/// The whole command line: the modes, and every command of the catalog.
#[must_use]
pub fn command() -> clap::Command {
    commands::CATALOG
        .iter()
        .fold(Cli::command(), |command, known| command.subcommand(entry::clap(known)))
}

/// Runs what `arguments` ask for; the first is the name of the program.
///
/// # Errors
/// What kept it from being done, to be shown once.
pub fn run(arguments: Vec<OsString>, environment: Environment) -> anyhow::Result<Exit> {
    let arguments = match legacy::translate(arguments) {
        Ok(arguments) => arguments,
        Err(message) => {
            complain(&format!("llm-router: {message}\n"));
            return Ok(Exit::Invalid);
        }
    };
    let matches = match command().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) => {
            // With nobody to tell, the exit code tells.
            drop(error.print());
            return Ok(if error.use_stderr() { Exit::Invalid } else { Exit::Done });
        }
    };
    if let Some((name, matches)) = matches.subcommand()
        && let Some(known) = commands::find(name)
    {
        return entry::run(known, matches, environment);
    }
    Cli::from_arg_matches(&matches)?.run(environment)
}

/// Writes to stderr. With stderr closed there is nobody to tell.
pub fn complain(text: &str) {
    drop(std::io::stderr().lock().write_all(text.as_bytes()));
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

/// Runs a future on a runtime of its own.
///
/// # Errors
/// If there can be no runtime, or the future fails.
pub fn block_on<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(future)
}
