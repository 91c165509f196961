//! Every tool of the catalog with arguments that are right, missing, of a wrong type, too many, or
//! meant to do harm.

use std::{fs, path::Path};

use llm_router::commands::{CATALOG, Effect, Entry};
use serde_json::{Map, Value, json};

use super::client::Client;
use crate::commands::CONFIG;

/// The usual config with a change in its history.
fn prepare(home: &Path) {
    let path = home.join(".llm-router.json");
    fs::write(&path, "{}\n").expect("a config");
    let provider = json!({ "provider": "first", "base_url": "https://a.test/v1" });
    Client::start(home, &[]).done("add_provider", &provider);
    fs::write(&path, CONFIG).expect("a config");
}

/// A server on a home that is new.
fn fresh() -> (tempfile::TempDir, Client) {
    let home = tempfile::tempdir().expect("a folder");
    prepare(home.path());
    let client = Client::start(home.path(), &[]);
    (home, client)
}

fn examples(entry: &Entry) -> impl Iterator<Item = Value> {
    entry.examples.iter().map(|text| serde_json::from_str(text).expect(text))
}

fn properties(entry: &Entry) -> Map<String, Value> {
    entry.input()["properties"].as_object().expect("properties").clone()
}

/// The arguments of an example, with one of them replaced.
fn with(entry: &Entry, name: &str, value: &Value) -> Value {
    let mut arguments = examples(entry).next().expect("an example");
    arguments[name] = value.clone();
    arguments
}

#[test]
fn right_arguments_give_results_that_fit_the_schema_and_a_model() {
    for entry in CATALOG {
        let schema = jsonschema::validator_for(&entry.output()).expect("a schema");
        for arguments in examples(entry) {
            let (_home, mut client) = fresh();
            let result = client.call(&entry.tool_name(), &arguments);
            let text = result["content"][0]["text"].as_str().expect("a text");
            assert!(text.len() <= 8100, "{} {arguments}: {} bytes", entry.name, text.len());
            assert!(!text.contains("literal-secret"), "{} {arguments}: {text}", entry.name);
            if result["isError"] == true {
                // What asks the network may find nobody there.
                assert!(entry.asks(), "{} {arguments}: {text}", entry.name);
                assert!(result.get("structuredContent").is_none(), "{result}");
                continue;
            }
            let structured = &result["structuredContent"];
            let same: Value = serde_json::from_str(text).expect("JSON");
            assert_eq!(&same, structured, "{}", entry.name);
            assert!(schema.is_valid(structured), "{} {arguments}: {structured:#}", entry.name);
        }
    }
}

#[test]
fn what_is_missing_is_named() {
    let (_home, mut client) = fresh();
    for entry in CATALOG {
        for name in entry.input()["required"].as_array().into_iter().flatten() {
            let name = name.as_str().expect("a name");
            let mut arguments = examples(entry).next().expect("an example");
            arguments.as_object_mut().expect("arguments").remove(name);
            let text = client.refused(&entry.tool_name(), &arguments);
            assert!(text.starts_with("error invalid_arguments: "), "{text}");
            assert!(text.contains(&format!("/{name}: is missing")), "{}: {text}", entry.name);
        }
    }
}

#[test]
fn wrong_types_and_unknown_names_are_told_all_at_once() {
    let (home, mut client) = fresh();
    let path = home.path().join(".llm-router.json");
    for entry in CATALOG {
        let mut all = json!({ "zz_unknown": 1 });
        for (name, property) in properties(entry) {
            let wrong = match property["type"].as_str().unwrap_or_default() {
                "string" => json!([1]),
                _ => json!("\u{1F600}"),
            };
            all[&name] = wrong.clone();
            for value in [wrong, Value::Null] {
                let text = client.refused(&entry.tool_name(), &with(entry, &name, &value));
                assert!(text.contains(&format!("/{name}")), "{} {name}: {text}", entry.name);
            }
        }
        let text = client.refused(&entry.tool_name(), &all);
        for name in properties(entry).keys() {
            assert!(text.contains(&format!("\n  /{name}: ")), "{} {name}: {text}", entry.name);
        }
        assert!(text.contains("`zz_unknown` is not an argument"), "{text}");
        assert_eq!(fs::read_to_string(&path).expect("a config"), CONFIG, "{}", entry.name);
    }
}

#[test]
fn arguments_that_mean_harm_do_none() {
    let long = "x".repeat(100_000);
    let hostile = [
        "",
        " ",
        "../../../etc/passwd",
        "/etc/passwd",
        "\u{0}",
        "a\nb",
        "\u{1b}[2J",
        "${HOME}",
        "$(touch owned)",
        "'; DROP TABLE x; --",
        "__proto__",
        "constructor",
        "\u{202e}abc",
        "a/b/c/d",
        "-1",
        "true",
        "{}",
        "*",
        "?",
        "%2e%2e%2f",
        "\u{1F600}",
        "smart",
        "demo",
        long.as_str(),
    ];
    let entries: Vec<&Entry> = CATALOG.iter().filter(|entry| !entry.asks()).collect();
    // What costs is the disk: a few homes at once.
    std::thread::scope(|scope| {
        for part in entries.chunks(entries.len().div_ceil(6)) {
            scope.spawn(|| harm(part, &hostile));
        }
    });
}

fn harm(entries: &[&Entry], hostile: &[&str]) {
    let (home, mut client) = fresh();
    let path = home.path().join(".llm-router.json");
    for entry in entries {
        for (name, property) in properties(entry) {
            let texts = hostile.iter().map(|text| match property["type"].as_str() {
                Some("array") => json!([text]),
                Some("object") => json!({ *text: text }),
                Some(_) | None => json!(text),
            });
            let numbers = [json!(-1), json!(u64::MAX), json!(1e300)];
            for (turn, value) in texts.chain(numbers).enumerate() {
                let mut arguments = with(entry, &name, &value);
                // Most are only tried: a disk takes its time.
                if turn % 4 != 0 && entry.effect != Effect::Read && name != "dry_run" {
                    arguments["dry_run"] = json!(true);
                }
                let result = client.call(&entry.tool_name(), &arguments);
                let text = result["content"][0]["text"].as_str().expect("a text");
                assert!(text.len() <= 8100, "{} {name}: {} bytes", entry.name, text.len());
                let config = fs::read_to_string(&path).unwrap_or_else(|_| "{}".to_owned());
                let read: Result<Value, _> = serde_json::from_str(&config);
                assert!(read.is_ok(), "{} {name} {value}: {config}", entry.name);
                if config != CONFIG {
                    fs::write(&path, CONFIG).expect("a config");
                }
            }
        }
    }
    assert!(!home.path().join("owned").exists());
    let beside: Vec<String> = fs::read_dir(home.path())
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with(".llm-router"))
        .collect();
    assert_eq!(beside, Vec::<String>::new());
}

#[test]
fn a_key_itself_is_refused_and_repeated_nowhere() {
    let secret = "sk-live-AbCdEf0123456789";
    let (home, mut client) = fresh();
    for entry in CATALOG {
        let Some(property) = entry.secret else { continue };
        let text = client.refused(&entry.tool_name(), &with(entry, property, &json!(secret)));
        assert!(text.starts_with("error literal_secret: "), "{text}");
        assert!(text.contains("env:NAME") && !text.contains("AbCdEf"), "{text}");
    }
    let headers = json!({ "provider": "openrouter", "headers": { "X-Api-Key": secret } });
    let text = client.refused("set_provider", &headers);
    assert!(text.starts_with("error literal_secret: ") && !text.contains("AbCdEf"), "{text}");
    // A key that is made is in a file, and in no result.
    let made = client.done("set_gateway_key", &json!({}));
    let folder = home.path().join(".llm-router.keys");
    for entry in fs::read_dir(folder).expect("a folder for keys") {
        let key = fs::read_to_string(entry.expect("an entry").path()).expect("a key");
        assert!(key.len() >= 20 && !made.to_string().contains(key.trim()), "{made}");
    }
    // Nor are they in anything that is kept or shown.
    for (tool, arguments) in [
        ("history", json!({ "limit": 50 })),
        ("history", json!({ "change": 2 })),
        ("get_config", json!({ "full": true })),
    ] {
        let shown = client.done(tool, &arguments).to_string();
        assert!(!shown.contains("AbCdEf") && !shown.contains("literal-secret"), "{shown}");
    }
}

#[test]
fn a_server_that_only_reads_offers_and_does_nothing_else() {
    let home = tempfile::tempdir().expect("a folder");
    prepare(home.path());
    let mut client = Client::start(home.path(), &["--read-only"]);
    let list = client.ask("tools/list", &json!({}));
    let names: Vec<&str> = list["result"]["tools"]
        .as_array()
        .expect("tools")
        .iter()
        .filter_map(|tool| tool["name"].as_str())
        .collect();
    for entry in CATALOG {
        let is_read = entry.effect == Effect::Read;
        assert_eq!(names.contains(&entry.tool_name().as_str()), is_read, "{}", entry.name);
        if !is_read {
            let example = examples(entry).next().expect("an example");
            let text = client.refused(&entry.tool_name(), &example);
            assert!(text.starts_with("error read_only: "), "{text}");
        }
    }
    let path = home.path().join(".llm-router.json");
    assert_eq!(fs::read_to_string(path).expect("a config"), CONFIG);
}

#[test]
fn a_long_config_is_given_in_parts() {
    let home = tempfile::tempdir().expect("a folder");
    let models: Vec<String> = (0..3000).map(|n| format!("family/model-number-{n}")).collect();
    let config =
        json!({ "providers": [{ "id": "big", "baseUrl": "https://a.test/v1", "models": models }] });
    fs::write(home.path().join(".llm-router.json"), config.to_string()).expect("a config");
    let mut client = Client::start(home.path(), &[]);
    assert_eq!(client.done("get_config", &json!({}))["shortened"], true);
    let text = client.refused("get_config", &json!({ "full": true }));
    assert!(text.starts_with("error too_long: ") && text.contains("no `full`"), "{text}");
    let (mut seen, mut cursor) = (0, None);
    loop {
        let mut arguments = json!({ "kind": "model", "limit": 200 });
        if let Some(cursor) = &cursor {
            arguments["cursor"] = json!(cursor);
        }
        let page = client.done("list", &arguments);
        assert!(page.to_string().len() <= 8000);
        seen += page["items"].as_array().expect("items").len();
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, 3000);
    // A change is told, however much it changes.
    let removed = client.done("remove_provider", &json!({ "provider": "big", "cascade": true }));
    assert_eq!(removed["changed"], true);
}
