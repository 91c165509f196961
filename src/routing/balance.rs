//! The five strategies: the order in which the targets of a route are tried.
//!
//! What is free and suits comes first, by tiers; then what is free but does not suit; what rests or
//! is over its limits is left out. Rotations are smooth weighted round robin: each turn every member
//! earns its weight in credit, the richest goes first and pays what all have earned. Members that
//! cannot be called earn nothing, so that nobody is flooded when it comes back.

use super::{
    decide::{Standing, View},
    plan::{Plan, PlanNode, Row},
    router::Bucket,
    window::Span,
};
use crate::config::Strategy;

/// A rotation that was turned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// The group and the tier: indexes into the plan.
    pub group: usize,
    pub tier: usize,
    /// The credits of the members after it.
    pub credits: Vec<i64>,
}

impl Turn {
    /// The row that was turned.
    #[must_use]
    pub fn row<'a>(&self, plan: &'a Plan) -> &'a Row {
        &plan.groups[self.group].tiers[self.tier]
    }
}

/// The slots to try, in order, and the rotation that this turned.
///
/// Only the first row that has a choice turns, for only its first member is sure to be called.
#[must_use]
pub fn order(view: &View<'_>) -> (Vec<usize>, Option<Turn>) {
    let count = view.plan.slots.len();
    let standings: Vec<Standing> = (0..count).map(|slot| view.standing(slot)).collect();
    let mut walk = Walk {
        view,
        standings: &standings,
        suiting: true,
        order: Vec::with_capacity(count),
        placed: vec![false; count],
        leads: true,
        turn: None,
    };
    for suiting in [true, false] {
        walk.suiting = suiting;
        walk.group(0);
        walk.silent_fallbacks();
    }
    (walk.order, walk.turn)
}

struct Walk<'a> {
    view: &'a View<'a>,
    standings: &'a [Standing],
    /// Whether those are being placed that suit, or the others.
    suiting: bool,
    order: Vec<usize>,
    placed: Vec<bool>,
    /// Whether nothing has been placed yet, so that a rotation may turn.
    leads: bool,
    turn: Option<Turn>,
}

/// A member of a row that can be called.
#[derive(Clone, Copy)]
struct Share {
    /// Its place in the row.
    place: usize,
    weight: f64,
    /// The weight as a rotation uses it, in millionths.
    effective: i64,
    /// Whether it is used faster than its quota allows for.
    ahead_of_pace: bool,
    credit: i64,
}

impl Walk<'_> {
    fn group(&mut self, group: usize) {
        for tier in 0..2 {
            for place in self.arrange(group, tier) {
                match self.view.plan.groups[group].tiers[tier].members[place].node {
                    PlanNode::Slot(slot) => self.place(slot),
                    PlanNode::Group(inner) => self.group(inner),
                }
            }
        }
    }

    fn place(&mut self, slot: usize) {
        if self.is_open(slot) {
            self.placed[slot] = true;
            self.order.push(slot);
            self.leads = false;
        }
    }

    /// Whether `slot` belongs to those that are being placed.
    fn is_open(&self, slot: usize) -> bool {
        let belongs = match self.standings[slot] {
            Standing::Ready => self.suiting,
            Standing::Misfit(_) => !self.suiting,
            Standing::Resting(_) | Standing::Full(_) | Standing::Mute => false,
        };
        belongs && !self.placed[slot]
    }

    /// The fallbacks of the targets that are tried, then of those that are not.
    fn silent_fallbacks(&mut self) {
        let tried = self.order.len();
        for place in 0..tried {
            self.fallbacks_of(self.order[place]);
        }
        for slot in 0..self.view.plan.slots.len() {
            self.fallbacks_of(slot);
        }
    }

    fn fallbacks_of(&mut self, slot: usize) {
        let plan = self.view.plan;
        for &fallback in &plan.slots[slot].fallbacks {
            self.place(fallback);
        }
    }

    /// The members of a row that can be called, in the order of its group's strategy.
    fn arrange(&mut self, group: usize, tier: usize) -> Vec<usize> {
        let plan = self.view.plan;
        let (strategy, row) = (plan.groups[group].strategy, &plan.groups[group].tiers[tier]);
        let mut shares: Vec<Share> = Vec::with_capacity(row.members.len());
        for place in 0..row.members.len() {
            shares.extend(self.share(strategy, row, place));
        }
        if strategy == Strategy::Ordered || shares.len() < 2 {
            return shares.into_iter().map(|share| share.place).collect();
        }
        let home =
            self.home(strategy, row).filter(|home| shares.iter().any(|share| share.place == *home));
        let turns = self.leads && home.is_none();
        let credits = self.view.observed.credits[row.credits.clone()].to_vec();
        let (winner, credits) = rotate(&mut shares, credits);
        if turns && winner.is_some() {
            self.turn = Some(Turn { group, tier, credits });
        }
        let first = home.or(winner);
        let rank = |share: &Share| {
            let last_resort = share.weight == 0.0;
            (Some(share.place) != first, last_resort, share.ahead_of_pace)
        };
        // A stable sort: the richest first within each rank, ties in config order.
        shares.sort_by_key(|share| (rank(share), -share.credit));
        shares.into_iter().map(|share| share.place).collect()
    }

    /// The share of a member; `None` if nothing in it can be called.
    fn share(&self, strategy: Strategy, row: &Row, place: usize) -> Option<Share> {
        let member = row.members[place];
        let mut best: Option<(f64, bool)> = None;
        self.each_open(member.node, &mut |slot| {
            let (factor, ahead) = self.factor(strategy, slot);
            best = Some(match best {
                // A group is as good as the best that it can offer.
                Some((most, all_ahead)) => (most.max(factor), all_ahead && ahead),
                None => (factor, ahead),
            });
        });
        let (factor, ahead_of_pace) = best?;
        let weight = match strategy {
            Strategy::Ordered | Strategy::RoundRobin => 1.0,
            Strategy::Auto | Strategy::WeightedRr | Strategy::QuotaAwareWeightedRr => member.weight,
        };
        Some(Share {
            place,
            weight,
            effective: millionths(weight * factor, weight),
            ahead_of_pace,
            credit: 0,
        })
    }

    fn each_open(&self, node: PlanNode, visit: &mut dyn FnMut(usize)) {
        match node {
            PlanNode::Slot(slot) if self.is_open(slot) => visit(slot),
            PlanNode::Slot(_) => {}
            PlanNode::Group(group) => {
                let plan = self.view.plan;
                for row in &plan.groups[group].tiers {
                    for member in &row.members {
                        self.each_open(member.node, visit);
                    }
                }
            }
        }
    }

    /// What a slot's weight is multiplied with, and whether it is ahead of its pace.
    fn factor(&self, strategy: Strategy, slot: usize) -> (f64, bool) {
        match strategy {
            Strategy::Ordered | Strategy::RoundRobin | Strategy::WeightedRr => (1.0, false),
            Strategy::QuotaAwareWeightedRr => {
                (health(self.view, slot) * remaining(self.view, slot, |_| true), false)
            }
            Strategy::Auto => {
                let burst = remaining(self.view, slot, |span| !is_paced(span));
                (health(self.view, slot) * burst, is_ahead_of_pace(self.view, slot, PACE))
            }
        }
    }

    /// The member in which the conversation lives, while it can afford to.
    fn home(&self, strategy: Strategy, row: &Row) -> Option<usize> {
        if strategy != Strategy::Auto {
            return None;
        }
        let bound = self.view.observed.bound?;
        if !self.is_open(bound) || is_ahead_of_pace(self.view, bound, PACE_AT_HOME) {
            return None;
        }
        (0..row.members.len()).find(|place| {
            let mut found = false;
            self.each_open(row.members[*place].node, &mut |slot| found |= slot == bound);
            found
        })
    }
}

/// Turns a rotation: the place of the winner, and the credits of the whole row after the turn.
/// Those that are ahead of their pace or have no weight take part only if nobody else does.
fn rotate(shares: &mut [Share], mut credits: Vec<i64>) -> (Option<usize>, Vec<i64>) {
    let rank = |share: &Share| (share.weight == 0.0, share.ahead_of_pace);
    let Some(best) = shares.iter().map(rank).min() else { return (None, credits) };
    let mut total = 0;
    for share in shares.iter_mut() {
        share.credit = credits[share.place];
        if rank(share) == best && share.weight > 0.0 {
            share.credit += share.effective;
            total += share.effective;
            credits[share.place] = share.credit;
        }
    }
    let players = shares.iter().filter(|share| rank(share) == best);
    // The first of the richest.
    let winner = players.max_by(|a, b| a.credit.cmp(&b.credit).then(b.place.cmp(&a.place)));
    let winner = winner.map(|share| share.place);
    if let Some(winner) = winner {
        credits[winner] -= total;
    }
    (winner, credits)
}

/// A weight in millionths; what has any weight keeps a little.
fn millionths(effective: f64, weight: f64) -> i64 {
    const LARGEST: f64 = 1e12;
    let scaled = (effective * 1e6).round().clamp(0.0, LARGEST);
    #[expect(clippy::cast_possible_truncation, reason = "it is between 0 and 10^12")]
    let scaled = scaled as i64;
    scaled.max(i64::from(weight > 0.0))
}

/// 1 for a target that has not failed lately, less with every failure in a row.
#[must_use]
pub fn health(view: &View<'_>, slot: usize) -> f64 {
    1.0 / (1.0 + 0.5 * f64::from(view.observed.slots[slot].failures))
}

/// The remaining share of the tightest bucket whose window `counts`; 1 without a bucket.
#[must_use]
pub fn remaining(view: &View<'_>, slot: usize, counts: fn(Span) -> bool) -> f64 {
    let mut least = 1.0_f64;
    for (used, bucket, span) in buckets(view, slot) {
        if counts(span) {
            least = least.min(1.0 - share(used, bucket.cap));
        }
    }
    least
}

/// What a quota may be ahead of the time that has passed, as a share of the window: a start, and the
/// slope from there.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    at_start: f64,
    at_end: f64,
}

/// For requests that could go elsewhere: something is left at the window's end.
pub const PACE: Pace = Pace { at_start: 0.02, at_end: 0.98 };
/// For conversations whose prompt cache is here: a move costs more than some quota.
pub const PACE_AT_HOME: Pace = Pace { at_start: 0.12, at_end: 1.0 };

/// Whether a quota is meant to last: within an hour, bursts are what it is for.
#[must_use]
pub fn is_paced(span: Span) -> bool {
    span.length().as_secs() >= 3600
}

/// Whether any quota of the slot that is meant to last would not, if used on like this.
#[must_use]
pub fn is_ahead_of_pace(view: &View<'_>, slot: usize, pace: Pace) -> bool {
    buckets(view, slot).any(|(used, bucket, span)| {
        let allowed = pace.at_start + (pace.at_end - pace.at_start) * span.elapsed(view.now);
        // The first request of a window is always on pace.
        is_paced(span) && used > 0 && share(used + 1, bucket.cap) > allowed
    })
}

/// The buckets of a slot: requests so far, the bucket, and its current window.
pub fn buckets<'a>(
    view: &'a View<'_>,
    slot: usize,
) -> impl Iterator<Item = (u64, &'a Bucket, Span)> {
    view.plan.slots[slot].buckets.iter().map(|place| {
        let bucket = view.router.bucket(view.plan.buckets[*place]);
        (view.observed.used[*place], bucket, bucket.span(view.now))
    })
}

#[expect(clippy::cast_precision_loss, reason = "a share need not be exact")]
fn share(used: u64, cap: u64) -> f64 {
    used as f64 / cap as f64
}
