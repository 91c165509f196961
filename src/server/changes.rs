//! Noticing that something happened to a file.
//!
//! The folder is watched rather than the file: editors replace files, and a watch on a file that was
//! replaced sees nothing any more. Where the file is a symbolic link, the folder of its target is
//! watched too. What happened is for the caller to find out.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

/// How long the folder must be quiet before the file is read: editors write in several steps.
const QUIET: Duration = Duration::from_millis(100);
/// A look from time to time, for file systems that tell nothing (network mounts, containers).
const POLL: Duration = Duration::from_secs(5);

/// A watch on a file, which need not exist. It ends when it is dropped.
pub struct Changes {
    path: PathBuf,
    events: mpsc::Sender<()>,
    happened: mpsc::Receiver<()>,
    folders: BTreeSet<PathBuf>,
    /// Held, not used: it watches as long as it lives.
    watcher: Option<RecommendedWatcher>,
}

impl Changes {
    /// Begins to watch.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        let (events, happened) = mpsc::channel(1);
        Self {
            watcher: open(path, &events),
            folders: folders(path),
            path: path.to_owned(),
            events,
            happened,
        }
    }

    /// Waits until something may have happened to the file, and is over.
    pub async fn next(&mut self) {
        // Quiet or not: what counts is what stands in the file.
        if let Ok(Some(())) = tokio::time::timeout(POLL, self.happened.recv()).await {
            while let Ok(Some(())) = tokio::time::timeout(QUIET, self.happened.recv()).await {}
        }
        let present = folders(&self.path);
        if present != self.folders {
            self.watcher = open(&self.path, &self.events);
            self.folders = present;
        }
    }
}

fn open(path: &Path, events: &mpsc::Sender<()>) -> Option<RecommendedWatcher> {
    let events = events.clone();
    let on_event = move |event: notify::Result<notify::Event>| {
        let read_only = event.is_ok_and(|event| event.kind.is_access());
        if !read_only {
            // A full channel holds a wake-up already.
            let _ = events.try_send(());
        }
    };
    let mut watcher = match notify::recommended_watcher(on_event) {
        Ok(watcher) => watcher,
        Err(error) => {
            tracing::warn!("changes of the config are only seen every {POLL:?}: {error}");
            return None;
        }
    };
    for folder in folders(path) {
        if let Err(error) = watcher.watch(&folder, RecursiveMode::NonRecursive) {
            tracing::warn!("cannot watch {}: {error}", folder.display());
        }
    }
    Some(watcher)
}

/// The folder of the config, and that of what it links to.
fn folders(path: &Path) -> BTreeSet<PathBuf> {
    let target = path.canonicalize().ok();
    [Some(path), target.as_deref()]
        .into_iter()
        .flatten()
        .filter_map(Path::parent)
        .map(Path::to_owned)
        .collect()
}
