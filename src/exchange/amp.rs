//! Requests of Amp: how they are told from others, what they say about themselves, and which model
//! answers them. Amp names modes, agents and applications in headers, older clients in the body.

pub mod capture;
pub mod internal;
mod strip;
mod unnamed;
pub mod upstream;

use std::{borrow::Cow, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, header};
use percent_encoding::percent_decode_str;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{call::Call, error::GatewayError, reply::printable};
use crate::{
    protocol::Format,
    routing::{
        amp::{AmpContext, AmpTable, Decision, Outcome, Rule},
        router::{Route, Router, UnknownModel},
    },
};

/// Headers that only Amp sends.
const HEADERS: [&str; 4] = [
    "x-amp-client-type",
    "x-amp-client-bundle",
    "x-amp-client-application",
    "x-amp-installation-id",
];

/// What a `User-Agent` of Amp has as one of its products. `sample/1` has not.
const PRODUCTS: [&str; 2] = ["amp/", "ampcode/"];

/// What Amp's requests say about themselves, each list in order of precedence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Amp {
    modes: Vec<String>,
    agents: Vec<String>,
    /// What stands for an agent where none is named.
    feature: Option<String>,
    application: Option<String>,
    provider: Option<String>,
}

impl Amp {
    /// What path and headers say, if they are Amp's.
    #[must_use]
    pub fn detect(path: &str, headers: &HeaderMap) -> Option<Self> {
        let provider = provider(path);
        let is_amp = provider.is_some()
            || is_internal(path)
            || HEADERS.into_iter().any(|name| text(headers, name).is_some())
            || has_product(headers);
        is_amp.then(|| Self {
            modes: texts(headers, ["x-amp-mode", "x-amp-agent-mode"]),
            agents: texts(headers, ["x-amp-agent", "x-amp-agent-type"]),
            feature: text(headers, "x-amp-feature").and_then(agent_of),
            application: text(headers, "x-amp-client-application").map(str::to_owned),
            provider: provider.map(|provider| provider.to_lowercase()),
        })
    }

    /// Adds what the body says, which counts more than headers, and takes it out of the body:
    /// providers refuse fields that they do not know. In a body of Gemini's format results get the
    /// names that Amp leaves out.
    #[must_use]
    pub fn read(mut self, body: Bytes, format: Option<Format>) -> (Self, Bytes) {
        let named = (format == Some(Format::Gemini)).then(|| unnamed::name_results(&body));
        let body = named.flatten().unwrap_or(body);
        let Some(strip::Stripped { body, modes, agents }) = strip::strip(&body) else {
            return (self, body);
        };
        self.modes.splice(..0, modes);
        self.agents.splice(..0, agents);
        (self, body)
    }

    /// What `table` is asked with: of several modes the first that it names, or else the first.
    #[must_use]
    pub fn context(&self, table: &AmpTable, model: Option<&str>) -> AmpContext {
        let known = self.modes.iter().find(|mode| table.names_mode(mode));
        AmpContext {
            mode: known.or(self.modes.first()).map(|mode| mode.to_lowercase()),
            agent: self.agents.first().or(self.feature.as_ref()).cloned(),
            application: self.application.clone(),
            provider: self.provider.clone(),
            model: model.map(|model| model.trim().to_owned()).filter(|model| !model.is_empty()),
        }
    }
}

/// The vendor in `/api/provider/{vendor}/...`.
#[must_use]
pub fn provider(path: &str) -> Option<Cow<'_, str>> {
    let vendor = path.strip_prefix("/api/provider/")?.split('/').next()?;
    (!vendor.is_empty()).then(|| percent_decode_str(vendor).decode_utf8_lossy())
}

/// `/api/internal`, or below.
#[must_use]
pub fn is_internal(path: &str) -> bool {
    path.strip_prefix("/api/internal").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A header's text; an empty one is absent.
fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let value = headers.get(name)?.to_str().ok()?.trim();
    (!value.is_empty()).then_some(value)
}

fn texts<const N: usize>(headers: &HeaderMap, names: [&str; N]) -> Vec<String> {
    names.into_iter().filter_map(|name| text(headers, name)).map(str::to_owned).collect()
}

fn has_product(headers: &HeaderMap) -> bool {
    let agents = headers.get_all(header::USER_AGENT);
    agents.iter().filter_map(|value| value.to_str().ok()).any(|agents| {
        agents.split([' ', '\t', '(', ')', ';', ',']).any(|token| {
            let start = |length| token.get(..length).unwrap_or_default();
            PRODUCTS.into_iter().any(|product| start(product.len()).eq_ignore_ascii_case(product))
        })
    })
}

/// Today's Amp names agents only as features: `amp.review`. `amp.chat` is the main conversation.
fn agent_of(feature: &str) -> Option<String> {
    let feature = feature.to_lowercase();
    let name = feature.strip_prefix("amp.").unwrap_or(&feature).trim();
    (!name.is_empty() && name != "chat").then(|| name.to_owned())
}

/// The route that a call takes: for Amp as `ampRouting` says, for others by their model.
pub(super) fn resolve<'r>(router: &'r Router, call: &Call) -> Result<&'r Arc<Route>, GatewayError> {
    let own = call.model.as_deref();
    let Some(amp) = &call.amp else { return Ok(router.resolve(own)?) };
    match router.decide_for_amp(&amp.context(&router.amp, own)) {
        Decision::Unchanged(_) => Ok(router.resolve(own)?),
        Decision::Mapped { rule, reference } => {
            router.resolve(Some(&reference)).map_err(|unknown| {
                let mut error = GatewayError::from(unknown.clone());
                let from = format!("Amp's request is mapped to `{reference}` ({})", rule.name());
                error.message = match unknown {
                    UnknownModel::NoDefault { .. } => format!(
                        "{from}, but the config has no `defaultModel`; set that, or \
                     `ampRouting.fallbackRoute`"
                    ),
                    UnknownModel::Unknown { .. } => format!("{from}: {}", error.message),
                };
                error
            })
        }
    }
}

/// What Amp's request said, and which rule of `ampRouting` spoke for which model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AmpTrace {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// The vendor in the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// What every rule says, in order, up to the one that decides.
    pub rules: Vec<RuleTrace>,
    /// The name that takes the place of the requested one; none if that stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matched: Option<String>,
    /// What was decided, in words.
    pub outcome: String,
}

/// What one rule says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RuleTrace {
    /// The word that `x-llm-router-amp-matched-by` has for it.
    pub rule: String,
    /// The key of `ampRouting`.
    pub key: String,
    pub says: String,
}

impl AmpTrace {
    /// Explains what `router` decides about a request with this context.
    #[must_use]
    pub fn of(router: &Router, context: &AmpContext) -> Self {
        let decision = router.decide_for_amp(context);
        let (matched, outcome) = match &decision {
            Decision::Unchanged(why) => (None, format!("the requested model stays: {why}")),
            Decision::Mapped { rule, reference } => {
                let words = match rule {
                    Rule::Fallback if !router.amp.configured => "there is no `ampRouting`",
                    Rule::Fallback => "no other rule matches",
                    Rule::AgentMode
                    | Rule::Mode
                    | Rule::Agent
                    | Rule::Application
                    | Rule::Model
                    | Rule::ProviderModel => rule.key(),
                };
                (Some(reference.to_string()), format!("`{reference}` answers: {words}"))
            }
        };
        let rules = match decision {
            Decision::Unchanged(_) => Vec::new(),
            Decision::Mapped { .. } => router.amp.trace(context),
        };
        let said = |(rule, outcome): (Rule, Outcome)| RuleTrace {
            rule: rule.name().to_owned(),
            key: rule.key().to_owned(),
            says: outcome.to_string(),
        };
        let AmpContext { mode, agent, application, provider, .. } = context.clone();
        let rules = rules.into_iter().map(said).collect();
        Self { mode, agent, application, provider, rules, matched, outcome }
    }

    /// The trace in lines, for people.
    #[must_use]
    pub fn text(&self) -> String {
        let said = [
            ("mode", &self.mode),
            ("agent", &self.agent),
            ("application", &self.application),
            ("provider", &self.provider),
        ];
        let said: Vec<String> = said
            .into_iter()
            .filter_map(|(name, value)| Some(format!("{name} {}", value.as_deref()?)))
            .collect();
        let said = if said.is_empty() { "nothing of itself".to_owned() } else { said.join(", ") };
        let mut text = format!("Amp, saying {said}\n");
        for RuleTrace { key, says, .. } in &self.rules {
            text.push_str(&format!("  {key} {says}\n"));
        }
        text.push_str(&format!("  {}\n", self.outcome));
        text
    }
}

const DETECTED: HeaderName = HeaderName::from_static("x-llm-router-amp-detected");
const MODE: HeaderName = HeaderName::from_static("x-llm-router-amp-mode");
const AGENT: HeaderName = HeaderName::from_static("x-llm-router-amp-agent");
const APPLICATION: HeaderName = HeaderName::from_static("x-llm-router-amp-application");
const REQUESTED: HeaderName = HeaderName::from_static("x-llm-router-amp-requested-model");
const MATCHED_BY: HeaderName = HeaderName::from_static("x-llm-router-amp-matched-by");
const MATCHED_REF: HeaderName = HeaderName::from_static("x-llm-router-amp-matched-ref");

/// The debug headers of a call: what Amp said, which rule matched, and what it named.
#[must_use]
pub fn debug_headers(router: &Router, call: &Call) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let Some(amp) = &call.amp else { return headers };
    let context = amp.context(&router.amp, call.model.as_deref());
    let decision = router.decide_for_amp(&context);
    let matched = match &decision {
        Decision::Unchanged(_) => None,
        Decision::Mapped { rule, reference } => Some((rule.name(), &**reference)),
    };
    for (name, value) in [
        (DETECTED, Some("true")),
        (MODE, context.mode.as_deref()),
        (AGENT, context.agent.as_deref()),
        (APPLICATION, context.application.as_deref()),
        (REQUESTED, Some(context.model.as_deref().unwrap_or("smart"))),
        (MATCHED_BY, matched.map(|(rule, _)| rule)),
        (MATCHED_REF, matched.map(|(_, reference)| reference)),
    ] {
        if let Some(value) = value {
            headers.insert(name, printable(value));
        }
    }
    headers
}

#[cfg(test)]
mod tests;
