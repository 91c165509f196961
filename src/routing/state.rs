//! What the gateway remembers between requests. Keyed by names, so that it outlives a reload.
//!
//! [`State::apply`] is the only way in: questions and answers are values, so that the state may
//! live behind a mutex here, or behind a Durable Object or a shared store elsewhere.

use std::{collections::HashMap, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::failure::Failure;
use crate::time::Timestamp;

/// A question, or something to remember.
#[derive(Debug, Clone)]
pub enum Op {
    /// In which order to try these candidates: the answer is [`Answer::Order`].
    Order(Vec<Arc<str>>),
    /// An attempt failed.
    Failed { target: Arc<str>, failure: Failure },
    /// An attempt succeeded.
    Succeeded { target: Arc<str> },
}

/// What [`State::apply`] says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Places in the list of the question, in the order to try them; those left out are cooling.
    Order(Vec<usize>),
    /// Noted.
    Done,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct State {
    targets: HashMap<Arc<str>, Record>,
}

/// What is known of one target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Record {
    /// Answers that were relayed.
    pub succeeded: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Failures since the last success.
    pub failures_in_a_row: u32,
    /// Not to be called before this moment while another target is free.
    pub cooling_until: Timestamp,
    /// Why: the word of the last failure.
    #[serde(skip)]
    pub reason: &'static str,
}

/// A rate limit without a word about its end.
pub const COOLDOWN_EXHAUSTED: Duration = Duration::from_secs(10);
/// A key that is not accepted does not become valid by itself; a reload with another key forgets.
const COOLDOWN_UNAUTHORIZED: Duration = Duration::from_secs(600);
const COOLDOWN_UNAVAILABLE: Duration = Duration::from_secs(45);
/// After this many failures in a row a target is given a rest.
const FAILURES_BEFORE_REST: u32 = 2;
const COOLDOWN_REST: Duration = Duration::from_secs(30);
/// What a provider may ask for at most.
const COOLDOWN_MAX: Duration = Duration::from_secs(24 * 3600);

impl State {
    /// Answers a question, or notes what happened.
    pub fn apply(&mut self, op: &Op, now: Timestamp) -> Answer {
        match op {
            Op::Order(candidates) => Answer::Order(self.order(candidates, now)),
            Op::Failed { target, failure } => {
                self.failed(target, *failure, now);
                Answer::Done
            }
            Op::Succeeded { target } => {
                let record = self.record(target);
                record.succeeded += 1;
                record.failures_in_a_row = 0;
                record.cooling_until = Timestamp::default();
                Answer::Done
            }
        }
    }

    /// The targets that have been called, with what is known of them.
    pub fn records(&self) -> impl Iterator<Item = (&str, &Record)> {
        self.targets.iter().map(|(name, record)| (&**name, record))
    }

    /// Ends the cooldowns of the targets for which `changed` holds: their provider's entry is
    /// another one now.
    pub fn forget_cooldowns(&mut self, changed: impl Fn(&str) -> bool) {
        for (name, record) in &mut self.targets {
            if changed(name) {
                record.cooling_until = Timestamp::default();
                record.failures_in_a_row = 0;
            }
        }
    }

    /// Those that are free, in their order; if none is, the one that recovers first.
    fn order(&self, candidates: &[Arc<str>], now: Timestamp) -> Vec<usize> {
        let until = |place: &usize| {
            self.targets
                .get(&candidates[*place])
                .map_or(Timestamp(0), |record| record.cooling_until)
        };
        let free: Vec<usize> = (0..candidates.len()).filter(|place| until(place) <= now).collect();
        if free.is_empty() {
            (0..candidates.len()).min_by_key(until).into_iter().collect()
        } else {
            free
        }
    }

    fn failed(&mut self, target: &Arc<str>, failure: Failure, now: Timestamp) {
        let record = self.record(target);
        record.failed += 1;
        let rest = match failure {
            // The caller's mistake says nothing about the target.
            Failure::Caller => return,
            Failure::Exhausted { retry_after } => retry_after.unwrap_or(COOLDOWN_EXHAUSTED),
            Failure::Unauthorized => COOLDOWN_UNAUTHORIZED,
            Failure::Unavailable => COOLDOWN_UNAVAILABLE,
            Failure::Unconfigured => Duration::ZERO,
            Failure::Transient { retry_after } | Failure::Overloaded { retry_after } => {
                record.failures_in_a_row += 1;
                retry_after.unwrap_or_else(|| rest_after(record.failures_in_a_row))
            }
            Failure::Unreachable(_) | Failure::Unusable => {
                record.failures_in_a_row += 1;
                rest_after(record.failures_in_a_row)
            }
        };
        record.reason = failure.word();
        record.cooling_until = record.cooling_until.max(now.after(rest.min(COOLDOWN_MAX)));
    }

    fn record(&mut self, target: &Arc<str>) -> &mut Record {
        self.targets.entry(Arc::clone(target)).or_default()
    }
}

fn rest_after(failures_in_a_row: u32) -> Duration {
    if failures_in_a_row >= FAILURES_BEFORE_REST { COOLDOWN_REST } else { Duration::ZERO }
}
