//! The config in use. Requests take a snapshot; a reload swaps it whole or not at all.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64, atomic::Ordering},
};

use arc_swap::ArcSwap;
use indexmap::IndexMap;

use crate::{
    config::{
        Auth, FormatMap, HeaderSetting, Provider, Server,
        problem::Problem,
        secret::{Secret, SecretSource},
    },
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
    watched: bool,
}

/// A config that holds, and what is doubtful about it.
pub struct Snapshot {
    pub router: Arc<Router>,
    pub warnings: Vec<Problem>,
    pub loaded: Timestamp,
    /// The file's bytes, to tell a change from a touch.
    text: Option<String>,
    /// What a reload must not change if what rests is to go on resting, by provider.
    access: Vec<(String, Access)>,
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
    /// The new config is in use; these providers have another key or address.
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
        Ok(compile(&file, &flags, loaded, now).map(|snapshot| Self {
            file,
            flags,
            snapshot: ArcSwap::from_pointee(snapshot),
            rejected: Mutex::new(None),
            reloads: AtomicU64::new(0),
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
                let changed_providers = changed(&current.access, &snapshot.access);
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
    let access = loaded.config.providers.iter();
    let access = access.map(|provider| (provider.id.clone(), Access::of(file, provider))).collect();
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
            access,
        }),
        Some(_) | None => Err(problems),
    }
}

/// Where a provider is asked and as whom: with another key or address it is another one.
#[derive(PartialEq)]
struct Access {
    kind: Option<String>,
    base_url: Option<String>,
    base_url_by_format: FormatMap<String>,
    auth: Option<Auth>,
    auth_by_format: FormatMap<Auth>,
    headers: IndexMap<String, HeaderSetting>,
    /// The values of its key and headers, which may change behind `env:` and `file:`.
    secrets: Vec<Result<Secret, String>>,
}

impl Access {
    fn of(file: &ConfigFile, provider: &Provider) -> Self {
        let by_name = provider.api_key_env.clone().map(SecretSource::Environment);
        let key = provider.api_key.as_ref().or(by_name.as_ref());
        let headers = provider.headers.values().filter_map(|setting| match setting {
            HeaderSetting::Value(source) => Some(source),
            HeaderSetting::Suppress => None,
        });
        Self {
            kind: provider.kind.clone(),
            base_url: provider.base_url.clone(),
            base_url_by_format: provider.base_url_by_format.clone(),
            auth: provider.auth.clone(),
            auth_by_format: provider.auth_by_format.clone(),
            headers: provider.headers.clone(),
            secrets: key.into_iter().chain(headers).map(|source| file.secret(source)).collect(),
        }
    }
}

/// The ids of providers with another access.
fn changed(before: &[(String, Access)], after: &[(String, Access)]) -> Vec<String> {
    after.iter().filter(|entry| !before.contains(entry)).map(|(id, _)| id.clone()).collect()
}
