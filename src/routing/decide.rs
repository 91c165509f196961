//! One decision: which targets to try, in which order. A pure function of what was observed, so
//! that the same inputs give the same decision, now and when it is explained.

use std::sync::Arc;

use super::{
    balance::{self, Turn},
    fit::{Misfit, Needs},
    plan::{Plan, Slot},
    router::{Route, Router, Target, TargetId},
    state::{affinity::AffinityKey, health::Cooldown, learned::Learned},
};
use crate::{protocol::Operation, time::Timestamp};

/// What is asked, in the terms that routing branches on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub operation: Operation,
    pub needs: Needs,
    /// What tells the conversation from others, if anything does.
    pub affinity: Option<AffinityKey>,
}

/// What the state knew when the question came: all that a decision depends on besides the config,
/// the question and the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// By slot of the plan.
    pub slots: Vec<SlotView>,
    /// Requests in the current window, by bucket of the plan.
    pub used: Vec<u64>,
    /// By member of every row of the plan.
    pub credits: Vec<i64>,
    /// The slot on which the conversation lives.
    pub bound: Option<usize>,
    /// What earlier answers taught, by slot of the plan. It decides nothing: how the target is asked
    /// depends on it.
    pub learned: Vec<(usize, Arc<Learned>)>,
}

/// What was known of one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotView {
    /// Failures since the last success.
    pub failures: u32,
    /// Its own, or its provider's if that lasts longer.
    pub cooldown: Option<Cooldown>,
}

/// Which targets to try, and all that is needed to say why.
#[derive(Debug, Clone)]
pub struct Decision {
    pub router: Arc<Router>,
    pub route: Arc<Route>,
    pub question: Arc<Question>,
    pub observed: Observed,
    pub at: Timestamp,
    /// Slots in the order to try them. If nothing is free, the one that recovers first.
    pub order: Vec<usize>,
    /// The rotation that this decision turned.
    pub turn: Option<Turn>,
}

/// How a target stands at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It may be called.
    Ready,
    /// It may be called, but does not suit: after all that do.
    Misfit(Misfit),
    /// It failed, and rests.
    Resting(Cooldown),
    /// One of its buckets is full: the place in [`Plan::buckets`] of the last to empty.
    Full(usize),
    /// It cannot be asked for this operation.
    Mute,
}

/// Decides. Contract: `observed` was made for the same route of the same router.
#[must_use]
pub fn decide(
    router: &Arc<Router>,
    route: &Arc<Route>,
    question: &Arc<Question>,
    observed: Observed,
    at: Timestamp,
) -> Decision {
    let view = View { router, plan: &route.plan, question, observed: &observed, now: at };
    let (mut order, turn) = balance::order(&view);
    if order.is_empty() {
        order.extend(view.recovering());
    }
    let (router, route, question) = (Arc::clone(router), Arc::clone(route), Arc::clone(question));
    Decision { router, route, question, observed, at, order, turn }
}

/// Everything that a decision is made from.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    pub router: &'a Router,
    pub plan: &'a Plan,
    pub question: &'a Question,
    pub observed: &'a Observed,
    pub now: Timestamp,
}

impl<'a> View<'a> {
    fn slot(&self, slot: usize) -> &'a Slot {
        &self.plan.slots[slot]
    }

    /// The target in a slot.
    #[must_use]
    pub fn target(&self, slot: usize) -> &'a Target {
        self.router.target(self.slot(slot).target)
    }

    /// How the target in a slot stands.
    #[must_use]
    pub fn standing(&self, slot: usize) -> Standing {
        let target = self.target(slot);
        if !target.speaks(self.question.operation) {
            return Standing::Mute;
        }
        let buckets = if self.question.operation.counts_tokens() {
            &[][..]
        } else {
            &self.slot(slot).buckets
        };
        let full = buckets.iter().copied().filter(|bucket| {
            self.observed.used[*bucket] >= self.router.bucket(self.plan.buckets[*bucket]).cap
        });
        if let Some(full) = full.max_by_key(|bucket| self.resets(*bucket)) {
            return Standing::Full(full);
        }
        if let Some(cooldown) = self.observed.slots[slot].cooldown {
            return Standing::Resting(cooldown);
        }
        self.question.needs.misfit(target).map_or(Standing::Ready, Standing::Misfit)
    }

    /// The rest of the target in a slot, if that is all that keeps it from being called.
    #[must_use]
    pub fn resting(&self, slot: usize) -> Option<Cooldown> {
        match self.standing(slot) {
            Standing::Resting(cooldown) => Some(cooldown),
            Standing::Ready | Standing::Misfit(_) | Standing::Full(_) | Standing::Mute => None,
        }
    }

    /// When a bucket of the plan is empty again.
    #[must_use]
    pub fn resets(&self, bucket: usize) -> Timestamp {
        self.router.bucket(self.plan.buckets[bucket]).span(self.now).end
    }

    /// The resting slot that recovers first: a try beats a refusal.
    fn recovering(&self) -> Option<usize> {
        let resting = |slot: usize| Some((self.resting(slot)?.until, slot));
        (0..self.plan.slots.len()).filter_map(resting).min().map(|(_, slot)| slot)
    }
}

impl Decision {
    /// What it was made from.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        View {
            router: &self.router,
            plan: &self.route.plan,
            question: &self.question,
            observed: &self.observed,
            now: self.at,
        }
    }

    /// The target in a slot.
    #[must_use]
    pub fn target(&self, slot: usize) -> TargetId {
        self.route.plan.slots[slot].target
    }

    /// The rest that the only candidate is to be given before it is called, if nothing is free.
    #[must_use]
    pub fn recovering(&self) -> Option<Cooldown> {
        self.view().resting(*self.order.first()?)
    }

    /// The slots that were not ordered, in config order.
    pub fn left_out(&self) -> impl Iterator<Item = usize> {
        (0..self.route.plan.slots.len()).filter(|slot| !self.order.contains(slot))
    }

    /// The full bucket that empties first: its slot, and its place in the plan.
    #[must_use]
    pub fn first_to_empty(&self) -> Option<(usize, usize)> {
        let view = self.view();
        let full = |slot: usize| match view.standing(slot) {
            Standing::Full(bucket) => Some((slot, bucket)),
            Standing::Ready | Standing::Misfit(_) | Standing::Resting(_) | Standing::Mute => None,
        };
        let slots = (0..self.route.plan.slots.len()).filter_map(full);
        slots.min_by_key(|(_, bucket)| view.resets(*bucket))
    }
}
