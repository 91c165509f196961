//! The native shell: axum towards clients, reqwest towards providers, a clock, and the loop that
//! drives an [`crate::exchange::Exchange`].

pub mod admin;
pub mod amp;
pub mod answer;
pub mod body;
pub mod changes;
pub mod client;
pub mod clock;
pub mod decisions;
pub mod drive;
pub mod fetch;
pub mod listen;
pub mod live;
pub mod reload;
pub mod saver;
pub mod stream;
pub mod upstream;

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use crate::{
    formats::dropped::Dropped,
    routing::state::{Answer, Op, State},
    time::Timestamp,
};
use clock::Clock;
use decisions::Decisions;
use live::Live;
use saver::Saver;
use upstream::Upstream;

/// One running gateway: what all requests share.
pub struct Gateway {
    /// The config in use, and what became of later edits.
    pub live: Live,
    pub upstream: Upstream,
    pub clock: Clock,
    /// Locked for microseconds, never across an `.await`.
    state: Mutex<State>,
    pub saver: Saver,
    /// The last decisions, to be asked why.
    pub decisions: Decisions,
    /// Losses of translation that the log has told already.
    told: Mutex<HashSet<u64>>,
    pub counters: Counters,
    /// Tells this run from any other, and the ids of its requests from those of other runs.
    pub instance: String,
    pub started: Timestamp,
    /// The address that it really listens on, for `/-/status`.
    pub url: Mutex<String>,
}

/// After this many kinds of losses the log has made its point.
const MOST_TOLD: usize = 1000;

/// How many requests there were.
#[derive(Debug, Default)]
pub struct Counters {
    total: AtomicU64,
    in_flight: AtomicUsize,
}

impl Gateway {
    /// A gateway with `live` as its config, which remembers `state` from before.
    #[must_use]
    pub fn new(live: Live, state: State, saver: Saver, clock: Clock) -> Self {
        Self {
            live,
            upstream: Upstream::default(),
            state: Mutex::new(state),
            saver,
            decisions: Decisions::default(),
            told: Mutex::default(),
            counters: Counters::default(),
            instance: clock::random_hex(),
            started: clock.now(),
            url: Mutex::new(String::new()),
            clock,
        }
    }

    /// Asks or tells the state, and says when.
    pub fn apply(&self, op: &Op) -> (Answer, Timestamp) {
        let now = self.clock.now();
        (self.state().apply(op, now), now)
    }

    /// The state, for looking at. A panic elsewhere leaves counters behind, nothing half-done.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the log has not told yet that `target` cannot be told such a thing.
    #[must_use]
    pub fn is_news(&self, target: &str, loss: &Dropped) -> bool {
        let mut hasher = DefaultHasher::new();
        target.hash(&mut hasher);
        loss.reason.hash(&mut hasher);
        // Which message of the conversation it is does not matter.
        let words = loss.path.split('/').filter(|word| word.parse::<u32>().is_err());
        words.for_each(|word| word.hash(&mut hasher));
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.len() < MOST_TOLD && told.insert(hasher.finish())
    }

    /// An id for a request that brought none.
    #[must_use]
    pub fn request_id(&self) -> Arc<str> {
        let number = self.counters.total.load(Ordering::Relaxed);
        format!("req_{}{number:08x}", self.instance).into()
    }

    /// Counts a request in, if fewer than `limit` are running.
    pub fn admit(self: &Arc<Self>, limit: usize) -> Option<Admitted> {
        self.counters.total.fetch_add(1, Ordering::Relaxed);
        let admitted = Admitted(Arc::clone(self));
        let before = self.counters.in_flight.fetch_add(1, Ordering::Relaxed);
        (before < limit).then_some(admitted)
    }

    /// Running requests, and all since the start.
    #[must_use]
    pub fn requests(&self) -> (u64, u64) {
        let in_flight = self.counters.in_flight.load(Ordering::Relaxed);
        let total = self.counters.total.load(Ordering::Relaxed);
        (u64::try_from(in_flight).unwrap_or(u64::MAX), total)
    }
}

/// A request that runs; dropping it counts it out.
pub struct Admitted(Arc<Gateway>);

impl Drop for Admitted {
    fn drop(&mut self) {
        self.0.counters.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
