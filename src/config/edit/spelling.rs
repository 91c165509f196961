//! The spellings of the keys that are edited, the current one first. An edit keeps the spelling
//! that the user chose; [`super::super::read`] reads them all, and a test holds the two together.

use serde_json::{Map, Value};

/// The spellings of one key, the current one first.
pub type Key = &'static [&'static str];

pub const MASTER_KEY: Key = &["masterKey", "master-key"];
pub const DEFAULT_MODEL: Key = &["defaultModel", "default-model"];
pub const PROVIDERS: Key = &["providers"];
pub const MODEL_ALIASES: Key = &["modelAliases", "model-aliases"];
pub const AMP_ROUTING: Key = &["ampRouting", "amp-routing"];

pub const BASE_URL: Key = &["baseUrl", "base-url", "endpoint"];
pub const BASE_URL_BY_FORMAT: Key = &[
    "baseUrlByFormat",
    "base-url-by-format",
    "endpointByFormat",
    "endpoint-by-format",
    "endpoints",
];
pub const API_KEY: Key = &["apiKey", "credential"];
pub const API_KEY_ENV: Key = &["apiKeyEnv", "api-key-env"];
pub const FORMAT: Key = &["format", "responseFormat", "response-format"];
pub const AUTH_BY_FORMAT: Key = &["authByFormat", "auth-by-format"];
pub const ANTHROPIC_VERSION: Key = &["anthropicVersion", "anthropic-version"];
pub const ANTHROPIC_BETA: Key = &["anthropicBeta", "anthropic-beta"];
pub const MODELS: Key = &["models"];
pub const RATE_LIMITS: Key = &["rateLimits", "rate-limits"];

pub const MODEL_ID: Key = &["id", "name", "model"];
pub const MODEL_OTHER_NAMES: Key = &["aliases", "alias"];
pub const MODEL_FORMATS: Key = &["formats", "format"];
pub const CONTEXT_WINDOW: Key = &["contextWindow", "context-window"];
pub const FALLBACK_MODELS: Key =
    &["fallbackModels", "fallback-models", "silentFallbacks", "silent-fallbacks", "fallbacks"];

pub const BUCKET_MODELS: Key = &["models", "model"];
pub const REQUESTS: Key = &["requests", "limit", "requests-per-window"];

pub const TARGETS: Key = &["targets"];
pub const FALLBACK_TARGETS: Key = &["fallbackTargets", "fallback-targets", "fallbacks"];
pub const TARGET_REF: Key = &["ref", "target", "route", "model"];

pub const FALLBACK_ROUTE: Key = &["fallbackRoute", "fallback-route"];
pub const MODE_MAP: Key = &["modeMap", "mode-map", "modes"];
pub const AGENT_MAP: Key = &["agentMap", "agent-map", "agents"];
pub const AGENT_MODE_MAP: Key = &["agentModeMap", "agent-mode-map", "agentModes"];
pub const APPLICATION_MAP: Key = &["applicationMap", "application-map", "applications"];
pub const MODEL_MAP: Key = &["modelMap", "model-map", "modelMappings", "model-mappings"];

/// `null` and blank text are absent, as they are for whoever reads the config.
fn is_absent(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

/// The spelling that counts in `object`.
#[must_use]
pub fn used(object: &Map<String, Value>, key: Key) -> Option<&'static str> {
    let counts = |key: &&&str| object.get(**key).is_some_and(|value| !is_absent(value));
    key.iter().find(counts).copied()
}

/// The value of a key.
#[must_use]
pub fn get(object: &Map<String, Value>, key: Key) -> Option<&Value> {
    object.get(used(object, key)?)
}

/// The value of a key, to be changed.
pub fn get_mut(object: &mut Map<String, Value>, key: Key) -> Option<&mut Value> {
    object.get_mut(used(object, key)?)
}

/// Sets a key in the spelling that is there.
pub fn put(object: &mut Map<String, Value>, key: Key, value: impl Into<Value>) {
    let present = key.iter().find(|key| object.contains_key(**key)).copied();
    let spelling = used(object, key).or(present).or(key.first().copied()).unwrap_or_default();
    object.insert(spelling.to_owned(), value.into());
}

/// Removes a key in every spelling; whether it was there.
pub fn remove(object: &mut Map<String, Value>, key: Key) -> bool {
    let mut was_there = false;
    for spelling in key {
        was_there |= object.shift_remove(*spelling).is_some();
    }
    was_there
}

/// The list under a key, made if it is not there; a value that is no list becomes a list of one.
pub fn list(object: &mut Map<String, Value>, key: Key) -> &mut Vec<Value> {
    if !get(object, key).is_some_and(Value::is_array) {
        let lone = get_mut(object, key).map(Value::take);
        put(object, key, Vec::from_iter(lone));
    }
    let spelling = used(object, key).unwrap_or_default();
    match object.entry(spelling).or_insert_with(|| Value::Array(Vec::new())) {
        Value::Array(list) => list,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            unreachable!("it has just been made a list")
        }
    }
}

/// The object under a key, made if it is not there or is something else.
pub fn object(object: &mut Map<String, Value>, key: Key) -> &mut Map<String, Value> {
    if !get(object, key).is_some_and(Value::is_object) {
        put(object, key, Map::new());
    }
    let spelling = used(object, key).unwrap_or_default();
    match object.entry(spelling).or_insert_with(|| Value::Object(Map::new())) {
        Value::Object(map) => map,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            unreachable!("it has just been made an object")
        }
    }
}

/// The text of a key, without the space around it.
#[must_use]
pub fn text(object: &Map<String, Value>, key: Key) -> Option<&str> {
    get(object, key)?.as_str().map(str::trim)
}
