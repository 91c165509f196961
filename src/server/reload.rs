//! Live reload: watch the config's folder, and look at the file when something happened there.
//!
//! The folder rather than the file: editors replace files, and a watch on a file that was replaced
//! sees nothing any more. Where the config is a symbolic link, the folder of its target is watched
//! too.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::{mpsc, watch};

use super::{Gateway, live::Reload};

/// How long the folder must be quiet before the file is read: editors write in several steps.
const QUIET: Duration = Duration::from_millis(100);
/// A look from time to time, for file systems that tell nothing (network mounts, containers).
const POLL: Duration = Duration::from_secs(5);

/// Watches until `gateway` is gone, and counts the configs that were taken over in `reloaded`.
pub async fn watch(gateway: Arc<Gateway>, reloaded: watch::Sender<u64>) {
    let (events, mut happened) = mpsc::channel(1);
    let path = gateway.live.path().to_owned();
    let mut watcher = open(&path, &events);
    let mut folders = folders(&path);
    loop {
        // Quiet or not: what counts is what stands in the file.
        if let Ok(Some(())) = tokio::time::timeout(POLL, happened.recv()).await {
            while let Ok(Some(())) = tokio::time::timeout(QUIET, happened.recv()).await {}
        }
        let present = self::folders(&path);
        if present != folders {
            watcher = open(&path, &events);
            folders = present;
        }
        look(&gateway, &reloaded);
        // The watcher lives as long as this loop.
        let _alive = &watcher;
    }
}

/// Takes the file over if it has changed and holds, and says what happened.
pub fn look(gateway: &Gateway, reloaded: &watch::Sender<u64>) {
    match gateway.live.reload(gateway.clock.now()) {
        Reload::Unchanged => {}
        Reload::Taken { changed_providers } => {
            gateway.state().forget_cooldowns(|provider| {
                changed_providers.iter().any(|changed| changed == provider)
            });
            let snapshot = gateway.live.snapshot();
            tracing::info!("the changed config is in use ({})", gateway.live.path().display());
            for warning in &snapshot.warnings {
                tracing::warn!("{warning}");
            }
            reloaded.send_modify(|count| *count += 1);
        }
        Reload::Rejected(problems) => {
            tracing::error!("the changed config is not used, the one before it stays:");
            for problem in problems {
                tracing::error!("{problem}");
            }
        }
    }
    gateway.live.looked();
}

/// Looks whenever the process is told to (SIGUSR1), whether the file is watched or not. Not at SIGHUP:
/// a terminal that is closed sends that, and the gateway shall end with it.
#[cfg(unix)]
pub async fn on_signal(
    gateway: Arc<Gateway>,
    mut asked: tokio::signal::unix::Signal,
    reloaded: watch::Sender<u64>,
) {
    while asked.recv().await.is_some() {
        look(&gateway, &reloaded);
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
