//! `mcp`: the server for coding agents.

use std::io::IsTerminal;

use clap::Args;

use super::{ConfigArgs, complain, exit::Exit};
use crate::{
    mcp::{self, Options},
    store::Environment,
};

/// The flags of `mcp`.
#[derive(Debug, Args)]
pub struct Mcp {
    #[command(flatten)]
    config: ConfigArgs,
    /// Offer only the tools that change nothing
    #[arg(long)]
    read_only: bool,
}

impl Mcp {
    /// Serves until the client leaves.
    ///
    /// # Errors
    /// If the config file cannot be located or signals cannot be heard.
    pub fn run(self, environment: Environment) -> anyhow::Result<Exit> {
        mcp::log::start(&environment);
        if std::io::stdin().is_terminal() {
            complain(
                "llm-router: this is for coding agents, which speak JSON on stdin and stdout.\n  \
                 Register it, for example: claude mcp add llm-router -- llm-router mcp\n  \
                 End it with Ctrl-C.\n",
            );
        }
        let file = self.config.locate(environment)?;
        mcp::run(Options { file, read_only: self.read_only })?;
        Ok(Exit::Done)
    }
}
