//! `ai-help`: the brief for an agent. What this is, the state of this machine, the next steps that
//! follow from it, the gates before a tool is pointed here, and every command with its schemas.
//!
//! It looks at the config and at the running gateway on this machine, and asks nobody else.

pub mod next;
mod render;

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    CATALOG, Effect, Entry,
    client::{self, Client, default_name, spoken},
    error::CommandError,
    running::{self, Found},
    workspace::Workspace,
};
use crate::{
    config::{Config, Provider, presets, problem::Problem, secret::SecretSource},
    routing::router::{Router, TargetKind},
    status::Status,
};
use next::Step;

/// See the module's documentation. Holds no secret.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Guide {
    /// The version of the program
    pub version: String,
    /// What this is and how to go about it
    pub about: String,
    /// The state of this machine
    pub state: State,
    /// Whether models can be asked through the gateway, and one was
    pub ready: bool,
    /// What to do next, in this order; run `ai-help` again after each
    pub next: Vec<Step>,
    /// What would be better, but keeps nothing from working
    pub suggestions: Vec<Step>,
    /// Whether a tool may be pointed here
    pub gates: Vec<Gate>,
    /// Every command
    pub commands: Vec<CommandHelp>,
    /// What exit codes mean
    pub exit_codes: Vec<ExitCode>,
}

/// What there is on this machine.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct State {
    /// The config
    pub config: ConfigState,
    /// The gateway
    pub gateway: GatewayState,
    /// The providers of the config
    pub providers: Vec<ProviderState>,
    /// The aliases of the config
    pub aliases: Vec<AliasState>,
    /// The name that answers when a client names no model
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_model: Option<String>,
    /// Known vendors whose key is in this environment, and that are not configured
    pub keys_at_hand: Vec<KeyAtHand>,
}

/// The config.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ConfigState {
    /// Where it stands, or would stand
    pub path: String,
    /// Whether there is a file
    pub exists: bool,
    /// Its revision: `expected_revision` of a change
    pub revision: String,
    /// Whether a gateway can use it
    pub valid: bool,
    /// What is wrong or doubtful: the first ten
    pub problems: Vec<String>,
}

/// The gateway.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct GatewayState {
    /// Whether one runs with this config
    pub running: bool,
    /// Where it listens, or would listen
    pub url: String,
    /// Whether clients must present its key
    pub key_required: bool,
    /// Why it does not use the config as it is now
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejected: Option<String>,
    /// Targets that have answered since it was started
    pub answered: Vec<String>,
}

/// One provider.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ProviderState {
    /// Its id
    pub id: String,
    /// Whether requests are sent to it
    pub enabled: bool,
    /// The formats that it speaks
    pub formats: Vec<String>,
    /// How many models are configured
    pub models: u64,
    /// Where its key comes from
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Why the key is not to be had: by the gateway if it runs, else here
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_missing: Option<String>,
}

/// One alias.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AliasState {
    /// Its id
    pub id: String,
    /// How requests are spread
    pub strategy: String,
    /// What it stands for
    pub targets: Vec<String>,
    /// What is tried when no target is left
    pub fallback_targets: Vec<String>,
}

/// A vendor that could be added at once.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct KeyAtHand {
    /// Its id: `add-provider` needs nothing else
    pub provider: String,
    /// The variable that is set here
    pub variable: String,
}

/// Whether one tool may be pointed here.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Gate {
    /// The tool, as `client-config` calls it
    pub client: String,
    /// The format in which it asks
    pub format: String,
    /// Whether nothing stands in the way that can be seen without a request
    pub open: bool,
    /// What stands in the way
    pub blocked_by: Vec<String>,
    /// The last test, which costs at most 16 output tokens
    pub test: String,
}

/// One command.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CommandHelp {
    /// Its name on the command line
    pub name: String,
    /// Its name as an MCP tool
    pub tool: String,
    /// What it does, in one line
    pub about: String,
    /// What it does, whole
    pub help: String,
    /// `read`, `write` or `destroy`: what it does to the config
    pub effect: String,
    /// The JSON Schema of its arguments
    pub input: Value,
    /// The JSON Schema of its result
    pub output: Value,
    /// Arguments of calls
    pub examples: Vec<Value>,
}

/// What an exit code means.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ExitCode {
    /// The code
    pub code: u8,
    /// What it means
    pub meaning: String,
}

/// Looks at this machine.
///
/// # Errors
/// Never for a broken config: that is a part of the state.
pub async fn guide(workspace: &Workspace) -> Result<Guide, CommandError> {
    // Something else than a gateway is as good as none; `status` says more.
    let status = match running::find(workspace).await {
        Ok(Found::Running(status)) => Some(status),
        Ok(Found::Gone | Found::Nothing) | Err(_) => None,
    };
    let router = workspace.router().ok();
    let config = workspace.config().unwrap_or_default();
    let state = look(workspace, &config, router.as_ref(), status.as_deref());
    let next = next::steps(&state, &config);
    let suggestions = next::suggestions(&state, &config);
    Ok(Guide {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        about: render::about(),
        ready: next.iter().all(|step| step.is_last),
        gates: gates(&state, router.as_ref()),
        state,
        next,
        suggestions,
        commands: CATALOG.iter().map(help_of).collect(),
        exit_codes: [(0, "done"), (1, "failed"), (2, "asked in a wrong way, or an invalid config")]
            .map(|(code, meaning)| ExitCode { code, meaning: meaning.to_owned() })
            .to_vec(),
    })
}

/// The whole of one command.
#[must_use]
pub fn help_of(entry: &Entry) -> CommandHelp {
    let examples = entry.examples.iter().filter_map(|text| serde_json::from_str(text).ok());
    CommandHelp {
        name: entry.name.to_owned(),
        tool: entry.tool_name(),
        about: entry.about(),
        help: entry.long_about(),
        effect: match entry.effect {
            Effect::Read => "read",
            Effect::Write => "write",
            Effect::Destroy => "destroy",
        }
        .to_owned(),
        input: entry.input(),
        output: entry.output(),
        examples: examples.collect(),
    }
}

/// The schema of `ai-help --json`: `schemas/ai-help.json`.
#[must_use]
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<Guide>();
    schema.insert("title".to_owned(), json!("llm-router ai-help --json"));
    schema.into()
}

fn look(
    workspace: &Workspace,
    config: &Config,
    router: Option<&Router>,
    status: Option<&Status>,
) -> State {
    let problems = workspace.problems();
    let valid = !problems.iter().any(Problem::is_error);
    let url = match (status, router) {
        (Some(status), _) => status.url.clone(),
        (None, Some(router)) => client::endpoint(workspace, router),
        (None, None) => "http://127.0.0.1:8787".to_owned(),
    };
    let answered = status.into_iter().flat_map(|status| &status.targets);
    let answered = answered.filter(|target| target.succeeded > 0);
    State {
        config: ConfigState {
            path: workspace.path.clone(),
            exists: workspace.text().is_some(),
            revision: workspace.revision(),
            valid,
            problems: problems.iter().take(10).map(ToString::to_string).collect(),
        },
        gateway: GatewayState {
            running: status.is_some(),
            url,
            key_required: status.map_or_else(
                || router.is_some_and(|router| router.settings.require_auth),
                |status| status.require_auth,
            ),
            rejected: status
                .and_then(|status| status.config.rejected.as_ref())
                .map(|rejected| rejected.problems.join("; ")),
            answered: answered.map(|target| target.name.clone()).collect(),
        },
        providers: config
            .providers
            .iter()
            .map(|provider| provider_state(workspace, provider, router, status))
            .collect(),
        aliases: config
            .model_aliases
            .iter()
            .map(|(id, alias)| AliasState {
                id: id.clone(),
                strategy: alias.strategy.name().to_owned(),
                targets: alias.targets.iter().map(|target| target.reference.clone()).collect(),
                fallback_targets: alias
                    .fallback_targets
                    .iter()
                    .map(|target| target.reference.clone())
                    .collect(),
            })
            .collect(),
        default_model: config.default_model.clone(),
        keys_at_hand: keys_at_hand(workspace, config),
    }
}

fn provider_state(
    workspace: &Workspace,
    provider: &Provider,
    router: Option<&Router>,
    status: Option<&Status>,
) -> ProviderState {
    let by_name = provider.api_key_env.clone().map(SecretSource::Environment);
    let key = provider.api_key.clone().or(by_name);
    // What counts is what the gateway has; without one it is started from here.
    let known =
        status.and_then(|status| status.providers.iter().find(|known| known.id == provider.id));
    let key_missing = match known {
        Some(known) => known.missing_key.clone(),
        None => key.as_ref().and_then(|source| workspace.find(source).err()),
    };
    let mut formats: Vec<String> = Vec::new();
    let targets = router.into_iter().flat_map(Router::targets);
    for target in targets.filter(|target| target.reference.provider() == provider.id) {
        if let TargetKind::Upstream(lanes) = &target.kind {
            formats.extend(lanes.formats().map(|format| format.name().to_owned()));
        }
    }
    formats.sort();
    formats.dedup();
    ProviderState {
        id: provider.id.clone(),
        enabled: provider.enabled,
        formats,
        models: provider.models.len() as u64,
        key: key.map(|source| source.to_string()),
        key_missing,
    }
}

fn keys_at_hand(workspace: &Workspace, config: &Config) -> Vec<KeyAtHand> {
    let is_configured = |id: &str| config.providers.iter().any(|provider| provider.id == id);
    presets::all()
        .iter()
        .filter(|preset| !is_configured(&preset.id))
        .filter_map(|preset| {
            let variable = preset.key_variable.as_ref()?;
            workspace.environment.get(variable).filter(|value| !value.trim().is_empty())?;
            Some(KeyAtHand { provider: preset.id.clone(), variable: variable.clone() })
        })
        .collect()
}

fn gates(state: &State, router: Option<&Router>) -> Vec<Gate> {
    use clap::ValueEnum;
    let name = router.and_then(default_name);
    let gate = |client: &Client| {
        let format = client.format();
        let mut blocked_by = Vec::new();
        if !state.gateway.running {
            blocked_by.push("no gateway runs".to_owned());
        }
        if state.providers.is_empty() {
            blocked_by.push("only the demo answers".to_owned());
        }
        match (router, &name) {
            (Some(router), Some(name)) => blocked_by.extend(spoken(router, name, format).err()),
            (Some(_), None) => blocked_by.push("there is no model".to_owned()),
            (None, _) => blocked_by.push("the config is broken".to_owned()),
        }
        let shown = name.as_deref().unwrap_or("NAME");
        Gate {
            client: client.word(),
            format: format.name().to_owned(),
            open: blocked_by.is_empty(),
            blocked_by,
            test: format!("llm-router test-route {shown} --format {format} --live"),
        }
    };
    Client::value_variants().iter().map(gate).collect()
}
