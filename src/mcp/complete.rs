//! Completions: what a person who types an argument may mean.

use std::{collections::BTreeSet, sync::Arc};

use rmcp::model::{CompleteRequestParams, CompleteResult, CompletionInfo, ErrorData, Reference};

use super::{
    handler::Shared,
    prompts::{self, GOALS, TASKS, Words},
    resources,
};
use crate::{
    commands::{self, Entry},
    config::{Config, presets},
};

/// How many a client gets at most, by the specification.
const MOST: usize = CompletionInfo::MAX_VALUES;

/// Proposes values for an argument of a prompt or the variable of a template.
///
/// # Errors
/// If there is no such argument.
pub async fn complete(
    shared: &Arc<Shared>,
    request: &CompleteRequestParams,
) -> Result<CompleteResult, ErrorData> {
    let argument = request.argument.name.as_str();
    let known = match &request.r#ref {
        Reference::Prompt(prompt) => {
            let names = TASKS.iter().map(|task| task.name);
            let task = TASKS.iter().find(|task| task.name == prompt.name);
            let task = task.ok_or_else(|| prompts::unknown("prompt", &prompt.name, names))?;
            let names = task.arguments.iter().map(|argument| argument.name);
            let found = task.arguments.iter().find(|known| known.name == argument);
            let found = found.ok_or_else(|| prompts::unknown("argument", argument, names))?;
            words(found.of, &config(shared).await)
        }
        Reference::Resource(template) => {
            let all = resources::templates();
            let name = all.iter().find(|known| known.uri_template == template.uri);
            match name.map(|template| template.name.as_str()) {
                Some("provider") => configured(&config(shared).await),
                Some("alias") => config(shared).await.model_aliases.keys().cloned().collect(),
                Some("command") => {
                    commands::CATALOG.iter().map(|entry| entry.name.to_owned()).collect()
                }
                Some(_) | None => {
                    let known = all.iter().map(|known| known.uri_template.as_str());
                    return Err(prompts::unknown("template", &template.uri, known));
                }
            }
        }
        _ => BTreeSet::new(),
    };
    let (values, total) = matching(known, &request.argument.value);
    let has_more = total > values.len();
    let total = u32::try_from(total).ok();
    let completion = CompletionInfo::with_pagination(values, total, has_more)
        .map_err(|message| ErrorData::internal_error(message, None))?;
    Ok(CompleteResult::new(completion))
}

/// What begins with the typed text, then what has it elsewhere.
fn matching(known: BTreeSet<String>, typed: &str) -> (Vec<String>, usize) {
    let typed = typed.trim().to_lowercase();
    let (first, rest): (Vec<String>, Vec<String>) =
        known.into_iter().partition(|name| name.to_lowercase().starts_with(&typed));
    let rest = rest.into_iter().filter(|name| name.to_lowercase().contains(&typed));
    let mut all: Vec<String> = first.into_iter().chain(rest).collect();
    let total = all.len();
    all.truncate(MOST);
    (all, total)
}

/// What the config says, as far as it can be read.
async fn config(shared: &Arc<Shared>) -> Config {
    let file = shared.file.clone();
    let loaded = tokio::task::spawn_blocking(move || file.load()).await;
    loaded.ok().and_then(Result::ok).map(|loaded| loaded.config).unwrap_or_default()
}

fn configured(config: &Config) -> BTreeSet<String> {
    config.providers.iter().map(|provider| provider.id.clone()).collect()
}

fn words(of: Words, config: &Config) -> BTreeSet<String> {
    match of {
        Words::Goals => GOALS.iter().map(|goal| (*goal).to_owned()).collect(),
        Words::Clients => clients(),
        Words::Providers => {
            let mut names = configured(config);
            names.extend(presets::all().iter().map(|preset| preset.id.clone()));
            names
        }
        Words::Models => {
            let mut names: BTreeSet<String> = config.model_aliases.keys().cloned().collect();
            for provider in &config.providers {
                let models = provider.models.iter();
                names.extend(models.map(|model| format!("{}/{}", provider.id, model.id)));
            }
            names
        }
    }
}

/// The tools that can be connected: those that `client-config` knows.
fn clients() -> BTreeSet<String> {
    let schema = commands::find("client-config").map(Entry::input).unwrap_or_default();
    let listed = schema["properties"]["client"]["enum"].as_array().cloned().unwrap_or_default();
    let known: BTreeSet<String> =
        listed.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect();
    if !known.is_empty() {
        return known;
    }
    ["amp", "claude-code", "codex", "gemini-cli", "opencode"].map(str::to_owned).into()
}
