//! Why a decision came out as it did: every candidate with its place and its reasons, in codes for
//! programs and in words with figures for people.

use std::fmt::Write;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    balance,
    decide::{Decision, Standing, View},
    failure::Cause,
    plan::{PlanNode, Row, Tier},
    state::health::Cooldown,
};
use crate::{config::Strategy, time::Timestamp};

/// One decision, explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Trace {
    /// When it was made, RFC 3339.
    pub at: String,
    /// How the name was understood: `alias`, `direct` or `bare-model`.
    pub route_type: String,
    /// What the name stood for.
    pub route: String,
    pub strategy: String,
    /// The format of the request.
    pub format: String,
    /// Tokens that the request needs, estimated high; 0 if no candidate's limit is near.
    pub context_required: u64,
    /// What told the conversation from others, if anything did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affinity_source: Option<String>,
    /// Those to try in their order, then those that are left out.
    pub candidates: Vec<Candidate>,
}

/// One target that may answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// `provider/model`
    pub target: String,
    /// 1 for the one that is tried first; none for one that is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<usize>,
    /// `target`, `fallback` or `silent-fallback`.
    pub tier: String,
    pub reasons: Vec<Reason>,
}

/// One thing that spoke for or against a candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    pub code: ReasonCode,
    /// The figures, in words.
    pub text: String,
}

/// The kinds of reasons.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum ReasonCode {
    /// The conversation lives here.
    Affinity,
    /// Its share of the traffic.
    Weight,
    /// It failed lately.
    Failures,
    /// It failed and rests.
    Cooldown,
    /// It rests, but nothing else is free.
    Recovering,
    /// A bucket is full.
    QuotaExhausted,
    /// How full its tightest bucket is.
    Quota,
    /// It is used faster than its quota allows for.
    Pace,
    /// It does not suit the request.
    Unfit,
    /// It cannot be asked in this way.
    FormatIncompatible,
    /// Its key is not to be had.
    MissingKey,
}

impl Trace {
    /// Explains a decision.
    #[must_use]
    pub fn of(decision: &Decision) -> Self {
        let route = &decision.route;
        let placed =
            decision.order.iter().enumerate().map(|(place, slot)| (Some(place + 1), *slot));
        let left = decision.left_out().map(|slot| (None, slot));
        let candidates =
            placed.chain(left).map(|(place, slot)| candidate(decision, place, slot)).collect();
        Self {
            at: decision.at.to_string(),
            route_type: route.kind.word().to_owned(),
            route: route.name.to_string(),
            strategy: route.group.strategy.name().to_owned(),
            format: decision.question.operation.format().to_string(),
            context_required: decision.question.needs.tokens,
            affinity_source: decision.question.affinity.map(|key| key.source.to_owned()),
            candidates,
        }
    }

    /// The trace in lines, for people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text).unwrap_or_default();
        text
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        write!(out, "{} `{}`, {}", self.route_type, self.route, self.strategy)?;
        write!(out, "; format {}; decided {}", self.format, self.at)?;
        if self.context_required > 0 {
            write!(out, "; needs about {} tokens", self.context_required)?;
        }
        writeln!(out)?;
        if let Some(source) = &self.affinity_source {
            writeln!(out, "conversation known by {source}")?;
        }
        let tried = self.candidates.iter().filter(|candidate| candidate.place.is_some()).count();
        if tried == 0 {
            writeln!(out, "nothing can be called now")?;
        }
        for candidate in &self.candidates {
            match candidate.place {
                Some(place) => write!(out, "{place:>3}. ")?,
                None => write!(out, "  -  ")?,
            }
            write!(out, "{}", candidate.target)?;
            if candidate.tier != tier(Tier::Target) {
                write!(out, " ({})", candidate.tier)?;
            }
            writeln!(out)?;
            for reason in &candidate.reasons {
                writeln!(out, "       {}", reason.text)?;
            }
        }
        Ok(())
    }
}

impl Candidate {
    /// Whether it was left out, and the codes of the reasons.
    pub fn skipped_for(&self) -> impl Iterator<Item = ReasonCode> {
        let skipped = self.place.is_none();
        let codes = self.reasons.iter().map(|reason| reason.code);
        codes.filter(move |code| skipped && code.excludes())
    }
}

impl ReasonCode {
    /// The word used in headers and JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Affinity => "affinity",
            Self::Weight => "weight",
            Self::Failures => "failures",
            Self::Cooldown => "cooldown",
            Self::Recovering => "recovering",
            Self::QuotaExhausted => "quota-exhausted",
            Self::Quota => "quota",
            Self::Pace => "pace",
            Self::Unfit => "unfit",
            Self::FormatIncompatible => "format-incompatible",
            Self::MissingKey => "missing-key",
        }
    }

    fn excludes(self) -> bool {
        matches!(self, Self::Cooldown | Self::QuotaExhausted | Self::FormatIncompatible)
    }
}

fn tier(tier: Tier) -> &'static str {
    match tier {
        Tier::Target => "target",
        Tier::Fallback => "fallback",
        Tier::SilentFallback => "silent-fallback",
    }
}

fn candidate(decision: &Decision, place: Option<usize>, slot: usize) -> Candidate {
    let view = decision.view();
    let mut reasons = Reasons(Vec::new());
    if view.observed.bound == Some(slot) {
        let hit = place == Some(1);
        let text = if hit { "affinity hit" } else { "affinity, but not to be had now" };
        reasons.add(ReasonCode::Affinity, text.to_owned());
    }
    reasons.standing(&view, slot, place);
    reasons.share(decision, slot);
    reasons.quota(&view, slot);
    if let Some(missing) = view.target(slot).missing_key() {
        reasons.add(ReasonCode::MissingKey, missing.to_owned());
    }
    Candidate {
        target: view.target(slot).name.to_string(),
        place,
        tier: tier(view.plan.slots[slot].tier).to_owned(),
        reasons: reasons.0,
    }
}

struct Reasons(Vec<Reason>);

impl Reasons {
    fn add(&mut self, code: ReasonCode, text: String) {
        self.0.push(Reason { code, text });
    }

    fn standing(&mut self, view: &View<'_>, slot: usize, place: Option<usize>) {
        match view.standing(slot) {
            Standing::Ready => {}
            Standing::Misfit(misfit) => self.add(ReasonCode::Unfit, misfit.to_string()),
            Standing::Resting(cooldown) => {
                let text = cooldown_text(cooldown, view.now);
                if place.is_some() {
                    let text = format!("{text}; tried because nothing else is free");
                    self.add(ReasonCode::Recovering, text);
                } else {
                    self.add(ReasonCode::Cooldown, text);
                }
            }
            Standing::Full(bucket) => {
                let (used, resets) = (view.observed.used[bucket], view.resets(bucket));
                let bucket = view.router.bucket(view.plan.buckets[bucket]);
                let text = format!("bucket {} {used}/{}, resets {resets}", bucket.name, bucket.cap);
                self.add(ReasonCode::QuotaExhausted, text);
            }
            Standing::Mute => {
                let operation = view.question.operation;
                let text = format!("cannot be asked for {}", operation.ending());
                self.add(ReasonCode::FormatIncompatible, text);
            }
        }
        let failures = view.observed.slots[slot].failures;
        if failures > 0 {
            let times = if failures == 1 { "once".to_owned() } else { format!("{failures} times") };
            self.add(ReasonCode::Failures, format!("failed {times} since the last success"));
        }
    }

    /// The weight, where the strategy of its group uses one.
    fn share(&mut self, decision: &Decision, slot: usize) {
        let view = decision.view();
        let Some((strategy, row, place)) = row_of(&view, slot) else { return };
        let factor = match strategy {
            Strategy::Ordered | Strategy::RoundRobin => return,
            Strategy::WeightedRr => 1.0,
            Strategy::QuotaAwareWeightedRr => {
                balance::health(&view, slot) * balance::remaining(&view, slot, |_| true)
            }
            Strategy::Auto => {
                let burst = |span| !balance::is_paced(span);
                balance::health(&view, slot) * balance::remaining(&view, slot, burst)
            }
        };
        let weight = row.members[place].weight;
        let credit = view.observed.credits[row.credits.clone()][place];
        let mut text = format!("weight {}", short(weight));
        if weight == 0.0 {
            text.push_str(", only when nothing else is left");
        } else {
            let effective = short(weight * factor);
            #[expect(clippy::cast_precision_loss, reason = "for people to read")]
            let credit = short(credit as f64 / 1e6);
            text.push_str(&format!(", effective {effective}, credit {credit}"));
        }
        self.add(ReasonCode::Weight, text);
        if strategy == Strategy::Auto && balance::is_ahead_of_pace(&view, slot, balance::PACE) {
            let text = "used faster than the quota lasts: after those on pace".to_owned();
            self.add(ReasonCode::Pace, text);
        }
    }

    fn quota(&mut self, view: &View<'_>, slot: usize) {
        for (used, bucket, span) in balance::buckets(view, slot) {
            if used < bucket.cap {
                let text =
                    format!("bucket {} {used}/{}, resets {}", bucket.name, bucket.cap, span.end);
                self.add(ReasonCode::Quota, text);
            }
        }
    }
}

/// The row in which a slot stands as itself, and its place there.
fn row_of<'a>(view: &View<'a>, slot: usize) -> Option<(Strategy, &'a Row, usize)> {
    view.plan.groups.iter().find_map(|group| {
        group.tiers.iter().find_map(|row| {
            let is_slot = |node: PlanNode| matches!(node, PlanNode::Slot(own) if own == slot);
            let place = row.members.iter().position(|member| is_slot(member.node))?;
            Some((group.strategy, row, place))
        })
    })
}

/// `cooldown 8.2 s left (overloaded)`
#[must_use]
pub fn cooldown_text(cooldown: Cooldown, now: Timestamp) -> String {
    let millis = cooldown.until.since(now).as_millis();
    let left = match millis {
        0..10_000 => format!("{}.{} s", millis / 1000, millis / 100 % 10),
        10_000..600_000 => format!("{} s", millis / 1000),
        _ => format!("{} min", millis / 60_000),
    };
    format!("cooldown {left} left ({})", Cause::word(cooldown.cause))
}

/// A number with at most three digits behind the point, and no zeros at its end.
fn short(number: f64) -> String {
    let text = format!("{number:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
