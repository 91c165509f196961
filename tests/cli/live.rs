//! Sessions with a running gateway and a provider that does exactly what is said here.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

use super::World;
use crate::support::{Act, Seen, Upstream, answer, end, reply, stream};

/// A provider with two formats that knows three models: `good`, `busy` and `weak`. It wants its key
/// as a bearer in both formats.
fn script(seen: &Seen) -> Vec<Act> {
    let line = seen.head.lines().next().unwrap_or_default().to_owned();
    if !seen.head.contains("authorization: bearer up-very-secret") {
        let body = if line.contains("/v1/messages") {
            r#"{"type":"error","error":{"type":"authentication_error","message":"no bearer"}}"#
        } else {
            r#"{"error":{"message":"no bearer","type":"invalid_request_error"}}"#
        };
        return reply(401, body);
    }
    if line.starts_with("get /v1/models") {
        let models = json!({ "data": [
            { "id": "good", "context_length": 100_000 }, { "id": "busy" }, { "id": "weak" },
        ] });
        return reply(200, &models.to_string());
    }
    if line.contains("/v1/chat/completions") {
        return chat(seen);
    }
    if line.contains("/v1/messages") {
        return match seen.model().as_str() {
            "good" => reply(
                200,
                &json!({ "id": "m", "type": "message", "role": "assistant", "model": "good",
                    "content": [{ "type": "text", "text": "ok" }], "stop_reason": "end_turn",
                    "usage": { "input_tokens": 9, "output_tokens": 1 } })
                .to_string(),
            ),
            model => reply(
                404,
                &json!({ "type": "error", "error": { "type": "not_found_error", "message": format!("model: {model}") } })
                    .to_string(),
            ),
        };
    }
    reply(404, r#"{"error":{"message":"Invalid URL","type":"invalid_request_error"}}"#)
}

fn chat(seen: &Seen) -> Vec<Act> {
    let body: Value = serde_json::from_slice(&seen.body).unwrap_or_default();
    match seen.model().as_str() {
        "good" if body["stream"] == true => end(stream(&[
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ok\"}}]}\n\n",
            "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
        ])),
        "good" => reply(
            200,
            r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}]}"#,
        ),
        // Some repeat the key that they do not like.
        "leak" => reply(400, r#"{"error":{"message":"up-very-secret may not use leak"}}"#),
        "busy" => answer(
            429,
            "content-type: application/json\r\nretry-after: 600\r\n",
            r#"{"error":{"message":"too many requests","type":"rate_limit_error"}}"#,
        ),
        model => reply(
            404,
            &json!({ "error": { "message": format!("there is no model {model}"), "code": "model_not_found" } })
                .to_string(),
        ),
    }
}

/// A `systemctl` that only writes down how it was called.
#[cfg(unix)]
fn put_systemctl(home: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    let folder = home.join("bin");
    fs::create_dir(&folder).expect("a folder");
    let path = folder.join("systemctl");
    let script = format!("#!/bin/sh\necho \"systemctl $*\" >> {}/calls\n", home.display());
    fs::write(&path, script).expect("a script");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
}

#[cfg(target_os = "linux")]
#[test]
fn the_gateway_is_run_at_login_and_looks_when_told() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let upstream = runtime.block_on(Upstream::start(script));
    let mut world = World::new();
    put_systemctl(world.home.path());
    world.names.push(("UPSTREAM".to_owned(), upstream.address.to_string()));
    world.check("service");
}

/// Plays a session in a world where that provider is at `UPSTREAM`.
fn check_live(name: &str) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let upstream = runtime.block_on(Upstream::start(script));
    let mut world = World::new();
    world.names.push(("UPSTREAM".to_owned(), upstream.address.to_string()));
    world.check(name);
}

/// Does what `ai-help` says next, and nothing else; words in capitals are filled in by a person who
/// has one provider and does not want another.
#[test]
fn an_agent_that_follows_the_brief_comes_to_ready() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let upstream = runtime.block_on(Upstream::start(script));
    let url = format!("http://{}/v1", upstream.address);
    let schema = fs::read_to_string("schemas/ai-help.json").expect("a schema");
    let schema: Value = serde_json::from_str(&schema).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let mut world = World::new();
    let mut done: Vec<String> = Vec::new();
    loop {
        assert!(done.len() < 10, "it leads nowhere: {done:#?}");
        let brief: Value =
            serde_json::from_str(&world.run("llm-router ai-help --json")).expect("a document");
        assert!(validator.is_valid(&brief), "{brief:#}");
        if brief["ready"] == true {
            break;
        }
        assert!(upstream.seen().is_empty() || !done.is_empty(), "the brief itself asks nobody");
        let next = brief["next"].as_array().expect("steps").iter();
        let wanted = next
            .filter_map(|step| step["command"].as_str())
            .find(|command| !command.contains("openrouter"))
            .expect("a next step");
        let command =
            wanted.replace("PROVIDER", "up").replace("URL", &url).replace("NAME", "PROVIDER_KEY");
        if command == "llm-router start" {
            world.start(&["start"]);
        } else {
            let said = world.run(&command);
            assert!(!said.contains("[exit"), "{command}: {said}");
        }
        done.push(command);
    }
    let names: Vec<&str> = done.iter().filter_map(|command| command.split(' ').nth(1)).collect();
    assert_eq!(names, ["add-provider", "set-alias", "start", "test-route"]);
    let brief: Value =
        serde_json::from_str(&world.run("llm-router ai-help --json")).expect("a document");
    let gate = brief["gates"].as_array().expect("gates").iter();
    let open: Vec<&str> = gate
        .filter(|gate| gate["open"] == true)
        .filter_map(|gate| gate["client"].as_str())
        .collect();
    assert_eq!(
        open,
        [
            "claude-code",
            "codex",
            "gemini-cli",
            "opencode",
            "amp",
            "droid",
            "aider",
            "openai-sdk",
            "anthropic-sdk"
        ]
    );
}

/// A provider that does not answer keeps nobody from the config, and people see what they wait for.
#[test]
fn a_probe_that_waits_holds_nothing() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (asked, was_asked) = std::sync::mpsc::channel();
    let upstream = runtime.block_on(Upstream::start(move |_| {
        asked.send(()).expect("the test waits");
        vec![Act::Hang]
    }));
    let mut world = World::new();
    let mut probing = Command::new(env!("CARGO_BIN_EXE_llm-router"))
        .args(["add-provider", "slow", "--probe", "--base-url"])
        .arg(format!("http://{}", upstream.address))
        .env_clear()
        .env("HOME", world.home.path())
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    was_asked.recv_timeout(Duration::from_secs(60)).expect("a request");
    let said = world.run("llm-router add-provider quick --base-url http://127.0.0.1:9 --models m");
    assert!(said.contains("Added the provider `quick`"), "{said}");
    let mut told = String::new();
    let stderr = probing.stderr.as_mut().expect("stderr");
    BufReader::new(stderr).read_line(&mut told).expect("a line");
    assert_eq!(told, "slow: does it speak openai? ...\n");
    probing.kill().expect("it still waits");
    probing.wait().expect("an end");
    assert!(!world.run("cat .llm-router.json").contains("slow"));
}

#[test]
fn an_agent_is_briefed_and_tools_are_told() {
    check_live("agent");
}

#[test]
fn a_provider_is_probed_and_a_route_is_tested() {
    check_live("probe");
}
