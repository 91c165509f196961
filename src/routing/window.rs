//! Fixed time windows in UTC: which one a moment falls into, and when it ends.
//!
//! Seconds to days are counted from the Unix epoch, weeks from Monday (ISO), months by the calendar;
//! a size of more than one groups them (3 months are quarters, 12 are years).

use std::time::Duration;

use crate::{
    config::{Window, WindowUnit},
    time::Timestamp,
};

/// One occurrence of a window: its first moment, and the first moment after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub start: Timestamp,
    pub end: Timestamp,
}

const SECOND: u64 = 1000;
const DAY: u64 = 86_400 * SECOND;
const WEEK: u64 = 7 * DAY;
/// The first Monday after the epoch, 1970-01-05: groups of weeks are counted from here.
const FIRST_MONDAY: u64 = 4 * DAY;

impl Span {
    /// The occurrence of `window` that `now` falls into.
    #[must_use]
    pub fn of(window: Window, now: Timestamp) -> Self {
        let size = u64::from(window.size.get());
        match window.unit {
            WindowUnit::Second => fixed(now, size.saturating_mul(SECOND), 0),
            WindowUnit::Minute => fixed(now, size.saturating_mul(60 * SECOND), 0),
            WindowUnit::Hour => fixed(now, size.saturating_mul(3600 * SECOND), 0),
            WindowUnit::Day => fixed(now, size.saturating_mul(DAY), 0),
            WindowUnit::Week => fixed(now, size.saturating_mul(WEEK), FIRST_MONDAY),
            WindowUnit::Month => months(now, size),
        }
    }

    /// How much of the span has passed at `now`, from 0 to 1.
    #[must_use]
    pub fn elapsed(self, now: Timestamp) -> f64 {
        let length = self.length().as_secs_f64();
        (now.since(self.start).as_secs_f64() / length).clamp(0.0, 1.0)
    }

    /// From the first moment to the end.
    #[must_use]
    pub fn length(self) -> Duration {
        self.end.since(self.start)
    }

    /// Whether `moment` lies in it.
    #[must_use]
    pub fn holds(self, moment: Timestamp) -> bool {
        self.start <= moment && moment < self.end
    }
}

/// Windows of equal length, counted from `anchor`. What lies before the anchor is one window.
fn fixed(now: Timestamp, length: u64, anchor: u64) -> Span {
    let Some(behind) = now.0.checked_sub(anchor) else {
        return Span { start: Timestamp(0), end: Timestamp(anchor) };
    };
    let start = anchor + behind / length * length;
    Span { start: Timestamp(start), end: Timestamp(start.saturating_add(length)) }
}

fn months(now: Timestamp, size: u64) -> Span {
    let (year, month, _) = now.date();
    let index = (year * 12 + month - 1) / size * size;
    let end = index.saturating_add(size);
    Span { start: first_of_month(index), end: first_of_month(end) }
}

/// The first moment of a month that is counted from year 0. Months before the epoch begin with it.
fn first_of_month(index: u64) -> Timestamp {
    // Years beyond the reach of a timestamp are the end of time.
    let (year, month) = ((index / 12).min(500_000_000), index % 12 + 1);
    Timestamp::from_date(year, month, 1)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use proptest::prelude::*;

    use super::*;

    const UNITS: [WindowUnit; 6] = [
        WindowUnit::Second,
        WindowUnit::Minute,
        WindowUnit::Hour,
        WindowUnit::Day,
        WindowUnit::Week,
        WindowUnit::Month,
    ];

    fn window(unit: WindowUnit, size: u32) -> Window {
        Window { unit, size: NonZeroU32::new(size).unwrap() }
    }

    #[test]
    fn windows_are_the_calendars() {
        // 2026-02-28T15:42:30Z, a Saturday.
        let now = Timestamp(1_772_293_350_000);
        for (unit, size, start, end) in [
            (WindowUnit::Second, 1, "2026-02-28T15:42:30Z", "2026-02-28T15:42:31Z"),
            (WindowUnit::Minute, 1, "2026-02-28T15:42:00Z", "2026-02-28T15:43:00Z"),
            (WindowUnit::Hour, 1, "2026-02-28T15:00:00Z", "2026-02-28T16:00:00Z"),
            (WindowUnit::Hour, 6, "2026-02-28T12:00:00Z", "2026-02-28T18:00:00Z"),
            (WindowUnit::Day, 1, "2026-02-28T00:00:00Z", "2026-03-01T00:00:00Z"),
            (WindowUnit::Week, 1, "2026-02-23T00:00:00Z", "2026-03-02T00:00:00Z"),
            (WindowUnit::Week, 2, "2026-02-16T00:00:00Z", "2026-03-02T00:00:00Z"),
            (WindowUnit::Month, 1, "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"),
            (WindowUnit::Month, 3, "2026-01-01T00:00:00Z", "2026-04-01T00:00:00Z"),
            (WindowUnit::Month, 12, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ] {
            let span = Span::of(window(unit, size), now);
            let found = (span.start.to_string(), span.end.to_string());
            assert_eq!(found, (start.to_owned(), end.to_owned()), "{size} {unit:?}");
        }
    }

    proptest! {
        #[test]
        fn every_moment_lies_in_its_span_and_spans_touch(
            unit in 0..UNITS.len(), size in 1_u32..400, now in 0_u64..7_000_000_000_000,
        ) {
            let window = window(UNITS[unit], size);
            let span = Span::of(window, Timestamp(now));
            prop_assert!(span.holds(Timestamp(now)));
            prop_assert_eq!(Span::of(window, span.start), span);
            prop_assert_eq!(Span::of(window, Timestamp(span.end.0 - 1)), span);
            prop_assert_eq!(Span::of(window, span.end).start, span.end);
        }

        #[test]
        fn no_window_panics(unit in 0..UNITS.len(), size in 1_u32.., now in any::<u64>()) {
            let span = Span::of(window(UNITS[unit], size), Timestamp(now));
            prop_assert!(span.start <= Timestamp(now));
            prop_assert!((0.0..=1.0).contains(&span.elapsed(Timestamp(now))));
        }
    }
}
