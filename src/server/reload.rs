//! Live reload: look at the config when something happened in its folder.

use std::sync::Arc;

use tokio::sync::watch;

use super::{Gateway, changes::Changes, live::Reload};

/// Watches until `gateway` is gone, and counts the configs that were taken over in `reloaded`.
pub async fn watch(gateway: Arc<Gateway>, reloaded: watch::Sender<u64>) {
    let mut changes = Changes::of(gateway.live.path());
    loop {
        changes.next().await;
        look(&gateway, &reloaded);
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
