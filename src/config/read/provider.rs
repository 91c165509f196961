//! `providers`.

mod auth;
mod bucket;
mod headers;
mod model;

use url::Url;

use super::{
    super::{
        FormatMap, Provider,
        fields::{Fields, Found, members, suggestion},
        presets,
        problem::Problem,
        secret::is_variable_name,
    },
    server::read_timeouts,
};
use crate::protocol::Format;

/// Kinds that are not ordinary services, and whether they are supported here.
const KINDS: [(&str, bool); 4] =
    [("demo", true), ("ollama", true), ("subscription", false), ("local-runtime", false)];

const BY_FORMAT_URLS: [&str; 5] = [
    "baseUrlByFormat",
    "base-url-by-format",
    "endpointByFormat",
    "endpoint-by-format",
    "endpoints",
];

/// Reads the provider at place `index` of the list.
pub(super) fn read(mut fields: Fields<'_, '_>, index: usize) -> Provider {
    let name = fields.text(&["name"]);
    let id = fields.text(&["id"]).unwrap_or_else(|| {
        // The seed made an id of the name; so that such files keep working, so does this.
        let made = name.as_deref().map(slug).filter(|slug| !slug.is_empty());
        made.unwrap_or_else(|| format!("provider-{}", index + 1))
    });
    let kind = read_kind(&mut fields);
    let provider = Provider {
        kind,
        enabled: fields.boolean(&["enabled"]).unwrap_or(true),
        base_url: read_url(&mut fields, &["baseUrl", "base-url", "endpoint"]),
        base_url_by_format: by_format(&mut fields, &BY_FORMAT_URLS, check_url),
        api_key: fields.secret(&["apiKey", "credential"]),
        api_key_env: read_variable(&mut fields),
        format: fields.format(&["format", "responseFormat", "response-format"]),
        formats: fields.formats(&["formats"]),
        auth: fields
            .find(&["auth"])
            .and_then(|found| Fields::open(&found, fields.problems))
            .and_then(auth::read),
        auth_by_format: by_format(
            &mut fields,
            &["authByFormat", "auth-by-format"],
            |found, problems| Fields::open(found, problems).and_then(auth::read),
        ),
        headers: headers::read(&mut fields),
        anthropic_version: headers::read_text(
            &mut fields,
            &["anthropicVersion", "anthropic-version"],
        ),
        anthropic_beta: headers::read_text(&mut fields, &["anthropicBeta", "anthropic-beta"]),
        vendor: read_vendor(&mut fields),
        quirks: fields.quirks(&["quirks"]),
        on_loss: fields.on_loss(),
        models: model::read_all(&mut fields),
        rate_limits: bucket::read_all(&mut fields),
        timeouts: read_timeouts(&mut fields),
        metadata: fields.any(&["metadata"]),
        last_probe: fields.any(&["lastProbe"]),
        id,
        name,
    };
    read_subscription(&mut fields, provider.kind.as_deref());
    fields.unsupported(&["quotaProbe", "quota-probe"]);
    fields.finish();
    provider
}

/// Of a subscription, its kind has said already that it is not supported; elsewhere these keys say
/// nothing.
fn read_subscription(fields: &mut Fields<'_, '_>, kind: Option<&str>) {
    for later in [
        &["subscriptionType", "subscription-type", "subscription_type"][..],
        &["subscriptionProfile", "subscription-profile", "subscription_profile"],
    ] {
        if kind == Some("subscription") {
            fields.find(later);
        } else {
            fields.unsupported(later);
        }
    }
}

/// The name of an environment variable. What is no such name may be the key itself and is not
/// repeated.
fn read_variable(fields: &mut Fields<'_, '_>) -> Option<String> {
    let name = fields.text(&["apiKeyEnv", "api-key-env"])?;
    if is_variable_name(&name) {
        return Some(name);
    }
    let place = fields.place(&["apiKeyEnv", "api-key-env"]);
    fields.problems.push(
        Problem::error(place, "is not the name of an environment variable")
            .hint("letters, digits and `_`; the key itself belongs into `apiKey`"),
    );
    None
}

fn read_vendor(fields: &mut Fields<'_, '_>) -> Option<String> {
    let known = presets::all().iter().map(|preset| preset.id.as_str());
    let known: Vec<(&'static str, &'static str)> = known.map(|id| (id, id)).collect();
    fields.word(&["vendor"], "a known vendor", &known).map(str::to_owned)
}

fn read_kind(fields: &mut Fields<'_, '_>) -> Option<String> {
    let kind = fields.text(&["type"])?;
    let place = fields.place(&["type"]);
    match KINDS.into_iter().find(|(known, _)| *known == kind) {
        Some((_, true)) => {}
        Some((_, false)) => fields.problems.push(
            Problem::warning(place, format!("`{kind}` is not supported here"))
                .hint("the provider is kept, but its models cannot be used"),
        ),
        None => {
            let known = KINDS.map(|(known, _)| known);
            fields.problems.push(
                Problem::warning(place, format!("`{kind}` is not a known type"))
                    .hint(suggestion(&kind, known)),
            );
        }
    }
    Some(kind)
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

pub(super) fn read_url(fields: &mut Fields<'_, '_>, spellings: &[&'static str]) -> Option<String> {
    let found = fields.find(spellings)?;
    check_url(&found, fields.problems)
}

/// An absolute http or https URL. A user in it would be a key in the wrong place, and a fragment is
/// never sent.
fn check_url(found: &Found<'_>, problems: &mut Vec<Problem>) -> Option<String> {
    let hint = "for example https://api.example.com/v1";
    let Some(text) = found.value.as_str().map(str::trim) else {
        problems.push(Problem::error(&found.pointer, "must be a URL in a string").hint(hint));
        return None;
    };
    if text.is_empty() {
        return None;
    }
    let problem = match Url::parse(text) {
        Err(error) => Problem::error(&found.pointer, format!("is not a URL: {error}")).hint(hint),
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            let message = format!("must begin with http:// or https://, not {}:", url.scheme());
            Problem::error(&found.pointer, message).hint(hint)
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            Problem::error(&found.pointer, "holds a user or password")
                .hint("put the key into `apiKey`")
        }
        Ok(mut url) => {
            if url.fragment().is_some() {
                url.set_fragment(None);
                let message = "holds a fragment (`#...`), which is never sent";
                problems.push(Problem::warning(&found.pointer, message));
            }
            return Some(url.into());
        }
    };
    problems.push(problem);
    None
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
            Ok(_) if found.value.is_null() => {}
            Ok(format) if map.get(format).is_some() => {
                let message = format!("is `{format}` again; the first one is used");
                fields.problems.push(Problem::warning(found.pointer, message));
            }
            Ok(format) => *map.slot(format) = read(&found, fields.problems),
            Err(message) => fields.problems.push(Problem::error(found.pointer, message)),
        }
    }
    map
}
