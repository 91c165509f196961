//! What the gateway remembers between requests. Keyed by names, so that it outlives a reload.
//!
//! [`State::apply`] is the only way in: questions and answers are values, so that the state may
//! live behind a mutex here, or behind a Durable Object or a shared store elsewhere. A request asks
//! three times: for a decision, for leave to call a target, and to say what came of it.

pub mod affinity;
pub mod health;
pub mod learned;
pub mod limits;

use std::{collections::HashMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    decide::{self, Decision, Observed, Question, SlotView},
    failure::{Failure, Scope},
    plan::Plan,
    router::{Route, Router, Target, TargetId},
};
use crate::time::Timestamp;
use affinity::Affinity;
use health::{Cooldown, Health, Tally};
use learned::Lessons;
use limits::{Limits, Reservation};

/// A question, or something to remember.
#[derive(Debug, Clone)]
pub enum Op {
    /// Which targets to try, and in which order: the answer is [`Answer::Decided`].
    Decide { router: Arc<Router>, route: Arc<Route>, question: Arc<Question> },
    /// Whether this target may be called now, and if so, a place in its buckets: the answer is
    /// [`Answer::Reserved`] or [`Answer::Refused`]. `resting` allows it to be called although it
    /// rests; a call that is not `counted` takes no place.
    Reserve { router: Arc<Router>, target: TargetId, resting: bool, counted: bool },
    /// An attempt failed.
    Failed { router: Arc<Router>, target: TargetId, failure: Failure, reservation: Reservation },
    /// An answer has begun; the conversation that `question` belongs to stays on its target.
    Succeeded {
        router: Arc<Router>,
        target: TargetId,
        route: Arc<Route>,
        question: Arc<Question>,
        reservation: Reservation,
    },
    /// An answer has come to its end and is whole.
    Completed { router: Arc<Router>, target: TargetId },
    /// A model wants to be asked in another way, as `lesson` says.
    Learned { router: Arc<Router>, target: TargetId, lesson: Arc<str> },
    /// An answer told what it cost: how many input tokens the request had, of which `estimated`
    /// (0 for none) were foreseen, and how many output tokens came.
    Used { router: Arc<Router>, target: TargetId, estimated: u64, input: u64, output: u64 },
}

/// What [`State::apply`] says.
#[derive(Debug, Clone)]
pub enum Answer {
    Decided(Arc<Decision>),
    /// The target may be called.
    Reserved(Reservation),
    /// It may not be called now.
    Refused(Refused),
    /// Noted.
    Done,
}

/// Why a target may not be called now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// It rests since the decision was made.
    Resting(Cooldown),
    /// One of its buckets is full.
    Full { bucket: Arc<str>, cap: u64, resets: Timestamp },
}

/// See the module's documentation.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct State {
    /// By `provider/model`.
    models: HashMap<Arc<str>, Health>,
    /// By provider id: what concerns its key or its address.
    providers: HashMap<Arc<str>, Health>,
    limits: Limits,
    /// By group: the credits of its members.
    wheels: HashMap<Arc<str>, Wheel>,
    affinity: Affinity,
    /// What answers taught.
    lessons: Lessons,
    /// By `provider/model`, since the start.
    #[serde(skip)]
    tallies: HashMap<Arc<str>, Tally>,
    /// Counts what would be lost if this were not saved.
    #[serde(skip)]
    changes: u64,
}

/// Where the rotation of a group stands: credits by member (smooth weighted round robin).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Wheel {
    names: Arc<[Arc<str>]>,
    credits: Vec<i64>,
}

impl State {
    /// Answers a question, or notes what happened.
    pub fn apply(&mut self, op: &Op, now: Timestamp) -> Answer {
        match op {
            Op::Decide { router, route, question } => {
                let decision = self.decide(router, route, question, now);
                Answer::Decided(Arc::new(decision))
            }
            Op::Reserve { router, target, resting, counted } => {
                let target = router.target(*target);
                match self.cooldown(target, now).filter(|_| !resting) {
                    Some(cooldown) => Answer::Refused(Refused::Resting(cooldown)),
                    None if *counted => self.reserve(router, target, now),
                    None => Answer::Reserved(Reservation::free(now)),
                }
            }
            Op::Failed { router, target, failure, reservation } => {
                if !failure.cause.was_sent() {
                    self.limits.give_back(reservation);
                }
                self.failed(router.target(*target), *failure, now);
                Answer::Done
            }
            Op::Succeeded { router, target, route, question, reservation } => {
                self.succeeded(router.target(*target), reservation.at, now);
                if let Some(key) = question.affinity.filter(|_| route.plan.affine) {
                    let key = key.within(&route.name);
                    if let Some(home) = self.home(router, route, key, (*target, now)) {
                        self.affinity.bind(key, home, now);
                        self.changes += 1;
                    }
                }
                Answer::Done
            }
            Op::Completed { router, target } => {
                self.completed(router.target(*target), now);
                Answer::Done
            }
            Op::Learned { router, target, lesson } => {
                self.lessons.learn(&router.target(*target).name, lesson, now);
                self.changes += 1;
                Answer::Done
            }
            Op::Used { router, target, estimated, input, output } => {
                let target = router.target(*target);
                let tally = self.tally(target);
                tally.input_tokens = tally.input_tokens.saturating_add(*input);
                tally.output_tokens = tally.output_tokens.saturating_add(*output);
                self.changes += u64::from(self.lessons.measure(&target.name, *estimated, *input));
                Answer::Done
            }
        }
    }

    fn decide(
        &mut self,
        router: &Arc<Router>,
        route: &Arc<Route>,
        question: &Arc<Question>,
        now: Timestamp,
    ) -> Decision {
        let observed = self.observe(router, route, question, now);
        let decision = decide::decide(router, route, question, observed, now);
        if let Some(turn) = &decision.turn {
            let row = turn.row(&route.plan);
            let wheel = self.wheels.entry(Arc::clone(&row.wheel)).or_default();
            wheel.names = Arc::clone(&row.names);
            wheel.credits.clear();
            wheel.credits.extend_from_slice(&turn.credits);
            self.changes += 1;
        }
        decision
    }

    /// All that a decision depends on, as it is now.
    #[must_use]
    pub fn observe(
        &self,
        router: &Router,
        route: &Route,
        question: &Question,
        now: Timestamp,
    ) -> Observed {
        let plan = &route.plan;
        let of_provider: Vec<Option<Cooldown>> = plan
            .providers
            .iter()
            .map(|provider| self.providers.get(provider).and_then(|health| health.cooldown(now)))
            .collect();
        let slots = plan.slots.iter().map(|slot| {
            let health = self.models.get(&router.target(slot.target).name);
            let own = health.and_then(|health| health.cooldown(now));
            SlotView {
                failures: health.map_or(0, |health| health.failures_in_a_row),
                cooldown: own.max(of_provider[slot.provider]),
            }
        });
        let slots = slots.collect();
        let used = plan
            .buckets
            .iter()
            .map(|bucket| self.limits.used(router.bucket(*bucket), now))
            .collect();
        let bound = question.affinity.filter(|_| plan.affine).and_then(|key| {
            let target = self.affinity.target(key.within(&route.name), now)?;
            let is_bound = |slot: &super::plan::Slot| router.target(slot.target).name == *target;
            plan.slots.iter().position(is_bound)
        });
        let mut learned = Vec::new();
        if !self.lessons.is_empty() {
            learned.extend(plan.slots.iter().enumerate().filter_map(|(place, slot)| {
                let known = self.lessons.of(&router.target(slot.target).name)?;
                Some((place, Arc::clone(known)))
            }));
        }
        Observed { slots, used, credits: self.credits(plan), bound, learned }
    }

    /// The credits of every row of `plan`, one row after the other.
    fn credits(&self, plan: &Plan) -> Vec<i64> {
        if plan.slots.len() < 2 || self.wheels.is_empty() {
            return vec![0; plan.credits];
        }
        let mut credits = vec![0; plan.credits];
        for row in plan.rows() {
            let Some(wheel) = self.wheels.get(&row.wheel) else { continue };
            let own = &mut credits[row.credits.clone()];
            if Arc::ptr_eq(&wheel.names, &row.names) && wheel.credits.len() == own.len() {
                own.copy_from_slice(&wheel.credits);
                continue;
            }
            // The group was edited since: members that stayed keep their credit.
            for (name, credit) in row.names.iter().zip(own) {
                let place = wheel.names.iter().position(|known| known == name);
                *credit = place.and_then(|place| wheel.credits.get(place)).copied().unwrap_or(0);
            }
        }
        credits
    }

    fn reserve(&mut self, router: &Router, target: &Target, now: Timestamp) -> Answer {
        match self.limits.reserve(router.buckets_of(target), now) {
            Ok(reservation) => {
                self.changes += u64::from(!reservation.is_empty());
                Answer::Reserved(reservation)
            }
            Err(bucket) => Answer::Refused(Refused::Full {
                bucket: Arc::clone(&bucket.name),
                cap: bucket.cap,
                resets: bucket.span(now).end,
            }),
        }
    }

    /// Why `target` rests at `now`, if it does.
    fn cooldown(&self, target: &Target, now: Timestamp) -> Option<Cooldown> {
        let own = self.models.get(&target.name).and_then(|health| health.cooldown(now));
        own.max(self.providers.get(&target.provider).and_then(|health| health.cooldown(now)))
    }

    fn failed(&mut self, target: &Target, failure: Failure, now: Timestamp) {
        self.tally(target).failed += 1;
        let (list, name) = match failure.cause.rule().scope {
            Scope::Nothing => return,
            Scope::Model => (&mut self.models, &target.name),
            Scope::Key | Scope::Provider => (&mut self.providers, &target.provider),
        };
        list.entry(Arc::clone(name)).or_default().failed(failure, now);
        self.changes += 1;
    }

    /// An answer that begins ends the rest of its model. The row of the model's failures ends with
    /// the answer's own end only: a model may begin well each time, and break off each time.
    fn succeeded(&mut self, target: &Target, sent: Timestamp, now: Timestamp) {
        self.tally(target).succeeded += 1;
        let model = note(&mut self.models, &target.name, now, |health| health.answers(sent));
        let provider = note(&mut self.providers, &target.provider, now, |health| {
            health.answers(sent);
            health.failures_in_a_row = 0;
        });
        self.changes += u64::from(model) + u64::from(provider);
    }

    fn completed(&mut self, target: &Target, now: Timestamp) {
        let model =
            note(&mut self.models, &target.name, now, |health| health.failures_in_a_row = 0);
        self.changes += u64::from(model);
    }

    /// Where a conversation lives that `target` has answered. A home in a better tier stays its
    /// home: the request went elsewhere only because that was not to be had.
    fn home(
        &self,
        router: &Router,
        route: &Route,
        key: u64,
        (target, now): (TargetId, Timestamp),
    ) -> Option<Arc<str>> {
        let slots = &route.plan.slots;
        let answered = &slots[route.plan.slot_of(target)?];
        let home = self
            .affinity
            .target(key, now)
            .and_then(|home| slots.iter().find(|slot| router.target(slot.target).name == *home));
        let home = home.filter(|home| home.tier < answered.tier).unwrap_or(answered);
        Some(Arc::clone(&router.target(home.target).name))
    }

    fn tally(&mut self, target: &Target) -> &mut Tally {
        if !self.tallies.contains_key(&target.name) {
            self.tallies.insert(Arc::clone(&target.name), Tally::default());
        }
        self.tallies.entry(Arc::clone(&target.name)).or_default()
    }

    /// Ends the cooldowns of the providers for which `changed` holds, and of their models, and
    /// forgets what was learned of them: their entry is another one now.
    pub fn forget_cooldowns(&mut self, changed: impl Fn(&str) -> bool) {
        let of_model = |name: &str| changed(name.split('/').next().unwrap_or_default());
        self.models.retain(|name, _| !of_model(name));
        self.lessons.forget(of_model);
        self.providers.retain(|name, _| !changed(name));
        self.changes += 1;
    }

    /// Counts what another gateway has counted against the same buckets.
    pub fn adopt(&mut self, other: &Self) {
        self.limits.adopt(&other.limits);
    }

    /// Forgets what no longer says anything: ended windows, ended cooldowns of healthy targets,
    /// conversations that have gone quiet.
    pub fn prune(&mut self, now: Timestamp) {
        self.limits.prune(now);
        self.models.retain(|_, health| health.says_something(now));
        self.providers.retain(|_, health| health.says_something(now));
        self.affinity.prune(now);
    }

    /// A number that grows with every change that is worth saving.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// The calls of every target since the start, in no order.
    pub fn tallies(&self) -> impl Iterator<Item = (&str, Tally)> {
        self.tallies.iter().map(|(name, tally)| (&**name, *tally))
    }

    /// What rests at `now`: models (`provider/model`) and providers, in no order.
    pub fn cooldowns(&self, now: Timestamp) -> impl Iterator<Item = (&str, Cooldown)> {
        let all = self.models.iter().chain(&self.providers);
        all.filter_map(move |(name, health)| Some((&**name, health.cooldown(now)?)))
    }

    /// The counters.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Where the rotations stand: group, member and credit, in no order.
    pub fn wheels(&self) -> impl Iterator<Item = (&str, Vec<(&str, i64)>)> {
        self.wheels.iter().map(|(group, wheel)| {
            let names = wheel.names.iter().map(|name| &**name);
            (&**group, names.zip(wheel.credits.iter().copied()).collect())
        })
    }

    /// How many conversations have a home.
    #[must_use]
    pub fn conversations(&self) -> usize {
        self.affinity.len()
    }
}

/// Notes something good of what `list` knows something bad of: false if it knows nothing.
fn note(
    list: &mut HashMap<Arc<str>, Health>,
    name: &Arc<str>,
    now: Timestamp,
    change: impl FnOnce(&mut Health),
) -> bool {
    let Some(health) = list.get_mut(name) else { return false };
    change(health);
    if !health.says_something(now) {
        list.remove(name);
    }
    true
}
