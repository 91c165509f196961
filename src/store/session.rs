//! From the disk to a [`Workspace`] and back: open, run one command, save.

use std::{fs, io, path::PathBuf, sync::Arc};

use super::{ConfigFile, history::History, lock::Lock, read_bounded, write};
use crate::{
    commands::{
        error::{Code, CommandError},
        history::Change,
        workspace::{Opening, Workspace},
    },
    time::Timestamp,
};

/// A workspace that came from the disk. Holds the lock of the config if it was opened to be
/// changed.
pub struct Session {
    pub workspace: Workspace,
    file: ConfigFile,
    target: PathBuf,
    lock: Option<Lock>,
}

/// What a session is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To look: nothing is written, not even a lock.
    Look,
    /// To change: nobody else can until it ends.
    Change,
}

impl Session {
    /// Opens the config for `who`.
    ///
    /// # Errors
    /// If it cannot be read, or somebody else holds it for too long.
    pub fn open(
        file: &ConfigFile,
        who: &str,
        now: Timestamp,
        purpose: Purpose,
    ) -> Result<Self, CommandError> {
        let target = write::target(&file.path);
        let lock = match purpose {
            Purpose::Look => None,
            Purpose::Change => {
                if let Some(folder) = target.parent() {
                    fs::create_dir_all(folder).map_err(|error| failed("make", folder, &error))?;
                }
                Some(Lock::take(&target)?)
            }
        };
        let text = read_bounded(&file.path, super::LARGEST)
            .map_err(|error| failed("read", &file.path, &error))?;
        let history = History::of(&target);
        if lock.is_some() {
            let settled = history.settle(text.as_deref(), now);
            settled.map_err(|error| failed("write the history of", &file.path, &error))?;
        }
        let (finder, current) = (file.clone(), text.clone());
        let mut workspace = Workspace::open(Opening {
            path: file.path.display().to_string(),
            who: who.to_owned(),
            now,
            environment: file.environment.clone(),
            text,
            find: Arc::new(move |source| finder.secret(source)),
            recall: Arc::new(move || history.changes(current.as_deref(), now)),
        });
        workspace.keys_folder = file.keys_folder();
        let mut entropy = vec![0; 256];
        if getrandom::fill(&mut entropy).is_ok() {
            workspace.entropy = entropy;
        }
        Ok(Self { workspace, file: file.clone(), target, lock })
    }

    /// Writes what the command wants written: keys first, then the history, then the config.
    ///
    /// # Errors
    /// If something cannot be written. The config is as it was then.
    pub fn save(self) -> Result<Option<Change>, CommandError> {
        let Some(pending) = self.workspace.pending().cloned() else { return Ok(None) };
        if self.lock.is_none() {
            return Err(CommandError::new(Code::Io, "the config was opened to be looked at only"));
        }
        let folder = self.file.path.parent().map(PathBuf::from).unwrap_or_default();
        for (path, secret) in &pending.keys {
            let path = folder.join(path);
            let made = path.parent().map_or(Ok(()), write::make_private_folder);
            made.and_then(|()| write::write_private(&path, secret.expose().as_bytes()))
                .map_err(|error| failed("write", &path, &error))?;
        }
        let history = History::of(&self.target);
        let written = history
            .record(&pending.change)
            .and_then(|()| match &pending.text {
                Some(text) => write::write_private(&self.target, text.as_bytes()),
                None => remove(&self.target),
            })
            .and_then(|()| history.remember(pending.text.as_deref()));
        written.map_err(|error| failed("write", &self.file.path, &error))?;
        Ok(Some(pending.change))
    }
}

fn remove(path: &std::path::Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn failed(what: &str, path: &std::path::Path, error: &io::Error) -> CommandError {
    CommandError::new(Code::Io, format!("cannot {what} {}: {error}", path.display()))
}
