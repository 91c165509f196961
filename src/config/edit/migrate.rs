//! An older form of the document → the current one.

use serde_json::{Map, Value};

use super::spelling::{self, Key};

/// The version that is written.
pub(super) const LATEST: u32 = 2;

/// Keys at one level of the document.
type Level = &'static [Key];

const ROOT: Level = &[
    spelling::MASTER_KEY,
    spelling::DEFAULT_MODEL,
    spelling::MODEL_ALIASES,
    spelling::AMP_ROUTING,
];
const PROVIDER: Level = &[
    spelling::BASE_URL,
    spelling::BASE_URL_BY_FORMAT,
    spelling::API_KEY,
    spelling::API_KEY_ENV,
    spelling::FORMAT,
    spelling::AUTH_BY_FORMAT,
    spelling::ANTHROPIC_VERSION,
    spelling::ANTHROPIC_BETA,
    spelling::RATE_LIMITS,
];
const MODEL: Level = &[
    spelling::MODEL_ID,
    spelling::MODEL_OTHER_NAMES,
    spelling::MODEL_FORMATS,
    spelling::CONTEXT_WINDOW,
    spelling::FALLBACK_MODELS,
];
const BUCKET: Level = &[spelling::BUCKET_MODELS, spelling::REQUESTS];
const ALIAS: Level = &[spelling::TARGETS, spelling::FALLBACK_TARGETS];
const TARGET: Level = &[spelling::TARGET_REF];
const AMP: Level = &[
    spelling::FALLBACK_ROUTE,
    spelling::MODE_MAP,
    spelling::AGENT_MAP,
    spelling::AGENT_MODE_MAP,
    spelling::APPLICATION_MAP,
    spelling::MODEL_MAP,
];

/// Gives keys their current names and sets the version; how many keys were renamed.
///
/// Only the spelling that counts is renamed: another one beside it has no effect and is kept, as
/// every key is that says nothing.
pub fn migrate(root: &mut Map<String, Value>) -> usize {
    let mut renamed = rename(root, ROOT);
    for provider in objects(root, spelling::PROVIDERS) {
        renamed += rename(provider, PROVIDER);
        for model in objects(provider, spelling::MODELS) {
            renamed += rename(model, MODEL);
        }
        for bucket in objects(provider, spelling::RATE_LIMITS) {
            renamed += rename(bucket, BUCKET);
        }
    }
    let aliases = spelling::get_mut(root, spelling::MODEL_ALIASES).and_then(Value::as_object_mut);
    for alias in aliases.into_iter().flat_map(|aliases| aliases.values_mut()) {
        let Some(alias) = alias.as_object_mut() else { continue };
        renamed += rename(alias, ALIAS);
        for key in [spelling::TARGETS, spelling::FALLBACK_TARGETS] {
            for target in objects(alias, key) {
                renamed += rename(target, TARGET);
            }
        }
    }
    let amp = spelling::get_mut(root, spelling::AMP_ROUTING).and_then(Value::as_object_mut);
    renamed += amp.map_or(0, |amp| rename(amp, AMP));
    let version = root.get("version").and_then(Value::as_u64).unwrap_or_default();
    if version < u64::from(LATEST) {
        root.insert("version".to_owned(), Value::from(LATEST));
    }
    renamed
}

/// The objects of a list, or the one that stands for a list.
fn objects(object: &mut Map<String, Value>, key: Key) -> Vec<&mut Map<String, Value>> {
    match spelling::get_mut(object, key) {
        Some(Value::Array(list)) => list.iter_mut().filter_map(Value::as_object_mut).collect(),
        Some(Value::Object(lone)) => vec![lone],
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => {
            Vec::new()
        }
    }
}

fn rename(object: &mut Map<String, Value>, keys: Level) -> usize {
    let mut renamed = 0;
    for key in keys {
        let Some(current) = key.first() else { continue };
        let Some(used) = spelling::used(object, key).filter(|used| used != current) else {
            continue;
        };
        // In place: the order of keys is the user's.
        let members = std::mem::take(object);
        for (name, value) in members {
            if name == used {
                object.insert((*current).to_owned(), value);
                renamed += 1;
            } else if name != *current {
                object.insert(name, value);
            }
        }
    }
    renamed
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::read::read;

    #[test]
    fn a_migrated_config_says_the_same() {
        let older = json!({
            "master-key": "k",
            "mine": 1,
            "providers": [{
                "id": "p", "endpoint": "https://a.test/v1", "credential": "env:X",
                "response-format": "claude",
                "models": ["a", { "name": "m", "silent-fallbacks": ["p/a"], "context-window": 5 }],
                "rate-limits": [{ "id": "b", "model": "all", "limit": 5, "window.unit": "hour" }],
            }],
            "model-aliases": { "x": { "targets": [{ "route": "p/a", "weight": 2 }], "fallbacks": ["p/m"] } },
            "amp-routing": { "modes": { "smart": "x" } },
        });
        let mut document = older.as_object().cloned().unwrap();
        let renamed = migrate(&mut document);
        assert_eq!(renamed, 15, "{document:#?}");
        let (old, new) = (read(&older), read(&Value::Object(document.clone())));
        assert_eq!(old.config, new.config);
        let keys: Vec<&String> = document.keys().collect();
        assert_eq!(
            keys,
            ["masterKey", "mine", "providers", "modelAliases", "ampRouting", "version"]
        );
        assert_eq!(migrate(&mut document), 0);
    }

    /// The spellings here and those of the reader are two lists; this ties them together.
    #[test]
    fn every_spelling_is_known_to_the_reader() {
        let wrap = |path: &str, key: &str| -> Value {
            let value = json!("x");
            match path {
                "root" => json!({ key: value }),
                "provider" => json!({ "providers": [{ "id": "p", key: value }] }),
                "model" => json!({ "providers": [{ "id": "p", "models": [{ key: value }] }] }),
                "bucket" => json!({ "providers": [{ "id": "p", "rateLimits": [{ key: value }] }] }),
                "alias" => json!({ "modelAliases": { "a": { key: value } } }),
                "target" => json!({ "modelAliases": { "a": { "targets": [{ key: value }] } } }),
                _ => json!({ "ampRouting": { key: value } }),
            }
        };
        for (path, level) in [
            ("root", ROOT),
            ("provider", PROVIDER),
            ("model", MODEL),
            ("bucket", BUCKET),
            ("alias", ALIAS),
            ("target", TARGET),
            ("amp", AMP),
        ] {
            for spelling in level.iter().copied().flatten() {
                let problems = read(&wrap(path, spelling)).problems;
                let unknown = problems.iter().any(|problem| {
                    problem.message.contains("not a known key")
                        && problem.pointer.ends_with(spelling)
                });
                assert!(!unknown, "{path} {spelling}: {problems:#?}");
            }
        }
    }
}
