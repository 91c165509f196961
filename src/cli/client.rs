//! Finding and asking the gateway that runs with a config.

use crate::{
    commands::{changed, running},
    server::fetch,
    status::Status,
    store::{ConfigFile, RuntimeRecord},
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
pub async fn taken_over(file: &ConfigFile, before: Option<&Status>) -> changed::Gateway {
    use changed::Gateway;
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
