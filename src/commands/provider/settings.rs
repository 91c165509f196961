//! What can be said of a provider, and how it is written into the config.

use clap::Args;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    commands::{
        argument::{AuthName, FormatName, key::KeyReference, maps::Mapping},
        changed::Notes,
        error::{Code, CommandError},
        keys::{self, Planned},
        workspace::Workspace,
    },
    config::{
        edit::{redact, spelling},
        presets,
        problem::Problem,
        secret::SecretSource,
    },
};

/// What can be said of a provider.
#[derive(Debug, Clone, Default, Args, Serialize, Deserialize, JsonSchema)]
pub struct Settings {
    /// Where it answers (`https://api.example.com/v1`). Known vendors need none: see `preset`
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) base_url: Option<String>,
    /// Where it answers in each format, if that differs (`anthropic=https://...`)
    #[arg(long, value_name = "FORMAT=URL,...")]
    #[serde(skip_serializing_if = "Option::is_none")]
    base_url_by_format: Option<Mapping>,
    /// A known vendor whose URL is taken. The provider's own id if absent
    #[arg(long, value_name = "VENDOR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) preset: Option<String>,
    /// Its key by reference: `env:NAME` or `file:PATH`; `none` for no key
    #[arg(long, value_name = "REFERENCE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) api_key: Option<KeyReference>,
    /// The format that it speaks best (`openai` is Chat Completions). Known vendors need none
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

impl Settings {
    /// The vendor that is named, or that is called like the provider and stands at its URL.
    pub(super) fn vendor(&self, id: &str) -> Option<&'static presets::Preset> {
        let name = self.preset.as_deref().unwrap_or(id);
        let known = presets::all().iter().find(|preset| preset.id == name);
        known.filter(|preset| self.base_url.as_deref() == Some(&*preset.base_url))
    }

    pub(super) fn apply(
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
pub fn merge(map: &mut Map<String, Value>, with: &indexmap::IndexMap<String, String>) {
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

pub fn plan_key(
    workspace: &mut Workspace,
    id: &str,
    settings: &Settings,
) -> Result<Option<Planned>, CommandError> {
    settings.api_key.as_ref().map(|key| keys::plan(workspace, id, key)).transpose()
}

/// The URL of a known vendor: the one that is named, or the one that is called like the provider.
pub fn preset_url(id: &str, settings: &Settings) -> Result<Option<String>, CommandError> {
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
