//! The file that a gateway keeps its state in, so that a restart refills no bucket and forgets no
//! cooldown: `~/.llm-router.state.json`, 0600.
//!
//! One gateway owns the file, by a lock on a file beside it; others with the same config keep their
//! state in memory until it is free.

use std::{
    fs::{self, File, TryLockError},
    io::ErrorKind,
    path::{Path, PathBuf},
};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::{Environment, read_bounded, write_private};
use crate::{routing::state::State, time::Timestamp};

/// The layout of the file.
const VERSION: u32 = 2;
/// The largest state that is read: ten thousand conversations are about two megabytes.
const LARGEST: u64 = 64 * 1024 * 1024;

/// See the module's documentation.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    /// Held as long as this gateway owns the file.
    lock: Option<File>,
}

#[derive(Serialize)]
struct Saved<'a> {
    version: u32,
    #[serde(rename = "savedAt")]
    saved_at: Timestamp,
    state: &'a State,
}

#[derive(Deserialize)]
struct Kept {
    version: u32,
    state: State,
}

impl StateFile {
    /// Where the state of the gateway with the config at `config` stands; `None` if it is to be kept
    /// in memory only (`LLM_ROUTER_STATE_BACKEND=memory`).
    #[must_use]
    pub fn locate(config: &Path, environment: &Environment) -> Option<Self> {
        if environment.get("LLM_ROUTER_STATE_BACKEND").is_some_and(|backend| backend == "memory") {
            return None;
        }
        let named = environment.get("LLM_ROUTER_STATE_FILE_PATH").filter(|path| !path.is_empty());
        let path = named.map_or_else(|| super::beside(config, "state.json"), PathBuf::from);
        Some(Self { path, lock: None })
    }

    /// Where it stands.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether this gateway owns the file.
    #[must_use]
    pub fn is_owned(&self) -> bool {
        self.lock.is_some()
    }

    /// Takes the file, if no other gateway has it.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn own(&mut self) -> anyhow::Result<bool> {
        if self.lock.is_some() {
            return Ok(true);
        }
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".lock");
        let path = self.path.with_file_name(name);
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).with_context(|| format!("open {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => self.lock = Some(file),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("lock {}", path.display()));
            }
        }
        Ok(self.is_owned())
    }

    /// Reads what was saved. What cannot be understood is set aside, and the state begins empty: a
    /// gateway that starts with empty counters is better than one that does not start.
    ///
    /// # Errors
    /// Why the state begins empty although there was a file.
    pub fn load(&self) -> anyhow::Result<State> {
        let shown = self.path.display();
        let text = match read_bounded(&self.path, LARGEST) {
            Ok(Some(text)) => text,
            Ok(None) => return Ok(State::default()),
            // It is there and can be read, but is not ours.
            Err(error)
                if matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::FileTooLarge) =>
            {
                return self.set_aside(&error.to_string());
            }
            Err(error) => return Err(error).with_context(|| format!("read {shown}")),
        };
        let kept: Result<Kept, String> = serde_json::from_str(&text).map_err(|e| e.to_string());
        match kept {
            Ok(Kept { version: VERSION, state }) => Ok(state),
            Ok(Kept { version, .. }) => self.set_aside(&format!("it is of version {version}")),
            Err(error) => self.set_aside(&error),
        }
    }

    fn set_aside(&self, why: &str) -> anyhow::Result<State> {
        let shown = self.path.display();
        if self.is_owned() {
            let mut name = self.path.file_name().unwrap_or_default().to_owned();
            name.push(".unreadable");
            fs::rename(&self.path, self.path.with_file_name(&name))
                .with_context(|| format!("set {shown} aside"))?;
            anyhow::bail!("{shown} cannot be understood ({why}); it is kept as {}", name.display());
        }
        anyhow::bail!("{shown} cannot be understood ({why})")
    }

    /// Writes `state`, whole or not at all.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn save(&self, state: &State, now: Timestamp) -> anyhow::Result<()> {
        let text = serde_json::to_string(&Saved { version: VERSION, saved_at: now, state })?;
        write_private(&self.path, &text).with_context(|| format!("write {}", self.path.display()))
    }
}
