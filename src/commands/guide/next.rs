//! The next steps, computed from the state of this machine.

use schemars::JsonSchema;
use serde::Serialize;

use super::State;
use crate::config::Config;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Step {
    /// What to do
    pub what: String,
    /// Why
    pub why: String,
    /// How: a command, with words in capitals to be filled in
    pub command: String,
    /// What to ask the person before; absent if nothing is to be asked
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ask: Option<String>,
    /// What it costs; absent if nothing
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<String>,
    #[serde(skip)]
    pub(super) is_last: bool,
}

impl Step {
    fn new(what: &str, why: impl Into<String>, command: impl Into<String>) -> Self {
        Self {
            what: what.to_owned(),
            why: why.into(),
            command: command.into(),
            ask: None,
            cost: None,
            is_last: false,
        }
    }

    fn asking(self, ask: impl Into<String>) -> Self {
        Self { ask: Some(ask.into()), ..self }
    }
}

/// What to do until a model has answered through the gateway, and then.
pub(super) fn steps(state: &State, config: &Config) -> Vec<Step> {
    if !state.config.valid {
        let why = state.config.problems.first().cloned().unwrap_or_default();
        return vec![
            Step::new("See what is wrong with the config", why, "llm-router validate"),
            Step::new(
                "Take the last change back, if that broke it",
                "a broken config is used by no gateway",
                "llm-router undo --dry-run",
            )
            .asking("whether the last change may be taken back"),
        ];
    }
    let mut steps = provider_steps(state);
    steps.extend(model_steps(state, config));
    steps.extend(gateway_steps(state, config));
    if steps.is_empty() {
        let mut last = Step::new(
            "Point a tool here",
            "a model has answered through the gateway: all is ready",
            "llm-router client-config TOOL",
        )
        .asking("which tool shall use the gateway");
        last.is_last = true;
        steps.push(last);
    }
    steps
}

fn provider_steps(state: &State) -> Vec<Step> {
    if state.providers.is_empty() {
        let mut steps: Vec<Step> = state
            .keys_at_hand
            .iter()
            .map(|at_hand| {
                Step::new(
                    "Add a provider whose key is at hand",
                    format!("{} is set in this environment", at_hand.variable),
                    format!("llm-router add-provider {} --probe", at_hand.provider),
                )
                .asking(format!("whether {} shall be used", at_hand.provider))
            })
            .collect();
        let what = "Add a provider";
        let why = "no provider is configured: only the built-in demo answers";
        let command = "llm-router add-provider PROVIDER --base-url URL --api-key env:NAME --probe";
        steps.push(Step::new(what, why, command).asking(
            "which providers they have keys for, and in which variables; known vendors need no URL",
        ));
        return steps;
    }
    let mut steps = Vec::new();
    for provider in state.providers.iter().filter(|provider| provider.enabled) {
        let id = &provider.id;
        if let Some(missing) = &provider.key_missing {
            let command = format!("llm-router set-provider {id} --api-key env:NAME");
            let ask = "where the key is; it must be there where the gateway runs";
            steps.push(
                Step::new("Make a key available", format!("`{id}`: {missing}"), command)
                    .asking(ask),
            );
        } else if provider.models == 0 {
            let why = format!("`{id}` has no model, so nothing can be sent to it");
            steps.push(Step::new(
                "See which models the provider has",
                why.clone(),
                format!("llm-router discover-models {id}"),
            ));
            let command = format!("llm-router add-provider {id} --models MODEL,MODEL");
            let ask = "which models they want";
            steps.push(Step::new("Add models", why, command).asking(ask));
        }
    }
    steps
}

fn model_steps(state: &State, config: &Config) -> Vec<Step> {
    let first = config.providers.iter().filter(|provider| provider.enabled).find_map(|provider| {
        let model = provider.models.iter().find(|model| model.enabled)?;
        Some(format!("{}/{}", provider.id, model.id))
    });
    let Some(first) = first else { return Vec::new() };
    let mut steps = Vec::new();
    if state.aliases.is_empty() {
        let command = format!("llm-router set-alias chat --targets {first} --strategy auto");
        let why = "tools ask for a name of yours: what stands behind it can change without them";
        let ask = "which models shall stand behind one name, and which take over";
        steps.push(Step::new("Name a group of models", why, command).asking(ask));
    } else if state.default_model.is_none() {
        let name = &state.aliases[0].id;
        let command = format!("llm-router set-default-model {name}");
        let why = "no name answers a client that names none";
        steps.push(Step::new("Choose the default model", why, command));
    }
    steps
}

fn gateway_steps(state: &State, config: &Config) -> Vec<Step> {
    if state.providers.is_empty() {
        return Vec::new();
    }
    let gateway = &state.gateway;
    if !gateway.running {
        let why = "no gateway runs with this config; it stays in the foreground, so start it in a \
                   terminal of its own or in the background";
        return vec![
            Step::new("Start the gateway", why, "llm-router start")
                .asking("whether it shall run at every login: llm-router startup install"),
        ];
    }
    if let Some(rejected) = &gateway.rejected {
        let what = "Mend the config";
        return vec![Step::new(
            what,
            format!("the gateway refuses it: {rejected}"),
            "llm-router validate",
        )];
    }
    // The demo's answers prove nothing.
    let is_configured = |target: &String| {
        config
            .providers
            .iter()
            .any(|provider| target.split_once('/').is_some_and(|(id, _)| provider.id == id))
    };
    if gateway.answered.iter().any(is_configured) {
        return Vec::new();
    }
    let name = state
        .default_model
        .clone()
        .or_else(|| state.aliases.first().map(|alias| alias.id.clone()))
        .unwrap_or_else(|| "NAME".to_owned());
    let formats: Vec<&String> = state.providers.iter().flat_map(|known| &known.formats).collect();
    let format = match formats.first() {
        Some(format) if !formats.iter().any(|known| *known == "openai") => {
            format!(" --format {format}")
        }
        Some(_) | None => String::new(),
    };
    let mut step = Step::new(
        "Test a route through the gateway",
        "no model has answered since the gateway was started",
        format!("llm-router test-route {name}{format} --live"),
    );
    step.cost = Some("one request of at most 16 output tokens".to_owned());
    vec![step]
}

/// What would be better.
pub(super) fn suggestions(state: &State, config: &Config) -> Vec<Step> {
    let mut suggestions = Vec::new();
    if let (Some(model), [alias, ..]) = (&state.default_model, state.aliases.as_slice())
        && !state.aliases.iter().any(|alias| model.trim_start_matches("alias:") == alias.id)
    {
        suggestions.push(Step::new(
            "Let the default be a name of yours",
            format!("`{model}` answers who names no model, and nothing takes over when it fails"),
            format!("llm-router set-default-model {}", alias.id),
        ));
    }
    for alias in &state.aliases {
        let id = &alias.id;
        if alias.targets.len() > 1 && alias.strategy != "auto" {
            suggestions.push(Step::new(
                "Let quota, health and caches decide",
                format!("`{id}` is spread by {}", alias.strategy),
                format!("llm-router set-strategy {id} auto"),
            ));
        }
        if alias.targets.len() + alias.fallback_targets.len() == 1 {
            suggestions.push(Step::new(
                "Give a name a fallback",
                format!("when the one target of `{id}` fails, nothing takes over"),
                format!("llm-router set-alias {id} --fallback-targets PROVIDER/MODEL"),
            ));
        }
    }
    let unlimited = config.providers.iter().filter(|provider| provider.rate_limits.is_empty());
    for provider in unlimited.take(3) {
        suggestions.push(
            Step::new(
                "Limit requests, if the plan does",
                format!("`{}` has no rate-limit bucket", provider.id),
                format!("llm-router create-bucket {} COUNT/WINDOW", provider.id),
            )
            .asking("how many requests their plan allows in which time"),
        );
    }
    suggestions
}
