//! The one place that reads a clock, and the one source of randomness.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use crate::time::Timestamp;

/// Wall time that never runs backwards.
#[derive(Debug, Default)]
pub struct Clock {
    latest: AtomicU64,
}

impl Clock {
    /// The present moment, or the latest one that was ever given if the system's clock was set
    /// back.
    #[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
    pub fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        Timestamp(self.latest.fetch_max(millis, Ordering::Relaxed).max(millis))
    }
}

/// Sixteen hexadecimal digits that differ between runs. The standard library seeds its hashers from
/// the system's entropy.
#[must_use]
pub fn random_hex() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}
