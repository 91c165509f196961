//! What is left to be tried: what the decision allowed, then what has become free since, at last
//! what rests. Knows nothing of requests.

use std::{sync::Arc, time::Duration};

use super::Attempt;
use crate::{
    routing::{
        decide::{Decision, Standing},
        failure::Cause,
        state::health::Cooldown,
    },
    time::Timestamp,
};

/// A slot of the plan, to be tried.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub(super) slot: usize,
    /// Whether it may be called although it rests.
    pub(super) resting: bool,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    decision: Option<Arc<Decision>>,
    /// The next one last.
    ahead: Vec<Candidate>,
    /// Those that came to rest after the decision was made, and why.
    rested: Vec<(usize, Cooldown)>,
    /// Whether those that rest have had their chance.
    desperate: bool,
}

impl Candidates {
    /// Those of a decision, in its order.
    pub(super) fn of(decision: Arc<Decision>) -> Self {
        let resting = decision.recovering().is_some();
        let ahead = decision.order.iter().rev().map(|&slot| Candidate { slot, resting });
        Self { ahead: ahead.collect(), decision: Some(decision), ..Self::default() }
    }

    /// The next one, which is no longer one afterwards.
    pub(super) fn next(&mut self) -> Option<Candidate> {
        self.ahead.pop()
    }

    /// This one is next, whether it rests or not: it was tried before.
    pub(super) fn again(&mut self, slot: usize) {
        self.ahead.push(Candidate { slot, resting: true });
    }

    /// This one failed for another request meanwhile; those that are left come first.
    pub(super) fn came_to_rest(&mut self, slot: usize, cooldown: Cooldown) {
        self.rested.push((slot, cooldown));
    }

    /// Puts first what was left out and has become free meanwhile. It may have come to rest again
    /// since, with its provider: then it is refused leave. False if there is none.
    pub(super) fn take_freed(&mut self, tried: &[Attempt], now: Timestamp) -> bool {
        let freed = self.left_out(tried, now).filter(|(_, left)| left.is_zero());
        self.ahead.extend(freed.map(|(slot, _)| Candidate { slot, resting: false }));
        freed.is_some()
    }

    /// Once all that were free have failed, puts first the resting one that recovers first, if what
    /// it suffered from may be over, or if nothing has been tried at all. Once only: false
    /// afterwards, and if there is none.
    pub(super) fn take_last_resort(&mut self, tried: &[Attempt]) -> bool {
        if std::mem::replace(&mut self.desperate, true) {
            return false;
        }
        let Some(decision) = &self.decision else { return false };
        let view = decision.view();
        let slots = 0..decision.route.plan.slots.len();
        let resting = slots.filter_map(|slot| Some((slot, view.resting(slot)?)));
        let resting = resting.chain(self.rested.iter().copied()).filter(|(slot, cooldown)| {
            let may_be_over = cooldown.cause.rule().retry && cooldown.cause != Cause::RateLimited;
            !was_tried(tried, *slot) && (may_be_over || tried.is_empty())
        });
        let first = resting.min_by_key(|(slot, cooldown)| (cooldown.until, *slot));
        self.ahead.extend(first.map(|(slot, _)| Candidate { slot, resting: true }));
        first.is_some()
    }

    /// The one that was left out and recovers first, because it rested or a bucket was full, and
    /// how long that lasts.
    pub(super) fn left_out(&self, tried: &[Attempt], now: Timestamp) -> Option<(usize, Duration)> {
        let decision = self.decision.as_ref()?;
        let view = decision.view();
        let was_seen = |slot: usize| {
            was_tried(tried, slot)
                || self.rested.iter().any(|(rested, _)| *rested == slot)
                || self.ahead.iter().any(|candidate| candidate.slot == slot)
        };
        let free_at = |slot: usize| match view.standing(slot) {
            Standing::Resting(cooldown) => Some(cooldown.until),
            Standing::Full(bucket) => Some(view.resets(bucket)),
            Standing::Ready | Standing::Misfit(_) | Standing::Mute => None,
        };
        let slots = (0..decision.route.plan.slots.len()).filter(|slot| !was_seen(*slot));
        let (at, slot) = slots.filter_map(|slot| Some((free_at(slot)?, slot))).min()?;
        Some((slot, at.since(now)))
    }
}

fn was_tried(tried: &[Attempt], slot: usize) -> bool {
    tried.iter().any(|attempt| attempt.slot == slot)
}
