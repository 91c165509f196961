//! The disk: the config file and its history, the secrets it refers to, the record of the running
//! gateway and its state.

pub mod history;
pub mod lock;
pub mod session;
pub mod state;
pub mod write;

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::{
    Config, document,
    edit::revision,
    environment,
    problem::Problem,
    secret::{Secret, SecretSource},
};

/// The environment, read once in `main`.
pub type Environment = BTreeMap<String, String>;

/// The config file, whether it exists or not.
#[derive(Debug, Clone)]
pub struct ConfigFile {
    pub path: PathBuf,
    pub environment: Environment,
}

/// A config as it was read: not compiled yet.
#[derive(Debug)]
pub struct Loaded {
    /// The bytes of the file; `None` if there is no file.
    pub text: Option<String>,
    pub document: Value,
    pub config: Config,
    pub problems: Vec<Problem>,
}

/// The largest config file that is read.
const LARGEST: u64 = 16 * 1024 * 1024;

impl ConfigFile {
    /// The file at `path`, or `$LLM_ROUTER_CONFIG`, or `~/.llm-router.json`.
    ///
    /// # Errors
    /// If none is given and there is no home directory.
    pub fn locate(path: Option<PathBuf>, environment: Environment) -> anyhow::Result<Self> {
        let home = environment.get("HOME").filter(|home| !home.is_empty());
        let named = path.or_else(|| environment.get("LLM_ROUTER_CONFIG").map(PathBuf::from));
        let path = match named {
            Some(path) => expand(&path, home),
            None => Path::new(home.context("HOME is not set; name the config file with --config")?)
                .join(".llm-router.json"),
        };
        let path = std::path::absolute(&path).unwrap_or(path);
        Ok(Self { path, environment })
    }

    /// Reads the file; a missing one is an empty config. Never writes.
    ///
    /// # Errors
    /// If the file is there but cannot be read. What is wrong in it is in [`Loaded::problems`].
    pub fn load(&self) -> anyhow::Result<Loaded> {
        let text = read_bounded(&self.path, LARGEST)
            .with_context(|| format!("read {}", self.path.display()))?;
        let (document, mut problems) = match text.as_deref().map(document::parse) {
            None => (Value::Object(serde_json::Map::new()), Vec::new()),
            Some(Ok(parsed)) => (parsed.value, parsed.problems),
            Some(Err(problem)) => (Value::Object(serde_json::Map::new()), vec![problem]),
        };
        let reading = environment::in_effect(&document, &self.environment);
        problems.extend(reading.problems);
        Ok(Loaded { text, document, config: reading.config, problems })
    }

    /// Finds the value of a secret.
    ///
    /// # Errors
    /// Why it is not to be had, in words that name the place but not the value.
    pub fn secret(&self, source: &SecretSource) -> Result<Secret, String> {
        match source {
            SecretSource::Literal(secret) => Ok(secret.clone()),
            SecretSource::Environment(name) => match self.environment.get(name) {
                Some(value) if !value.is_empty() => Ok(Secret::new(value.as_str())),
                Some(_) => Err(format!("the environment variable {name} is empty")),
                None => Err(format!("the environment variable {name} is not set")),
            },
            SecretSource::File(path) => {
                let path = expand(Path::new(path), self.environment.get("HOME"));
                let folder = self.path.parent().unwrap_or_else(|| Path::new("."));
                let path = folder.join(path);
                let text = match read_bounded(&path, 64 * 1024) {
                    Ok(Some(text)) => text,
                    Ok(None) => return Err(format!("there is no file {}", path.display())),
                    Err(error) => return Err(format!("cannot read {}: {error}", path.display())),
                };
                match text.trim() {
                    "" => Err(format!("the file {} is empty", path.display())),
                    value => Ok(Secret::new(value)),
                }
            }
        }
    }

    /// The folder for keys, relative to that of the config: `.llm-router.keys`.
    #[must_use]
    pub fn keys_folder(&self) -> String {
        format!("{}.keys", self.stem())
    }

    fn stem(&self) -> String {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        name.strip_suffix(".json").unwrap_or(&name).to_owned()
    }

    /// What the gateway with this config remembers: `~/.llm-router.state.json`.
    #[must_use]
    pub fn state_path(&self) -> PathBuf {
        self.path.with_file_name(format!("{}.state.json", self.stem()))
    }

    /// The record of the gateway that runs with this config: `~/.llm-router.runtime.json`.
    #[must_use]
    pub fn runtime_path(&self) -> PathBuf {
        self.path.with_file_name(format!("{}.runtime.json", self.stem()))
    }
}

fn expand(path: &Path, home: Option<&String>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => Path::new(home).join(rest),
        (Ok(_) | Err(_), _) => path.to_owned(),
    }
}

/// The revision of the file at `path`: changes when its text does. What cannot be read is as good as
/// absent.
#[must_use]
pub fn digest(path: &Path) -> String {
    revision(read_bounded(path, LARGEST).ok().flatten().as_deref())
}

/// The text of a file of at most `limit` bytes; `None` if there is no file.
fn read_bounded(path: &Path, limit: u64) -> io::Result<Option<String>> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if metadata.len() > limit {
        let message = format!("larger than {limit} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    match fs::read(path) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(io::Error::new(io::ErrorKind::InvalidData, "not UTF-8")),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Where a running gateway can be asked, and who it is. A hint, not a truth: whoever reads it asks
/// the gateway itself and compares `instance`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuntimeRecord {
    pub pid: u32,
    pub instance: String,
    pub url: String,
    pub config_path: PathBuf,
    pub version: String,
}

impl RuntimeRecord {
    /// Writes the record, readable for this user only.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        write::write_private(path, text.as_bytes())
            .with_context(|| format!("write {}", path.display()))
    }

    /// Reads the record; `None` if there is none that can be understood.
    #[must_use]
    pub fn read(path: &Path) -> Option<Self> {
        serde_json::from_str(&read_bounded(path, 64 * 1024).ok()??).ok()
    }

    /// Removes the record if it is still this run's.
    pub fn remove(&self, path: &Path) {
        if Self::read(path).is_some_and(|record| record.instance == self.instance) {
            // A record that stays behind is found to be dead by its next reader.
            drop(fs::remove_file(path));
        }
    }
}
