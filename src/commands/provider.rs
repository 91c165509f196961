//! Providers: add, set, remove.

mod found;

use clap::Args;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    Command, Effect, NetworkCommand,
    argument::{AuthName, FormatName, KeyReference, Mapping, WriteArgs},
    changed::{Changed, Notes},
    error::{Code, CommandError},
    keys::{self, Planned},
    model,
    test_provider::{Found, find_out, key_of},
    text::Text,
    workspace::Workspace,
};
use crate::{
    config::{
        Config, Provider,
        edit::{
            draft::Draft,
            redact,
            references::{self, Subject},
            spelling,
        },
        presets,
        problem::Problem,
        secret::{Secret, SecretSource},
    },
    names::ProviderId,
};

/// What can be said of a provider.
#[derive(Debug, Clone, Default, Args, Serialize, Deserialize, JsonSchema)]
pub struct Settings {
    /// Where it answers (`https://api.example.com/v1`). Known vendors need none: see `preset`
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    base_url: Option<String>,
    /// Where it answers in each format, if that differs (`anthropic=https://...`)
    #[arg(long, value_name = "FORMAT=URL,...")]
    #[serde(skip_serializing_if = "Option::is_none")]
    base_url_by_format: Option<Mapping>,
    /// A known vendor whose URL is taken. The provider's own id if absent
    #[arg(long, value_name = "VENDOR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    preset: Option<String>,
    /// Its key by reference: `env:NAME` or `file:PATH`; `none` for no key
    #[arg(long, value_name = "REFERENCE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key: Option<KeyReference>,
    /// The format that it speaks best. Known vendors need none
    #[arg(long, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<FormatName>,
    /// All formats that it speaks
    #[arg(long, value_enum, value_delimiter = ',')]
    #[serde(skip_serializing_if = "Option::is_none")]
    formats: Option<Vec<FormatName>>,
    /// How its key is presented, if not as its format has it
    #[arg(long, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    auth: Option<AuthName>,
    /// The name of the header that holds the key, for `auth` `header`
    #[arg(long, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_header: Option<String>,
    /// Headers to add to every request (`name=value`); an empty value removes one
    #[arg(long, value_name = "NAME=VALUE,...")]
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<Mapping>,
    /// A name for people
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Whether requests are sent to it
    #[arg(long, value_name = "BOOL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
}

/// Add a provider, or complete one that is there
///
/// A provider is a service that requests are sent to. Give its key by reference. Of a provider that
/// is there already, only what is given is changed, and the models are added to those it has. The
/// first provider's first model becomes the default model.
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

impl Settings {
    /// The vendor that is named, or that is called like the provider and stands at its URL.
    fn vendor(&self, id: &str) -> Option<&'static presets::Preset> {
        let name = self.preset.as_deref().unwrap_or(id);
        let known = presets::all().iter().find(|preset| preset.id == name);
        known.filter(|preset| self.base_url.as_deref() == Some(&*preset.base_url))
    }

    fn apply(
        &self,
        provider: &mut Map<String, Value>,
        key: Option<Planned>,
        notes: &mut Notes,
    ) -> Result<(), CommandError> {
        const NAME: spelling::Key = &["name"];
        for (key, value) in [(NAME, &self.name), (spelling::BASE_URL, &self.base_url)] {
            if let Some(value) = value {
                put_text(provider, key, value.trim());
            }
        }
        if let Some(urls) = &self.base_url_by_format {
            merge(spelling::object(provider, spelling::BASE_URL_BY_FORMAT), &urls.0);
        }
        if let Some(mut planned) = key {
            spelling::remove(provider, spelling::API_KEY_ENV);
            match &planned.reference {
                Some(reference) => spelling::put(provider, spelling::API_KEY, reference.as_str()),
                None => drop(spelling::remove(provider, spelling::API_KEY)),
            }
            planned.note(notes);
        }
        if let Some(format) = self.format {
            spelling::put(provider, spelling::FORMAT, format.format().name());
        }
        if let Some(formats) = &self.formats {
            let names: Vec<&str> = formats.iter().map(|format| format.format().name()).collect();
            spelling::put(provider, &["formats"], names);
        }
        self.apply_auth(provider);
        self.apply_headers(provider)?;
        if let Some(enabled) = self.enabled {
            // Nothing is written where nothing stood and nothing changes.
            if !enabled || provider.contains_key("enabled") {
                provider.insert("enabled".to_owned(), Value::from(enabled));
            }
        }
        Ok(())
    }

    fn apply_auth(&self, provider: &mut Map<String, Value>) {
        if self.auth.is_none() && self.auth_header.is_none() {
            return;
        }
        let auth = spelling::object(provider, &["auth"]);
        if let Some(kind) = self.auth.or(self.auth_header.as_ref().map(|_| AuthName::Header)) {
            spelling::put(auth, &["type", "kind"], kind.name());
        }
        if let Some(name) = &self.auth_header {
            spelling::put(auth, &["headerName", "header"], name.trim());
        }
    }

    fn apply_headers(&self, provider: &mut Map<String, Value>) -> Result<(), CommandError> {
        let Some(headers) = &self.headers else { return Ok(()) };
        for (name, value) in &headers.0 {
            let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
            let plain = plain.to_lowercase();
            let holds_key = redact::is_secret_name(&plain)
                || ["key", "token", "auth", "cookie"].iter().any(|word| plain.contains(word));
            let is_reference = !matches!(SecretSource::parse(value), SecretSource::Literal(_));
            if holds_key && !is_reference && !value.trim().is_empty() {
                let message = format!("the header `{name}` holds a key: it is given by reference");
                return Err(CommandError::new(Code::LiteralSecret, message)
                    .hint("write env:NAME or file:PATH"));
            }
        }
        merge(spelling::object(provider, &["headers"]), &headers.0);
        if provider.get("headers").and_then(Value::as_object).is_some_and(Map::is_empty) {
            provider.shift_remove("headers");
        }
        Ok(())
    }
}

/// Sets a text, or removes it if it is blank.
fn put_text(object: &mut Map<String, Value>, key: spelling::Key, value: &str) {
    if value.is_empty() {
        spelling::remove(object, key);
    } else {
        spelling::put(object, key, value);
    }
}

/// Sets what has a value and removes what has an empty one.
pub(super) fn merge(map: &mut Map<String, Value>, with: &indexmap::IndexMap<String, String>) {
    for (name, value) in with {
        // Keys of such maps match without regard to case.
        let present = map.keys().find(|key| key.trim().eq_ignore_ascii_case(name.trim())).cloned();
        let name = present.unwrap_or_else(|| name.trim().to_owned());
        if value.trim().is_empty() {
            map.shift_remove(&name);
        } else {
            map.insert(name, Value::from(value.trim()));
        }
    }
}

fn plan_key(
    workspace: &mut Workspace,
    id: &str,
    settings: &Settings,
) -> Result<Option<Planned>, CommandError> {
    settings.api_key.as_ref().map(|key| keys::plan(workspace, id, key)).transpose()
}

/// The URL of a known vendor: the one that is named, or the one that is called like the provider.
fn preset_url(id: &str, settings: &Settings) -> Result<Option<String>, CommandError> {
    let name = settings.preset.as_deref().unwrap_or(id);
    if let Some(preset) = presets::all().iter().find(|preset| preset.id == name) {
        return Ok(Some(preset.base_url.clone()));
    }
    let known = presets::all().iter().map(|preset| preset.id.as_str());
    if settings.preset.is_some() {
        return Err(CommandError::unknown(Code::InvalidArguments, "vendor", name, known));
    }
    if settings.base_url_by_format.is_some() {
        return Ok(None);
    }
    let message = format!("where does `{id}` answer?");
    let known: Vec<&str> = known.collect();
    Err(CommandError::arguments(message)
        .problems(vec![Problem::error("/base_url", "is missing")])
        .hint(format!("vendors that need no URL: {}", known.join(", "))))
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

/// Lets go of what is about to be removed: refused if others refer to it, unless they shall let go.
pub(super) fn release(
    draft: &mut Draft,
    subject: Subject<'_>,
    what: &str,
    cascade: bool,
    notes: &mut Notes,
) -> Result<(), CommandError> {
    let places = references::to(draft.root(), subject);
    if places.is_empty() {
        return Ok(());
    }
    if !cascade {
        let problem = |place: &references::Place| {
            Problem::error(place.pointer(), format!("refers to `{}`", place.reference))
        };
        let message = match places.len() {
            1 => format!("{what} is referred to"),
            count => format!("{what} is referred to {count} times"),
        };
        return Err(CommandError::new(Code::InUse, message)
            .problems(places.iter().map(problem).collect())
            .hint("change these first, or let them go too with cascade"));
    }
    let told = places.iter().map(|place| format!("{} ({})", place.pointer(), place.reference));
    notes.removed_references.extend(told);
    references::remove(draft.root(), &places);
    prune_buckets(draft, notes);
    Ok(())
}

/// A bucket whose last model has gone would limit nothing, and be an error.
fn prune_buckets(draft: &mut Draft, notes: &mut Notes) {
    let ids: Vec<String> =
        draft.config().providers.into_iter().map(|provider| provider.id).collect();
    for id in ids {
        let Some(provider) = draft.provider(&id) else { continue };
        if spelling::get(provider, spelling::RATE_LIMITS).is_none() {
            continue;
        }
        spelling::list(provider, spelling::RATE_LIMITS).retain(|bucket| {
            let models = bucket.as_object().and_then(|b| spelling::get(b, spelling::BUCKET_MODELS));
            let is_spent = models == Some(&json!([]));
            if is_spent {
                let name = bucket.get("id").and_then(Value::as_str).unwrap_or("without an id");
                notes.removed_references.push(format!("the bucket `{name}` of `{id}`"));
            }
            !is_spent
        });
    }
}
