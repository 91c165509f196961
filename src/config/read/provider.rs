//! `providers`.

mod bucket;
mod model;

use http::{HeaderName, HeaderValue};
use indexmap::IndexMap;
use serde_json::Value;
use url::Url;

use super::{
    super::{
        Auth, AuthKind, FormatMap, HeaderSetting, Provider,
        fields::{Fields, Found, members},
        problem::{Problem, join},
        secret::SecretSource,
    },
    server::read_timeouts,
};
use crate::{names::did_you_mean, protocol::Format};

/// Kinds that are not ordinary services, and whether they are supported here.
const KINDS: [(&str, bool); 4] =
    [("demo", true), ("ollama", true), ("subscription", false), ("local-runtime", false)];

/// Reads the provider at place `index` of the list.
pub(super) fn read(mut fields: Fields<'_, '_>, index: usize) -> Provider {
    let name = fields.text(&["name"]);
    let id = fields.text(&["id"]).map(|id| id.trim().to_owned()).filter(|id| !id.is_empty());
    let id = id.unwrap_or_else(|| {
        // The seed made an id of the name; so that such files keep working, so does this.
        let made = name.as_deref().map(slug).filter(|slug| !slug.is_empty());
        made.unwrap_or_else(|| format!("provider-{}", index + 1))
    });
    let kind = read_kind(&mut fields);
    let provider = Provider {
        kind,
        enabled: fields.boolean(&["enabled"]).unwrap_or(true),
        base_url: read_url(&mut fields, &["baseUrl", "base-url", "endpoint"]),
        base_url_by_format: read_urls(&mut fields),
        api_key: fields.secret(&["apiKey", "credential"]),
        api_key_env: fields.text(&["apiKeyEnv"]),
        format: fields.format(&["format", "responseFormat", "response-format"]),
        formats: fields.formats(&["formats"]),
        auth: fields
            .find(&["auth"])
            .and_then(|found| Fields::open(&found, fields.problems))
            .and_then(read_auth),
        auth_by_format: read_auth_by_format(&mut fields),
        headers: read_headers(&mut fields),
        anthropic_version: fields.text(&["anthropicVersion", "anthropic-version"]),
        anthropic_beta: fields.text(&["anthropicBeta", "anthropic-beta"]),
        models: model::read_all(&mut fields),
        rate_limits: bucket::read_all(&mut fields),
        timeouts: read_timeouts(&mut fields),
        metadata: fields.any(&["metadata"]),
        last_probe: fields.any(&["lastProbe"]),
        id,
        name,
    };
    // Without a supported kind the other keys of that kind say nothing more.
    let supported = KINDS
        .iter()
        .any(|(known, supported)| *supported || provider.kind.as_deref() != Some(known));
    for later in [
        &["subscriptionType", "subscription_type"][..],
        &["subscriptionProfile", "subscription_profile"],
    ] {
        if supported {
            fields.find(later);
        }
    }
    fields.unsupported(&["quotaProbe"]);
    fields.finish();
    provider
}

fn read_kind(fields: &mut Fields<'_, '_>) -> Option<String> {
    let found = fields.find(&["type"])?;
    let Some(kind) = found.value.as_str() else { return fields.wrong(&found, "a string") };
    match KINDS.into_iter().find(|(known, _)| *known == kind) {
        Some((_, true)) => {}
        Some((_, false)) => fields.problems.push(
            Problem::warning(found.pointer, format!("`{kind}` is not supported here"))
                .hint("the provider is kept, but its models cannot be used"),
        ),
        None => {
            let hint = did_you_mean(kind, KINDS.map(|(known, _)| known));
            fields.problems.push(
                Problem::warning(found.pointer, format!("`{kind}` is not a known type"))
                    .hint(hint.trim_start_matches("; ").to_owned()),
            );
        }
    }
    Some(kind.to_owned())
}

/// Lower case, everything but letters and digits a dash: how the seed made ids.
fn slug(name: &str) -> String {
    let words: Vec<String> = name
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    words.join("-")
}

fn read_url(fields: &mut Fields<'_, '_>, spellings: &[&'static str]) -> Option<String> {
    let found = fields.find(spellings)?;
    check_url(&found, fields.problems)
}

/// An absolute http or https URL without a fragment. A user in it would be a key in the wrong
/// place.
fn check_url(found: &Found<'_>, problems: &mut Vec<Problem>) -> Option<String> {
    let text = found.value.as_str()?.trim();
    if text.is_empty() {
        return None;
    }
    let hint = "for example https://api.example.com/v1";
    let problem = match Url::parse(text) {
        Err(error) => format!("is not a URL: {error}"),
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            format!("must begin with http:// or https://, not {}:", url.scheme())
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            "holds a user or password; put the key into `apiKey`".to_owned()
        }
        Ok(mut url) => {
            url.set_fragment(None);
            return Some(url.into());
        }
    };
    problems.push(Problem::error(&found.pointer, problem).hint(hint));
    None
}

const BY_FORMAT_URLS: [&str; 5] = [
    "baseUrlByFormat",
    "base-url-by-format",
    "endpointByFormat",
    "endpoint-by-format",
    "endpoints",
];

fn read_urls(fields: &mut Fields<'_, '_>) -> FormatMap<String> {
    by_format(fields, &BY_FORMAT_URLS, check_url)
}

fn read_auth_by_format(fields: &mut Fields<'_, '_>) -> FormatMap<Auth> {
    by_format(fields, &["authByFormat", "auth-by-format"], |found, problems| {
        Fields::open(found, problems).and_then(read_auth)
    })
}

/// A map whose keys are formats.
fn by_format<T>(
    fields: &mut Fields<'_, '_>,
    spellings: &[&'static str],
    read: impl Fn(&Found<'_>, &mut Vec<Problem>) -> Option<T>,
) -> FormatMap<T> {
    let mut map = FormatMap::default();
    let Some(found) = fields.find(spellings) else { return map };
    for (key, found) in members(&found, fields.problems) {
        match key.parse::<Format>() {
            Ok(format) if !found.value.is_null() => {
                *map.slot(format) = read(&found, fields.problems);
            }
            Ok(_) => {}
            Err(message) => fields.problems.push(Problem::error(found.pointer, message)),
        }
    }
    map
}

const AUTH_KINDS: [(&str, AuthKind); 5] = [
    ("bearer", AuthKind::Bearer),
    ("x-api-key", AuthKind::XApiKey),
    ("x-goog-api-key", AuthKind::XGoogApiKey),
    ("header", AuthKind::Header),
    ("none", AuthKind::None),
];

fn read_auth(mut fields: Fields<'_, '_>) -> Option<Auth> {
    let text = fields.text(&["type", "kind"]).unwrap_or_else(|| "bearer".to_owned());
    let kind = AUTH_KINDS.into_iter().find(|(name, _)| *name == text).map(|(_, kind)| kind);
    if kind.is_none() {
        let names = AUTH_KINDS.map(|(name, _)| name);
        let hint = did_you_mean(&text, names);
        let hint = format!("{} known: {}", hint.trim_start_matches("; "), names.join(", "));
        let message = format!("`{text}` is not a kind of auth");
        let problem = Problem::error(join(&fields.pointer, "type"), message);
        fields.problems.push(problem.hint(hint.trim().to_owned()));
    }
    let header_name = fields.text(&["headerName", "header"]);
    let prefix = fields.text(&["prefix"]);
    let named = header_name.as_deref().map(|name| HeaderName::try_from(name.to_ascii_lowercase()));
    match (kind, named) {
        (_, Some(Err(_))) => fields
            .problems
            .push(Problem::error(join(&fields.pointer, "headerName"), "is not a header's name")),
        (Some(AuthKind::Header), None) => fields.problems.push(
            Problem::error(join(&fields.pointer, "headerName"), "is missing")
                .hint("the name of the header that holds the key"),
        ),
        _ => {}
    }
    fields.finish();
    Some(Auth { kind: kind?, header_name, prefix })
}

/// Headers that belong to a connection, or that follow from the body.
const NEVER_SENT: [&str; 9] = [
    "connection",
    "content-length",
    "host",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

fn read_headers(fields: &mut Fields<'_, '_>) -> IndexMap<String, HeaderSetting> {
    let mut headers = IndexMap::new();
    let Some(found) = fields.find(&["headers"]) else { return headers };
    for (name, found) in members(&found, fields.problems) {
        let valid = HeaderName::try_from(name.to_ascii_lowercase());
        if valid.is_err() {
            fields.problems.push(Problem::error(found.pointer, "is not a header's name"));
            continue;
        }
        if NEVER_SENT.contains(&name.to_ascii_lowercase().as_str()) {
            let message = "is never sent: it belongs to the connection";
            fields.problems.push(Problem::warning(found.pointer, message));
            continue;
        }
        match read_header(&found) {
            Ok(setting) => drop(headers.insert(name.to_owned(), setting)),
            // The value is not repeated: it may be a secret.
            Err(message) => fields.problems.push(Problem::error(found.pointer, message)),
        }
    }
    headers
}

fn read_header(found: &Found<'_>) -> Result<HeaderSetting, &'static str> {
    let text = match found.value {
        Value::Null | Value::Bool(false) => return Ok(HeaderSetting::Suppress),
        Value::String(text) if text.is_empty() => return Ok(HeaderSetting::Suppress),
        Value::String(text) => text.clone(),
        Value::Bool(true) => "true".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Array(_) | Value::Object(_) => {
            return Err("must be a string, or false to suppress the header");
        }
    };
    if HeaderValue::from_str(&text).is_err() {
        return Err("holds characters that no header may hold");
    }
    Ok(HeaderSetting::Value(SecretSource::parse(&text)))
}
