//! Finding and asking the gateway that runs with a config.

use anyhow::Context;
use bytes::Bytes;

use crate::{
    commands::changed,
    config::secret::Secret,
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

/// A gateway that may run, and the key to ask it with.
pub struct Gateway {
    record: RuntimeRecord,
    key: Option<Secret>,
}

/// The gateway that left a record beside `file`.
///
/// # Errors
/// If the config cannot be read.
pub fn locate(file: &ConfigFile) -> anyhow::Result<Option<Gateway>> {
    let Some(record) = RuntimeRecord::read(&file.runtime_path()) else { return Ok(None) };
    // The key may have been changed since; then the answer is a 401, which says so.
    let key = file.load()?.config.master_key.and_then(|source| file.secret(&source).ok());
    Ok(Some(Gateway { record, key }))
}

/// The body of what the gateway answers, good or bad; `None` if nobody does.
///
/// # Errors
/// If the answer breaks off.
pub async fn get(gateway: &Gateway, path: &str) -> anyhow::Result<Option<Result<Bytes, Bytes>>> {
    let client = upstream::loopback(PATIENCE).context("make an HTTP client")?;
    let mut request = client.get(format!("{}{path}", gateway.record.url)).timeout(PATIENCE);
    if let Some(key) = &gateway.key {
        request = request.bearer_auth(key.expose());
    }
    let Ok(response) = request.send().await else { return Ok(None) };
    let good = response.status().is_success();
    let body = response.bytes().await.context("read the gateway's answer")?;
    Ok(Some(if good { Ok(body) } else { Err(body) }))
}

/// Looks for the gateway that was started with `file`.
///
/// # Errors
/// If something answers that is not understood.
pub async fn find(file: &ConfigFile) -> anyhow::Result<Found> {
    let Some(gateway) = locate(file)? else { return Ok(Found::Nothing) };
    let body = match get(&gateway, "/-/status").await? {
        None => return Ok(Found::Gone(gateway.record)),
        Some(Ok(body)) => body,
        Some(Err(body)) => anyhow::bail!(
            "the gateway at {} answers: {}",
            gateway.record.url,
            String::from_utf8_lossy(&body)
        ),
    };
    let record = gateway.record;
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
