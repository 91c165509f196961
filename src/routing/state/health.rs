//! Cooldowns: what failed is not called again before its time while another target is free.

use serde::{Deserialize, Serialize};

use crate::{
    routing::failure::{Cause, Failure},
    time::Timestamp,
};

/// What is known of one model, or of one provider's key and address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Health {
    /// Failures since the last success: for a model an answer that was whole, for a provider one
    /// that began.
    pub failures_in_a_row: u32,
    rest: Option<Cooldown>,
}

/// A rest, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cooldown {
    /// Its end.
    pub until: Timestamp,
    /// The failure that earned it.
    pub cause: Cause,
    /// When that came.
    pub since: Timestamp,
}

/// How many calls a target has had.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Answers that were relayed.
    pub succeeded: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Tokens that the provider counted in requests, as far as it tells.
    pub input_tokens: u64,
    /// The same in replies.
    pub output_tokens: u64,
}

impl Health {
    /// The rest, if it lasts at `now`.
    #[must_use]
    pub fn cooldown(&self, now: Timestamp) -> Option<Cooldown> {
        self.rest.filter(|rest| rest.until > now)
    }

    /// Notes a failure. A rest is never shortened by a later failure.
    pub fn failed(&mut self, failure: Failure, now: Timestamp) {
        if failure.cause.counts() {
            self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        }
        let until = now.after(failure.rest(self.failures_in_a_row));
        let rest = Cooldown { until, cause: failure.cause, since: now };
        self.rest = self.cooldown(now).max(Some(rest).filter(|rest| rest.until > now));
    }

    /// Notes that a call that was sent at `sent` is being answered, which ends a rest. One that
    /// began later stays: the call knows nothing of it.
    pub fn answers(&mut self, sent: Timestamp) {
        self.rest = self.rest.filter(|rest| rest.since > sent);
    }

    /// Whether this would be missed if it were forgotten.
    #[must_use]
    pub fn says_something(&self, now: Timestamp) -> bool {
        self.failures_in_a_row > 0 || self.cooldown(now).is_some()
    }
}
