//! Saves the state: at most once a second, never on the way of a request.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::Gateway;
use crate::store::state::StateFile;

/// What a crash may lose at most.
pub const EVERY: Duration = Duration::from_secs(1);

/// Where the state is saved, and what is known of that.
#[derive(Debug, Default)]
pub struct Saver {
    file: Mutex<Option<StateFile>>,
    /// [`crate::routing::state::State::changes`] of what was saved last, and why a save failed.
    last: Mutex<(u64, Option<String>)>,
}

impl Saver {
    /// Saves to `file`; `None` for memory only.
    #[must_use]
    pub fn new(file: Option<StateFile>) -> Self {
        Self { file: Mutex::new(file), last: Mutex::default() }
    }

    /// Where the state is saved; `None` if it is not.
    #[must_use]
    pub fn path(&self) -> Option<String> {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.as_ref().map(|file| file.path().display().to_string())
    }

    /// Why the state is not being saved, if it should be.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// Saves the state if it has changed since the last time. Blocks on the disk.
    pub fn save(&self, gateway: &Gateway) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(file) = file.as_mut() else { return };
        let saved = self.last.lock().unwrap_or_else(PoisonError::into_inner).0;
        let now = gateway.clock.now();
        let mut state = {
            let state = gateway.state();
            if state.changes() == saved {
                return;
            }
            state.clone()
        };
        let changes = state.changes();
        let heir = !file.is_owned();
        let owned = file.own();
        if let (true, Ok(true)) = (heir, &owned)
            && let Ok(left) = file.load()
        {
            // What the gateway before this one has counted is used up all the same.
            gateway.state().adopt(&left);
            state.adopt(&left);
        }
        state.prune(now);
        let problem = match owned {
            Ok(true) => file.save(&state, now).err().map(|error| format!("{error:#}")),
            Ok(false) => Some("another gateway with this config saves its state there".to_owned()),
            Err(error) => Some(format!("{error:#}")),
        };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if problem.is_some() && problem != last.1 {
            tracing::warn!("the state is not saved: {}", problem.as_deref().unwrap_or_default());
        }
        if problem.is_none() {
            last.0 = changes;
        }
        last.1 = problem;
    }
}

/// Saves as long as the gateway lives.
pub async fn run(gateway: Arc<Gateway>) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let gateway = Arc::clone(&gateway);
        // The only failure is a panic in the save, which the next one may not have.
        drop(tokio::task::spawn_blocking(move || gateway.saver.save(&gateway)).await);
    }
}
