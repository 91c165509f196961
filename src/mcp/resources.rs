//! Resources: what a client may read beside the tools. Nothing is to be had only here, for few
//! clients show resources to a model.

use std::sync::Arc;

use percent_encoding::percent_decode_str;
use rmcp::{
    RoleServer,
    model::{
        CacheScope, ErrorData, ReadResourceResult, Resource, ResourceContents, ResourceTemplate,
    },
    service::RequestContext,
};
use serde_json::{Value, json};

use super::{handler::Shared, speech, tools};
use crate::{
    commands::{
        self,
        error::{Code, CommandError},
    },
    config::schema,
    server::client::{Found, find},
};

const GUIDE: &str = include_str!("../../prompts/guide.md");

const CONFIG: &str = "llm-router://config";
const STATUS: &str = "llm-router://status";
const SCHEMA: &str = "llm-router://schema/config";
const CATALOG: &str = "llm-router://catalog";
const ONBOARDING: &str = "llm-router://guide";
const PROVIDERS: &str = "llm-router://providers/";
const ALIASES: &str = "llm-router://aliases/";
const COMMANDS: &str = "llm-router://commands/";

const JSON: &str = "application/json";
const MARKDOWN: &str = "text/markdown";

/// How long what comes with the program may be kept.
const AN_HOUR: u64 = 3_600_000;

/// Every resource that has an address of its own.
#[must_use]
pub fn all() -> Vec<Resource> {
    [
        (CONFIG, "config", "The config, secrets masked", JSON),
        (STATUS, "status", "What the running gateway does, or that none runs", JSON),
        (SCHEMA, "config-schema", "The JSON Schema of the config file", JSON),
        (CATALOG, "catalog", "Every command with its arguments, results and examples", JSON),
        (ONBOARDING, "guide", "How to set llm-router up, in order", MARKDOWN),
    ]
    .into_iter()
    .map(|(uri, name, about, kind)| {
        Resource::new(uri, name).with_title(about).with_description(about).with_mime_type(kind)
    })
    .collect()
}

/// The resources of which there are many.
#[must_use]
pub fn templates() -> Vec<ResourceTemplate> {
    [
        (PROVIDERS, "id", "provider", "One provider as it is configured, secrets masked"),
        (ALIASES, "id", "alias", "One alias as it is configured"),
        (COMMANDS, "name", "command", "One command with its arguments, result and examples"),
    ]
    .into_iter()
    .map(|(prefix, variable, name, about)| {
        ResourceTemplate::new(format!("{prefix}{{{variable}}}"), name)
            .with_title(about)
            .with_description(about)
            .with_mime_type(JSON)
    })
    .collect()
}

/// Whether a resource changes with the config.
#[must_use]
pub fn is_config(uri: &str) -> bool {
    uri == CONFIG || uri.starts_with(PROVIDERS) || uri.starts_with(ALIASES)
}

/// Whether a resource can be subscribed to.
///
/// # Errors
/// Why not.
pub fn may_subscribe(uri: &str) -> Result<(), ErrorData> {
    if is_config(uri) {
        return Ok(());
    }
    if all().iter().any(|resource| resource.uri == uri) {
        let message = format!("{uri} cannot be subscribed to: read it when it is needed");
        return Err(ErrorData::invalid_params(message, None));
    }
    Err(not_found(uri))
}

fn not_found(uri: &str) -> ErrorData {
    let shown: String = uri.chars().take(120).collect();
    let known: Vec<&str> = [CONFIG, STATUS, SCHEMA, CATALOG, ONBOARDING].into();
    let near = crate::names::did_you_mean(uri, known);
    ErrorData::resource_not_found(format!("there is no resource {shown}{near}"), None)
}

/// Reads a resource.
///
/// # Errors
/// If there is none, or the config cannot be read.
pub async fn read(
    shared: &Arc<Shared>,
    uri: &str,
    context: &RequestContext<RoleServer>,
) -> Result<ReadResourceResult, ErrorData> {
    let (text, kind, lasts) = match uri {
        CONFIG => (pretty(&config(shared, json!({ "full": true }), context).await?), JSON, false),
        STATUS => (pretty(&status(shared).await), JSON, false),
        SCHEMA => (pretty(&schema::schema()), JSON, true),
        CATALOG => (commands::document().to_string(), JSON, true),
        ONBOARDING => (speech::written(GUIDE, &shared.offered, &[]), MARKDOWN, true),
        _ => (pretty(&part(shared, uri, context).await?), JSON, uri.starts_with(COMMANDS)),
    };
    let contents = ResourceContents::text(text, uri).with_mime_type(kind);
    let (ttl, scope) = if lasts { (AN_HOUR, CacheScope::Public) } else { (0, CacheScope::Private) };
    Ok(ReadResourceResult::new(vec![contents]).with_ttl_ms(ttl).with_cache_scope(scope))
}

async fn part(
    shared: &Arc<Shared>,
    uri: &str,
    context: &RequestContext<RoleServer>,
) -> Result<Value, ErrorData> {
    let named = |prefix: &str| -> Option<String> {
        let name = percent_decode_str(uri.strip_prefix(prefix)?).decode_utf8().ok()?;
        (!name.is_empty()).then(|| name.into_owned())
    };
    if let Some(name) = named(COMMANDS) {
        let entry = commands::find(&name).ok_or_else(|| not_found(uri))?;
        let all = commands::document();
        let list = all["commands"].as_array().into_iter().flatten();
        let mut found = list.filter(|command| command["name"] == entry.name);
        return found.next().cloned().ok_or_else(|| not_found(uri));
    }
    let (section, id) = match (named(PROVIDERS), named(ALIASES)) {
        (Some(id), _) => ("providers", id),
        (None, Some(id)) => ("aliases", id),
        (None, None) => return Err(not_found(uri)),
    };
    let arguments = json!({ "section": section, "id": id, "full": true });
    let found = config(shared, arguments, context).await?;
    // An alias is no provider.
    let members = found.as_object().into_iter().flat_map(|config| config.values());
    let one = members.flat_map(|value| match value {
        Value::Array(list) => list.first(),
        Value::Object(map) => map.values().next(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    });
    one.into_iter().next().cloned().ok_or_else(|| not_found(uri))
}

/// What `get-config` shows.
async fn config(
    shared: &Arc<Shared>,
    arguments: Value,
    context: &RequestContext<RoleServer>,
) -> Result<Value, ErrorData> {
    let entry = commands::find("get-config").ok_or_else(|| not_found(CONFIG))?;
    let shown = tools::run(shared, entry, arguments, "resource", Some(context)).await;
    let failed = |error: CommandError| {
        let words = speech::error(entry, &error);
        if error.code == Code::UnknownProvider {
            ErrorData::resource_not_found(words, None)
        } else {
            ErrorData::internal_error(words, None)
        }
    };
    let cancelled = || ErrorData::internal_error("cancelled", None);
    let mut shown = shown.ok_or_else(cancelled)?.map_err(failed)?;
    Ok(shown["config"].take())
}

async fn status(shared: &Shared) -> Value {
    match find(&shared.file).await {
        Ok(Found::Running(status)) => json!({ "running": true, "status": status }),
        Ok(Found::Gone(_) | Found::Nothing) => {
            json!({ "running": false, "start": "llm-router start" })
        }
        Err(error) => json!({ "running": null, "problem": format!("{error:#}") }),
    }
}

fn pretty(value: &Value) -> String {
    format!("{value:#}")
}
