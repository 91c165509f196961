//! Models of providers: add, set, remove, and their silent fallbacks.

use clap::Args;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Command, Effect,
    argument::{FormatName, WriteArgs, maps::Switches},
    changed::Changed,
    error::{Code, CommandError},
    provider::{known as known_provider, provider_of},
    release::release,
    text::Text,
    workspace::Workspace,
};
use crate::{
    config::{
        Config,
        edit::{
            draft::{model_object, model_place},
            references::Subject,
            spelling,
        },
    },
    names::ModelRef,
};

/// What can be said of a model.
#[derive(Debug, Clone, Default, Args, Serialize, Deserialize, JsonSchema)]
pub struct Settings {
    /// How many tokens fit, input and output together
    #[arg(long, value_name = "TOKENS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    context_window: Option<u64>,
    /// What it can do (`tools=true,vision=false`); merged with what is known
    #[arg(long, value_name = "NAME=BOOL,...")]
    #[serde(skip_serializing_if = "Option::is_none")]
    capabilities: Option<Switches>,
    /// Other names of it at this provider; they replace those it has
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    aliases: Option<Vec<String>>,
    /// The formats in which it works, if not all of its provider's
    #[arg(long, value_enum, value_delimiter = ',')]
    #[serde(skip_serializing_if = "Option::is_none")]
    formats: Option<Vec<FormatName>>,
    /// Whether requests are sent to it
    #[arg(long, value_name = "BOOL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
}

/// Add a model to a provider, or change one that is there
#[derive(Debug, Clone, Args, Serialize, Deserialize, JsonSchema)]
pub struct Add {
    /// `provider/model`, the model as its provider names it
    model: String,
    #[command(flatten)]
    #[serde(flatten)]
    settings: Settings,
    #[command(flatten)]
    #[serde(flatten)]
    write: WriteArgs,
}

impl Command for Add {
    const NAME: &'static str = "add-model";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLES: &'static [&'static str] = &[
        r#"{"model": "openrouter/qwen/qwen3-coder", "context_window": 262144}"#,
        r#"{"model": "anthropic/claude-haiku-4-5", "aliases": ["haiku"], "capabilities": {"vision": true}}"#,
    ];
    type Output = Changed;

    fn run(self, workspace: &mut Workspace) -> Result<Changed, CommandError> {
        let (provider, model) = halves(&workspace.config()?, &self.model)?;
        workspace.edit(&self.write, |draft, _| {
            let object = provider_of(draft, &provider)?;
            let added = add_ids(object, std::slice::from_ref(&model));
            self.settings.apply(object, &model);
            let done = if added == 1 { "Added" } else { "Changed" };
            Ok(format!("{done} the model `{provider}/{model}`."))
        })
    }

    fn text(output: &Changed) -> Text {
        output.text()
    }
}

/// Change a model that is there
///
/// Only what is given is changed. `enabled` false keeps it, but sends no request to it.
#[derive(Debug, Clone, Args, Serialize, Deserialize, JsonSchema)]
pub struct Set {
    /// `provider/model`
    model: String,
    #[command(flatten)]
    #[serde(flatten)]
    settings: Settings,
    #[command(flatten)]
    #[serde(flatten)]
    write: WriteArgs,
}

impl Command for Set {
    const NAME: &'static str = "set-model";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLES: &'static [&'static str] =
        &[r#"{"model": "openrouter/openai/gpt-4o-mini", "context_window": 128000}"#];
    type Output = Changed;

    fn run(self, workspace: &mut Workspace) -> Result<Changed, CommandError> {
        let (provider, model) = known(&workspace.config()?, &self.model)?;
        workspace.edit(&self.write, |draft, _| {
            self.settings.apply(provider_of(draft, &provider)?, &model);
            Ok(format!("Changed the model `{provider}/{model}`."))
        })
    }

    fn text(output: &Changed) -> Text {
        output.text()
    }
}

/// Remove a model from its provider
///
/// Refused with the list of referrers if aliases, fallbacks, buckets, Amp routes or the default
/// model name it; `cascade` removes those references too.
#[derive(Debug, Clone, Args, Serialize, Deserialize, JsonSchema)]
pub struct Remove {
    /// `provider/model`
    model: String,
    /// Also remove every reference to it
    #[arg(long)]
    #[serde(default)]
    cascade: bool,
    #[command(flatten)]
    #[serde(flatten)]
    write: WriteArgs,
}

impl Command for Remove {
    const NAME: &'static str = "remove-model";
    const EFFECT: Effect = Effect::Destroy;
    const EXAMPLES: &'static [&'static str] =
        &[r#"{"model": "openrouter/openai/gpt-4o-mini", "cascade": true}"#];
    type Output = Changed;

    fn run(self, workspace: &mut Workspace) -> Result<Changed, CommandError> {
        let config = workspace.config()?;
        let (provider, model) = known(&config, &self.model)?;
        let mut names = vec![model.clone()];
        for other in config.providers.iter().filter(|other| other.id == provider) {
            let same = other.models.iter().filter(|other| other.id == model);
            names.extend(same.flat_map(|model| model.aliases.iter().cloned()));
        }
        workspace.edit(&self.write, |draft, notes| {
            let subject = Subject::Model { provider: &provider, names: &names };
            release(draft, subject, &format!("`{provider}/{model}`"), self.cascade, notes)?;
            let object = provider_of(draft, &provider)?;
            if let Some(place) = model_place(object, &model) {
                spelling::list(object, spelling::MODELS).remove(place);
            }
            Ok(format!("Removed the model `{provider}/{model}`."))
        })
    }

    fn text(output: &Changed) -> Text {
        output.text()
    }
}

/// Set the models that silently take over when a model fails
///
/// They belong to the model and apply wherever it is a target, after the alias's own targets. An
/// empty list removes them.
#[derive(Debug, Clone, Args, Serialize, Deserialize, JsonSchema)]
pub struct SetFallbacks {
    /// `provider/model` that may fail
    model: String,
    /// `provider/model` of those that take over, in order; empty for none
    #[arg(long, value_delimiter = ',', value_name = "MODEL", required = true)]
    fallbacks: Vec<String>,
    #[command(flatten)]
    #[serde(flatten)]
    write: WriteArgs,
}

impl Command for SetFallbacks {
    const NAME: &'static str = "set-fallbacks";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLES: &'static [&'static str] = &[
        r#"{"model": "anthropic/claude-sonnet-4-5", "fallbacks": ["openrouter/openai/gpt-4o-mini"]}"#,
    ];
    type Output = Changed;

    fn run(self, workspace: &mut Workspace) -> Result<Changed, CommandError> {
        let config = workspace.config()?;
        let (provider, model) = known(&config, &self.model)?;
        let fallbacks = cleaned(&self.fallbacks);
        let own = format!("{provider}/{model}");
        for fallback in &fallbacks {
            let (other, name) = known(&config, fallback)?;
            if format!("{other}/{name}") == own {
                let message = format!("`{own}` cannot take over for itself");
                return Err(CommandError::arguments(message));
            }
        }
        workspace.edit(&self.write, |draft, _| {
            let object = provider_of(draft, &provider)?;
            if fallbacks.is_empty() {
                let place = model_place(object, &model);
                let models = spelling::list(object, spelling::MODELS);
                let model = place.and_then(|place| models.get_mut(place)?.as_object_mut());
                model.map(|model| spelling::remove(model, spelling::FALLBACK_MODELS));
                return Ok(format!("`{own}` has no silent fallback any more."));
            }
            let text = fallbacks.join(", ");
            if let Some(model) = model_object(object, &model) {
                spelling::put(model, spelling::FALLBACK_MODELS, fallbacks);
            }
            Ok(format!("When `{own}` fails, these take over: {text}."))
        })
    }

    fn text(output: &Changed) -> Text {
        output.text()
    }
}

impl Settings {
    fn is_empty(&self) -> bool {
        self.context_window.is_none()
            && self.capabilities.is_none()
            && self.aliases.is_none()
            && self.formats.is_none()
            && self.enabled.is_none()
    }

    fn apply(&self, provider: &mut Map<String, Value>, id: &str) {
        if self.is_empty() {
            return;
        }
        let Some(model) = model_object(provider, id) else { return };
        if let Some(tokens) = self.context_window {
            spelling::put(model, spelling::CONTEXT_WINDOW, tokens);
        }
        if let Some(capabilities) = &self.capabilities {
            let known = spelling::object(model, &["capabilities"]);
            for (name, can) in &capabilities.0 {
                known.insert(name.clone(), Value::from(*can));
            }
        }
        if let Some(names) = &self.aliases {
            let names = cleaned(names);
            if names.is_empty() {
                spelling::remove(model, spelling::MODEL_OTHER_NAMES);
            } else {
                spelling::put(model, spelling::MODEL_OTHER_NAMES, names);
            }
        }
        if let Some(formats) = &self.formats {
            let names: Vec<&str> = formats.iter().map(|format| format.format().name()).collect();
            spelling::put(model, spelling::MODEL_FORMATS, names);
        }
        if let Some(enabled) = self.enabled
            && (!enabled || model.contains_key("enabled"))
        {
            model.insert("enabled".to_owned(), Value::from(enabled));
        }
    }
}

/// Trimmed, without what is blank or stands twice.
pub(super) fn cleaned(texts: &[String]) -> Vec<String> {
    let mut cleaned: Vec<String> = Vec::new();
    for text in texts.iter().map(|text| text.trim()) {
        if !text.is_empty() && !cleaned.iter().any(|known| known == text) {
            cleaned.push(text.to_owned());
        }
    }
    cleaned
}

/// The ids in lists that were pasted from anywhere: with commas, semicolons or line ends between
/// them, in quotes, in brackets, with bullets. And what was left out of them, with the reason.
pub(super) fn pasted(texts: &[String]) -> (Vec<String>, Vec<String>) {
    let (mut ids, mut left_out) = (Vec::new(), Vec::new());
    let words = texts.iter().flat_map(|text| text.split([',', ';', ' ', '\n', '\r', '\t']));
    for word in words {
        let bare = word.trim_matches(['"', '\'', '`']).trim_start_matches(['[', '(', '"', '\'']);
        let mut bare = bare.trim_end_matches([')', '"', '\'']);
        if !bare.contains('[') {
            bare = bare.trim_end_matches(']').trim_end_matches(['"', '\'']);
        }
        if bare.is_empty() || ["-", "*", "•"].contains(&bare) {
            continue;
        }
        if bare.contains("://") || bare.chars().any(char::is_control) {
            left_out.push(format!("left out, for it is no model id: {bare}"));
        } else if ids.iter().any(|id| id == bare) {
            left_out.push(format!("listed twice: {bare}"));
        } else {
            ids.push(bare.to_owned());
        }
    }
    (ids, left_out)
}

/// Adds those of `ids` that the provider does not have; how many.
pub(super) fn add_ids(provider: &mut Map<String, Value>, ids: &[String]) -> usize {
    let mut added = 0;
    for id in ids {
        if model_place(provider, id).is_none() {
            spelling::list(provider, spelling::MODELS).push(Value::from(id.as_str()));
            added += 1;
        }
    }
    added
}

/// The halves of a reference whose provider is there.
fn halves(config: &Config, reference: &str) -> Result<(String, String), CommandError> {
    let reference: ModelRef = reference
        .trim()
        .parse()
        .map_err(|error: crate::names::InvalidName| CommandError::arguments(error.to_string()))?;
    let provider = known_provider(config, reference.provider())?;
    Ok((provider, reference.model().to_owned()))
}

/// The provider and the id of a model that is there; a model's other names will do.
pub(super) fn known(config: &Config, reference: &str) -> Result<(String, String), CommandError> {
    let names: Vec<String> = config
        .providers
        .iter()
        .flat_map(|provider| {
            provider.models.iter().map(move |model| format!("{}/{}", provider.id, model.id))
        })
        .collect();
    let names = names.iter().map(String::as_str);
    let unknown = || CommandError::unknown(Code::UnknownModel, "model", reference, names.clone());
    // What is no reference at all may be a model without its provider: the nearest names help.
    reference.trim().parse::<ModelRef>().map_err(|_| unknown())?;
    let (provider, wanted) = halves(config, reference)?;
    let models = config.providers.iter().filter(|other| other.id == provider);
    let model = models
        .flat_map(|provider| &provider.models)
        .find(|model| model.id == wanted || model.aliases.contains(&wanted));
    match model {
        Some(model) => Ok((provider, model.id.clone())),
        None => Err(unknown()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pasted_lists_lose_nothing_silently() {
        let pasted = |text: &str| pasted(&[text.to_owned()]);
        let ids = |text: &str| pasted(text).0;
        assert_eq!(ids("a,b;c\nd\te"), ["a", "b", "c", "d", "e"]);
        assert_eq!(ids("[\"grok\", 'sonnet']"), ["grok", "sonnet"]);
        assert_eq!(ids("- x/y:free\n* opus[1m]\n• default"), ["x/y:free", "opus[1m]", "default"]);
        assert_eq!(ids("a@20250514, models/gemini-3"), ["a@20250514", "models/gemini-3"]);
        let (kept, left_out) = pasted("a, https://x.test/a, a");
        assert_eq!(kept, ["a"]);
        assert_eq!(
            left_out,
            ["left out, for it is no model id: https://x.test/a", "listed twice: a"]
        );
    }
}
