//! Time as a value. Nothing here reads a clock: the shells do, and pass what they read.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch, UTC.
///
/// Wall time rather than a monotonic instant: calendar windows need it, and it means the same in a
/// saved state, on a server and in a Worker. The shell that reads it never lets it run backwards.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize,
)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The moment `duration` after this one; saturates at the end of time.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(millis))
    }

    /// How long after `earlier` this is; zero if it is not.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// Whole seconds since the epoch, as OpenAI's `created` wants them.
    #[must_use]
    pub fn seconds(self) -> u64 {
        self.0 / 1000
    }

    /// The civil date in UTC: year, month (1 to 12), day (1 to 31).
    #[must_use]
    pub fn date(self) -> (u64, u64, u64) {
        // Days to civil, with the year starting in March so that leap days come last
        // (H. Hinnant, "chrono-compatible low-level date algorithms").
        let days = self.0 / 86_400_000 + 719_468;
        let era = days / 146_097;
        let day_of_era = days % 146_097;
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + u64::from(month <= 2);
        (year, month, day)
    }

    /// The first moment of a civil date in UTC; dates before the epoch are the epoch.
    #[must_use]
    pub fn from_date(year: u64, month: u64, day: u64) -> Self {
        // The inverse of [`Timestamp::date`].
        let shifted_year = year.saturating_sub(u64::from(month <= 2));
        let shifted_month = if month > 2 { month - 3 } else { month + 9 };
        let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
        let (era, year_of_era) = (shifted_year / 400, shifted_year % 400);
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = (era * 146_097 + day_of_era).saturating_sub(719_468);
        Self(days.saturating_mul(86_400_000))
    }
}

/// RFC 3339 in UTC, to the second: `2026-03-01T12:05:00Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.date();
        let seconds = self.seconds() % 86_400;
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_civil_dates_in_utc() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_772_366_700, "2026-03-01T12:05:00Z"),
            (1_798_761_599, "2026-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            let moment = Timestamp(seconds * 1000);
            assert_eq!(moment.to_string(), text);
            let (year, month, day) = moment.date();
            assert_eq!(
                Timestamp::from_date(year, month, day).0,
                moment.0 / 86_400_000 * 86_400_000
            );
        }
    }

    #[test]
    fn time_does_not_wrap() {
        assert_eq!(Timestamp(5).since(Timestamp(9)), Duration::ZERO);
        assert_eq!(Timestamp(u64::MAX).after(Duration::from_secs(1)), Timestamp(u64::MAX));
    }
}
