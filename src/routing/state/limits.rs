//! Rate-limit buckets: how many requests were made in the current window of each.

use std::{collections::HashMap, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{routing::router::Bucket, time::Timestamp};

/// The counters, by bucket.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Limits {
    counts: HashMap<Arc<str>, Count>,
}

/// The requests of one window.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Count {
    /// The first moment of the window that they fell into.
    window: Timestamp,
    /// The first moment after it.
    ends: Timestamp,
    used: u64,
}

/// Leave for one call: the places that were taken for it, by bucket and window.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct Reservation {
    /// When leave was given.
    pub at: Timestamp,
    places: Vec<(Arc<str>, Timestamp)>,
}

impl Reservation {
    /// Leave for a call that counts against no bucket.
    pub fn free(at: Timestamp) -> Self {
        Self { at, places: Vec::new() }
    }

    /// Whether nothing was taken, because no bucket applies.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}

impl Limits {
    /// How many requests of `bucket` fall into its window at `now`.
    #[must_use]
    pub fn used(&self, bucket: &Bucket, now: Timestamp) -> u64 {
        let span = bucket.span(now);
        let count = self.counts.get(&bucket.name);
        // A window that was longer or shorter before a reload: requests that were certainly made
        // within the new one count, so that a reload refills nothing.
        count.filter(|count| span.holds(count.window)).map_or(0, |count| count.used)
    }

    /// Takes a place in all of `buckets`, or in none.
    ///
    /// # Errors
    /// The full bucket that is the last to empty.
    pub fn reserve<'a>(
        &mut self,
        buckets: impl Iterator<Item = &'a Bucket> + Clone,
        now: Timestamp,
    ) -> Result<Reservation, &'a Bucket> {
        let full = buckets.clone().filter(|bucket| self.used(bucket, now) >= bucket.cap);
        if let Some(full) = full.max_by_key(|bucket| bucket.span(now).end) {
            return Err(full);
        }
        let places = buckets.map(|bucket| {
            let used = self.used(bucket, now) + 1;
            let span = bucket.span(now);
            let count = Count { window: span.start, ends: span.end, used };
            self.counts.insert(Arc::clone(&bucket.name), count);
            (Arc::clone(&bucket.name), span.start)
        });
        Ok(Reservation { at: now, places: places.collect() })
    }

    /// Gives places back for which nothing was sent. A window that has ended keeps its count.
    pub fn give_back(&mut self, reservation: &Reservation) {
        for (bucket, window) in &reservation.places {
            if let Some(count) = self.counts.get_mut(bucket).filter(|count| count.window == *window)
            {
                count.used = count.used.saturating_sub(1);
            }
        }
    }

    /// Takes the higher of two counts of the same window, the later of two windows.
    pub fn adopt(&mut self, other: &Self) {
        for (bucket, theirs) in &other.counts {
            let own = self.counts.entry(Arc::clone(bucket)).or_insert(*theirs);
            if (theirs.window, theirs.used) > (own.window, own.used) {
                *own = *theirs;
            }
        }
    }

    /// Forgets windows that have ended.
    pub fn prune(&mut self, now: Timestamp) {
        self.counts.retain(|_, count| count.ends > now);
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use proptest::prelude::*;

    use super::*;
    use crate::config::{Window, WindowUnit};

    fn bucket(name: &str, cap: u64, unit: WindowUnit) -> Bucket {
        Bucket { name: name.into(), cap, window: Window { unit, size: NonZeroU32::MIN } }
    }

    #[test]
    fn a_place_in_all_buckets_or_in_none() {
        let (minute, day) =
            (bucket("p/minute", 2, WindowUnit::Minute), bucket("p/day", 3, WindowUnit::Day));
        let (mut limits, both) = (Limits::default(), [&minute, &day]);
        let mut reserve =
            |at| limits.reserve(both.into_iter(), Timestamp(at)).map(drop).map_err(|b| &*b.name);
        assert_eq!(reserve(0), Ok(()));
        assert_eq!(reserve(1), Ok(()));
        assert_eq!(reserve(2), Err("p/minute"));
        assert_eq!(reserve(60_000), Ok(()));
        assert_eq!(reserve(60_001), Err("p/day"), "the last to empty is named");
        assert_eq!(reserve(86_400_000), Ok(()));
    }

    #[test]
    fn a_place_that_was_not_used_is_given_back_once_and_in_its_own_window() {
        let minute = bucket("p/minute", 1, WindowUnit::Minute);
        let mut limits = Limits::default();
        let taken = limits.reserve([&minute].into_iter(), Timestamp(0)).unwrap();
        limits.give_back(&taken);
        let late = limits.reserve([&minute].into_iter(), Timestamp(59_999)).unwrap();
        drop(limits.reserve([&minute].into_iter(), Timestamp(60_000)).unwrap());
        limits.give_back(&late);
        assert_eq!(limits.used(&minute, Timestamp(60_000)), 1);
    }

    #[test]
    fn an_edited_window_is_not_refilled_and_a_clock_that_was_wrong_does_not_block() {
        let mut limits = Limits::default();
        let minute = bucket("p/b", 9, WindowUnit::Minute);
        drop(limits.reserve([&minute].into_iter(), Timestamp(3_600_000)).unwrap());
        for (unit, now, used) in [
            (WindowUnit::Hour, 3_600_001, 1),
            (WindowUnit::Minute, 3_600_001, 1),
            (WindowUnit::Minute, 3_660_000, 0),
            (WindowUnit::Minute, 1, 0),
        ] {
            let edited = bucket("p/b", 9, unit);
            assert_eq!(limits.used(&edited, Timestamp(now)), used, "{unit:?} at {now}");
        }
        limits.prune(Timestamp(3_660_000));
        assert!(limits.counts.is_empty());
    }

    #[test]
    fn of_two_counts_of_a_window_the_higher_one_stays() {
        let minute = bucket("p/b", 9, WindowUnit::Minute);
        let counted = |times: usize, at: u64| {
            let mut limits = Limits::default();
            for _ in 0..times {
                drop(limits.reserve([&minute].into_iter(), Timestamp(at)).unwrap());
            }
            limits
        };
        for (own, theirs, used) in [
            (counted(1, 60_000), counted(3, 60_000), 3),
            (counted(3, 60_000), counted(1, 60_000), 3),
            (counted(1, 60_000), counted(3, 0), 1),
            (counted(0, 0), counted(2, 60_000), 2),
        ] {
            let mut limits = own;
            limits.adopt(&theirs);
            assert_eq!(limits.used(&minute, Timestamp(60_000)), used);
        }
    }

    proptest! {
        #[test]
        fn no_window_ever_holds_more_than_its_cap(
            cap in 1_u64..8, steps in prop::collection::vec((0_u64..20_000, any::<bool>()), 1..80),
        ) {
            let minute = bucket("p/b", cap, WindowUnit::Minute);
            let (mut limits, mut now) = (Limits::default(), 0);
            let mut sent: HashMap<Timestamp, u64> = HashMap::new();
            for (pause, send) in steps {
                now += pause;
                let Ok(place) = limits.reserve([&minute].into_iter(), Timestamp(now)) else {
                    continue;
                };
                if send {
                    *sent.entry(minute.span(Timestamp(now)).start).or_default() += 1;
                } else {
                    limits.give_back(&place);
                }
            }
            prop_assert!(sent.values().all(|count| *count <= cap));
        }
    }
}
