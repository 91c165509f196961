//! How the process begins, bears and ends: signals, closed pipes, long lines, logs.

use std::{io::Write as _, process::Stdio, time::Duration};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::client::{Client, command};

/// Longer than any honest end takes, and shorter than the five seconds that a forgotten
/// subscription would cost.
const SOON: Duration = Duration::from_secs(4);

const META: &str = r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;

fn listening(home: &std::path::Path) -> Client {
    let mut client = Client::spawn(command(home, &[]));
    let meta: Value = serde_json::from_str(META).expect("JSON");
    client.begin(
        "subscriptions/listen",
        &json!({ "notifications": { "resourcesListChanged": true }, "_meta": meta }),
    );
    client.message();
    client
}

#[test]
fn it_ends_at_once_when_the_client_closes_its_end() {
    let home = tempfile::tempdir().expect("a folder");
    for mut client in [
        Client::spawn(command(home.path(), &[])),
        Client::start(home.path(), &[]),
        listening(home.path()),
    ] {
        client.close();
        let (status, _, errors) = client.end(SOON);
        assert!(status.success() && errors.is_empty(), "{status} {errors:?}");
    }
}

#[test]
fn what_was_asked_before_the_end_is_answered() {
    let home = tempfile::tempdir().expect("a folder");
    let mut client = Client::start(home.path(), &[]);
    for _ in 0..20 {
        client.begin("tools/call", &json!({ "name": "get_config" }));
    }
    client.close();
    let (status, lines, _) = client.end(SOON);
    assert!(status.success());
    assert_eq!(lines.len(), 20);
}

#[cfg(unix)]
#[test]
fn every_signal_that_clients_send_ends_it() {
    use rustix::process::{Pid, Signal, kill_process};
    let home = tempfile::tempdir().expect("a folder");
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let client = listening(home.path());
        let id = i32::try_from(client.id()).ok().and_then(Pid::from_raw).expect("a process");
        kill_process(id, signal).expect("a signal");
        let (status, _, errors) = client.end(SOON);
        assert!(status.success() && errors.is_empty(), "{signal:?}: {status} {errors:?}");
    }
}

#[test]
fn a_closed_stderr_is_survived() {
    let home = tempfile::tempdir().expect("a folder");
    let mut command = command(home.path(), &[]);
    command.env("LLM_ROUTER_LOG", "trace");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    command.stderr(Stdio::from(writer));
    let mut client = Client::spawn(command);
    drop(reader);
    client.greet("2025-11-25");
    client.done("get_config", &json!({}));
    client.refused("add_provider", &json!({}));
    client.close();
    assert!(client.end(SOON).0.success());
}

#[test]
fn a_closed_stdout_ends_it() {
    let home = tempfile::tempdir().expect("a folder");
    let mut command = command(home.path(), &[]);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    command.stdout(Stdio::from(writer));
    let mut child = command.spawn().expect("the program");
    drop(command);
    drop(reader);
    let mut stdin = child.stdin.take().expect("stdin");
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    writeln!(stdin, "{ping}").expect("a server that listens");
    let (sender, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait()));
    let status = ended.recv_timeout(Duration::from_secs(9)).expect("an end").expect("a status");
    assert!(status.success(), "{status}");
}

#[test]
fn no_log_level_shows_what_was_sent() {
    let home = tempfile::tempdir().expect("a folder");
    let secret = "sk-live-AbCdEf0123456789";
    for level in ["off", "error", "warn", "info", "debug", "trace"] {
        let mut command = command(home.path(), &[]);
        command.env("LLM_ROUTER_LOG", level).env("RUST_LOG", "trace");
        let mut client = Client::spawn(command);
        client.greet("2025-06-18");
        client.refused("set_provider", &json!({ "provider": "x", "api_key": secret }));
        client.call("set_gateway_key", &json!({ "key": secret }));
        client.call("get_config", &json!({ "id": secret, "section": 3 }));
        client.ask("tools/call", &json!({ "name": secret }));
        client.ask("resources/read", &json!({ "uri": secret }));
        client.ask("tools/call", &json!({ "name": [secret] }));
        client.send(&format!("{{\"broken\": \"{secret}"));
        client.message();
        client.close();
        let (status, lines, errors) = client.end(SOON);
        assert!(status.success());
        let said = format!("{lines:?} {errors:?}");
        assert!(!said.contains("AbCdEf"), "{level}: {said}");
    }
}

#[test]
fn a_line_that_is_too_long_is_answered_and_skipped() {
    let home = tempfile::tempdir().expect("a folder");
    let mut client = Client::start(home.path(), &[]);
    for size in [llm_router::mcp::lines::LONGEST + 1, 3 * llm_router::mcp::lines::LONGEST] {
        client.send(&"x".repeat(size));
        assert_eq!(client.message()["error"]["code"], -32600);
    }
    // One that just fits is read.
    let ping = r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#;
    let padding = " ".repeat(llm_router::mcp::lines::LONGEST - ping.len());
    client.send(&format!("{padding}{ping}"));
    let answer = client.message();
    assert_eq!((&answer["id"], &answer["result"]), (&json!(7), &json!({})), "{answer}");
    assert_eq!(client.ask("ping", &json!({}))["result"], json!({}));
}

#[test]
fn who_has_cancelled_gets_no_answer_and_the_change_is_whole_or_not_made() {
    let home = tempfile::tempdir().expect("a folder");
    let mut client = Client::start(home.path(), &[]);
    let mut ids = Vec::new();
    for number in 0..30 {
        let arguments =
            json!({ "provider": format!("p-{number}"), "base_url": "http://127.0.0.1:9/v1" });
        ids.push(
            client.begin("tools/call", &json!({ "name": "add_provider", "arguments": arguments })),
        );
    }
    for id in &ids[15..] {
        let cancel = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id } });
        client.send(&cancel.to_string());
    }
    client.close();
    let (status, lines, _) = client.end(Duration::from_secs(9));
    assert!(status.success());
    let answered = lines.len();
    assert!((15..=30).contains(&answered), "{answered}");
    let mut client = Client::start(home.path(), &[]);
    let made = client.done("history", &json!({}))["total"].as_u64().expect("a number");
    assert!((15..=30).contains(&made), "{made}");
    assert_eq!(client.done("validate", &json!({}))["valid"], true);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn no_line_ends_it(lines in proptest::collection::vec(any_line(), 1..30)) {
        let home = tempfile::tempdir().expect("a folder");
        let mut client = Client::start(home.path(), &[]);
        for line in &lines {
            client.send(line);
        }
        let request = json!({ "jsonrpc": "2.0", "id": "last", "method": "ping" });
        client.send(&request.to_string());
        loop {
            let answer = client.message();
            if answer["id"] == "last" {
                prop_assert_eq!(&answer["result"], &json!({}));
                break;
            }
        }
    }
}

/// Nonsense, and sense with something wrong in it.
fn any_line() -> impl Strategy<Value = String> {
    let methods = prop::sample::select(vec![
        "tools/call",
        "tools/list",
        "initialize",
        "ping",
        "prompts/get",
        "resources/read",
        "completion/complete",
        "resources/subscribe",
        "notifications/cancelled",
        "x",
        "",
        "notifications/initialized",
        "subscriptions/listen",
        "server/discover",
        "logging/setLevel",
    ]);
    let values = prop::sample::select(vec![
        "null",
        "1",
        "-1.5",
        "\"x\"",
        "[]",
        "{}",
        "{\"name\":\"get_config\"}",
        "{\"name\":7}",
        "{\"uri\":\"llm-router://config\"}",
        "{\"arguments\":{}}",
        "{\"requestId\":1}",
        "1e400",
        "{\"name\":\"list\",\"arguments\":{\"limit\":-1}}",
        "[[[[[[[[1]]]]]]]]",
        "\"\\ud800\"",
    ]);
    let request = (methods, values.clone(), values).prop_map(|(method, id, params)| {
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#)
    });
    prop_oneof!["[^\n\r]{0,60}", request]
}
