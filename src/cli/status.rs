//! `status`: what the running gateway does.

use clap::Args;
use serde_json::json;

use super::{ConfigArgs, block_on, exit::Exit, print};
use crate::{
    server::client::{Found, find},
    store::Environment,
};

/// The flags of `status`.
#[derive(Debug, Args)]
pub struct Show {
    #[command(flatten)]
    config: ConfigArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Show {
    /// Prints the status. Exits with 1 if no gateway runs.
    ///
    /// # Errors
    /// If something answers that is not understood.
    pub fn run(self, environment: Environment) -> anyhow::Result<Exit> {
        let file = self.config.locate(environment)?;
        match block_on(find(&file))? {
            Found::Running(status) => {
                let text = if self.json {
                    let mut document = serde_json::to_value(&*status)?;
                    document["running"] = true.into();
                    serde_json::to_string_pretty(&document)? + "\n"
                } else {
                    status.text()
                };
                print(&text)?;
                Ok(Exit::Done)
            }
            Found::Gone(_) | Found::Nothing => {
                let path = file.path.display();
                let text = if self.json {
                    format!("{:#}\n", json!({ "running": false, "config": { "path": file.path } }))
                } else {
                    format!("No gateway runs with {path}.\nStart one with: llm-router start\n")
                };
                print(&text)?;
                Ok(Exit::Failed)
            }
        }
    }
}
