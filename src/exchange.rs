//! The life of one request, without I/O: the shell asks what to do next, does it, and says what
//! came of it.
//!
//! ```text
//! client bytes ─ place ─ guard ─ call ─ resolve ─ order ─┐
//!                                                        ├─ forward ─▶ provider
//! next target ◀─ verdict ◀──────────── error ────────────┤
//! client bytes ◀─ relay ◀───────────── answer ───────────┘
//! ```
//!
//! Contract of [`Exchange`]: call [`Exchange::step`] and do what the [`Step`] says, until a step
//! ends it. After [`Step::Ask`] call [`Exchange::told`]; after [`Step::Send`] either
//! [`Exchange::failed`] or, once the relay lets the first bytes through, [`Exchange::answered`].
//! A wait needs no report. The number of steps is bounded by the targets and the retry policy.

pub mod amp;
pub mod call;
pub mod demo;
pub mod error;
pub mod forward;
pub mod guard;
pub mod listing;
pub mod place;
pub mod relay;
pub mod reply;
pub mod retry_after;
pub mod verdict;

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, StatusCode};

use crate::{
    chat::FaultKind,
    routing::{
        failure::{Failure, Unreachable},
        router::{Route, Router, Target, TargetId, TargetKind},
        settings::Limits,
        state::{Answer, COOLDOWN_EXHAUSTED, Op},
    },
};
use bytes::Bytes;
use call::Call;
use error::GatewayError;
use forward::Outgoing;

/// One request on its way. See the module's documentation.
#[derive(Debug)]
pub struct Exchange {
    router: Arc<Router>,
    call: Call,
    route: Arc<Route>,
    /// Targets that can take this request, in the order of the strategies.
    candidates: Vec<TargetId>,
    /// Places in `candidates` that are still to be tried, the next one last.
    ahead: Vec<usize>,
    attempts: Vec<Attempt>,
    /// Rounds after every candidate has failed.
    retries: u32,
    waited: Duration,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The order of the candidates is to be asked for.
    Open,
    /// Between attempts.
    Ready,
    /// An attempt failed, which the state is to be told.
    Report,
    /// The attempt on this place of `candidates` is under way.
    Sent(usize),
    /// The target at this place has answered.
    Answered(usize),
}

/// What became of one attempt.
#[derive(Debug)]
pub struct Attempt {
    pub target: TargetId,
    /// The place in `candidates`.
    place: usize,
    pub failure: Failure,
    /// What the provider answered, if it did.
    answer: Option<UpstreamError>,
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
    /// Begins: resolves the model and collects the targets that can take the request.
    ///
    /// # Errors
    /// If the model is unknown, or none of its targets speaks the client's format.
    pub fn open(router: Arc<Router>, call: Call) -> Result<Self, GatewayError> {
        let route = Arc::clone(amp::resolve(&router, &call)?);
        let ranked = router.rank(&route);
        if ranked.is_empty() {
            let message = format!("`{}` has no target that can be reached", route.name);
            return Err(GatewayError::new(FaultKind::ModelNotFound, message));
        }
        let speaks = |id: &TargetId| router.target(*id).speaks(call.operation);
        let candidates: Vec<TargetId> = ranked.iter().copied().filter(speaks).collect();
        if candidates.is_empty() {
            return Err(error::no_common_format(&router, &route, &ranked, call.operation));
        }
        Ok(Self {
            router,
            call,
            route,
            candidates,
            ahead: Vec::new(),
            attempts: Vec::new(),
            retries: 0,
            waited: Duration::ZERO,
            phase: Phase::Open,
        })
    }

    /// What to do next.
    pub fn step(&mut self) -> Step {
        match self.phase {
            Phase::Open => Step::Ask(Op::Order(
                self.candidates
                    .iter()
                    .map(|id| Arc::clone(&self.router.target(*id).name))
                    .collect(),
            )),
            Phase::Report => match self.attempts.last() {
                Some(attempt) => Step::Ask(Op::Failed {
                    target: Arc::clone(&self.router.target(attempt.target).name),
                    failure: attempt.failure,
                }),
                None => self.advance(),
            },
            Phase::Ready | Phase::Sent(_) => self.advance(),
            Phase::Answered(_) => Step::Refuse(Refusal::Local(GatewayError::new(
                FaultKind::Internal,
                "the exchange was driven on after its answer",
            ))),
        }
    }

    /// The state's answer to the last [`Step::Ask`].
    pub fn told(&mut self, answer: Answer) {
        if let Answer::Order(mut places) = answer {
            places.retain(|place| *place < self.candidates.len());
            places.reverse();
            self.ahead = places;
        }
        self.phase = Phase::Ready;
    }

    /// The attempt of the last [`Step::Send`] failed. `answer` is the provider's, if it gave one;
    /// `message` says what happened.
    pub fn failed(&mut self, failure: Failure, answer: Option<UpstreamError>, message: String) {
        let Phase::Sent(place) = self.phase else { return };
        let target = self.candidates[place];
        self.attempts.push(Attempt { target, place, failure, answer, message });
        // Not every provider has every operation: that a side question fails says nothing about
        // the model.
        let says_little = failure == Failure::Unavailable && !self.call.operation.is_chat();
        self.phase = if says_little { Phase::Ready } else { Phase::Report };
    }

    /// The first bytes of the answer are on their way to the client: what the state is to know.
    /// From here on there is no other target.
    pub fn answered(&mut self) -> Option<Op> {
        let Phase::Sent(place) = self.phase else { return None };
        self.phase = Phase::Answered(place);
        let target = self.router.target(self.candidates[place]);
        Some(Op::Succeeded { target: Arc::clone(&target.name) })
    }

    /// The target of the attempt that is under way or has answered.
    #[must_use]
    pub fn target(&self) -> Option<&Target> {
        let place = match self.phase {
            Phase::Sent(place) | Phase::Answered(place) => Some(place),
            Phase::Open | Phase::Ready | Phase::Report => None,
        };
        place.map(|place| self.router.target(self.candidates[place]))
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

    /// The next candidate, or a pause before the best failed one is tried again, or the end.
    fn advance(&mut self) -> Step {
        if self.attempts.last().is_some_and(|last| !last.failure.allows_next()) {
            return Step::Refuse(self.refusal());
        }
        while let Some(place) = self.ahead.pop() {
            let id = self.candidates[place];
            match &self.router.target(id).kind {
                TargetKind::Demo => {
                    self.phase = Phase::Sent(place);
                    return Step::Demo(id);
                }
                TargetKind::Upstream(lanes) => {
                    match forward::outgoing(&self.call, id, &self.router, lanes) {
                        Ok(outgoing) => {
                            self.phase = Phase::Sent(place);
                            return Step::Send(Box::new(outgoing), self.router.target(id).limits);
                        }
                        Err(message) => self.attempts.push(Attempt {
                            target: id,
                            place,
                            failure: Failure::Unconfigured,
                            answer: None,
                            message,
                        }),
                    }
                }
            }
        }
        match self.pause() {
            Some((place, pause)) => {
                self.retries += 1;
                self.waited += pause;
                self.ahead.push(place);
                self.phase = Phase::Ready;
                Step::Wait(pause)
            }
            None => Step::Refuse(self.refusal()),
        }
    }

    /// The failed candidate that is worth another try, and how long to wait for it: the one that
    /// recovers first, within the patience of the request.
    fn pause(&self) -> Option<(usize, Duration)> {
        let policy = self.router.settings.retry;
        if self.retries + 1 >= policy.attempts {
            return None;
        }
        let worth = |attempt: &&Attempt| attempt.failure.allows_retry();
        let pause = |attempt: &Attempt| {
            let named = attempt.failure.retry_after();
            // Without a word about the end of the limit a wait would be a guess.
            let guess = !matches!(attempt.failure, Failure::Exhausted { .. });
            named.or_else(|| guess.then(|| policy.delay(self.retries + 1)))
        };
        let (place, pause) = self
            .latest_attempts()
            .filter(worth)
            .filter_map(|attempt| Some((attempt.place, pause(attempt)?)))
            .min_by_key(|(_, pause)| *pause)?;
        (self.waited + pause <= policy.patience).then_some((place, pause))
    }

    /// The last attempt on each candidate.
    fn latest_attempts(&self) -> impl Iterator<Item = &Attempt> {
        self.attempts.iter().enumerate().filter_map(|(index, attempt)| {
            let later = &self.attempts[index + 1..];
            (!later.iter().any(|other| other.place == attempt.place)).then_some(attempt)
        })
    }

    /// The most telling of the failures, the last one among equals.
    fn refusal(&mut self) -> Refusal {
        let telling = (0..self.attempts.len())
            .max_by_key(|&index| (self.attempts[index].failure.weight(), index));
        let Some(index) = telling else {
            return Refusal::Local(GatewayError::new(
                FaultKind::Overloaded,
                format!("no target of `{}` can take a request now", self.route.name),
            ));
        };
        let attempt = &mut self.attempts[index];
        let target = attempt.target;
        let failure = attempt.failure;
        if let Some(mut error) = attempt.answer.take() {
            if error.status == StatusCode::TOO_MANY_REQUESTS {
                let wait = failure.retry_after().unwrap_or(COOLDOWN_EXHAUSTED);
                retry_after::ensure(&mut error.headers, wait);
            }
            return Refusal::Upstream { target, error };
        }
        let name = &self.router.target(target).name;
        let kind = match failure {
            Failure::Unreachable(Unreachable::Timeout) => FaultKind::Timeout,
            Failure::Unconfigured => FaultKind::Internal,
            Failure::Exhausted { .. } => FaultKind::RateLimit,
            Failure::Caller => FaultKind::InvalidRequest,
            Failure::Unreachable(_)
            | Failure::Transient { .. }
            | Failure::Overloaded { .. }
            | Failure::Unauthorized
            | Failure::Unavailable
            | Failure::Unusable => FaultKind::BadGateway,
        };
        let others = self.candidates.len() - 1;
        let others = match others {
            0 => String::new(),
            1 => " (and one other target failed)".to_owned(),
            _ => format!(" (and {others} other targets failed)"),
        };
        let message = format!("{name}: {}{others}", self.attempts[index].message);
        let mut error = GatewayError::new(kind, message);
        if failure == Failure::Unconfigured {
            error = error.final_for_clients();
        }
        if let Failure::Exhausted { retry_after } = failure {
            error = error.retry_after(retry_after.unwrap_or(COOLDOWN_EXHAUSTED));
        }
        Refusal::Local(error)
    }
}
