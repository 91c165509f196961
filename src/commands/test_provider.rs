//! `test-provider`: what a provider speaks, whether it takes its key, and whether models answer.

use clap::Args;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Bad, Command, Effect, NetworkCommand,
    error::CommandError,
    model::cleaned,
    probe::{Probe, Spoken, Tried, listing::Listed},
    provider::known,
    text::{Look, Text},
    tiny,
    workspace::Workspace,
};
use crate::config::{AuthKind, Provider, secret::SecretSource};

/// Test a provider: formats, key, list of models and, if named, models
///
/// The formats are found by asking for a model that does not exist, which costs nothing. Each model
/// in `models` is really asked, once per format, for at most 16 tokens. Nothing is written:
/// `add-provider` with `probe` writes what is found.
#[derive(Debug, Clone, Args, Serialize, Deserialize, JsonSchema)]
pub struct TestProvider {
    /// Its id
    provider: String,
    /// Models to really ask, as the provider names them: at most 10 (can be repeated)
    #[arg(long, visible_alias = "model", value_delimiter = ',', value_name = "MODEL")]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    models: Vec<String>,
    /// How many requests are sent in a minute. 120 if absent; those to this machine are not paced
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..=6000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 6000))]
    pace: Option<u64>,
    #[arg(skip)]
    #[serde(skip)]
    found: Option<Found>,
}

/// All that was found out about a provider.
#[derive(Debug, Clone)]
pub struct Found {
    pub spoken: Vec<Spoken>,
    pub listed: Result<Vec<Listed>, String>,
    pub tried: Vec<Tried>,
    pub sent: u64,
}

/// What a provider speaks and answers.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Tested {
    /// In one line
    summary: String,
    /// Whether it can be used as far as was tested
    ok: bool,
    /// The provider
    provider: String,
    /// Its key
    key: Key,
    /// What it speaks
    formats: Vec<FormatTested>,
    /// The models that it lists
    models: ModelsListed,
    /// The models that were really asked
    tested: Vec<ModelTested>,
    /// What it cost
    cost: String,
    /// What to do next
    next: Vec<String>,
}

/// A key, by reference.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Key {
    /// Where it comes from; absent if there is none
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    /// Why it is not to be had here
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) missing: Option<String>,
}

/// One format, tested.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FormatTested {
    /// Its name
    format: String,
    /// `yes`, `key-refused`, `unclear` or `no`
    spoken: String,
    /// How the key was presented
    auth: String,
    /// Where
    base_url: String,
    /// The status of the answer
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// What the answer said
    detail: String,
}

/// The list of models, compared with the config.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ModelsListed {
    /// How many the provider lists
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    /// Why it lists none
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// Those that are configured, but not listed
    unlisted: Vec<String>,
}

/// One model, tested in one format.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ModelTested {
    /// The model
    model: String,
    /// The format
    format: String,
    /// Whether it answered
    ok: bool,
    /// The status of the answer
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// When all of it was there
    latency_ms: u64,
    /// Why it did not work
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Finds out all about a provider.
pub(super) async fn find_out(
    workspace: &Workspace,
    provider: &Provider,
    models: &[String],
    pace: Option<u64>,
) -> Found {
    let mut probe = Probe::new(workspace, provider, pace);
    let spoken = probe.formats().await;
    let listed = probe.models(&spoken).await;
    let mut tried = Vec::new();
    for model in models {
        for spoken in spoken.iter().filter(|spoken| spoken.answer.is_yes()) {
            tried.push(probe.model(spoken, model).await);
        }
    }
    Found { spoken, listed, tried, sent: probe.sent }
}

/// What a probe cost, in words.
pub(super) fn cost(found: &Found) -> String {
    let asked = found.tried.len();
    let free = found.sent.saturating_sub(asked as u64);
    match asked {
        0 => format!("{free} requests that no model answers, so no tokens"),
        _ => format!(
            "{free} requests that no model answers, {asked} of at most {} output tokens each",
            tiny::OUTPUT_TOKENS
        ),
    }
}

pub(super) fn auth_word(auth: AuthKind) -> String {
    serde_json::to_value(auth)
        .ok()
        .and_then(|word| word.as_str().map(str::to_owned))
        .unwrap_or_default()
}

impl Command for TestProvider {
    const NAME: &'static str = "test-provider";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [&'static str] = &[
        r#"{"provider": "openrouter"}"#,
        r#"{"provider": "openrouter", "models": ["openai/gpt-4o-mini"], "pace": 30}"#,
    ];
    const BAD: Bad = Bad::Failed;
    type Output = Tested;

    fn run(self, workspace: &mut Workspace) -> Result<Tested, CommandError> {
        let provider = configured(workspace, &self.provider)?;
        let found = self.found.ok_or_else(|| super::network::unreachable("nothing was asked"))?;
        let key = key_of(workspace, &provider);
        let ids: Vec<&str> = provider.models.iter().map(|model| model.id.as_str()).collect();
        let models = match &found.listed {
            Ok(listed) => ModelsListed {
                count: Some(listed.len() as u64),
                error: None,
                unlisted: ids
                    .iter()
                    .filter(|id| !listed.iter().any(|listed| listed.id == **id))
                    .map(|id| (*id).to_owned())
                    .collect(),
            },
            Err(error) => {
                ModelsListed { count: None, error: Some(error.clone()), unlisted: Vec::new() }
            }
        };
        let names: Vec<&str> = found
            .spoken
            .iter()
            .filter(|spoken| spoken.answer.is_yes())
            .map(|spoken| spoken.format.name())
            .collect();
        let failed = found.tried.iter().filter(|tried| tried.error.is_some()).count();
        let ok = !names.is_empty() && failed == 0 && key.missing.is_none();
        let id = &provider.id;
        let summary = if let Some(missing) = &key.missing {
            format!("`{id}` cannot be used: {missing}.")
        } else if names.is_empty() {
            let refused =
                found.spoken.iter().any(|spoken| spoken.answer.parts().0 == "key-refused");
            let why = if refused { "it refuses the key" } else { "it speaks no known format" };
            format!("`{id}` cannot be used: {why}.")
        } else if failed > 0 {
            format!("`{id}` speaks {}, but {failed} tests of models failed.", names.join(", "))
        } else {
            format!("`{id}` speaks {}.", names.join(", "))
        };
        let next = next(id, ok, &found, &provider);
        Ok(Tested {
            summary,
            ok,
            provider: id.clone(),
            key,
            cost: cost(&found),
            formats: found.spoken.iter().map(shown).collect(),
            models,
            tested: found.tried.into_iter().map(tested).collect(),
            next,
        })
    }

    fn text(output: &Tested) -> Text {
        let mut text = Text::default();
        text.wrapped(if output.ok { Look::Good } else { Look::Bad }, "", "  ", &output.summary);
        let rows: Vec<Vec<String>> = output
            .formats
            .iter()
            .map(|format| {
                let status = format.status.map(|status| status.to_string()).unwrap_or_default();
                let cells = [&format.format, &format.spoken, &format.auth, &status, &format.detail];
                cells.into_iter().cloned().collect()
            })
            .collect();
        text.gap().table(&["format", "spoken", "key in", "status", "answer"], &rows);
        match (&output.models.count, &output.models.error) {
            (Some(1), _) => text.gap().line(Look::Plain, "It lists 1 model."),
            (Some(count), _) => text.gap().line(Look::Plain, format!("It lists {count} models.")),
            (None, error) => {
                let error = error.as_deref().unwrap_or("no list");
                text.gap().wrapped(Look::Doubtful, "No list of models: ", "  ", error)
            }
        };
        for model in &output.models.unlisted {
            text.line(Look::Doubtful, format!("  configured, but not listed: {model}"));
        }
        if !output.tested.is_empty() {
            let rows: Vec<Vec<String>> = output
                .tested
                .iter()
                .map(|model| {
                    let result = match &model.error {
                        None => format!("answered in {} ms", model.latency_ms),
                        Some(error) => format!("{} {error}", model.status.unwrap_or_default()),
                    };
                    vec![model.model.clone(), model.format.clone(), result]
                })
                .collect();
            text.gap().table(&["model", "format", "result"], &rows);
        }
        text.gap().wrapped(Look::Faint, "Cost: ", "  ", &output.cost);
        if !output.next.is_empty() {
            text.gap().line(Look::Strong, "Next");
            for next in &output.next {
                text.line(Look::Plain, format!("  {next}"));
            }
        }
        text
    }

    fn is_good(output: &Tested) -> bool {
        output.ok
    }
}

impl NetworkCommand for TestProvider {
    async fn ask(&mut self, workspace: &Workspace) -> Result<(), CommandError> {
        let provider = configured(workspace, &self.provider)?;
        let models = cleaned(&self.models);
        if models.len() > MOST_MODELS {
            let message = format!("{} models are too many to ask at once", models.len());
            return Err(CommandError::arguments(message)
                .hint(format!("each costs a request per format; name at most {MOST_MODELS}")));
        }
        if key_of(workspace, &provider).missing.is_some() {
            // Nothing can be asked; that is the answer.
            let listed = Err("its key is not to be had here".to_owned());
            self.found = Some(Found { spoken: Vec::new(), listed, tried: Vec::new(), sent: 0 });
            return Ok(());
        }
        self.found = Some(find_out(workspace, &provider, &models, self.pace).await);
        Ok(())
    }
}

const MOST_MODELS: usize = 10;

/// The provider with this id.
pub(super) fn configured(workspace: &Workspace, id: &str) -> Result<Provider, CommandError> {
    let config = workspace.config()?;
    let id = known(&config, id)?;
    let provider = config.providers.into_iter().find(|provider| provider.id == id);
    provider.ok_or_else(|| CommandError::arguments("there is no such provider"))
}

/// Its key, and whether it is to be had.
pub(super) fn key_of(workspace: &Workspace, provider: &Provider) -> Key {
    let by_name = provider.api_key_env.clone().map(SecretSource::Environment);
    let source = provider.api_key.clone().or(by_name);
    Key {
        missing: source.as_ref().and_then(|source| workspace.find(source).err()),
        reference: source.map(|source| source.to_string()),
    }
}

fn shown(spoken: &Spoken) -> FormatTested {
    let (word, status, detail) = spoken.answer.parts();
    FormatTested {
        format: spoken.format.name().to_owned(),
        spoken: word.to_owned(),
        auth: auth_word(spoken.auth),
        base_url: spoken.base.to_string(),
        status,
        detail: detail.to_owned(),
    }
}

fn tested(tried: Tried) -> ModelTested {
    ModelTested {
        model: tried.model,
        format: tried.format.name().to_owned(),
        ok: tried.error.is_none(),
        status: tried.status,
        latency_ms: tried.latency_ms,
        error: tried.error,
    }
}

fn next(id: &str, ok: bool, found: &Found, provider: &Provider) -> Vec<String> {
    let mut next = Vec::new();
    if !ok {
        let has_format = found.spoken.iter().any(|spoken| spoken.answer.is_yes());
        next.push(match has_format {
            true => format!("llm-router discover-models {id}"),
            false => format!("llm-router set-provider {id} --api-key env:NAME"),
        });
        return next;
    }
    let is_new = |spoken: &&Spoken| {
        spoken.answer.is_yes()
            && provider.format != Some(spoken.format)
            && !provider.formats.contains(&spoken.format)
    };
    if found.spoken.iter().any(|spoken| is_new(&spoken)) {
        next.push(format!("llm-router add-provider {id} --probe    # writes what was found"));
    }
    if provider.models.is_empty() {
        next.push(format!("llm-router discover-models {id}"));
    } else if found.tried.is_empty() {
        let model = &provider.models[0].id;
        next.push(format!("llm-router test-provider {id} --models {model}"));
    }
    next
}
