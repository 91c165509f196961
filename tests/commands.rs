//! The catalog of commands: its faces cannot drift apart, and what it does is as it says.

mod faces;
mod network;

use std::sync::Arc;

use llm_router::{
    commands::{
        self, CATALOG, Effect, Entry, Outcome,
        error::{Code, CommandError},
        history::Change,
        workspace::{Opening, Workspace},
    },
    config::secret::SecretSource,
    time::Timestamp,
};
use serde_json::{Map, Value, json};

/// The config that examples run on.
pub(crate) const CONFIG: &str = r#"{
  "x-mine": [1, 2.50],
  "defaultModel": "chat",
  "providers": [
    {
      "id": "openrouter",
      "baseUrl": "https://openrouter.ai/api/v1",
      "apiKey": "env:OPENROUTER_API_KEY",
      "models": ["openai/gpt-4o-mini", { "id": "spare-model", "enabled": false }],
      "rateLimits": [{ "id": "monthly", "models": ["all"], "requests": 20000, "window": { "unit": "month" } }]
    },
    {
      "id": "anthropic",
      "endpoint": "https://api.anthropic.com",
      "format": "claude",
      "apiKey": "sk-ant-literal-secret",
      "models": ["claude-sonnet-4-5"]
    }
  ],
  "modelAliases": {
    "chat": { "targets": ["openrouter/openai/gpt-4o-mini"] },
    "spare": { "targets": ["anthropic/claude-sonnet-4-5"] }
  }
}
"#;

pub(crate) fn workspace(text: Option<&str>, changes: Vec<Change>) -> Workspace {
    let mut workspace = Workspace::open(Opening {
        path: "~/.llm-router.json".to_owned(),
        who: "test".to_owned(),
        now: Timestamp(1_772_366_700_000),
        environment: [("GATEWAY_KEY".to_owned(), "gw_3vQn8Jx2LrT6bYw9KpZc4HdMfUa7".to_owned())]
            .into(),
        text: text.map(str::to_owned),
        find: Arc::new(|source| match source {
            SecretSource::Literal(secret) => Ok(secret.clone()),
            SecretSource::Environment(name) if name == "GATEWAY_KEY" => {
                Ok(llm_router::config::secret::Secret::new("gw_3vQn8Jx2LrT6bYw9KpZc4HdMfUa7"))
            }
            SecretSource::Environment(name) => Err(format!("{name} is not set")),
            SecretSource::File(path) => Err(format!("there is no file {path}")),
        }),
        recall: Arc::new(move || changes.clone()),
    });
    workspace.entropy = (0..=255).collect();
    workspace.fetch = Some(Arc::new(|request| Box::pin(async move { Ok(provider(&request)) })));
    workspace
}

/// A provider that speaks Chat, lists its models, and has no other path.
fn provider(request: &http::Request<bytes::Bytes>) -> http::Response<bytes::Bytes> {
    let (status, body) = match request.uri().path() {
        path if path.ends_with("/models") => (
            200,
            json!({ "data": [{ "id": "openai/gpt-4o-mini", "context_length": 128_000 }, { "id": "claude-x" }] }),
        ),
        path if path.ends_with("/chat/completions") => {
            let body: Value = serde_json::from_slice(request.body()).expect("JSON");
            if body["model"] == "openai/gpt-4o-mini" {
                (200, json!({ "choices": [{ "message": { "content": "ok" } }] }))
            } else {
                (404, json!({ "error": { "message": "no such model", "code": "model_not_found" } }))
            }
        }
        _ => (404, json!("nothing here")),
    };
    let mut response = http::Response::new(body.to_string().into());
    *response.status_mut() = status.try_into().expect("a status");
    response
}

/// A workspace with one change in its history.
pub(crate) fn usual() -> Workspace {
    let change = Change {
        id: 1,
        at: "2026-03-01T12:00:00Z".to_owned(),
        by: "cli".to_owned(),
        summary: "Made it.".to_owned(),
        diff: String::new(),
        revision_before: llm_router::config::edit::revision(Some("{}\n")),
        revision_after: String::new(),
        undoes: None,
        before: Some("{}\n".to_owned()),
    };
    workspace(Some(CONFIG), vec![change])
}

pub(crate) fn run(
    entry: &Entry,
    arguments: Value,
    workspace: &mut Workspace,
) -> Result<Outcome, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(entry.run(arguments, workspace))
}

/// Runs a command by name on the usual config; its error in words otherwise.
fn call(name: &str, arguments: &Value) -> (Result<Value, CommandError>, Workspace) {
    let mut workspace = usual();
    let entry = commands::find(name).expect(name);
    let outcome = run(entry, arguments.clone(), &mut workspace);
    (outcome.map(|outcome| outcome.json), workspace)
}

/// The command line that says the same as JSON arguments.
fn command_line(entry: &Entry, arguments: &Value) -> Vec<String> {
    let word = |value: &Value| -> String {
        if let Some(model) = value.get("model").and_then(Value::as_str) {
            let weight = value.get("weight").map(|weight| format!("@{weight}"));
            return format!("{model}{}", weight.unwrap_or_default());
        }
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    };
    let mut line = vec![entry.name.to_owned()];
    let command = entry.clap();
    for (name, value) in arguments.as_object().expect("arguments") {
        let argument = command
            .get_arguments()
            .find(|argument| argument.get_id() == name.as_str())
            .expect(name);
        let value = match value.as_array() {
            Some(list) => list.iter().map(word).collect::<Vec<_>>().join(","),
            None => word(value),
        };
        match argument.get_long() {
            None => line.push(value),
            Some(long) if argument.get_action().takes_values() => {
                line.push(format!("--{long}={value}"));
            }
            Some(long) => line.extend((value == "true").then(|| format!("--{long}"))),
        }
    }
    line
}

#[test]
fn every_example_does_the_same_by_command_line_and_by_json() {
    for entry in CATALOG {
        let output = jsonschema::validator_for(&entry.output()).expect("a schema");
        for example in entry.examples {
            let arguments: Value = serde_json::from_str(example).expect(example);
            let mut by_json = usual();
            let json = run(entry, arguments.clone(), &mut by_json).unwrap_or_else(|error| {
                panic!("{} {example}: {error}", entry.name);
            });
            assert!(output.is_valid(&json.json), "{} {example}: {:#}", entry.name, json.json);

            let line = command_line(entry, &arguments);
            let matches = entry.clap().try_get_matches_from(&line).expect("a command line");
            let (read, secret) = entry.arguments(&matches).expect("arguments");
            assert!(secret.is_none());
            let mut by_line = usual();
            let outcome = run(entry, read, &mut by_line).expect("the same");
            assert_eq!(outcome.json, json.json, "{line:?}");
            assert_eq!(by_line.text(), by_json.text(), "{line:?}");

            let dry = arguments["dry_run"] == json!(true);
            if entry.effect == Effect::Read || dry {
                assert_eq!(by_json.text(), Some(CONFIG), "{line:?}");
                assert!(by_json.pending().is_none(), "{line:?}");
            }
            let shown = format!("{} {}", json.json, json.text.render(false));
            assert!(!shown.contains("literal-secret"), "{line:?}: {shown}");
            // What comes from the file is shown as it is; all else fits.
            let text = json.text.render(false);
            let own = text.lines().filter(|line| !line.starts_with("  ") && !line.starts_with("{"));
            let width = own.map(|line| line.chars().count()).max();
            assert!(width <= Some(80), "{line:?}: {text}");
        }
    }
}

#[test]
fn a_dry_run_tells_what_the_real_one_does() {
    for entry in CATALOG.iter().filter(|entry| entry.effect != Effect::Read) {
        for example in entry.examples {
            let mut arguments: Value = serde_json::from_str(example).expect(example);
            arguments["dry_run"] = json!(false);
            let mut real = usual();
            let real_outcome = run(entry, arguments.clone(), &mut real).expect(example).json;
            arguments["dry_run"] = json!(true);
            let mut dry = usual();
            let dry_outcome = run(entry, arguments, &mut dry).expect(example).json;
            for key in ["summary", "changed", "revision", "diff", "routing"] {
                assert_eq!(dry_outcome[key], real_outcome[key], "{} {example}", entry.name);
            }
            assert_eq!(dry.text(), Some(CONFIG));
        }
    }
}

#[test]
fn a_key_itself_is_refused_and_not_repeated() {
    let secret = "sk-live-AbCdEf0123456789";
    for entry in CATALOG.iter().filter(|entry| entry.secret.is_some()) {
        let property = entry.secret.expect("a property");
        let mut arguments = json!({ "provider": "openrouter", property: secret });
        if entry.input()["properties"].get("provider").is_none() {
            arguments = json!({ property: secret });
        }
        let mut workspace = usual();
        let error = run(entry, arguments, &mut workspace).expect_err("refused");
        assert_eq!(error.code, Code::LiteralSecret, "{}", entry.name);
        assert!(!format!("{error} {error:?}").contains("AbCdEf"), "{error}");
        // Nor is a key taken that nobody handed over.
        let mut arguments = json!({ "provider": "openrouter", property: "handed-over" });
        if entry.input()["properties"].get("provider").is_none() {
            arguments = json!({ property: "handed-over" });
        }
        let error = run(entry, arguments, &mut workspace).expect_err("refused");
        assert_eq!(error.code, Code::LiteralSecret, "{}", entry.name);
    }
    let headers = json!({ "provider": "openrouter", "headers": { "X-Api-Key": secret } });
    let (error, _) = call("set-provider", &headers);
    assert_eq!(error.expect_err("refused").code, Code::LiteralSecret);
}

#[test]
fn wrong_arguments_are_all_told_at_once() {
    let arguments = json!({ "alias": 7, "targts": [], "strategy": "rond-robin", "dry_run": "yes" });
    let (error, _) = call("set-alias", &arguments);
    expect_test::expect![[r"
        4 problems in the arguments of set-alias
          /alias: must be a string, not a number
          /targts: `targts` is not an argument; did you mean `targets`?
          /strategy: must be one of auto, ordered, round-robin, weighted-rr, quota-aware-weighted-rr; did you mean `round-robin`?
          /dry_run: must be true or false, not a string
        hint: it takes alias: string, [targets: array], [fallback_targets: array], [strategy: auto|ordered|round-robin|weighted-rr|quota-aware-weighted-rr], [clear_fallback_targets: boolean], [dry_run: boolean], [expected_revision: string]"]]
    .assert_eq(&error.expect_err("refused").to_string());
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is a table")]
fn refusals_say_what_to_do() {
    for (name, arguments, code, told) in [
        (
            "remove-provider",
            json!({ "provider": "openrouter" }),
            Code::InUse,
            "/modelAliases/chat/targets/0: refers to",
        ),
        (
            "remove-provider",
            json!({ "provider": "openroutr" }),
            Code::UnknownProvider,
            "did you mean `openrouter`",
        ),
        (
            "remove-model",
            json!({ "model": "gpt-4o-mini" }),
            Code::UnknownModel,
            "did you mean `openrouter/openai/gpt-4o-mini`",
        ),
        ("remove-alias", json!({ "alias": "chat" }), Code::InUse, "/defaultModel"),
        ("remove-alias", json!({ "alias": "caht" }), Code::UnknownAlias, "did you mean `chat`"),
        ("set-alias", json!({ "alias": "new" }), Code::InvalidArguments, "needs targets"),
        (
            "set-alias",
            json!({ "alias": "a b", "targets": [{ "model": "chat" }] }),
            Code::InvalidArguments,
            "is not an alias id",
        ),
        (
            "set-alias",
            json!({ "alias": "chat", "targets": [{ "model": "openrouter/gpt-4o-mni" }] }),
            Code::InvalidConfig,
            "/modelAliases/chat/targets/0: there is no model",
        ),
        (
            "set-alias",
            json!({ "alias": "chat", "targets": [{ "model": "chat" }] }),
            Code::InvalidConfig,
            "is a cycle: chat -> chat",
        ),
        (
            "set-strategy",
            json!({ "alias": "chat", "strategy": "auto", "weights": { "a/b": 1 } }),
            Code::UnknownModel,
            "target of `chat`",
        ),
        (
            "set-fallbacks",
            json!({ "model": "anthropic/claude-sonnet-4-5", "fallbacks": ["anthropic/claude-sonnet-4-5"] }),
            Code::InvalidArguments,
            "cannot take over for itself",
        ),
        (
            "create-bucket",
            json!({ "provider": "openrouter", "limit": "many" }),
            Code::InvalidArguments,
            "for example 40/minute",
        ),
        (
            "create-bucket",
            json!({ "provider": "openrouter", "limit": "1/day", "models": ["x"] }),
            Code::UnknownModel,
            "there is no model `x`",
        ),
        (
            "remove-bucket",
            json!({ "provider": "openrouter", "bucket": "montly" }),
            Code::UnknownBucket,
            "did you mean `monthly`",
        ),
        (
            "set-default-model",
            json!({ "model": "chta" }),
            Code::InvalidConfig,
            "did you mean `chat`",
        ),
        (
            "set-amp-routing",
            json!({ "mode_map": { "smart": "nothing" } }),
            Code::InvalidConfig,
            "/ampRouting/modeMap/smart",
        ),
        (
            "set-amp-routing",
            json!({ "delete": true, "replace": true }),
            Code::InvalidArguments,
            "whole section",
        ),
        (
            "add-provider",
            json!({ "provider": "mine" }),
            Code::InvalidArguments,
            "/base_url: is missing",
        ),
        (
            "add-provider",
            json!({ "provider": "a/b", "base_url": "https://a.test" }),
            Code::InvalidArguments,
            "is not a provider id",
        ),
        (
            "add-provider",
            json!({ "provider": "x", "base_url": "ftp://a.test" }),
            Code::InvalidConfig,
            "/providers/2/baseUrl",
        ),
        (
            "add-provider",
            json!({ "provider": "OpenRouter", "base_url": "https://a.test" }),
            Code::InvalidConfig,
            "differs from",
        ),
        (
            "add-provider",
            json!({ "provider": "x", "preset": "opnai" }),
            Code::InvalidArguments,
            "did you mean `openai`",
        ),
        (
            "set-gateway-key",
            json!({ "key": "env:NOT_SET", "expected_revision": "000000000000" }),
            Code::Conflict,
            "has revision",
        ),
        ("undo", json!({ "change": 9 }), Code::UnknownChange, "the newest are 1"),
        ("get-config", json!({ "id": "chatt" }), Code::UnknownProvider, "did you mean `chat`"),
    ] {
        let (result, workspace) = call(name, &arguments);
        let error = result.expect_err(name);
        assert_eq!(error.code, code, "{name} {arguments}: {error}");
        assert!(error.to_string().contains(told), "{name} {arguments}: {error}");
        assert_eq!(workspace.text(), Some(CONFIG), "{name} {arguments}");
    }
}

#[test]
fn what_referred_to_the_removed_goes_with_it_if_asked() {
    let (result, workspace) =
        call("remove-model", &json!({ "model": "openrouter/openai/gpt-4o-mini", "cascade": true }));
    let result = result.expect("removed");
    assert_eq!(
        result["removed_references"],
        json!(["/modelAliases/chat/targets/0 (openrouter/openai/gpt-4o-mini)"])
    );
    let text = workspace.text().expect("a text");
    assert!(!text.contains("gpt-4o-mini") && text.contains("\"x-mine\": [1, 2.50]"), "{text}");
    assert!(text.contains("{ \"id\": \"spare-model\", \"enabled\": false }"), "{text}");
}

#[test]
fn a_broken_config_can_be_mended_step_by_step() {
    let broken = CONFIG
        .replace("\"chat\": {", "\"lost\": { \"targets\": [\"no/where\"] },\n    \"chat\": {");
    let mut workspace = workspace(Some(&broken), Vec::new());
    let entry = commands::find("remove-provider").expect("a command");
    // The place of the old error moves; that makes it no new one.
    let arguments = json!({ "provider": "openrouter", "cascade": true });
    let result = run(entry, arguments, &mut workspace).expect("an edit elsewhere").json;
    assert!(result["warnings"].to_string().contains("errors that were there before"), "{result}");
    let entry = commands::find("remove-alias").expect("a command");
    run(entry, json!({ "alias": "lost" }), &mut workspace).expect("mended");
}

#[test]
fn a_text_that_is_no_json_is_left_alone() {
    let mut workspace = workspace(Some("{ broken"), Vec::new());
    let set = commands::find("set-default-model").expect("a command");
    let error = run(set, json!({ "model": "a/b" }), &mut workspace).expect_err("refused");
    assert_eq!(error.code, Code::InvalidConfig);
    let validate = commands::find("validate").expect("a command");
    let outcome = run(validate, json!({}), &mut workspace).expect("a verdict");
    assert!(!outcome.is_good && outcome.json["valid"] == json!(false));
}

#[test]
fn a_new_key_is_strong_and_stays_out_of_the_result() {
    let (result, workspace) = call("set-gateway-key", &json!({}));
    let result = result.expect("a key");
    let pending = workspace.pending().expect("a change");
    let [(path, key)] = pending.keys.as_slice() else { panic!("one key") };
    assert_eq!(result["reference"], json!(format!("file:{path}")));
    assert!(llm_router::config::secret::strength(key.expose()).is_ok());
    let shown = format!("{result} {:?} {}", pending.change, workspace.text().expect("a text"));
    assert!(!shown.contains(key.expose()));
}

/// The usual config in several hands.
fn hands() -> Vec<String> {
    let document: Value = serde_json::from_str(CONFIG).expect("JSON");
    let pretty = serde_json::to_string_pretty(&document).expect("JSON");
    vec![
        CONFIG.to_owned(),
        CONFIG.replace("  ", "\t").trim_end().to_owned(),
        CONFIG.replace('\n', "\r\n"),
        format!("\u{feff}{CONFIG}"),
        document.to_string(),
        pretty,
    ]
}

#[test]
fn every_change_is_taken_back_to_the_byte_in_every_hand() {
    let undo = commands::find("undo").expect("a command");
    for text in hands() {
        for entry in CATALOG.iter().filter(|entry| entry.effect != Effect::Read) {
            for example in entry.examples.iter().filter(|_| entry.name != "undo") {
                let mut arguments: Value = serde_json::from_str(example).expect(example);
                arguments["dry_run"] = json!(false);
                let mut before = workspace(Some(&text), Vec::new());
                run(entry, arguments, &mut before).unwrap_or_else(|error| {
                    panic!("{} {example}: {error}", entry.name);
                });
                let Some(pending) = before.pending() else { continue };
                let written = pending.text.as_deref().expect("a text");
                assert!(written.contains("x-mine"), "{}", entry.name);
                assert_eq!(
                    written.contains('\r'),
                    text.contains('\r'),
                    "{}: {written}",
                    entry.name
                );
                let all_crlf = written.matches('\n').count() == written.matches("\r\n").count();
                assert!(!text.contains('\r') || all_crlf, "{}: {written:?}", entry.name);

                let mut after = workspace(Some(written), vec![pending.change.clone()]);
                run(undo, json!({}), &mut after).expect("taken back");
                assert_eq!(after.text(), Some(text.as_str()), "{} {example}", entry.name);
            }
        }
    }
}

#[test]
fn a_change_that_changes_nothing_writes_nothing() {
    for text in hands() {
        for (name, arguments) in [
            ("set-default-model", json!({ "model": "chat" })),
            ("set-provider", json!({ "provider": "openrouter", "enabled": true })),
            (
                "set-provider",
                json!({ "provider": "anthropic", "base_url": "https://api.anthropic.com" }),
            ),
            ("add-provider", json!({ "provider": "openrouter", "models": ["openai/gpt-4o-mini"] })),
            (
                "set-alias",
                json!({ "alias": "chat", "targets": [{ "model": "openrouter/openai/gpt-4o-mini" }] }),
            ),
            ("set-model", json!({ "model": "openrouter/openai/gpt-4o-mini" })),
            ("set-gateway-key", json!({ "key": "none" })),
            ("set-amp-routing", json!({})),
        ] {
            let mut workspace = workspace(Some(&text), Vec::new());
            let entry = commands::find(name).expect(name);
            let outcome = run(entry, arguments.clone(), &mut workspace).expect(name);
            assert_eq!(outcome.json["changed"], json!(false), "{name} {arguments}");
            assert!(workspace.pending().is_none(), "{name} {arguments}");
        }
    }
}

#[test]
fn no_result_is_too_long_for_a_model_to_read() {
    let models: Vec<String> =
        (0..250).map(|model| format!("some-vendor/some-model-{model}")).collect();
    let providers: Vec<Value> = (0..5)
        .map(|id| json!({ "id": format!("provider-{id}"), "baseUrl": "https://a.test/v1", "models": models }))
        .collect();
    let targets: Vec<String> = models.iter().map(|model| format!("provider-0/{model}")).collect();
    let aliases: Map<String, Value> = (0..60)
        .map(|id| (format!("alias-{id}"), json!({ "targets": targets, "strnge": 1 })))
        .collect();
    let text = format!("{:#}", json!({ "providers": providers, "modelAliases": aliases }));
    for (name, arguments) in [
        ("list", json!({})),
        ("list", json!({ "limit": 200, "kind": "alias" })),
        ("get-config", json!({})),
        ("get-config", json!({ "section": "aliases" })),
        ("get-config", json!({ "id": "provider-1" })),
        ("get-config", json!({ "id": "alias-1" })),
        ("validate", json!({})),
        ("remove-provider", json!({ "provider": "provider-0", "cascade": true })),
        (
            "remove-model",
            json!({ "model": "provider-0/some-vendor/some-model-7", "cascade": true }),
        ),
        ("migrate-config", json!({})),
        ("test-route", json!({ "model": "alias-1" })),
        ("test-provider", json!({ "provider": "provider-1" })),
        ("discover-models", json!({ "provider": "provider-1", "limit": 1000 })),
        ("client-config", json!({ "client": "opencode" })),
    ] {
        let mut workspace = workspace(Some(&text), Vec::new());
        let entry = commands::find(name).expect(name);
        let outcome = run(entry, arguments.clone(), &mut workspace).expect(name);
        let length = outcome.json.to_string().len();
        assert!(length < 8000, "{name} {arguments}: {length}");
    }
    // And the pages of a list hold all of it.
    let (mut cursor, mut seen) = (json!(null), 0);
    let list = commands::find("list").expect("list");
    let mut workspace = workspace(Some(&text), Vec::new());
    loop {
        let mut arguments = json!({});
        if cursor.is_string() {
            arguments["cursor"] = cursor;
        }
        let page = run(list, arguments, &mut workspace).expect("a page").json;
        seen += page["items"].as_array().expect("items").len();
        cursor = page["next_cursor"].clone();
        if !cursor.is_string() {
            assert_eq!(page["total"], json!(seen));
            break;
        }
    }
}
