//! The MCP server: the real binary over stdin and stdout.

mod client;
mod ends;
mod every_tool;
mod gateway;
mod pages;
mod words;

use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path, time::Duration};

use expect_test::ExpectFile;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{cli::steady, commands::CONFIG};
use client::{Client, command};

/// What is kept of a line in a session; the rest is looked at elsewhere.
const LONGEST: usize = 700;
const SOON: Duration = Duration::from_secs(4);

/// Plays a session: `$` starts a server, `>` sends a line and reads one, `>>` sends a line to which
/// there is no answer. At the end stdin is closed; nothing more may come, and the server ends well.
fn check(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mcp").join(format!("{name}.txt"));
    let session = fs::read_to_string(&path).expect("a session");
    let home = tempfile::tempdir().expect("a folder");
    let mut said = String::new();
    let mut client: Option<Client> = None;
    let end = |client: Option<Client>, said: &mut String| {
        let Some(mut client) = client else { return };
        client.close();
        let (status, lines, errors) = client.end(SOON);
        for line in lines {
            writeln!(said, "< {line}").expect("text");
        }
        for line in errors {
            writeln!(said, "! {line}").expect("text");
        }
        assert!(status.success(), "{status}");
    };
    for line in session.lines() {
        if let Some(command_line) = line.strip_prefix("$ llm-router mcp") {
            end(client.take(), &mut said);
            let arguments: Vec<&str> = command_line.split_whitespace().collect();
            client = Some(Client::spawn(command(home.path(), &arguments)));
            let gap = if said.is_empty() { "" } else { "\n" };
            writeln!(said, "{gap}{line}").expect("text");
        } else if let Some(sent) = line.strip_prefix(">> ") {
            client.as_mut().expect("a server").send(sent);
            writeln!(said, "{line}").expect("text");
        } else if let Some(sent) = line.strip_prefix("> ") {
            let client = client.as_mut().expect("a server");
            client.send(sent);
            let folder = home.path().canonicalize().expect("a folder").display().to_string();
            let answer = steady(&client.line().replace(&folder, "/home/me"));
            let kept: String = answer.chars().take(LONGEST).collect();
            let more = if kept.len() < answer.len() { " ..." } else { "" };
            writeln!(said, "{line}\n< {kept}{more}").expect("text");
        } else if line.starts_with('#') {
            end(client.take(), &mut said);
            let gap = if said.is_empty() { "" } else { "\n" };
            writeln!(said, "{gap}{line}").expect("text");
        }
    }
    end(client.take(), &mut said);
    ExpectFile { path, position: file!() }.assert_eq(&said);
}

#[test]
fn every_revision_is_spoken() {
    check("revisions");
}

#[test]
fn a_slip_of_the_pen_is_answered_and_ends_nothing() {
    check("malformed");
}

#[test]
fn an_agent_sets_up_and_takes_back() {
    check("story");
}

#[test]
fn a_server_that_only_reads_says_so() {
    check("read-only");
}

#[test]
fn resources_are_read_and_templates_filled() {
    check("resources");
}

#[test]
fn prompts_and_completions_fit_the_config() {
    check("prompts");
}

/// The tools in one line each; their schemas are those of `schemas/commands.json`.
#[test]
fn the_list_of_tools_is_the_catalog() {
    let home = tempfile::tempdir().expect("a folder");
    let answer = Client::start(home.path(), &[]).ask("tools/list", &json!({}));
    // Some clients put all of it before a model, each time.
    let size = answer.to_string().len();
    assert!(size <= 30_000, "{size} bytes");
    let tools = answer["result"]["tools"].as_array().expect("tools");
    let catalog = llm_router::mcp::tools::offered(false);
    let unlisted = llm_router::mcp::speech::INSTEAD.len();
    assert_eq!(tools.len() + unlisted, llm_router::commands::CATALOG.len());
    for (tool, entry) in tools.iter().zip(catalog) {
        let name = tool["name"].as_str().expect("a name");
        assert_eq!(name, entry.tool_name());
        // Claude Code writes `mcp__llm-router__` before it, and takes 64 letters in all.
        assert!(name.len() <= 47, "{name}");
        is_the_same_but_lean(&tool["inputSchema"], &entry.input());
        let output = llm_router::mcp::lean::output(&entry.output());
        assert_eq!(tool["outputSchema"], output, "{name}");
        assert!(output["properties"].as_object().is_some_and(|all| !all.is_empty()), "{output}");
        let hints = tool["annotations"].as_object().expect(name);
        let named: BTreeSet<&str> = hints.keys().map(String::as_str).collect();
        let wanted = ["destructiveHint", "idempotentHint", "openWorldHint", "readOnlyHint"];
        assert_eq!(named, wanted.into(), "{name}");
        assert!(hints.values().all(Value::is_boolean), "{name}");
        let is_read = entry.effect == llm_router::commands::Effect::Read;
        assert_eq!(tool["annotations"]["readOnlyHint"], is_read, "{name}");
        let is_destroy = entry.effect == llm_router::commands::Effect::Destroy;
        assert_eq!(tool["annotations"]["destructiveHint"], is_destroy, "{name}");
        let description = tool["description"].as_str().expect(name);
        assert!((10..=2000).contains(&description.len()), "{name}: {description}");
        let at_once = ["get_config", "test_route"].contains(&name);
        assert_eq!(tool["_meta"]["anthropic/alwaysLoad"] == true, at_once, "{name}");
    }
}

/// The arguments of a tool are those of the catalog, word by word, but for what goes without saying.
fn is_the_same_but_lean(lean: &Value, whole: &Value) {
    for key in ["type", "required", "additionalProperties"] {
        assert_eq!(lean[key], whole[key], "{lean}");
    }
    let (lean, whole) = (&lean["properties"], &whole["properties"]);
    let names = |properties: &Value| -> Vec<String> {
        properties.as_object().expect("properties").keys().cloned().collect()
    };
    assert_eq!(names(lean), names(whole));
    for name in names(whole) {
        let (lean, whole) = (&lean[&name], &whole[&name]);
        for key in ["type", "enum", "pattern", "minimum", "maximum"] {
            assert_eq!(lean[key], whole[key], "{name}");
            assert_eq!(lean["items"][key], whole["items"][key], "{name}");
        }
        let words = whole["description"].as_str().expect(&name).replace(" (can be repeated)", "");
        assert_eq!(lean["description"], words.as_str(), "{name}");
        let inner = &lean["items"]["properties"];
        for (inner, property) in inner.as_object().into_iter().flatten() {
            assert!(property["description"].is_string(), "{name}/{inner}");
        }
    }
}

#[test]
fn two_hundred_calls_at_once_are_answered_and_nothing_is_lost() {
    let home = tempfile::tempdir().expect("a folder");
    fs::write(home.path().join(".llm-router.json"), CONFIG).expect("a config");
    let mut client = Client::start(home.path(), &[]);
    let mut open = BTreeSet::new();
    for number in 0..200 {
        let params = match number % 4 {
            0 => {
                json!({ "name": "add_model", "arguments": { "model": format!("openrouter/m-{number}") } })
            }
            1 => json!({ "name": "get_config" }),
            2 => json!({ "name": "list", "arguments": { "limit": 5 } }),
            _ => json!({ "name": "set_alias", "arguments": { "alias": 7 } }),
        };
        open.insert(client.begin("tools/call", &params));
    }
    let mut undo = BTreeSet::new();
    while !open.is_empty() {
        let answer = client.message();
        assert!(open.remove(&answer["id"].as_u64().expect("an id")), "{answer}");
        let result = &answer["result"];
        if let Some(id) = result["structuredContent"]["undo"].as_u64() {
            assert!(undo.insert(id), "two changes with one id");
        }
    }
    assert_eq!(undo.len(), 50);
    let list =
        client.done("list", &json!({ "kind": "model", "query": "openrouter/m-", "limit": 1 }));
    assert_eq!(list["total"], 50);
}

#[test]
fn a_change_is_signed_with_the_name_of_the_client() {
    let home = tempfile::tempdir().expect("a folder");
    for (name, signed) in [
        ("claude-code", "claude-code"),
        ("cli", "mcp client cli"),
        ("", "mcp client"),
        ("a\u{1b}[31mb\n", "a[31mb"),
    ] {
        let mut client = Client::spawn(command(home.path(), &[]));
        // The newest revision has no greeting: each request says who asks.
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": { "name": name, "version": "1" },
        });
        let model =
            json!({ "provider": format!("p{}", name.len()), "base_url": "https://a.test/v1" });
        let params = json!({ "name": "add_provider", "arguments": model, "_meta": meta });
        let answer = client.ask("tools/call", &params);
        assert_eq!(answer["result"]["structuredContent"]["changed"], true, "{answer}");
        let answer = client.ask("tools/call", &json!({ "name": "history", "_meta": meta }));
        let by = &answer["result"]["structuredContent"]["changes"][0]["by"];
        assert_eq!(by, signed, "{name}");
    }
}

#[test]
fn subscribers_of_every_revision_hear_of_edits() {
    let home = tempfile::tempdir().expect("a folder");
    let path = home.path().join(".llm-router.json");
    fs::write(&path, CONFIG).expect("a config");
    let uri = "llm-router://config";

    let mut old = Client::start(home.path(), &[]);
    let answer = old.ask("resources/subscribe", &json!({ "uri": uri }));
    assert_eq!(answer["result"], json!({}), "{answer}");
    let answer = old.ask("resources/subscribe", &json!({ "uri": "llm-router://status" }));
    assert_eq!(answer["error"]["code"], -32602, "{answer}");

    let mut new = Client::spawn(command(home.path(), &[]));
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let wanted =
        json!({ "resourceSubscriptions": [uri, "llm-router://guide"], "toolsListChanged": true });
    let listen =
        new.begin("subscriptions/listen", &json!({ "notifications": wanted, "_meta": meta }));
    let answer = new.message();
    assert_eq!(answer["method"], "notifications/subscriptions/acknowledged", "{answer}");
    assert_eq!(answer["params"]["notifications"], json!({ "resourceSubscriptions": [uri] }));

    fs::write(&path, CONFIG.replace("\"chat\"", "\"talk\"")).expect("an edit");
    for client in [&old, &new] {
        let update = client.message();
        assert_eq!(update["method"], "notifications/resources/updated", "{update}");
        assert_eq!(update["params"]["uri"], uri, "{update}");
    }
    old.ask("resources/unsubscribe", &json!({ "uri": uri }));
    let cancel = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": listen } });
    new.send(&cancel.to_string());
    // Nothing is told any more: the next line is the answer to the next question.
    fs::write(&path, CONFIG).expect("an edit");
    let text = new.ask("resources/read", &json!({ "uri": uri, "_meta": meta })).to_string();
    assert!(text.contains("openrouter"), "{text}");
    let text = old
        .ask("resources/read", &json!({ "uri": "llm-router://providers/openrouter" }))
        .to_string();
    assert!(text.contains("openrouter.ai"), "{text}");
}

/// Calls that change the usual config, each once.
fn changes() -> Vec<(&'static str, Value)> {
    vec![
        (
            "add_provider",
            json!({ "provider": "mine", "base_url": "https://a.test/v1", "models": ["m"] }),
        ),
        ("add_model", json!({ "model": "openrouter/new", "context_window": 1000 })),
        ("set_alias", json!({ "alias": "team", "targets": [{ "model": "chat" }] })),
        ("set_strategy", json!({ "alias": "chat", "strategy": "ordered" })),
        ("create_bucket", json!({ "provider": "openrouter", "limit": "40/minute" })),
        ("set_amp_routing", json!({ "mode_map": { "smart": "chat" } })),
        ("set_default_model", json!({ "model": "spare" })),
        ("remove_alias", json!({ "alias": "spare", "cascade": true })),
        ("remove_provider", json!({ "provider": "anthropic", "cascade": true })),
        ("remove_bucket", json!({ "provider": "openrouter", "bucket": "monthly" })),
        ("migrate_config", json!({})),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn what_is_changed_and_undone_is_as_it_was_to_the_byte(
        order in proptest::collection::vec(0..11_usize, 1..7),
        tail in "[ \n\t]{0,3}",
    ) {
        let home = tempfile::tempdir().expect("a folder");
        let path = home.path().join(".llm-router.json");
        fs::write(&path, format!("{CONFIG}{tail}")).expect("a config");
        let mut client = Client::start(home.path(), &[]);
        let calls = changes();
        let read = || fs::read(&path).expect("a config");
        let mut versions = vec![read()];
        for index in order {
            let (tool, arguments) = &calls[index];
            // Refused is what came before already: then nothing has changed.
            let result = client.call(tool, arguments);
            let changed = result["structuredContent"]["changed"] == true;
            prop_assert_eq!(changed, versions.last() != Some(&read()));
            if changed {
                versions.push(read());
            }
        }
        while versions.pop().is_some() {
            if let Some(before) = versions.last() {
                client.done("undo", &json!({}));
                prop_assert_eq!(&read(), before);
            }
        }
    }
}
