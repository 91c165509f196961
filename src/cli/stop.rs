//! `stop`: ask the running gateway to end.

use std::time::Duration;

use clap::Args;

use super::{ConfigArgs, block_on, exit::Exit, print};
use crate::{
    server::client::{Found, find},
    store::{ConfigFile, Environment},
};

/// The flags of `stop`.
#[derive(Debug, Args)]
pub struct Stop {
    #[command(flatten)]
    config: ConfigArgs,
    /// How long to wait for running requests to finish, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    wait: u64,
}

/// How often to look whether the gateway has gone.
const LOOK: Duration = Duration::from_millis(50);

impl Stop {
    /// Asks the gateway to end and waits for it. That none runs is no failure.
    ///
    /// # Errors
    /// If it cannot be asked.
    pub fn run(self, environment: Environment) -> anyhow::Result<Exit> {
        let file = self.config.locate(environment)?;
        let status = match block_on(find(&file))? {
            Found::Running(status) => status,
            Found::Gone(record) => {
                record.remove(&file.runtime_path());
                print("No gateway runs; its record was left behind and is removed.\n")?;
                return Ok(Exit::Done);
            }
            Found::Nothing => {
                print(&format!("No gateway runs with {}.\n", file.path.display()))?;
                return Ok(Exit::Done);
            }
        };
        // The process was asked a moment ago and named its own id: it is no stranger.
        ask_to_end(status.pid)?;
        if block_on(gone(&file, &status.instance, Duration::from_secs(self.wait)))? {
            print(&format!("Stopped the gateway at {} (process {}).\n", status.url, status.pid))?;
            return Ok(Exit::Done);
        }
        print(&format!(
            "The gateway (process {}) lets {} running requests finish and then stops.\n",
            status.pid, status.requests.in_flight
        ))?;
        Ok(Exit::Failed)
    }
}

/// Whether the record of this run vanishes in time: the last thing that a gateway does.
async fn gone(file: &ConfigFile, instance: &str, wait: Duration) -> anyhow::Result<bool> {
    let looking = async {
        while crate::store::RuntimeRecord::read(&file.runtime_path())
            .is_some_and(|record| record.instance == instance)
        {
            tokio::time::sleep(LOOK).await;
        }
    };
    Ok(tokio::time::timeout(wait, looking).await.is_ok())
}

#[cfg(unix)]
fn ask_to_end(pid: u32) -> anyhow::Result<()> {
    use anyhow::Context;
    use rustix::process::{Pid, Signal, kill_process};
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).context("not a process id")?;
    kill_process(pid, Signal::TERM).context("send SIGTERM")
}

#[cfg(not(unix))]
fn ask_to_end(pid: u32) -> anyhow::Result<()> {
    anyhow::bail!("this system has no SIGTERM; end process {pid} with Ctrl+C in its window")
}
