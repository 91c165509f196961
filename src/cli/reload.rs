//! `reload`: have the running gateway look at its config now.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::{ConfigArgs, block_on, exit::Exit, print};
use crate::{
    server::client::{Found, find},
    status::Status,
    store::{ConfigFile, Environment},
};

/// The flags of `reload`.
#[derive(Debug, Args)]
pub struct Reload {
    #[command(flatten)]
    config: ConfigArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// How often to look whether the gateway has looked.
const LOOK: Duration = Duration::from_millis(20);
/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(5);

impl Reload {
    /// Asks the gateway to look, and says what it made of it.
    ///
    /// # Errors
    /// If it cannot be asked.
    pub fn run(self, environment: Environment) -> anyhow::Result<Exit> {
        let file = self.config.locate(environment)?;
        let Found::Running(before) = block_on(find(&file))? else {
            let path = file.path.display();
            let text = format!("No gateway runs with {path}.\nStart one with: llm-router start\n");
            self.say("not-running", &text)?;
            return Ok(Exit::Failed);
        };
        // The process was asked a moment ago and named its own id: it is no stranger.
        ask_to_look(before.pid)?;
        let Some(after) = block_on(looked(&file, &before))? else {
            self.say("not-yet", "The gateway has not looked at its config in time.\n")?;
            return Ok(Exit::Failed);
        };
        if let Some(rejected) = &after.config.rejected {
            let mut text =
                "The gateway refuses the config, and stays with the one before:\n".to_owned();
            for problem in &rejected.problems {
                text.push_str(&format!("  {problem}\n"));
            }
            self.say("rejected", &text)?;
            return Ok(Exit::Invalid);
        }
        if after.config.reloads == before.config.reloads {
            self.say("unchanged", "The gateway uses the config as it is.\n")?;
        } else {
            self.say("taken-over", "The gateway uses the changed config from now on.\n")?;
        }
        Ok(Exit::Done)
    }

    fn say(&self, word: &str, text: &str) -> anyhow::Result<()> {
        if self.json {
            return print(&format!("{:#}\n", json!({ "gateway": word })));
        }
        print(text)
    }
}

/// The status after it has looked; `None` if it does not in time.
async fn looked(file: &ConfigFile, before: &Status) -> anyhow::Result<Option<Box<Status>>> {
    let looking = async {
        loop {
            // A key that has just been changed is not yet the running gateway's.
            if let Ok(Found::Running(now)) = find(file).await
                && now.config.looks > before.config.looks
            {
                return now;
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    Ok(tokio::time::timeout(PATIENCE, looking).await.ok())
}

#[cfg(unix)]
fn ask_to_look(pid: u32) -> anyhow::Result<()> {
    use anyhow::Context;
    use rustix::process::{Pid, Signal, kill_process};
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).context("not a process id")?;
    kill_process(pid, Signal::USR1).context("send SIGUSR1")
}

#[cfg(not(unix))]
fn ask_to_look(_: u32) -> anyhow::Result<()> {
    anyhow::bail!("this system has no SIGUSR1; the gateway looks at its config by itself")
}
