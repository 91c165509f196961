//! Telling subscribers that the config has changed.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, Once, PoisonError},
};

use rmcp::{Peer, RoleServer, model::ResourceUpdatedNotificationParam};
use tokio::sync::watch;

use crate::{server::changes::Changes, store::digest};

/// See the module's documentation. Watches from the first subscription on.
pub struct Updates {
    path: PathBuf,
    begun: Once,
    told: Once,
    count: watch::Sender<u64>,
    /// What clients of older revisions have subscribed to.
    wanted: Arc<Mutex<BTreeSet<String>>>,
}

/// Subscriptions beyond this are not kept: a config has fewer parts.
const MOST: usize = 1000;

impl Updates {
    /// The updates of the config at `path`.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            begun: Once::new(),
            told: Once::new(),
            count: watch::Sender::new(0),
            wanted: Arc::default(),
        }
    }

    /// Begins to watch, if that has not begun. What changes after this is seen.
    pub fn begin(&self) {
        self.begun.call_once(|| {
            let (path, count) = (self.path.clone(), self.count.clone());
            let mut changes = Changes::of(&path);
            let mut known = digest(&path);
            #[expect(
                clippy::disallowed_methods,
                reason = "it watches as long as the process lives"
            )]
            tokio::spawn(async move {
                loop {
                    changes.next().await;
                    let present = digest(&path);
                    if present != known {
                        known = present;
                        count.send_modify(|count| *count += 1);
                    }
                }
            });
        });
    }

    /// Counts the changes.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.count.subscribe()
    }

    /// Tells `peer` from now on when the resource `uri` changes.
    pub fn tell(&self, uri: String, peer: Peer<RoleServer>) {
        self.begin();
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        if wanted.len() < MOST {
            wanted.insert(uri);
        }
        drop(wanted);
        self.told.call_once(|| {
            let (wanted, mut updates) = (Arc::clone(&self.wanted), self.subscribe());
            #[expect(clippy::disallowed_methods, reason = "it tells as long as the process lives")]
            tokio::spawn(async move {
                while updates.changed().await.is_ok() {
                    let uris = wanted.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    for uri in uris {
                        let update = ResourceUpdatedNotificationParam::new(uri);
                        if peer.notify_resource_updated(update).await.is_err() {
                            return;
                        }
                    }
                }
            });
        });
    }

    /// Ends what [`Updates::tell`] began.
    pub fn tell_no_more(&self, uri: &str) {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner).remove(uri);
    }
}
