//! `ai-help`: the brief for an agent, as text or as one document.

use clap::Args;

use super::{ConfigArgs, block_on, complain, exit::Exit, print};
use crate::{
    commands::{self, CATALOG, guide},
    names::did_you_mean,
    server::{clock::Clock, fetch},
    store::{
        Environment,
        session::{Purpose, Session},
    },
};

/// The flags of `ai-help`.
#[derive(Debug, Args)]
pub struct AiHelp {
    /// Tell all about this command only
    command: Option<String>,
    #[command(flatten)]
    config: ConfigArgs,
    /// Print JSON, as `schemas/ai-help.json` says
    #[arg(long)]
    json: bool,
}

impl AiHelp {
    /// Prints the brief. That the config is broken is a part of it.
    ///
    /// # Errors
    /// If the config cannot be read at all.
    pub fn run(self, environment: Environment) -> anyhow::Result<Exit> {
        if let Some(name) = &self.command {
            return self.one(name);
        }
        let file = self.config.locate(environment)?;
        let now = Clock::default().now();
        let opened = Session::open(&file, "cli", now, Purpose::Look);
        let mut session = opened.map_err(|error| anyhow::anyhow!("{error}"))?;
        // It asks the gateway on this machine, and nobody else.
        session.workspace.fetch = Some(fetch::silent());
        let guide = block_on(async { Ok(guide::guide(&session.workspace).await) })?;
        let guide = guide.map_err(|error| anyhow::anyhow!("{error}"))?;
        let text =
            if self.json { format!("{:#}\n", serde_json::to_value(&guide)?) } else { guide.text() };
        print(&text)?;
        Ok(Exit::Done)
    }

    fn one(&self, name: &str) -> anyhow::Result<Exit> {
        let Some(entry) = commands::find(name) else {
            let near = did_you_mean(name, CATALOG.iter().map(|entry| entry.name));
            complain(&format!("llm-router: there is no command `{name}`{near}\n"));
            return Ok(Exit::Invalid);
        };
        let help = guide::help_of(entry);
        let text =
            if self.json { format!("{:#}\n", serde_json::to_value(&help)?) } else { help.text() };
        print(&text)?;
        Ok(Exit::Done)
    }
}
