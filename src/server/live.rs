//! The config in use. Requests take a snapshot; a reload swaps it whole or not at all.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64, atomic::Ordering},
};

use arc_swap::ArcSwap;
use serde_json::Value;

use crate::{
    config::{Server, environment::Switches, problem::Problem},
    routing::router::Router,
    store::{ConfigFile, Loaded},
    time::Timestamp,
};

/// See the module's documentation.
pub struct Live {
    file: ConfigFile,
    /// What the command line sets over the file.
    flags: Server,
    snapshot: ArcSwap<Snapshot>,
    rejected: Mutex<Option<Rejection>>,
    reloads: AtomicU64,
    looks: AtomicU64,
    watched: bool,
    /// What the environment switches on.
    pub switches: Switches,
}

/// A config that holds, and what is doubtful about it.
pub struct Snapshot {
    pub router: Arc<Router>,
    pub warnings: Vec<Problem>,
    pub loaded: Timestamp,
    /// The file's bytes, to tell a change from a touch.
    text: Option<String>,
    /// The providers as they were written, to tell which of them a reload changed.
    providers: Value,
}

/// An edit that was not taken over.
#[derive(Debug, Clone)]
pub struct Rejection {
    pub at: Timestamp,
    pub problems: Vec<Problem>,
    text: Option<String>,
}

/// What a look at the file came to.
pub enum Reload {
    /// The file is the one in use, or the one that was rejected already.
    Unchanged,
    /// The new config is in use; for these providers the entry is another one.
    Taken { changed_providers: Vec<String> },
    /// The old config stays in use.
    Rejected(Vec<Problem>),
}

impl Live {
    /// Reads the config for the first time.
    ///
    /// # Errors
    /// Every problem, if it cannot be used.
    pub fn open(
        file: ConfigFile,
        flags: Server,
        watched: bool,
        now: Timestamp,
    ) -> anyhow::Result<Result<Self, Vec<Problem>>> {
        let loaded = file.load()?;
        let switches = Switches::read(&file.environment);
        Ok(compile(&file, &flags, loaded, now).map(|snapshot| Self {
            switches,
            file,
            flags,
            snapshot: ArcSwap::from_pointee(snapshot),
            rejected: Mutex::new(None),
            reloads: AtomicU64::new(0),
            looks: AtomicU64::new(0),
            watched,
        }))
    }

    /// The config in use, for the whole life of a request.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// The last edit that was not taken over, if the file is still broken.
    pub fn rejected(&self) -> Option<Rejection> {
        self.rejected.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How often a changed file has been taken over.
    pub fn reloads(&self) -> u64 {
        self.reloads.load(Ordering::Relaxed)
    }

    /// How often the file was looked at.
    pub fn looks(&self) -> u64 {
        self.looks.load(Ordering::Relaxed)
    }

    /// Counts a look at the file, when it is over.
    pub fn looked(&self) {
        self.looks.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether changes of the file are looked for.
    pub fn is_watched(&self) -> bool {
        self.watched
    }

    /// Where the config stands, or would stand.
    pub fn path(&self) -> &Path {
        &self.file.path
    }

    /// Looks at the file again, and takes it over if it holds.
    ///
    /// A file that has just vanished is not a decision to have no config: editors and deploys
    /// replace files that way. The old one stays in use until there is a new one.
    pub fn reload(&self, now: Timestamp) -> Reload {
        let current = self.snapshot();
        let loaded = match self.file.load() {
            Ok(loaded) => loaded,
            Err(error) => {
                return self.reject(None, vec![Problem::error("", format!("{error:#}"))], now);
            }
        };
        if loaded.text.is_none() && current.text.is_some() {
            let gone = Problem::error("", "the file is gone");
            return self.reject(None, vec![gone], now);
        }
        if loaded.text == current.text {
            *self.rejected.lock().unwrap_or_else(PoisonError::into_inner) = None;
            return Reload::Unchanged;
        }
        let text = loaded.text.clone();
        match compile(&self.file, &self.flags, loaded, now) {
            Ok(snapshot) => {
                let changed_providers = changed(&current.providers, &snapshot.providers);
                self.snapshot.store(Arc::new(snapshot));
                *self.rejected.lock().unwrap_or_else(PoisonError::into_inner) = None;
                self.reloads.fetch_add(1, Ordering::Relaxed);
                Reload::Taken { changed_providers }
            }
            Err(problems) => self.reject(text, problems, now),
        }
    }

    fn reject(&self, text: Option<String>, problems: Vec<Problem>, now: Timestamp) -> Reload {
        let mut rejected = self.rejected.lock().unwrap_or_else(PoisonError::into_inner);
        let known = rejected
            .as_ref()
            .is_some_and(|earlier| earlier.text == text && earlier.problems == problems);
        if known {
            return Reload::Unchanged;
        }
        *rejected = Some(Rejection { at: now, problems: problems.clone(), text });
        Reload::Rejected(problems)
    }
}

fn compile(
    file: &ConfigFile,
    flags: &Server,
    mut loaded: Loaded,
    now: Timestamp,
) -> Result<Snapshot, Vec<Problem>> {
    let server = loaded.config.server.get_or_insert_default();
    server.host = flags.host.clone().or(server.host.take());
    server.port = flags.port.or(server.port);
    server.require_auth = flags.require_auth.or(server.require_auth);
    let compiled = Router::compile(&loaded.config, &|source| file.secret(source));
    let mut problems = loaded.problems;
    problems.extend(compiled.problems);
    problems.sort();
    problems.dedup();
    match compiled.router {
        Some(router) if !problems.iter().any(Problem::is_error) => Ok(Snapshot {
            router: Arc::new(router),
            warnings: problems,
            loaded: now,
            text: loaded.text,
            providers: loaded.document.get("providers").cloned().unwrap_or(Value::Null),
        }),
        Some(_) | None => Err(problems),
    }
}

/// The ids of providers whose entries differ.
fn changed(before: &Value, after: &Value) -> Vec<String> {
    let entries = |value: &Value| -> Vec<(String, Value)> {
        let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
        list.iter()
            .filter_map(|entry| Some((entry["id"].as_str()?.to_owned(), entry.clone())))
            .collect()
    };
    let before = entries(before);
    entries(after).into_iter().filter(|entry| !before.contains(entry)).map(|(id, _)| id).collect()
}
