//! The life of one request, without I/O: the shell asks what to do next, does it, and says what
//! came of it.
//!
//! ```text
//! client bytes ─ place ─ guard ─ call ─ resolve ─ decide ─ leave ─┐
//!                                                                 ├─ forward ─▶ provider
//! next target ◀─ verdict ◀───────────────── error ────────────────┤
//! client bytes ◀─ relay ◀────────────────── answer ───────────────┘
//! ```
//!
//! Where client and target speak the same format the bytes pass; [`translate`] is for the rest.
//!
//! Contract of [`Exchange`]: call [`Exchange::step`] and do what the [`Step`] says, until a step
//! ends it. After [`Step::Ask`] call [`Exchange::told`]; after [`Step::Send`] either
//! [`Exchange::failed`] or, once the relay lets the first bytes through, [`Exchange::answered`].
//! A wait needs no report. The number of steps is bounded by the targets and the retry policy.

pub mod amp;
pub mod call;
mod candidates;
mod count;
pub mod debug;
pub mod demo;
pub mod error;
pub mod explain;
pub mod forward;
pub mod guard;
mod lesson;
pub mod listing;
pub mod place;
mod prepare;
pub mod question;
pub mod record;
mod refusal;
pub mod relay;
pub mod reply;
pub mod retry_after;
pub mod translate;
pub mod usage;
pub mod verdict;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::{
    chat::{Fault, FaultKind},
    formats::repair::Repair,
    protocol::Format,
    routing::{
        decide::Decision,
        failure::{Cause, Failure},
        router::{Route, Router, Target, TargetId},
        settings::Limits,
        state::{Answer, Op, Refused, health::Cooldown, limits::Reservation},
    },
    time::Timestamp,
};
use call::Call;
use candidates::{Candidate, Candidates};
use error::GatewayError;
use forward::Outgoing;
use prepare::{Prepared, Unsendable};
use record::Record;
use translate::Translation;

/// One request on its way. See the module's documentation.
#[derive(Debug)]
pub struct Exchange {
    router: Arc<Router>,
    call: Call,
    route: Arc<Route>,
    /// `None` until the state has been asked.
    decision: Option<Arc<Decision>>,
    candidates: Candidates,
    attempts: Vec<Attempt>,
    /// Rounds after every candidate has failed.
    retries: u32,
    waited: Duration,
    /// When the state was last heard of; waits since then included.
    now: Timestamp,
    /// How the attempt that is under way was translated, if it was.
    translation: Option<Arc<Translation>>,
    /// Changes that targets asked for, by slot.
    repairs: Vec<(usize, Repair)>,
    /// Whether the last attempt is to be made again with a repair.
    again: bool,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// A decision is to be asked for.
    Open,
    /// Before the only candidate recovers there is no sense in calling it.
    Rest(Duration),
    /// Between attempts.
    Ready,
    /// Leave is to be asked for.
    Leave(Candidate, Option<Box<Outgoing>>),
    /// Leave was given.
    Granted(usize, Option<Box<Outgoing>>, Reservation),
    /// The attempt on this slot is under way.
    Sent(usize, Reservation),
    /// An attempt failed, which the state is to be told.
    Report(Reservation),
    /// How many tokens the request has at this target is to be estimated.
    Count(usize),
    /// The target in this slot has answered.
    Answered(usize),
}

/// What became of one attempt.
#[derive(Debug)]
pub struct Attempt {
    slot: usize,
    pub target: TargetId,
    pub failure: Failure,
    /// What the provider answered, if it did.
    pub answer: Option<UpstreamError>,
    /// The format of that answer, if it is not the client's.
    spoken: Option<Format>,
    /// Why nothing could be sent, in words for the client.
    fault: Option<Box<Fault>>,
    /// What happened, for the log and, where the provider said nothing, for the client.
    pub message: String,
}

/// An error that a provider answered with, to be passed on as it is.
#[derive(Debug, Clone)]
pub struct UpstreamError {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// What the shell has to do next.
#[derive(Debug)]
pub enum Step {
    /// Ask the state, then call [`Exchange::told`].
    Ask(Op),
    /// Call this target.
    Send(Box<Outgoing>, Limits),
    /// Let the built-in demo provider answer; this cannot fail.
    Demo(TargetId),
    /// Answer with this number of tokens, which is an estimate.
    Count(u64),
    /// Wait this long, then ask again.
    Wait(Duration),
    /// Answer with this error: nothing else can be done.
    Refuse(Refusal),
}

/// The error that ends a request.
#[derive(Debug)]
pub enum Refusal {
    /// The gateway's own words, in the client's format.
    Local(GatewayError),
    /// The provider's answer, unchanged.
    Upstream { target: TargetId, error: UpstreamError },
}

impl Exchange {
    /// Begins: resolves the model.
    ///
    /// # Errors
    /// If the model is unknown, or none of its targets speaks the client's format.
    pub fn open(router: Arc<Router>, call: Call) -> Result<Self, GatewayError> {
        let route = Arc::clone(amp::resolve(&router, &call)?);
        let slots = &route.plan.slots;
        if slots.is_empty() {
            let message = format!("`{}` has no target that can be reached", route.name);
            return Err(GatewayError::new(FaultKind::ModelNotFound, message));
        }
        if !slots.iter().any(|slot| router.target(slot.target).speaks(call.operation)) {
            return Err(error::no_common_format(&router, &route, call.operation));
        }
        Ok(Self {
            router,
            call,
            route,
            decision: None,
            candidates: Candidates::default(),
            attempts: Vec::new(),
            retries: 0,
            waited: Duration::ZERO,
            now: Timestamp::default(),
            translation: None,
            repairs: Vec::new(),
            again: false,
            phase: Phase::Open,
        })
    }

    /// What to do next.
    pub fn step(&mut self) -> Step {
        match std::mem::replace(&mut self.phase, Phase::Ready) {
            Phase::Open => {
                let question = Arc::new(question::read(&self.call, &self.route.plan));
                let (router, route) = (Arc::clone(&self.router), Arc::clone(&self.route));
                Step::Ask(Op::Decide { router, route, question })
            }
            Phase::Rest(pause) => self.wait(pause),
            Phase::Leave(candidate, outgoing) => {
                let op = self.leave(candidate);
                self.phase = Phase::Leave(candidate, outgoing);
                Step::Ask(op)
            }
            Phase::Granted(slot, outgoing, reservation) => {
                self.phase = Phase::Sent(slot, reservation);
                let target = self.target_in(slot);
                match outgoing {
                    Some(outgoing) => Step::Send(outgoing, target.limits),
                    None => Step::Demo(self.route.plan.slots[slot].target),
                }
            }
            Phase::Count(slot) => {
                self.phase = Phase::Answered(slot);
                Step::Count(self.estimate(slot))
            }
            Phase::Report(reservation) => match self.attempts.last() {
                Some(&Attempt { target, failure, .. }) => {
                    let router = Arc::clone(&self.router);
                    Step::Ask(Op::Failed { router, target, failure, reservation })
                }
                None => self.advance(),
            },
            Phase::Ready | Phase::Sent(..) => self.advance(),
            Phase::Answered(slot) => {
                self.phase = Phase::Answered(slot);
                Step::Refuse(Refusal::Local(GatewayError::new(
                    FaultKind::Internal,
                    "the exchange was driven on after its answer",
                )))
            }
        }
    }

    /// The state's answer to the last [`Step::Ask`], given at `now`.
    pub fn told(&mut self, answer: Answer, now: Timestamp) {
        self.now = now;
        let phase = std::mem::replace(&mut self.phase, Phase::Ready);
        match (answer, phase) {
            (Answer::Decided(decision), _) => self.decided(decision, now),
            (Answer::Reserved(reservation), Phase::Leave(candidate, outgoing)) => {
                self.phase = Phase::Granted(candidate.slot, outgoing, reservation);
            }
            (Answer::Refused(refused), Phase::Leave(candidate, _)) => {
                self.passed_over(candidate.slot, &refused, now);
            }
            (Answer::Reserved(_) | Answer::Refused(_) | Answer::Done, _) => {}
        }
    }

    /// The attempt of the last [`Step::Send`] failed. `answer` is the provider's, if it gave one;
    /// `message` says what happened.
    pub fn failed(&mut self, failure: Failure, answer: Option<UpstreamError>, message: String) {
        let phase = std::mem::replace(&mut self.phase, Phase::Ready);
        let Phase::Sent(slot, reservation) = phase else { return };
        if self.can_repair(slot, failure, answer.as_ref()) {
            self.note(slot, failure, answer, message);
            self.candidates.again(slot);
            self.again = true;
            return;
        }
        self.note(slot, failure, answer, message);
        if self.call.operation.counts_tokens() && prepare::can_be_estimated(failure.cause) {
            self.phase = Phase::Count(slot);
            return;
        }
        // Not every provider has every operation: that a side question fails says nothing about
        // the model.
        let says_little = !self.call.operation.is_chat()
            && matches!(failure.cause, Cause::Unavailable | Cause::ModelNotFound);
        if !says_little {
            self.phase = Phase::Report(reservation);
        }
    }

    /// The first bytes of the answer are on their way to the client: what the state is to know.
    /// From here on there is no other target.
    pub fn answered(&mut self) -> Option<Op> {
        let (Phase::Sent(slot, reservation), Some(decision)) = (&mut self.phase, &self.decision)
        else {
            return None;
        };
        let (slot, reservation) = (*slot, std::mem::take(reservation));
        self.phase = Phase::Answered(slot);
        Some(Op::Succeeded {
            router: Arc::clone(&self.router),
            target: self.route.plan.slots[slot].target,
            route: Arc::clone(&self.route),
            question: Arc::clone(&decision.question),
            reservation,
        })
    }

    /// The answer that had begun has ended, whole or with a `failure`: what the state is to know.
    #[must_use]
    pub fn ended(&self, failure: Option<Failure>) -> Option<Op> {
        let Phase::Answered(slot) = self.phase else { return None };
        let router = Arc::clone(&self.router);
        let target = self.route.plan.slots[slot].target;
        Some(match failure {
            None => Op::Completed { router, target },
            Some(failure) => {
                Op::Failed { router, target, failure, reservation: Reservation::default() }
            }
        })
    }

    /// The target of the attempt that is under way or has answered.
    #[must_use]
    pub fn target(&self) -> Option<&Target> {
        let slot = match &self.phase {
            Phase::Granted(slot, ..)
            | Phase::Sent(slot, _)
            | Phase::Count(slot)
            | Phase::Answered(slot) => Some(*slot),
            Phase::Open | Phase::Rest(_) | Phase::Ready | Phase::Leave(..) | Phase::Report(_) => {
                None
            }
        };
        slot.map(|slot| self.target_in(slot))
    }

    /// What was asked.
    #[must_use]
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// The snapshot that this request began with.
    #[must_use]
    pub fn router(&self) -> &Arc<Router> {
        &self.router
    }

    /// What the requested name stood for.
    #[must_use]
    pub fn route(&self) -> &Route {
        &self.route
    }

    /// The failed attempts so far.
    #[must_use]
    pub fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    /// What is worth remembering of this request.
    #[must_use]
    pub fn record(&self) -> Record {
        let answered = matches!(self.phase, Phase::Answered(_));
        let answered = answered.then(|| self.target()).flatten();
        Record::of(self, self.decision.clone(), answered, self.waited)
    }

    fn target_in(&self, slot: usize) -> &Target {
        self.router.target(self.route.plan.slots[slot].target)
    }

    fn note(
        &mut self,
        slot: usize,
        failure: Failure,
        answer: Option<UpstreamError>,
        message: String,
    ) {
        let target = self.route.plan.slots[slot].target;
        let spoken = self.translation.as_ref().map(|translation| translation.format);
        let spoken = spoken.filter(|format| *format != self.call.format());
        self.attempts.push(Attempt { slot, target, failure, answer, spoken, fault: None, message });
    }

    fn leave(&self, candidate: Candidate) -> Op {
        let target = self.route.plan.slots[candidate.slot].target;
        let counted = !self.call.operation.counts_tokens();
        let router = Arc::clone(&self.router);
        Op::Reserve { router, target, resting: candidate.resting, counted }
    }

    fn decided(&mut self, decision: Arc<Decision>, now: Timestamp) {
        if let Some(Cooldown { until, cause: Cause::RateLimited, .. }) = decision.recovering() {
            let pause = until.since(now);
            if pause <= self.router.settings.retry.patience {
                self.phase = Phase::Rest(pause);
            }
        }
        self.candidates = Candidates::of(Arc::clone(&decision));
        self.decision = Some(decision);
    }

    /// The state did not give leave for a call that the decision still allowed.
    fn passed_over(&mut self, slot: usize, refused: &Refused, now: Timestamp) {
        match refused {
            // It failed for another request meanwhile; those that are left come first.
            Refused::Resting(cooldown) => self.candidates.came_to_rest(slot, *cooldown),
            Refused::Full { bucket, cap, resets } => {
                let failure =
                    Failure { cause: Cause::BucketFull, retry_after: Some(resets.since(now)) };
                self.note(slot, failure, None, refusal::full(bucket, *cap, *resets));
            }
        }
    }

    /// The next candidate, or a pause before the best failed one is tried again, or the end.
    fn advance(&mut self) -> Step {
        let again = std::mem::take(&mut self.again);
        if !again && self.attempts.last().is_some_and(|last| !last.failure.cause.rule().next) {
            return Step::Refuse(self.refusal());
        }
        if !self.waited.is_zero() {
            self.candidates.take_freed(&self.attempts, self.now);
        }
        while let Some(candidate) = self.candidates.next() {
            let outgoing = match self.prepare(candidate.slot) {
                Ok(Prepared::Demo) => None,
                Ok(Prepared::Send(outgoing)) => Some(outgoing),
                Ok(Prepared::Count) => {
                    self.phase = Phase::Count(candidate.slot);
                    return self.step();
                }
                Err(Unsendable { cause, message, fault }) => {
                    self.note(candidate.slot, cause.into(), None, message);
                    if let Some(attempt) = self.attempts.last_mut() {
                        attempt.fault = fault;
                    }
                    continue;
                }
            };
            let op = self.leave(candidate);
            self.phase = Phase::Leave(candidate, outgoing);
            return Step::Ask(op);
        }
        if self.candidates.take_freed(&self.attempts, self.now)
            || self.candidates.take_last_resort(&self.attempts)
        {
            return self.advance();
        }
        match self.pause() {
            Some((again, pause)) => {
                self.retries += 1;
                if let Some(slot) = again {
                    self.candidates.again(slot);
                }
                self.wait(pause)
            }
            None => Step::Refuse(self.refusal()),
        }
    }

    fn wait(&mut self, pause: Duration) -> Step {
        self.waited += pause;
        self.now = self.now.after(pause);
        Step::Wait(pause)
    }

    /// The candidate that is worth another try, and how long to wait for it: the one that recovers
    /// first, within the patience of the request.
    fn pause(&self) -> Option<(Option<usize>, Duration)> {
        let policy = self.router.settings.retry;
        if self.retries + 1 >= policy.attempts {
            return None;
        }
        let worth = |attempt: &&Attempt| attempt.failure.cause.rule().retry;
        let pause = |attempt: &Attempt| {
            // Without a word about the end of the limit a wait would be a guess.
            let guess = attempt.failure.cause != Cause::RateLimited;
            let named = attempt.failure.retry_after;
            named.or_else(|| guess.then(|| policy.delay(self.retries + 1)))
        };
        let failed = self
            .latest_attempts()
            .filter(worth)
            .filter_map(|attempt| Some((Some(attempt.slot), pause(attempt)?)));
        let left_out = self.candidates.left_out(&self.attempts, self.now);
        let left_out = left_out.map(|(_, left)| (None, left));
        let (slot, pause) = left_out.into_iter().chain(failed).min_by_key(|(_, pause)| *pause)?;
        (self.waited + pause <= policy.patience).then_some((slot, pause))
    }

    /// The last attempt on each candidate.
    fn latest_attempts(&self) -> impl Iterator<Item = &Attempt> {
        let latest = (0..self.attempts.len()).filter(|index| self.is_latest(*index));
        latest.map(|index| &self.attempts[index])
    }

    /// Whether no later attempt was made on the same candidate.
    fn is_latest(&self, index: usize) -> bool {
        let later = &self.attempts[index + 1..];
        !later.iter().any(|other| other.slot == self.attempts[index].slot)
    }
}
