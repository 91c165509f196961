//! Providers: add, set, remove.

mod found;
pub mod settings;

use clap::Args;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Command, Effect, NetworkCommand,
    argument::{WriteArgs, key::KeyReference},
    changed::{Changed, Notes},
    error::{Code, CommandError},
    model,
    release::release,
    test_provider::{Found, find_out, key_of},
    text::Text,
    workspace::Workspace,
};
use crate::{
    config::{
        Config, Provider,
        edit::{draft::Draft, references::Subject, spelling},
        secret::{Secret, SecretSource},
    },
    names::ProviderId,
};
use settings::{Settings, plan_key, preset_url};

/// Add a provider, or change one that is there
///
/// Give its key by reference. Of a provider that is there already, only what is given is changed, and
/// the models are added to those it has. The first provider's first model becomes the default model.
#[derive(Debug, Clone, Args, Serialize, Deserialize, JsonSchema)]
pub struct Add {
    /// Its id, the first half of `provider/model`: letters, digits, `.`, `_` and `-`
    provider: String,
    /// The ids of its models, as the provider names them (can be repeated)
    #[arg(long, visible_alias = "model", value_delimiter = ',', value_name = "MODEL")]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    models: Vec<String>,
    #[command(flatten)]
    #[serde(flatten)]
    settings: Settings,
    /// Ask it which formats it speaks, how it takes its key and which models it has, and write that.
    /// No model answers, so it costs nothing
    #[arg(long)]
    #[serde(default)]
    probe: bool,
    #[command(flatten)]
    #[serde(flatten)]
    write: WriteArgs,
    #[arg(skip)]
    #[serde(skip)]
    found: Option<Found>,
}

impl Command for Add {
    const NAME: &'static str = "add-provider";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLES: &'static [&'static str] = &[
        r#"{"provider": "groq", "api_key": "env:GROQ_API_KEY", "models": ["llama-3.3-70b"]}"#,
        r#"{"provider": "mistral", "models": ["codestral-latest", "mistral-large-latest"]}"#,
        r#"{"provider": "lmstudio", "probe": true}"#,
        r#"{"provider": "lab", "base_url": "http://127.0.0.1:11434/v1", "models": ["qwen3:8b"], "dry_run": true}"#,
    ];
    const SECRET: Option<&'static str> = Some("api_key");
    type Output = Changed;

    fn run(mut self, workspace: &mut Workspace) -> Result<Changed, CommandError> {
        let id = self.complete(workspace)?;
        let is_new = is_new(workspace, &id)?;
        let key = plan_key(workspace, &id, &self.settings)?;
        let now = workspace.now.to_string();
        workspace.edit(&self.write, |draft, notes| {
            if is_new {
                draft.add_provider(Map::from_iter([("id".to_owned(), Value::from(id.as_str()))]));
            }
            let (mut models, left_out) = model::pasted(&self.models);
            notes.warnings.extend(left_out);
            let provider = provider_of(draft, &id)?;
            self.settings.apply(provider, key, notes)?;
            if let Some(found) = &self.found {
                found::write(provider, found, &now);
                models = found::models(provider, models, found, notes);
            } else if is_new {
                found::write_preset(provider, self.settings.vendor(&id));
            }
            let added = model::add_ids(provider, &models);
            let mut summary = match (is_new, added) {
                (true, count) => format!("Added the provider `{id}` with {}.", count_of(count)),
                (false, 0) => format!("Changed the provider `{id}`."),
                (false, count) => format!("Added {} to the provider `{id}`.", count_of(count)),
            };
            if let Some(default) = first_default(draft) {
                summary = format!("{summary} `{default}` is the default model now.");
            }
            if draft.config().providers.iter().any(|p| p.id == id && p.models.is_empty()) {
                notes.next.push(format!("llm-router discover-models {id}"));
                notes.next.push(format!("llm-router add-model {id}/MODEL"));
            } else if is_new && draft.config().model_aliases.is_empty() {
                notes.next.push(format!("llm-router set-alias NAME --targets {id}/MODEL"));
            }
            Ok(summary)
        })
    }

    fn text(output: &Changed) -> Text {
        output.text()
    }

    fn take_secret(&mut self) -> Option<Secret> {
        self.settings.api_key.as_mut().and_then(KeyReference::take)
    }
}

impl NetworkCommand for Add {
    async fn ask(&mut self, workspace: &Workspace) -> Result<(), CommandError> {
        if !self.probe {
            return Ok(());
        }
        let id = self.complete(workspace)?;
        let provider = self.prospect(workspace, &id)?;
        if let Some(missing) = key_of(workspace, &provider).missing {
            let message = format!("the probe needs the key of `{id}`: {missing}");
            return Err(CommandError::new(Code::Upstream, message)
                .hint("set it here too, or leave the probe out"));
        }
        let found = find_out(workspace, &provider, &[], None).await;
        if !found.spoken.iter().any(|spoken| spoken.answer.is_yes()) {
            return Err(found::refusal(&id, &found));
        }
        self.found = Some(found);
        Ok(())
    }
}

impl Add {
    /// Checks the id, and takes what the vendor is known for where nothing is said.
    fn complete(&mut self, workspace: &Workspace) -> Result<String, CommandError> {
        let id = self.provider.trim().to_owned();
        id.parse::<ProviderId>().map_err(|error| CommandError::arguments(error.to_string()))?;
        if !is_new(workspace, &id)? {
            return Ok(id);
        }
        if self.settings.base_url.is_none() {
            self.settings.base_url = preset_url(&id, &self.settings)?;
            let variable = self.settings.vendor(&id).and_then(|v| v.key_variable.as_ref());
            if self.settings.api_key.is_none() {
                self.settings.api_key =
                    variable.map(|name| KeyReference::Reference(format!("env:{name}")));
            }
        }
        Ok(id)
    }

    /// The provider as it would be.
    fn prospect(&self, workspace: &Workspace, id: &str) -> Result<Provider, CommandError> {
        let mut draft = Draft::new(workspace.document()?.clone());
        if draft.provider(id).is_none() {
            draft.add_provider(Map::from_iter([("id".to_owned(), Value::from(id))]));
        }
        self.settings.apply(provider_of(&mut draft, id)?, None, &mut Notes::default())?;
        let provider = draft.config().providers.into_iter().find(|provider| provider.id == id);
        let mut provider =
            provider.ok_or_else(|| CommandError::arguments("there is no such provider"))?;
        match &self.settings.api_key {
            None => {}
            Some(KeyReference::None) => provider.api_key = None,
            Some(KeyReference::Reference(reference)) => {
                provider.api_key = Some(SecretSource::parse(reference));
            }
            Some(KeyReference::Handed | KeyReference::Typed(_)) => {
                provider.api_key = workspace.handed.clone().map(SecretSource::Literal);
            }
        }
        Ok(provider)
    }
}

fn is_new(workspace: &Workspace, id: &str) -> Result<bool, CommandError> {
    Ok(!workspace.config()?.providers.iter().any(|provider| provider.id == id))
}

/// Change a provider that is there
///
/// Only what is given is changed. `enabled` false keeps all of it, but sends no request to it.
#[derive(Debug, Clone, Args, Serialize, Deserialize, JsonSchema)]
pub struct Set {
    /// Its id
    provider: String,
    #[command(flatten)]
    #[serde(flatten)]
    settings: Settings,
    #[command(flatten)]
    #[serde(flatten)]
    write: WriteArgs,
}

impl Command for Set {
    const NAME: &'static str = "set-provider";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLES: &'static [&'static str] = &[
        r#"{"provider": "openrouter", "enabled": false}"#,
        r#"{"provider": "openrouter", "headers": {"x-title": "mine"}, "auth": "bearer"}"#,
    ];
    const SECRET: Option<&'static str> = Some("api_key");
    type Output = Changed;

    fn run(mut self, workspace: &mut Workspace) -> Result<Changed, CommandError> {
        let id = known(&workspace.config()?, &self.provider)?;
        if self.settings.preset.is_some() && self.settings.base_url.is_none() {
            self.settings.base_url = preset_url(&id, &self.settings)?;
        }
        let key = plan_key(workspace, &id, &self.settings)?;
        workspace.edit(&self.write, |draft, notes| {
            self.settings.apply(provider_of(draft, &id)?, key, notes)?;
            Ok(format!("Changed the provider `{id}`."))
        })
    }

    fn text(output: &Changed) -> Text {
        output.text()
    }

    fn take_secret(&mut self) -> Option<Secret> {
        self.settings.api_key.as_mut().and_then(KeyReference::take)
    }
}

/// Remove a provider
///
/// Refused with the list of referrers if aliases, fallbacks, Amp routes or the default model name
/// one of its models; `cascade` removes those references too.
#[derive(Debug, Clone, Args, Serialize, Deserialize, JsonSchema)]
pub struct Remove {
    /// Its id
    provider: String,
    /// Also remove every reference to it
    #[arg(long)]
    #[serde(default)]
    cascade: bool,
    #[command(flatten)]
    #[serde(flatten)]
    write: WriteArgs,
}

impl Command for Remove {
    const NAME: &'static str = "remove-provider";
    const EFFECT: Effect = Effect::Destroy;
    const EXAMPLES: &'static [&'static str] = &[r#"{"provider": "openrouter", "cascade": true}"#];
    type Output = Changed;

    fn run(self, workspace: &mut Workspace) -> Result<Changed, CommandError> {
        let id = known(&workspace.config()?, &self.provider)?;
        workspace.edit(&self.write, |draft, notes| {
            release(draft, Subject::Provider(&id), &format!("`{id}`"), self.cascade, notes)?;
            draft.remove_provider(&id);
            Ok(format!("Removed the provider `{id}`."))
        })
    }

    fn text(output: &Changed) -> Text {
        output.text()
    }
}

/// Makes the first model of the first provider the default, if there is none.
fn first_default(draft: &mut Draft) -> Option<String> {
    let config = draft.config();
    let [provider] = config.providers.as_slice() else { return None };
    let model = provider.models.first().filter(|_| config.default_model.is_none())?;
    let reference = format!("{}/{}", provider.id, model.id);
    spelling::put(draft.root(), spelling::DEFAULT_MODEL, reference.as_str());
    Some(reference)
}

fn count_of(models: usize) -> String {
    match models {
        0 => "no model yet".to_owned(),
        1 => "1 model".to_owned(),
        count => format!("{count} models"),
    }
}

/// The id of a provider that is there.
pub(super) fn known(config: &Config, id: &str) -> Result<String, CommandError> {
    let id = id.trim();
    let ids = config.providers.iter().map(|provider| provider.id.as_str());
    if ids.clone().any(|known| known == id) {
        return Ok(id.to_owned());
    }
    Err(CommandError::unknown(Code::UnknownProvider, "provider", id, ids))
}

/// The provider in the document.
pub(super) fn provider_of<'d>(
    draft: &'d mut Draft,
    id: &str,
) -> Result<&'d mut Map<String, Value>, CommandError> {
    draft.provider(id).ok_or_else(|| {
        CommandError::new(Code::UnknownProvider, format!("there is no provider `{id}`"))
    })
}
