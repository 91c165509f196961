//! Finding and asking the gateway that runs with a config.

use anyhow::Context;
use bytes::Bytes;

use super::{clock::Clock, upstream};
use crate::{
    commands::{Entry, changed, error::CommandError},
    config::secret::Secret,
    status::Status,
    store::{
        ConfigFile, RuntimeRecord,
        session::{Call, Done, perform},
    },
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
}

/// Runs a command, and waits for a running gateway to see what it changed.
///
/// # Errors
/// Why it was not done. The config is as it was then.
pub async fn attempt(
    file: &ConfigFile,
    asked: Asked<'_>,
) -> Result<(Done, Option<changed::Gateway>), CommandError> {
    let Asked { entry, arguments, who, handed } = asked;
    // Asked before, to see that it moves.
    let before = if entry.writes(&arguments) { before(file).await } else { Before::Nothing };
    let now = Clock::default().now();
    let done = perform(file, Call { entry, arguments, who, now, handed, fetch: None }).await?;
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
