//! Which model answers a request of Amp: the precedence of `ampRouting`, and nothing else. What is
//! known of a request comes in as text; where it stood in the request is not known here.

use std::{collections::HashMap, fmt, sync::Arc};

use url::Url;

use super::{
    router::{RouteKind, Router},
    settings::Limits,
};
use crate::config::secret::Secret;

/// What is known of a request of Amp. Nothing here is empty: what is empty is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AmpContext {
    pub mode: Option<String>,
    pub agent: Option<String>,
    pub application: Option<String>,
    /// The vendor in the path.
    pub provider: Option<String>,
    /// The model that Amp asked for.
    pub model: Option<String>,
}

/// References by a key in lower case.
pub type References = HashMap<Box<str>, Arc<str>>;

/// `ampRouting`, ready to be asked.
#[derive(Debug, Default)]
pub struct AmpTable {
    /// Whether the config has the section at all.
    pub configured: bool,
    pub enabled: bool,
    pub agent_modes: HashMap<Box<str>, References>,
    pub modes: References,
    pub agents: References,
    pub applications: References,
    pub models: ModelMap,
    pub fallback: Option<Arc<str>>,
    /// Amp's own server, for what is no call of a model.
    pub upstream: Option<AmpUpstream>,
}

/// Amp's own server.
#[derive(Debug)]
pub struct AmpUpstream {
    pub base: Url,
    /// The user's token there, or why it is not to be had.
    pub key: Option<Result<Secret, Arc<str>>>,
    pub limits: Limits,
}

/// References by model: as it is written, or else without regard to case.
#[derive(Debug, Default)]
pub struct ModelMap {
    exact: References,
    /// By the name in lower case; of several the first.
    folded: References,
}

impl ModelMap {
    /// Indexes entries, in the order of the config.
    pub fn new<'a>(entries: impl IntoIterator<Item = (&'a str, Arc<str>)>) -> Self {
        let mut map = Self::default();
        for (model, reference) in entries {
            map.folded.entry(model.to_lowercase().into()).or_insert_with(|| Arc::clone(&reference));
            map.exact.insert(model.into(), reference);
        }
        map
    }

    fn find(&self, model: &str) -> Option<&Arc<str>> {
        self.exact.get(model).or_else(|| self.folded.get(model.to_lowercase().as_str()))
    }
}

/// The rules, the first that matches wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// `agentModeMap`
    AgentMode,
    /// `modeMap`
    Mode,
    /// `agentMap`
    Agent,
    /// `applicationMap`
    Application,
    /// `modelMap`, by the model's name
    Model,
    /// `modelMap`, by `provider/model`
    ProviderModel,
    /// `fallbackRoute`, or `smart` if there is none
    Fallback,
}

impl Rule {
    /// In order of precedence.
    pub const ALL: [Self; 7] = [
        Self::AgentMode,
        Self::Mode,
        Self::Agent,
        Self::Application,
        Self::Model,
        Self::ProviderModel,
        Self::Fallback,
    ];

    /// The name used in headers, JSON and documents.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AgentMode => "agent-mode",
            Self::Mode => "mode",
            Self::Agent => "agent",
            Self::Application => "application",
            Self::Model => "model",
            Self::ProviderModel => "provider-model",
            Self::Fallback => "fallback",
        }
    }

    /// The key of the config that holds its entries.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::AgentMode => "agentModeMap",
            Self::Mode => "modeMap",
            Self::Agent => "agentMap",
            Self::Application => "applicationMap",
            Self::Model | Self::ProviderModel => "modelMap",
            Self::Fallback => "fallbackRoute",
        }
    }
}

/// What one rule says about one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// This alias or `provider/model` is to answer.
    Match(Arc<str>),
    /// The config has no entries for this rule.
    NoEntries,
    /// The request does not say what the rule goes by.
    Unsaid(&'static str),
    /// The entries do not have what the request says.
    NoEntry(String),
}

/// In words, for `explain`.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Match(reference) => write!(f, "names `{reference}`"),
            Self::NoEntries => f.write_str("has no entries"),
            Self::Unsaid(what) => write!(f, "needs {what}, which the request does not name"),
            Self::NoEntry(key) => write!(f, "has no entry for `{key}`"),
        }
    }
}

/// Which model answers, and by which rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The client's own model stays.
    Unchanged(Unchanged),
    /// Another name takes its place.
    Mapped { rule: Rule, reference: Arc<str> },
}

/// Why the client's own model stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unchanged {
    /// `ampRouting.enabled` is false.
    Disabled,
    /// Without `ampRouting`, an alias or `provider/model` of the config means itself.
    Configured,
}

/// In words, for `explain`.
impl fmt::Display for Unchanged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disabled => "`ampRouting.enabled` is false",
            Self::Configured => "the config has this name and no `ampRouting`",
        })
    }
}

impl Decision {
    /// The name that takes the place of the client's.
    #[must_use]
    pub fn reference(&self) -> Option<&Arc<str>> {
        match self {
            Self::Unchanged(_) => None,
            Self::Mapped { reference, .. } => Some(reference),
        }
    }
}

impl AmpTable {
    /// Which model answers. `is_configured` says whether a name is an alias or a `provider/model`.
    pub fn decide(
        &self,
        context: &AmpContext,
        is_configured: impl FnOnce(&str) -> bool,
    ) -> Decision {
        if self.configured && !self.enabled {
            return Decision::Unchanged(Unchanged::Disabled);
        }
        if !self.configured && context.model.as_deref().is_some_and(is_configured) {
            return Decision::Unchanged(Unchanged::Configured);
        }
        let matched = Rule::ALL.into_iter().find_map(|rule| match self.outcome(rule, context) {
            Outcome::Match(reference) => Some((rule, reference)),
            Outcome::NoEntries | Outcome::Unsaid(_) | Outcome::NoEntry(_) => None,
        });
        let (rule, reference) = matched.unwrap_or_else(|| (Rule::Fallback, "smart".into()));
        Decision::Mapped { rule, reference }
    }

    /// What every rule says, in order, up to the one that decides: for `explain`.
    #[must_use]
    pub fn trace(&self, context: &AmpContext) -> Vec<(Rule, Outcome)> {
        let mut trace = Vec::new();
        for rule in Rule::ALL {
            let outcome = self.outcome(rule, context);
            let decides = matches!(outcome, Outcome::Match(_));
            trace.push((rule, outcome));
            if decides {
                break;
            }
        }
        trace
    }

    /// Whether any entry goes by this mode.
    #[must_use]
    pub fn names_mode(&self, mode: &str) -> bool {
        let mode = mode.trim().to_lowercase();
        self.modes.contains_key(mode.as_str())
            || self.agent_modes.values().any(|modes| modes.contains_key(mode.as_str()))
    }

    /// What `rule` says.
    #[must_use]
    pub fn outcome(&self, rule: Rule, context: &AmpContext) -> Outcome {
        let (mode, agent) = (folded(context.mode.as_deref()), folded(context.agent.as_deref()));
        match rule {
            Rule::AgentMode if self.agent_modes.is_empty() => Outcome::NoEntries,
            Rule::AgentMode => match (agent, mode) {
                (Some(agent), Some(mode)) => {
                    let modes = self.agent_modes.get(agent.as_str());
                    let found = modes.and_then(|modes| modes.get(mode.as_str()));
                    outcome(found, || format!("{agent}/{mode}"))
                }
                (Some(_), None) => Outcome::Unsaid("a mode"),
                (None, Some(_)) => Outcome::Unsaid("an agent"),
                (None, None) => Outcome::Unsaid("an agent and a mode"),
            },
            Rule::Mode => look_up(&self.modes, mode, "a mode"),
            Rule::Agent => look_up(&self.agents, agent, "an agent"),
            Rule::Application => {
                let application = folded(context.application.as_deref());
                look_up(&self.applications, application, "an application")
            }
            Rule::Model => self.outcome_of_model(context.model.as_deref()),
            Rule::ProviderModel => match (&context.provider, &context.model) {
                (Some(provider), Some(model)) => {
                    self.outcome_of_model(Some(&format!("{}/{model}", provider.to_lowercase())))
                }
                (None, _) if !self.models.exact.is_empty() => Outcome::Unsaid("a provider"),
                (Some(_) | None, _) => self.outcome_of_model(None),
            },
            Rule::Fallback => self.fallback.clone().map_or(Outcome::NoEntries, Outcome::Match),
        }
    }

    fn outcome_of_model(&self, model: Option<&str>) -> Outcome {
        match model {
            _ if self.models.exact.is_empty() => Outcome::NoEntries,
            None => Outcome::Unsaid("a model"),
            Some(model) => outcome(self.models.find(model), || model.to_owned()),
        }
    }
}

impl Router {
    /// Which model answers a request of Amp.
    #[must_use]
    pub fn decide_for_amp(&self, context: &AmpContext) -> Decision {
        self.amp.decide(context, |name| {
            self.named(name).is_some_and(|route| match route.kind {
                RouteKind::Alias | RouteKind::Direct => true,
                RouteKind::Bare => false,
            })
        })
    }
}

fn folded(text: Option<&str>) -> Option<String> {
    text.map(|text| text.trim().to_lowercase()).filter(|text| !text.is_empty())
}

fn look_up(map: &References, key: Option<String>, what: &'static str) -> Outcome {
    match key {
        _ if map.is_empty() => Outcome::NoEntries,
        None => Outcome::Unsaid(what),
        Some(key) => outcome(map.get(key.as_str()), || key.clone()),
    }
}

fn outcome(found: Option<&Arc<str>>, key: impl FnOnce() -> String) -> Outcome {
    found.map_or_else(|| Outcome::NoEntry(key()), |reference| Outcome::Match(Arc::clone(reference)))
}

#[cfg(test)]
mod tests;
