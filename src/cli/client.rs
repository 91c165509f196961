//! Finding and asking the gateway that runs with a config.

use anyhow::Context;

use crate::{
    commands::changed::Gateway,
    server::upstream,
    status::Status,
    store::{ConfigFile, RuntimeRecord},
};

/// How long a gateway on the same machine may take to answer.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(3);

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
    let Some(record) = RuntimeRecord::read(&file.runtime_path()) else {
        return Ok(Found::Nothing);
    };
    // The key may have been changed since; then the answer is a 401, which says so.
    let key = file.load()?.config.master_key.and_then(|source| file.secret(&source).ok());
    let client = upstream::loopback(PATIENCE).context("make an HTTP client")?;
    let mut request = client.get(format!("{}/-/status", record.url)).timeout(PATIENCE);
    if let Some(key) = key {
        request = request.bearer_auth(key.expose());
    }
    let Ok(response) = request.send().await else { return Ok(Found::Gone(record)) };
    let status = response.status();
    let body = response.bytes().await.context("read the gateway's answer")?;
    if !status.is_success() {
        anyhow::bail!(
            "the gateway at {} answers {status}: {}",
            record.url,
            String::from_utf8_lossy(&body)
        );
    }
    let status: Status = serde_json::from_slice(&body)
        .with_context(|| format!("understand the answer of {}", record.url))?;
    // Something else may listen there by now.
    if status.instance == record.instance {
        Ok(Found::Running(Box::new(status)))
    } else {
        Ok(Found::Gone(record))
    }
}

/// The status of the gateway that runs with this config, if one does. That it cannot be asked is no
/// reason not to change the config.
pub async fn running(file: &ConfigFile) -> Option<Box<Status>> {
    match find(file).await {
        Ok(Found::Running(status)) => Some(status),
        Ok(Found::Gone(_) | Found::Nothing) | Err(_) => None,
    }
}

/// How long a running gateway may take to see a change.
const SIGHT: std::time::Duration = std::time::Duration::from_secs(3);
/// How often it is asked.
const LOOK: std::time::Duration = std::time::Duration::from_millis(50);

/// Waits until the gateway has taken a change over, or says that it will not. `before` is its
/// status from before the change.
pub async fn taken_over(file: &ConfigFile, before: Option<&Status>) -> Gateway {
    let Some(before) = before else { return Gateway::NotRunning };
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

/// Runs a future on a runtime of its own.
///
/// # Errors
/// If there can be no runtime, or the future fails.
pub fn block_on<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(future)
}
