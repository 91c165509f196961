//! What is remembered of a request after it ended: why it went where it went, and what came of it.
//! Nothing of what it said.

use std::{sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Exchange, amp::AmpTrace, translate::Translation};
use crate::{
    protocol::Operation,
    routing::{amp::AmpContext, decide::Decision, failure::Cause, router::Target, trace::Trace},
};

/// One request, as it is kept: cheap to make, explained only when somebody asks.
#[derive(Debug, Clone)]
pub struct Record {
    pub request_id: Arc<str>,
    /// The name that the client asked for.
    pub requested: Option<String>,
    pub operation: Operation,
    /// What Amp said of the request, if it is Amp's.
    pub amp: Option<AmpContext>,
    pub decision: Option<Arc<Decision>>,
    pub attempts: Vec<AttemptRecord>,
    /// The target that answered.
    pub answered: Option<Arc<str>>,
    /// How that target was asked, if not in the client's own words.
    pub translation: Option<Arc<Translation>>,
    /// How long it waited for targets to recover.
    pub waited: Duration,
}

/// One failed attempt.
#[derive(Debug, Clone)]
pub struct AttemptRecord {
    pub target: Arc<str>,
    pub cause: Cause,
    /// What the provider answered with, if it did.
    pub status: Option<u16>,
    pub message: String,
}

impl Record {
    pub(super) fn of(
        exchange: &Exchange,
        decision: Option<Arc<Decision>>,
        answered: Option<&Target>,
        waited: Duration,
    ) -> Self {
        let attempts = exchange.attempts().iter().map(|attempt| AttemptRecord {
            target: Arc::clone(&exchange.router().target(attempt.target).name),
            cause: attempt.failure.cause,
            status: attempt.answer.as_ref().map(|answer| answer.status.as_u16()),
            message: attempt.message.clone(),
        });
        Self {
            request_id: Arc::clone(&exchange.call().request_id),
            requested: exchange.call().model.clone(),
            operation: exchange.call().operation,
            amp: exchange
                .call()
                .amp
                .as_ref()
                .map(|amp| amp.context(&exchange.router().amp, exchange.call().model.as_deref())),
            decision,
            attempts: attempts.collect(),
            answered: answered.map(|target| Arc::clone(&target.name)),
            translation: answered.and(exchange.translation.clone()),
            waited,
        }
    }

    /// The record in words.
    #[must_use]
    pub fn explain(&self) -> Explained {
        let attempts = self.attempts.iter().map(|attempt| Tried {
            target: attempt.target.to_string(),
            cause: attempt.cause.word().to_owned(),
            status: attempt.status,
            message: attempt.message.clone(),
        });
        let translation = self.translation.as_deref();
        Explained {
            request_id: self.request_id.to_string(),
            requested_model: self.requested.clone(),
            operation: self.operation.ending().to_owned(),
            amp: self
                .decision
                .as_deref()
                .zip(self.amp.as_ref())
                .map(|(decision, context)| AmpTrace::of(&decision.router, context)),
            decision: self.decision.as_deref().map(Trace::of),
            attempts: attempts.collect(),
            answered_by: self.answered.as_deref().map(str::to_owned),
            asked_in: translation.map(|translation| translation.format.name().to_owned()),
            dropped: translation.map(Translation::losses).unwrap_or_default(),
            waited_ms: u64::try_from(self.waited.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// One request, explained after the fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Explained {
    /// The id that the gateway gave it
    pub request_id: String,
    /// The name that the client asked for
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_model: Option<String>,
    /// What was asked for: the ending of the path
    pub operation: String,
    /// Which rule of `ampRouting` spoke, if the request is Amp's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amp: Option<AmpTrace>,
    /// Why it went where it went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Trace>,
    /// The attempts that failed, in order.
    pub attempts: Vec<Tried>,
    /// The target that answered; none if the request was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<String>,
    /// The format in which that target was asked, if the request was translated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_in: Option<String>,
    /// What that target was not told, because its format cannot say it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<String>,
    /// How long it waited for targets to recover.
    pub waited_ms: u64,
}

/// One failed attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tried {
    pub target: String,
    /// The word of the cause, such as `rate-limited`.
    pub cause: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    pub message: String,
}

impl Explained {
    /// The targets that would be tried, in order.
    #[must_use]
    pub fn order(&self) -> Vec<String> {
        let candidates = self.decision.iter().flat_map(|decision| &decision.candidates);
        let tried = candidates.filter(|candidate| candidate.place.is_some());
        tried.map(|candidate| candidate.target.clone()).collect()
    }

    /// What was decided before anything was sent, in lines, for people.
    #[must_use]
    pub fn plan(&self) -> String {
        let amp = self.amp.as_ref().map(AmpTrace::text).unwrap_or_default();
        amp + &self.decision.as_ref().map(Trace::text).unwrap_or_default()
    }

    /// The explanation in lines, for people.
    #[must_use]
    pub fn text(&self) -> String {
        let asked = self.requested_model.as_deref().unwrap_or("no model");
        let mut text = format!("request {}: {asked}, {}\n", self.request_id, self.operation);
        text.push_str(&self.plan());
        for tried in &self.attempts {
            text.push_str(&format!(
                "tried {}: {} ({})\n",
                tried.target, tried.message, tried.cause
            ));
        }
        if self.waited_ms > 0 {
            text.push_str(&format!("waited {} ms for a target to recover\n", self.waited_ms));
        }
        match &self.answered_by {
            Some(target) => text.push_str(&format!("answered by {target}\n")),
            None => text.push_str("refused: no target answered\n"),
        }
        if let Some(format) = &self.asked_in {
            text.push_str(&format!("asked in the format {format}\n"));
        }
        for loss in &self.dropped {
            text.push_str(&format!("not told: {loss}\n"));
        }
        text
    }
}
