//! Documents → what they say and every problem, without knowing what the parts mean together.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::read;
use crate::config::{AuthKind, Config, problem::Problem};

/// What is wrong with a document, a line each.
fn check(document: &Value, expected: &Expect) {
    let problems = read(document).problems;
    let told: String = problems.iter().map(|problem| format!("{problem}\n")).collect();
    expected.assert_eq(&told);
}

/// A document of one provider that is sound but for `fields`.
fn provider(fields: &Value) -> Value {
    let mut provider = json!({ "id": "p", "baseUrl": "https://p.test/v1", "models": ["m"] });
    for (key, value) in fields.as_object().unwrap() {
        provider[key] = value.clone();
    }
    json!({ "providers": [provider] })
}

fn bucket(fields: &Value) -> Value {
    provider(&json!({ "rateLimits": [fields] }))
}

#[test]
fn what_is_null_or_blank_is_absent() {
    let bare = read(&provider(&json!({}))).config;
    for fields in [
        json!({ "type": null, "auth": null, "quotaProbe": null, "headers": null }),
        json!({ "name": "", "type": " ", "apiKey": "", "apiKeyEnv": "", "format": "" }),
        json!({ "anthropicVersion": "", "anthropicBeta": " ", "timeouts": null }),
        json!({ "baseUrl": null, "endpoint": "https://p.test/v1" }),
        json!({ "baseUrl": "", "endpoint": "https://p.test/v1" }),
        json!({ "baseUrlByFormat": { "openai": "", "claude": null } }),
        json!({ "authByFormat": { "openai": null } }),
    ] {
        let reading = read(&provider(&fields));
        assert_eq!(reading.problems, [], "{fields}");
        assert_eq!(reading.config, bare, "{fields}");
    }
    let reading = read(&json!({ "modelAliases": { "a": null }, "masterKey": "", "server": null,
        "defaultModel": "", "ampRouting": { "modeMap": { "deep": null }, "agentModeMap": { "a": null } } }));
    assert_eq!(reading.problems, []);
    assert!(reading.config.model_aliases.is_empty() && reading.config.default_model.is_none());
}

#[test]
fn of_two_spellings_the_current_one_counts_and_is_said_once() {
    let document = json!({
        "masterKey": "k", "master-key": "other",
        "providers": [{
            "id": "p", "endpoint": "https://old.test", "baseUrl": "https://new.test",
            "rateLimits": [{ "id": "b", "models": ["all"], "limit": 1, "requests": 2,
                "window": { "unit": "day", "size": 1, "value": 2 }, "windowUnit": "hour" }],
        }],
    });
    check(
        &document,
        &expect![[r#"
        warning at /master-key: means the same as `masterKey`, which is used
        warning at /providers/0/endpoint: means the same as `baseUrl`, which is used
        warning at /providers/0/rateLimits/0/limit: means the same as `requests`, which is used
        warning at /providers/0/rateLimits/0/windowUnit: means the same as `window`, which is used
        warning at /providers/0/rateLimits/0/window/value: means the same as `size`, which is used
    "#]],
    );
    let config = read(&document).config;
    assert_eq!(config.providers[0].base_url.as_deref(), Some("https://new.test/"));
    assert_eq!(config.providers[0].rate_limits[0].requests.get(), 2);
}

#[test]
fn a_problem_stands_where_the_user_wrote() {
    check(
        &json!({
            "providers": {
                "id": "p", "endpoint": 7, "credential": [], "api-key-env": "sk-not-a-name",
                "auth": { "kind": "beerer", "header": "bad name" }, "rate-limits": 1,
            },
            "model-aliases": { "a": { "fallbacks": [{ "route": 5 }] } },
        }),
        &expect![[r#"
            error at /providers/endpoint: must be a URL in a string (for example https://api.example.com/v1)
            error at /providers/credential: must be a string
            error at /providers/api-key-env: is not the name of an environment variable (letters, digits and `_`; the key itself belongs into `apiKey`)
            error at /providers/auth/kind: `beerer` is not a kind of auth (did you mean `bearer`? known: bearer, x-api-key, x-goog-api-key, header, none)
            error at /providers/auth/header: is not a header's name
            error at /providers/rate-limits: must be an object, not 1
            error at /model-aliases/a/fallbacks/0/route: must be a string, not 5
            error at /model-aliases/a/fallbacks/0: names no target ({"ref": "provider/model"})
        "#]],
    );
}

#[test]
fn auth_is_checked_as_a_header_would_be() {
    for (auth, expected) in [
        (json!({ "type": "X-API-Key" }), ""),
        (json!({ "type": "bearer", "prefix": "Token " }), ""),
        (
            json!({ "type": "header" }),
            "error at /providers/0/auth/headerName: is missing (the name of the header that holds the key)",
        ),
        (
            json!({ "type": "header", "headerName": "Host" }),
            "error at /providers/0/auth/headerName: is never sent: it belongs to the connection",
        ),
        (
            json!({ "headerName": "x-k" }),
            "warning at /providers/0/auth/headerName: has no effect with this kind of auth (for a header of this name write \"type\": \"header\")",
        ),
        (
            json!({ "type": "bearer", "prefix": "a\r\nb: " }),
            "error at /providers/0/auth/prefix: holds characters that no header may hold",
        ),
        (json!("x-api-key"), "error at /providers/0/auth: must be an object, not a string"),
    ] {
        let problems = read(&provider(&json!({ "auth": auth }))).problems;
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(told.join("\n"), expected, "{auth}");
    }
    let reading = read(&provider(&json!({ "auth": { "prefix": "Token " } })));
    let auth = reading.config.providers[0].auth.clone().unwrap();
    assert_eq!((auth.kind, auth.prefix.as_deref()), (AuthKind::Bearer, Some("Token ")));
}

#[test]
fn headers_and_urls_are_checked() {
    check(
        &provider(&json!({
            "baseUrl": "https://p.test/v1?tier=a#part",
            "baseUrlByFormat": { "anthropic": "https://user:pass@p.test", "claude": "https://p.test", "gopher": "x" },
            "anthropicVersion": "2023\r\nx: y",
            "headers": { "X-A": 1, "x-a": "2", "x-b": "a\nb", "x-c": {}, "x-d": "env:", "Upgrade": "h2c", "bad name": "v" },
        })),
        &expect![[r#"
            warning at /providers/0/baseUrl: holds a fragment (`#...`), which is never sent
            error at /providers/0/baseUrlByFormat/anthropic: holds a user or password (put the key into `apiKey`)
            error at /providers/0/baseUrlByFormat/gopher: `gopher` is not a format (known: openai, openai-responses, anthropic, gemini)
            warning at /providers/0/headers/x-a: is the same header as one above, which is used
            error at /providers/0/headers/x-b: holds characters that no header may hold
            error at /providers/0/headers/x-c: must be a string, or false to suppress the header
            error at /providers/0/headers/x-d: `env:` is not followed by a variable's name (for example env:OPENAI_API_KEY)
            warning at /providers/0/headers/Upgrade: is never sent: it belongs to the connection
            error at /providers/0/headers/bad name: is not a header's name
            error at /providers/0/anthropicVersion: holds characters that no header may hold
        "#]],
    );
}

#[test]
fn keys_of_later_releases_are_kept_without_effect() {
    check(
        &json!({
            "ampcode": {}, "web-search": {}, "claude-code": {}, "ollama": {},
            "providers": [
                { "id": "p", "subscription_type": "x", "quotaProbe": {}, "models": [{ "id": "m", "variant": "v" }] },
                { "id": "s", "type": "subscription", "subscriptionType": "x", "subscriptionProfile": "y" },
                { "id": "l", "type": "local-runtime" },
                { "id": "o", "type": "olama" },
                { "id": "d", "type": "demo" },
            ],
        }),
        &expect![[r#"
            warning at /providers/0/models/0/variant: is kept, but has no effect here
            warning at /providers/0/subscription_type: is kept, but has no effect here
            warning at /providers/0/quotaProbe: is kept, but has no effect here
            warning at /providers/1/type: `subscription` is not supported here (the provider is kept, but its models cannot be used)
            warning at /providers/2/type: `local-runtime` is not supported here (the provider is kept, but its models cannot be used)
            warning at /providers/3/type: `olama` is not a known type (did you mean `ollama`?)
            warning at /ampcode: is kept, but has no effect here
            warning at /web-search: is kept, but has no effect here
            warning at /claude-code: is kept, but has no effect here
            warning at /ollama: is kept, but has no effect here
        "#]],
    );
}

#[test]
fn unknown_keys_are_warned_of_with_the_current_spelling() {
    check(
        &json!({ "$schema": "x", "modelAlias": {}, "server": { "prot": 1 } }),
        &expect![[r#"
            warning at /server/prot: is not a known key; it is kept (did you mean `port`?)
            warning at /modelAlias: is not a known key; it is kept (did you mean `modelAliases`?)
        "#]],
    );
}

#[test]
fn numbers_say_their_limits() {
    check(
        &json!({ "version": 0, "server": { "port": 70000, "maxInFlight": "many", "allowedIps": [],
            "retry": { "attempts": -1 }, "unknownModels": "defualt", "timeouts": { "connectMs": 1.5 } } }),
        &expect![[r#"
            error at /version: must be a whole number of at least 1, not 0
            error at /server/port: must be a whole number of at most 65535, not 70000
            warning at /server/allowedIps: an empty list lets all in (name the addresses, or leave it out)
            error at /server/maxInFlight: must be a whole number of at least 1, not `many`
            error at /server/unknownModels: `defualt` is not one of the choices (did you mean `default`? known: error, default)
            error at /server/timeouts/connectMs: must be a whole number of at least 1, not 1.5
            error at /server/retry/attempts: must be a whole number of at least 1, not -1
        "#]],
    );
}

#[test]
fn buckets_get_ids_that_nobody_else_has() {
    let fields = json!({ "models": ["all"], "requests": "5", "window": { "unit": "day" } });
    let with = |key: &str, value: &str| {
        let mut bucket = fields.clone();
        bucket[key] = value.into();
        bucket
    };
    let buckets = [
        with("name", "Daily Cap"),
        with("name", "daily cap!"),
        with("id", "daily-cap"),
        fields.clone(),
        with("id", "bucket-4"),
    ];
    let reading = read(&provider(&json!({ "rateLimits": buckets })));
    assert_eq!(reading.problems, []);
    let ids: Vec<_> = reading.config.providers[0].rate_limits.iter().map(|b| &b.id).collect();
    assert_eq!(ids, ["daily-cap-2", "daily-cap-3", "daily-cap", "bucket-4-2", "bucket-4"]);
}

#[test]
fn a_bucket_that_cannot_be_kept_is_never_dropped_in_silence() {
    for (fields, expected) in [
        (json!({ "window": { "unit": "day" } }), "/requests: is missing"),
        (json!({ "requests": 1 }), "/window: is missing"),
        (json!({ "requests": 1, "windowSize": 2 }), "/window: is missing"),
        (json!({ "requests": 1, "window": "1h" }), "/window: must be an object, not a string"),
        (json!({ "requests": 1, "window": { "unit": " " } }), "/window/unit: is missing"),
        (json!({ "requests": 1, "windowUnit": "hours" }), "/windowUnit: `hours` is not a unit"),
        (json!({ "requests": 1, "window": { "unit": "day", "value": 0 } }), "/window/value: must"),
    ] {
        let problems = read(&bucket(&fields)).problems;
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let start = format!("error at /providers/0/rateLimits/0{expected}");
        assert!(told.len() == 1 && told[0].starts_with(&start), "{fields}: {told:?}");
    }
}

#[test]
fn amp_keys_that_differ_only_in_case_are_one() {
    let document = json!({ "ampRouting": { "modeMap": { "Deep": "a", "deep": "b" },
        "modelMap": { "GPT": "a", "gpt": { "ref": " b " } }, "agentMap": { "x": 1 } } });
    check(
        &document,
        &expect![[r#"
        warning at /ampRouting/modeMap/deep: means the same as `deep` above, which is used
        error at /ampRouting/agentMap/x: must be an alias or `provider/model`, not 1
    "#]],
    );
    let amp = read(&document).config.amp_routing.unwrap();
    assert_eq!(amp.mode_map["deep"], "a");
    assert_eq!((amp.model_map["GPT"].as_str(), amp.model_map["gpt"].as_str()), ("a", "b"));
}

#[test]
fn references_to_secrets_name_something() {
    for (key, expected) in [
        ("env:", "`env:` is not followed by a variable's name (for example env:OPENAI_API_KEY)"),
        (
            "env:sk-123",
            "`env:` is not followed by a variable's name (for example env:OPENAI_API_KEY)",
        ),
        ("file: ", "`file:` is not followed by a path (for example file:~/.keys/openai)"),
    ] {
        let problems = read(&provider(&json!({ "apiKey": key }))).problems;
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(told, [format!("error at /providers/0/apiKey: {expected}")], "{key}");
    }
}

#[test]
fn a_file_of_version_1_reads_as_it_is() {
    let reading = read(&json!({
        "version": 1,
        "masterKey": "k",
        "defaultModel": "p/m",
        "providers": [{ "id": "p", "name": "P", "baseUrl": "https://p.test/v1", "apiKey": "k",
            "format": "openai", "models": ["m", { "id": "n", "fallbackModels": ["p/m"] }] }],
        "metadata": {},
    }));
    assert_eq!(reading.problems, []);
    assert_eq!(reading.config.version, Some(1));
    assert_eq!(reading.config.providers[0].models.len(), 2);
    let blank = read(&json!({}));
    assert_eq!(blank.problems, []);
    assert_eq!(blank.config, Config { version: Some(1), ..Config::default() });
}

/// Every place where a document may hold a secret, and some where one may land by mistake.
fn with_secrets(secret: &str) -> Value {
    json!({
        "masterKey": secret,
        "providers": [
            { "id": "p", "apiKey": secret, "headers": { "x-key": secret } },
            { "id": "q", "apiKeyEnv": format!("sk-{secret}"), "headers": secret, "auth": secret },
            { "id": "r", "apiKey": { "value": secret }, "authByFormat": { "openai": secret } },
            { "id": "s", "headers": { "x-key": [secret] }, "credential": format!("env:sk-{secret}") },
            secret,
        ],
        "server": secret,
    })
}

/// Any document, made of the keys that are known here and of values that do not fit.
fn any_document() -> impl Strategy<Value = Value> {
    let key = prop::sample::select(vec![
        "providers",
        "id",
        "name",
        "type",
        "enabled",
        "baseUrl",
        "endpoint",
        "endpoints",
        "openai",
        "claude",
        "anthropic",
        "apiKey",
        "apiKeyEnv",
        "formats",
        "format",
        "auth",
        "authByFormat",
        "headerName",
        "prefix",
        "headers",
        "models",
        "aliases",
        "fallbacks",
        "contextWindow",
        "rateLimits",
        "requests",
        "window",
        "windowUnit",
        "windowSize",
        "unit",
        "size",
        "modelAliases",
        "strategy",
        "targets",
        "ref",
        "weight",
        "ampRouting",
        "modeMap",
        "agentModeMap",
        "modelMap",
        "server",
        "port",
        "allowedIps",
        "timeouts",
        "connectMs",
        "retry",
        "attempts",
        "unknownModels",
        "version",
        "masterKey",
        "metadata",
        "x/y~z",
        "",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "(env:|file:|https://|bearer|minute|auto|)[a-zé\r/: ]{0,9}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 80, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..8).prop_map(|members| {
                members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            }),
        ]
    })
}

proptest! {
    #[test]
    fn any_document_can_be_read_and_problems_stand_in_it(document in any_document()) {
        for problem in read(&document).problems {
            let parent = problem.pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
            prop_assert!(document.pointer(parent).is_some(), "{problem}");
        }
    }

    #[test]
    fn what_was_read_without_errors_reads_the_same_again(document in any_document()) {
        let first = read(&document);
        prop_assume!(!first.problems.iter().any(Problem::is_error));
        let written = serde_json::to_value(&first.config).unwrap();
        let again = serde_json::to_value(read(&written).config).unwrap();
        prop_assert_eq!(written, again);
    }

    #[test]
    fn neither_config_nor_problems_show_a_secret(secret in "[A-Z0-9]{16,24}") {
        let reading = read(&with_secrets(&secret));
        let json = serde_json::to_string(&reading.config).unwrap();
        let problems: Vec<String> = reading.problems.iter().map(ToString::to_string).collect();
        let shown = format!("{reading:?} {json} {problems:?}");
        prop_assert!(!shown.contains(&secret), "{shown}");
    }
}
