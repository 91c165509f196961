//! Where conversations live: a provider's prompt cache is worth more than balance.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// What tells a conversation from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AffinityKey {
    /// Where it was found: a header or a field of the body.
    pub source: &'static str,
    hash: u64,
}

impl AffinityKey {
    /// The key of the conversation that is named `id` by `source`.
    #[must_use]
    pub fn new(source: &'static str, id: &[u8]) -> Self {
        // Keyed with zeros, so that it means the same after a restart.
        let mut hasher = DefaultHasher::new();
        source.hash(&mut hasher);
        id.hash(&mut hasher);
        Self { source, hash: hasher.finish() }
    }

    /// The key of this conversation as far as it concerns the route `name`: side requests of the
    /// same session for other models have homes of their own.
    #[must_use]
    pub fn within(self, name: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash.hash(&mut hasher);
        name.hash(&mut hasher);
        hasher.finish()
    }
}

/// Homes by conversation. Bounded, and forgotten after [`QUIET`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Affinity {
    homes: HashMap<u64, Home>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Home {
    target: Arc<str>,
    /// When it was last confirmed.
    seen: Timestamp,
}

/// No provider keeps a prompt cache for longer than an hour.
pub const QUIET: Duration = Duration::from_secs(3600);
/// More conversations than this at a time are not remembered.
pub const LARGEST: usize = 10_000;

impl Affinity {
    /// The target on which the conversation lives.
    #[must_use]
    pub fn target(&self, key: u64, now: Timestamp) -> Option<&Arc<str>> {
        let home = self.homes.get(&key)?;
        (now.since(home.seen) < QUIET).then_some(&home.target)
    }

    /// The conversation lives on `target` from now on.
    pub fn bind(&mut self, key: u64, target: Arc<str>, now: Timestamp) {
        if self.homes.len() >= LARGEST && !self.homes.contains_key(&key) {
            self.make_room(now);
        }
        self.homes.insert(key, Home { target, seen: now });
    }

    /// Forgets conversations that have gone quiet.
    pub fn prune(&mut self, now: Timestamp) {
        self.homes.retain(|_, home| now.since(home.seen) < QUIET);
    }

    /// How many conversations are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.homes.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.homes.is_empty()
    }

    /// Forgets the quietest tenth, so that this is rarely done.
    fn make_room(&mut self, now: Timestamp) {
        self.prune(now);
        if self.homes.len() < LARGEST {
            return;
        }
        let mut seen: Vec<Timestamp> = self.homes.values().map(|home| home.seen).collect();
        let (_, &mut oldest, _) = seen.select_nth_unstable(LARGEST / 10);
        let mut left = LARGEST / 10;
        self.homes.retain(|_, home| {
            let goes = home.seen <= oldest && left > 0;
            left -= usize::from(goes);
            !goes
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_has_a_home_until_it_has_been_quiet_for_an_hour() {
        let mut affinity = Affinity::default();
        let key = AffinityKey::new("x-amp-thread-id", b"T-1");
        affinity.bind(key.within("a"), "p/m".into(), Timestamp(1000));
        let at = |key, millis| affinity.target(key, Timestamp(millis)).map(|name| &**name);
        assert_eq!(at(key.within("a"), 3_600_999), Some("p/m"));
        assert_eq!(at(key.within("a"), 3_601_000), None);
        assert_eq!(at(key.within("b"), 1000), None, "another route has another home");
        let other = AffinityKey::new("x-session-id", b"T-1");
        assert_eq!(at(other.within("a"), 1000), None, "another kind of id is another id");
    }

    #[test]
    fn memory_is_bounded_and_the_quietest_go_first() {
        let mut affinity = Affinity::default();
        for key in 0..3 * LARGEST as u64 {
            affinity.bind(key, "p/m".into(), Timestamp(key));
            assert!(affinity.len() <= LARGEST);
        }
        let newest = 3 * LARGEST as u64 - 1;
        assert!(affinity.target(newest, Timestamp(newest)).is_some());
        assert!(affinity.target(0, Timestamp(newest)).is_none());
    }
}
