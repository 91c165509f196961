//! What a client hears of a call that takes its time: which of its questions is being asked, and at
//! least once a second that it still runs. Only clients that gave a token for it hear anything.

use std::time::Duration;

use rmcp::{
    Peer, RoleServer,
    model::{ProgressNotificationParam, ProgressToken},
    service::RequestContext,
};
use tokio::{sync::watch, time::Instant};

use crate::commands::Entry;

/// How often there is a sign of life.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// The progress of one call.
pub struct Progress {
    /// The tool, by which it is called until something better is known.
    tool: String,
    to: Option<(Peer<RoleServer>, ProgressToken)>,
    told: watch::Receiver<String>,
}

impl Progress {
    /// Of a call that begins now, and the end that is told what is being asked.
    pub fn of(
        entry: &Entry,
        context: Option<&RequestContext<RoleServer>>,
    ) -> (Self, watch::Sender<String>) {
        let (sender, told) = watch::channel(String::new());
        let to = context
            .and_then(|context| Some((context.peer.clone(), context.meta.get_progress_token()?)));
        (Self { tool: entry.tool_name(), to, told }, sender)
    }

    /// Tells of `work` until it is done.
    pub async fn during<F: Future + Unpin>(mut self, work: &mut F) -> F::Output {
        let (began, mut signs) = (Instant::now(), 0_u32);
        let mut clock = tokio::time::interval_at(began + SIGN_OF_LIFE, SIGN_OF_LIFE);
        loop {
            tokio::select! {
                done = &mut *work => return done,
                Ok(()) = self.told.changed() => {}
                _ = clock.tick() => {}
            }
            // Each must be larger than the one before; how many there will be nobody knows.
            signs += 1;
            self.show(signs, began.elapsed()).await;
        }
    }

    async fn show(&mut self, signs: u32, since: Duration) {
        let about = self.told.borrow_and_update().clone();
        let Some((peer, token)) = &self.to else { return };
        let what = if about.is_empty() { &self.tool } else { &about };
        let message = format!("{what} ({} s)", since.as_secs());
        let progress =
            ProgressNotificationParam::new(token.clone(), f64::from(signs)).with_message(message);
        // A client that does not hear it misses nothing.
        drop(peer.notify_progress(progress).await);
    }
}
