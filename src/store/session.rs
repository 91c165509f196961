//! From the disk to a [`Workspace`] and back: open, run one command, save.

use std::{fs, io, path::PathBuf, sync::Arc};

use serde_json::Value;

use super::{
    ConfigFile, RuntimeRecord, history::History, lock::Lock, read_bounded, state::StateFile, write,
};
use crate::{
    commands::{
        Entry, Outcome,
        error::{Code, CommandError},
        history::Change,
        running::Running,
        workspace::{Fetch, Opening, Workspace},
    },
    config::secret::Secret,
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
        workspace.running = RuntimeRecord::read(&file.runtime_path())
            .map(|record| Running { url: record.url, instance: record.instance });
        let rememberer = file.clone();
        // What cannot be understood is as good as nothing.
        workspace.remember = Arc::new(move || {
            let saved = StateFile::locate(&rememberer);
            saved.and_then(|saved| saved.load().ok()).unwrap_or_default()
        });
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

/// A call of a command, as every shell makes it.
pub struct Call<'c> {
    pub entry: &'c Entry,
    pub arguments: Value,
    /// Who asks: `cli`, `tui`, or the name of an MCP client.
    pub who: &'c str,
    pub now: Timestamp,
    /// A secret that a person handed over beside the arguments.
    pub handed: Option<Secret>,
    /// How the network is asked, if it may be.
    pub fetch: Option<Fetch>,
}

/// What a call came to.
#[derive(Debug)]
pub struct Done {
    pub outcome: Outcome,
    /// The change that was saved, if there was one.
    pub change: Option<Change>,
    /// The keys that were written for it: path relative to the config's folder, and value. Not for
    /// results: only a person at a terminal may see one.
    pub keys: Vec<(String, Secret)>,
}

/// Opens the config, runs a command and saves what it changed. Locks only for a change, and blocks
/// while another process has the lock. What has to be asked of the network is asked before, so that
/// nobody waits for a lock because of a slow provider.
///
/// # Errors
/// Why it was not done. The config is as it was then.
pub async fn perform(file: &ConfigFile, call: Call<'_>) -> Result<Done, CommandError> {
    let Call { entry, arguments, who, now, handed, fetch } = call;
    let writes = entry.writes(&arguments);
    let open = |purpose| -> Result<Session, CommandError> {
        let mut session = Session::open(file, who, now, purpose)?;
        session.workspace.handed.clone_from(&handed);
        session.workspace.fetch.clone_from(&fetch);
        Ok(session)
    };
    let mut session;
    let outcome = if writes && entry.asks() {
        let looking = open(Purpose::Look)?;
        let ready = entry.ask(arguments, &looking.workspace).await?;
        session = open(Purpose::Change)?;
        ready(&mut session.workspace)?
    } else {
        session = open(if writes { Purpose::Change } else { Purpose::Look })?;
        entry.run(arguments, &mut session.workspace).await?
    };
    let keys = session.workspace.pending().map(|pending| pending.keys.clone());
    let change = session.save()?;
    Ok(Done { outcome, change, keys: keys.unwrap_or_default() })
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
