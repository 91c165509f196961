//! A config of a hundred providers with twenty models each, and a gateway that runs with it: every
//! result is short, and every list can be gone through.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::{Value, json};

use super::{client::Client, gateway};

const PROVIDERS: usize = 100;
const MODELS: usize = 20;

fn target(provider: usize, model: usize) -> String {
    format!("provider-{provider:03}/vendor/quite-a-long-name-of-a-model-{model:02}-instruct")
}

fn write_config(home: &Path) {
    let providers: Vec<Value> = (0..PROVIDERS)
        .map(|provider| {
            let models: Vec<Value> = (0..MODELS)
                .map(|model| {
                    let name = target(provider, model);
                    let (_, id) = name.split_once('/').expect("a name");
                    json!({ "id": id, "contextWindow": 128_000 })
                })
                .collect();
            json!({
                "id": format!("provider-{provider:03}"), "baseUrl": "http://127.0.0.1:1/v1",
                "apiKey": format!("env:KEY_{provider}"), "formats": ["openai"], "models": models,
                "rateLimits": [{ "id": "minute", "models": ["all"], "requests": 40,
                    "window": { "unit": "minute", "size": 1 } }],
            })
        })
        .collect();
    let all: Vec<String> =
        (0..PROVIDERS * MODELS).map(|n| target(n / MODELS, n % MODELS)).collect();
    let mut aliases = json!({ "everything": { "strategy": "weighted-rr", "targets": all } });
    for model in 0..4 {
        let targets: Vec<String> = (0..PROVIDERS).map(|provider| target(provider, model)).collect();
        aliases[format!("alias-{model:02}")] =
            json!({ "targets": targets, "fallbackTargets": &all[..50] });
    }
    let config = json!({ "version": 2, "providers": providers, "modelAliases": aliases,
        "defaultModel": "everything" });
    fs::write(home.join(".llm-router.json"), format!("{config:#}")).expect("a config");
}

/// Goes through all pages of a list.
fn pages(client: &mut Client, tool: &str, arguments: &Value, list: &str) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), None);
    loop {
        let mut arguments = arguments.clone();
        if let Some(cursor) = &cursor {
            arguments["cursor"] = json!(cursor);
        }
        let page = client.done(tool, &arguments);
        assert!(page.to_string().len() <= 8000, "{tool} {arguments}");
        let entries = page.pointer(list).and_then(Value::as_array).expect(list);
        assert!(!entries.is_empty(), "{tool} {arguments}: {page}");
        all.extend(entries.iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => return all,
        }
    }
}

fn names(entries: &[Value], key: &str) -> BTreeSet<String> {
    let names = entries.iter().map(|entry| entry[key].as_str().expect(key).to_owned());
    let set: BTreeSet<String> = names.collect();
    assert_eq!(set.len(), entries.len(), "an entry is there twice");
    set
}

#[test]
fn a_large_setup_is_told_in_short_results_and_whole_pages() {
    let home = tempfile::tempdir().expect("a folder");
    write_config(home.path());
    let running = gateway::gateway(home.path());
    let mut client = Client::start(home.path(), &[]);
    for (tool, arguments) in [
        ("status", json!({})),
        ("status", json!({ "limit": 3 })),
        ("status", json!({ "section": "aliases" })),
        ("explain", json!({ "model": "everything" })),
        ("explain", json!({ "model": "alias-03", "limit": 2 })),
        ("test_route", json!({ "model": "everything" })),
        // Every target lacks its key, so all of them are tried and the trace is long.
        ("test_route", json!({ "model": "alias-03", "live": true })),
        ("get_config", json!({})),
        ("get_config", json!({ "section": "providers" })),
        ("get_config", json!({ "id": "everything" })),
        ("get_config", json!({ "id": "provider-007" })),
        ("list", json!({})),
        ("list", json!({ "kind": "alias", "limit": 200 })),
        ("validate", json!({})),
        ("client_config", json!({ "client": "opencode" })),
        (
            "remove_provider",
            json!({ "provider": "provider-001", "cascade": true, "dry_run": true }),
        ),
        ("set_alias", json!({ "alias": "everything", "strategy": "auto", "dry_run": true })),
    ] {
        let told = client.done(tool, &arguments);
        let size = told.to_string().len();
        assert!(size <= 8000, "{tool} {arguments}: {size} bytes");
    }
    let status = client.done("status", &json!({}));
    assert_eq!(status["totals"]["providers"], PROVIDERS, "{status:#}");
    assert_eq!(status["totals"]["buckets"], PROVIDERS);
    let told = client.refused("remove_provider", &json!({ "provider": "provider-001" }));
    assert!(
        told.len() <= 8000 && told.contains("more places") && told.contains("hint: "),
        "{told}"
    );

    let providers = pages(&mut client, "status", &json!({ "section": "providers" }), "/providers");
    assert_eq!(names(&providers, "id").len(), PROVIDERS);
    let short = json!({ "section": "buckets", "limit": 7 });
    assert_eq!(names(&pages(&mut client, "status", &short, "/buckets"), "name").len(), PROVIDERS);
    let alias = json!({ "model": "alias-03" });
    let candidates = pages(&mut client, "explain", &alias, "/decision/candidates");
    let mut known: BTreeSet<String> = (0..PROVIDERS).map(|provider| target(provider, 3)).collect();
    known.extend((0..50).map(|n| target(n / MODELS, n % MODELS)));
    assert_eq!(names(&candidates, "target"), known);
    // The last of very many.
    let end = json!({ "model": "everything", "cursor": "1995" });
    assert_eq!(pages(&mut client, "explain", &end, "/decision/candidates").len(), 5);
    let told = client.refused("explain", &json!({ "model": "everything", "cursor": "x" }));
    assert!(told.contains("the cursor is none of this list"), "{told}");
    gateway::stop(running);
}
