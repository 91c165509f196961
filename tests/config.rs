//! Config files → what they say, and everything that is wrong with them.

use std::{fs, path::Path};

use expect_test::{expect, expect_file};
use llm_router::{
    config::{
        Config, document,
        problem::Problem,
        read::read,
        schema::schema,
        secret::{Secret, SecretSource},
    },
    routing::router::Router,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn fixture(name: &str) -> Value {
    let path = Path::new("tests/config").join(name);
    let text = fs::read_to_string(path).expect("a fixture");
    document::parse(&text).expect("JSON").value
}

fn find(source: &SecretSource) -> Result<Secret, String> {
    match source {
        SecretSource::Literal(secret) => Ok(secret.clone()),
        SecretSource::Environment(name) => Err(format!("{name} is not set")),
        SecretSource::File(path) => Err(format!("there is no file {path}")),
    }
}

/// Everything that is wrong with a document, a line each, as the gateway would tell it.
fn problems(document: &Value) -> String {
    let reading = read(document);
    let compiled = Router::compile(&reading.config, &find);
    let mut problems: Vec<Problem> = reading.problems;
    problems.extend(compiled.problems);
    problems.sort();
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

#[test]
fn a_config_of_the_seed_era_loads_without_a_warning() {
    expect![[""]].assert_eq(&problems(&fixture("seed-era.json")));
}

#[test]
fn a_config_of_a_later_release_loads_with_warnings() {
    expect_file!["config/later-era.txt"].assert_eq(&problems(&fixture("later-era.json")));
    let reading = read(&fixture("later-era.json"));
    assert!(Router::compile(&reading.config, &find).router.is_some());
}

#[test]
fn all_problems_are_told_at_once() {
    expect_file!["config/broken.txt"].assert_eq(&problems(&fixture("broken.json")));
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is a table")]
fn every_older_spelling_is_read_as_the_current_one() {
    let provider = |fields: Value| {
        let mut provider = json!({ "id": "p", "models": ["m"] });
        for (key, value) in fields.as_object().expect("fields") {
            provider[key] = value.clone();
        }
        json!({ "providers": [provider] })
    };
    let model = |fields: Value| provider(json!({ "models": [fields] }));
    let bucket = |fields: Value| provider(json!({ "rateLimits": [fields] }));
    let alias = |fields: Value| json!({ "modelAliases": { "a": fields } });
    let amp = |fields: Value| json!({ "ampRouting": fields });
    let b = json!({ "id": "b", "models": ["all"], "requests": 5, "window": { "unit": "hour", "size": 6 } });
    for (older, current) in [
        (json!({ "master-key": "k" }), json!({ "masterKey": "k" })),
        (json!({ "default-model": "m" }), json!({ "defaultModel": "m" })),
        (json!({ "model-aliases": {} }), json!({ "modelAliases": {} })),
        (json!({ "amp-routing": {} }), json!({ "ampRouting": {} })),
        (json!({ "providers": { "id": "p" } }), json!({ "providers": [{ "id": "p" }] })),
        (
            json!({ "providers": [{ "name": "My Prov" }] }),
            json!({ "providers": [{ "id": "my-prov", "name": "My Prov" }] }),
        ),
        (
            provider(json!({ "base-url": "https://x.test" })),
            provider(json!({ "baseUrl": "https://x.test" })),
        ),
        (
            provider(json!({ "endpoint": "https://x.test" })),
            provider(json!({ "baseUrl": "https://x.test" })),
        ),
        (
            provider(json!({ "endpoints": { "claude": "https://x.test" } })),
            provider(json!({ "baseUrlByFormat": { "anthropic": "https://x.test" } })),
        ),
        (provider(json!({ "credential": "k" })), provider(json!({ "apiKey": "k" }))),
        (
            provider(json!({ "response-format": "claude" })),
            provider(json!({ "format": "anthropic" })),
        ),
        (provider(json!({ "formats": "openai" })), provider(json!({ "formats": ["openai"] }))),
        (
            provider(json!({ "auth": { "kind": "header", "header": "x-k" } })),
            provider(json!({ "auth": { "type": "header", "headerName": "x-k" } })),
        ),
        (
            provider(json!({ "anthropic-version": "v", "anthropic-beta": "b" })),
            provider(json!({ "anthropicVersion": "v", "anthropicBeta": "b" })),
        ),
        (provider(json!({ "rate-limits": [b] })), bucket(b.clone())),
        (model(json!("m")), model(json!({ "id": "m" }))),
        (
            model(json!({ "name": "m", "alias": "x", "format": "claude" })),
            model(json!({ "id": "m", "aliases": ["x"], "formats": ["anthropic"] })),
        ),
        (
            model(json!({ "model": "m", "silent-fallbacks": ["p/n"] })),
            model(json!({ "id": "m", "fallbackModels": ["p/n"] })),
        ),
        (
            bucket(
                json!({ "id": "b", "model": "all", "limit": "5", "window": { "unit": "Hour", "value": "6" } }),
            ),
            bucket(b.clone()),
        ),
        (
            bucket(
                json!({ "id": "b", "models": ["all"], "requests-per-window": 5, "window.unit": "hour", "window.value": 6 }),
            ),
            bucket(b.clone()),
        ),
        (
            alias(json!({ "id": "a", "strategy": "automatic", "targets": "p/m" })),
            alias(json!({ "strategy": "auto", "targets": [{ "ref": "p/m" }] })),
        ),
        (
            alias(json!({ "targets": [{ "route": "p/m" }], "fallbacks": ["p/n"] })),
            alias(json!({ "targets": ["p/m"], "fallbackTargets": ["p/n"] })),
        ),
        (
            amp(json!({ "modes": { "SMART": { "ref": "x" } } })),
            amp(json!({ "modeMap": { "smart": "x" } })),
        ),
        (
            amp(json!({ "agent-mode-map": { "Review": { "Deep": "x" } } })),
            amp(json!({ "agentModeMap": { "review": { "deep": "x" } } })),
        ),
        (
            amp(json!({ "model-mappings": { "Claude-X": "x" }, "fallback-route": "y" })),
            amp(json!({ "modelMap": { "Claude-X": "x" }, "fallbackRoute": "y" })),
        ),
        (
            amp(json!({ "upstream-url": "https://x.test", "upstream-api-key": "k" })),
            amp(json!({ "upstreamUrl": "https://x.test", "upstreamApiKey": "k" })),
        ),
    ] {
        let (older_reading, current_reading) = (read(&older), read(&current));
        assert_eq!(older_reading.config, current_reading.config, "{older}");
        assert_eq!(older_reading.problems, [], "{older}");
        assert_ne!(older_reading.config, Config::default(), "{older}");
    }
}

#[test]
fn versions_are_inferred_and_checked() {
    let inferred = |document: Value| read(&document).config.version;
    assert_eq!(inferred(json!({ "providers": [{ "id": "p" }] })), Some(1));
    assert_eq!(inferred(json!({ "modelAliases": { "a": { "targets": [] } } })), Some(2));
    assert_eq!(inferred(json!({ "version": 1, "modelAliases": { "a": {} } })), Some(1));
    let told = problems(&json!({ "version": 3 }));
    assert_eq!(told, "warning at /version: is newer than 2, the newest that is known here\n");
}

#[test]
fn the_schema_is_current_and_accepts_what_loads() {
    let schema = schema();
    let text = serde_json::to_string_pretty(&schema).expect("JSON") + "\n";
    expect_file!["../schemas/config.json"].assert_eq(&text);
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    for name in ["seed-era.json", "later-era.json"] {
        let told: Vec<String> = validator
            .iter_errors(&fixture(name))
            .map(|e| format!("{} {e}", e.instance_path()))
            .collect();
        assert!(told.is_empty(), "{name}: {told:#?}");
    }
    assert!(!validator.is_valid(&json!({ "providers": [{ "baseUrl": 7 }] })));
}

#[test]
fn every_key_of_the_schema_is_described() {
    fn check(schema: &Value, path: &str, bare: &mut Vec<String>) {
        if let Some(properties) = schema["properties"].as_object() {
            for (name, property) in properties {
                if !property["description"].is_string() {
                    bare.push(format!("{path}.{name}"));
                }
            }
        }
        if let Some(definitions) = schema["$defs"].as_object() {
            for (name, definition) in definitions {
                check(definition, name, bare);
            }
        }
    }
    let mut bare = Vec::new();
    let schema = schema();
    check(&schema, "Config", &mut bare);
    assert_eq!(bare, Vec::<String>::new());
}

#[test]
fn what_was_read_reads_the_same_again() {
    for name in ["seed-era.json", "later-era.json"] {
        let config = read(&fixture(name)).config;
        let written = serde_json::to_value(&config).expect("JSON");
        let again = serde_json::to_value(read(&written).config).expect("JSON");
        assert_eq!(written, again, "{name}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let key = prop::sample::select(vec![
        "providers",
        "id",
        "models",
        "modelAliases",
        "targets",
        "ref",
        "weight",
        "rateLimits",
        "window",
        "unit",
        "requests",
        "ampRouting",
        "modeMap",
        "server",
        "port",
        "headers",
        "auth",
        "type",
        "baseUrl",
        "formats",
        "enabled",
        "version",
        "x/y~z",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z/: ]{0,9}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..6).prop_map(|members| {
                Value::Object(
                    members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
                )
            }),
        ]
    })
}

proptest! {
    #[test]
    fn any_document_becomes_a_router_or_problems(document in any_json()) {
        let reading = read(&document);
        for problem in &reading.problems {
            let parent = problem.pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
            prop_assert!(document.pointer(parent).is_some(), "{problem}");
        }
        let compiled = Router::compile(&reading.config, &find);
        let errors = compiled.problems.iter().any(Problem::is_error);
        prop_assert_eq!(compiled.router.is_none(), errors);
    }
}

#[test]
fn the_document_names_every_key_and_variable() {
    let document = fs::read_to_string("docs/config.md").expect("docs/config.md");
    let schema = schema();
    let defs = &schema["$defs"];
    for properties in [
        &schema["properties"],
        &defs["Provider"]["properties"],
        &defs["AmpRouting"]["properties"],
        &defs["Server"]["properties"],
    ] {
        for key in properties.as_object().expect("properties").keys() {
            let known = ["name", "metadata", "lastProbe"].contains(&key.as_str());
            assert!(known || document.contains(&format!("`{key}")), "docs/config.md: {key}");
        }
    }
    for variable in &llm_router::config::environment::VARIABLES {
        assert!(document.contains(variable.name), "docs/config.md: {}", variable.name);
    }
}
