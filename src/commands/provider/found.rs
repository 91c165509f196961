//! What a probe found out about a provider, or what its vendor is known for, written into the config.

use serde_json::{Map, Value, json};

use crate::{
    commands::{
        changed::Notes,
        error::{Code, CommandError},
        test_provider::{Found, auth_word},
    },
    config::{AuthKind, edit::spelling, presets::Preset, problem::Problem},
    protocol::Format,
};

/// Lists of this many models are taken over whole. Longer ones are for people to choose from.
const FEW: usize = 50;

/// Writes formats, their places and headers, and when that was found out.
pub(super) fn write(provider: &mut Map<String, Value>, found: &Found, now: &str) {
    let spoken: Vec<_> = found.spoken.iter().filter(|spoken| spoken.answer.is_yes()).collect();
    let names: Vec<&str> = spoken.iter().map(|spoken| spoken.format.name()).collect();
    provider.insert("formats".to_owned(), json!(names));
    let base = spelling::get(provider, spelling::BASE_URL).and_then(Value::as_str);
    let base = base.and_then(|base| url::Url::parse(base).ok());
    let has_auth = provider.contains_key("auth");
    for spoken in spoken {
        let name = spoken.format.name();
        if base.as_ref() != Some(&spoken.base) {
            let places = spelling::object(provider, spelling::BASE_URL_BY_FORMAT);
            places.insert(name.to_owned(), Value::from(spoken.base.as_str()));
        }
        if !has_auth && spoken.auth != usual(spoken.format) && spoken.auth != AuthKind::None {
            let auths = spelling::object(provider, spelling::AUTH_BY_FORMAT);
            auths.insert(name.to_owned(), json!({ "type": auth_word(spoken.auth) }));
        }
    }
    let models = found.listed.as_ref().map_or(0, Vec::len);
    let probe = json!({ "at": now, "formats": names, "models": models });
    provider.insert("lastProbe".to_owned(), probe);
}

/// How the key travels in a format if nobody says otherwise.
fn usual(format: Format) -> AuthKind {
    match format {
        Format::OpenAi | Format::OpenAiResponses => AuthKind::Bearer,
        Format::Anthropic => AuthKind::XApiKey,
        Format::Gemini => AuthKind::XGoogApiKey,
    }
}

/// The models to add: those that were named, or all that are listed if they are few.
pub(super) fn models(
    provider: &mut Map<String, Value>,
    named: Vec<String>,
    found: &Found,
    notes: &mut Notes,
) -> Vec<String> {
    let listed = match &found.listed {
        Ok(listed) => listed,
        Err(error) => {
            notes.warnings.push(format!("it tells no models: {error}"));
            return named;
        }
    };
    let unlisted = named.iter().filter(|id| !listed.iter().any(|listed| listed.id == **id));
    notes.warnings.extend(unlisted.map(|id| format!("it does not list the model `{id}`")));
    let has_models = spelling::get(provider, spelling::MODELS)
        .and_then(Value::as_array)
        .is_some_and(|models| !models.is_empty());
    if !named.is_empty() || has_models {
        return named;
    }
    if listed.len() > FEW {
        let message = format!("it lists {} models; none was added: choose some", listed.len());
        notes.warnings.push(message);
        return named;
    }
    listed.iter().map(|listed| listed.id.clone()).collect()
}

/// Writes the formats that a vendor speaks elsewhere or with its key in another header.
pub(super) fn write_preset(provider: &mut Map<String, Value>, vendor: Option<&Preset>) {
    let Some(vendor) = vendor.filter(|vendor| !vendor.more.is_empty()) else { return };
    // What the person said about formats is all that counts.
    let says_formats = provider.contains_key("formats")
        || spelling::get(provider, spelling::FORMAT).is_some()
        || spelling::get(provider, spelling::BASE_URL_BY_FORMAT).is_some();
    if says_formats {
        return;
    }
    let more = vendor.more.iter().map(|more| more.format);
    let names: Vec<&str> = vendor.formats.iter().copied().chain(more).map(Format::name).collect();
    provider.insert("formats".to_owned(), json!(names));
    for more in &vendor.more {
        let name = more.format.name().to_owned();
        if let Some(url) = &more.base_url {
            let places = spelling::object(provider, spelling::BASE_URL_BY_FORMAT);
            places.insert(name.clone(), Value::from(url.as_str()));
        }
        if let Some(auth) = &more.auth {
            let auths = spelling::object(provider, spelling::AUTH_BY_FORMAT);
            auths.insert(name, json!({ "type": auth }));
        }
    }
}

/// Why nothing was written: every format and what was said in it.
pub(super) fn refusal(id: &str, found: &Found) -> CommandError {
    let problems = found.spoken.iter().map(|spoken| {
        let (word, status, detail) = spoken.answer.parts();
        let status = status.map(|status| format!(" ({status})")).unwrap_or_default();
        Problem::error(format!("/{}", spoken.format), format!("{word}{status}: {detail}"))
    });
    let message = format!("the probe of `{id}` found no format in which it can be used");
    CommandError::new(Code::Upstream, message)
        .problems(problems.collect())
        .hint("nothing was changed; check URL and key, or leave the probe out")
}
