//! Finding and asking the gateway that runs with a config.

use super::{clock::Clock, fetch};
use crate::{
    commands::{Entry, changed, error::CommandError, running, workspace::Fetch},
    config::secret::Secret,
    status::Status,
    store::{
        ConfigFile, RuntimeRecord,
        session::{Call, Done, perform},
    },
};

/// What is known of the gateway of a config.
pub enum Found {
    /// It answers.
    Running(Box<Status>),
    /// It left a record, but nobody answers for it.
    Gone(RuntimeRecord),
    /// There is no record of it.
    Nothing,
}

/// Looks for the gateway that was started with `file`.
///
/// # Errors
/// If something answers that is not understood.
pub async fn find(file: &ConfigFile) -> anyhow::Result<Found> {
    let Some(record) = RuntimeRecord::read(&file.runtime_path()) else { return Ok(Found::Nothing) };
    // The key may have been changed since; then the answer is a 401, which says so.
    let key = file.load()?.config.master_key.and_then(|source| file.secret(&source).ok());
    let at = running::Running { url: record.url.clone(), instance: record.instance.clone() };
    let gateway = running::Gateway { at, key, fetch: fetch::silent() };
    match gateway.find().await.map_err(anyhow::Error::msg)? {
        running::Found::Running(status) => Ok(Found::Running(status)),
        running::Found::Gone | running::Found::Nothing => Ok(Found::Gone(record)),
    }
}

/// What is known of the gateway of a config before it is changed.
enum Before {
    Running(Box<Status>),
    /// It runs, but cannot be asked: its key is in an environment that this process does not have.
    Silent,
    Nothing,
}

/// That the gateway cannot be asked is no reason not to change the config.
async fn before(file: &ConfigFile) -> Before {
    match find(file).await {
        Ok(Found::Running(status)) => Before::Running(status),
        Ok(Found::Gone(_) | Found::Nothing) => Before::Nothing,
        Err(_) => Before::Silent,
    }
}

/// What a shell is asked for.
pub struct Asked<'a> {
    pub entry: &'a Entry,
    pub arguments: serde_json::Value,
    /// See [`Call::who`].
    pub who: &'a str,
    /// See [`Call::handed`].
    pub handed: Option<Secret>,
    /// See [`Call::fetch`].
    pub fetch: Fetch,
}

/// Runs a command, and waits for a running gateway to see what it changed.
///
/// # Errors
/// Why it was not done. The config is as it was then.
pub async fn attempt(
    file: &ConfigFile,
    asked: Asked<'_>,
) -> Result<(Done, Option<changed::Gateway>), CommandError> {
    let Asked { entry, arguments, who, handed, fetch } = asked;
    // Asked before, to see that it moves.
    let before = if entry.writes(&arguments) { before(file).await } else { Before::Nothing };
    let now = Clock::default().now();
    let done =
        perform(file, Call { entry, arguments, who, now, handed, fetch: Some(fetch) }).await?;
    let gateway = match done.change {
        Some(_) => Some(taken_over(file, before).await),
        None => None,
    };
    Ok((done, gateway))
}

/// How long a running gateway may take to see a change.
const SIGHT: std::time::Duration = std::time::Duration::from_secs(3);
/// How often it is asked.
const LOOK: std::time::Duration = std::time::Duration::from_millis(50);

/// Waits until the gateway has taken a change over, or says that it will not. `before` is its
/// status from before the change.
async fn taken_over(file: &ConfigFile, before: Before) -> changed::Gateway {
    use changed::Gateway;
    let before = match before {
        Before::Running(status) => status,
        Before::Silent => return Gateway::NotKnown,
        Before::Nothing => return Gateway::NotRunning,
    };
    if !before.config.watched {
        return Gateway::NotWatching;
    }
    let looking = async {
        loop {
            match find(file).await {
                Ok(Found::Running(now))
                    if now.instance != before.instance
                        || now.config.reloads != before.config.reloads =>
                {
                    return Gateway::TakenOver;
                }
                Ok(Found::Running(now))
                    if now.config.rejected.is_some()
                        && now.config.rejected != before.config.rejected =>
                {
                    return Gateway::Rejected;
                }
                Ok(Found::Gone(_) | Found::Nothing) => return Gateway::NotRunning,
                // A key that has just been changed is not yet the running gateway's.
                Ok(Found::Running(_)) | Err(_) => {}
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(SIGHT, looking).await.unwrap_or(Gateway::NotYet)
}
