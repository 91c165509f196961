//! What a server and a running gateway make of each other, and what is told of a call that takes its
//! time.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    process::Stdio,
    sync::mpsc::channel,
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use super::client::Client;

/// A gateway with what is in `home`; it listens when this returns.
pub(super) fn gateway(home: &std::path::Path) -> std::process::Child {
    let mut gateway = std::process::Command::new(env!("CARGO_BIN_EXE_llm-router"))
        .args(["start", "--port", "0"])
        .env_clear()
        .env("HOME", home)
        .env("GATEWAY_KEY", "gw_3vQn8Jx2LrT6bYw9KpZc4HdMfUa7")
        .env("ONLY_THERE", "a-key")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program");
    let mut banner = std::io::BufReader::new(gateway.stdout.take().expect("stdout"));
    let mut line = String::new();
    while !line.contains("listens on") {
        line.clear();
        assert!(std::io::BufRead::read_line(&mut banner, &mut line).expect("a line") > 0);
    }
    gateway
}

pub(super) fn stop(mut gateway: std::process::Child) {
    gateway.kill().expect("an end");
    gateway.wait().expect("an end");
}

fn provider() -> Value {
    json!({ "provider": "mine", "base_url": "http://127.0.0.1:9/v1", "models": ["m"] })
}

#[test]
fn a_gateway_takes_over_what_an_agent_changes() {
    let home = tempfile::tempdir().expect("a folder");
    fs::write(home.path().join(".llm-router.json"), "{}\n").expect("a config");
    let gateway = gateway(home.path());
    let mut client = Client::start(home.path(), &[]);
    let added = client.done("add_provider", &provider());
    assert_eq!(added["gateway"], "taken-over", "{added}");
    let status = client.ask("resources/read", &json!({ "uri": "llm-router://status" }));
    let text = status["result"]["contents"][0]["text"].as_str().expect("a text").to_owned();
    assert!(text.contains("\"running\": true") && text.contains("\"mine\""), "{text}");
    assert_eq!(client.done("undo", &json!({}))["gateway"], "taken-over");
    stop(gateway);
    assert_eq!(client.done("add_provider", &provider())["gateway"], "not-running");
}

#[test]
fn a_gateway_whose_key_is_not_known_here_is_not_called_absent() {
    let home = tempfile::tempdir().expect("a folder");
    let config = r#"{"masterKey": "env:GATEWAY_KEY", "server": {"requireAuth": true}}"#;
    fs::write(home.path().join(".llm-router.json"), config).expect("a config");
    let gateway = gateway(home.path());
    let mut client = Client::start(home.path(), &[]);
    let added = client.done("add_provider", &provider());
    assert_eq!(added["gateway"], "not-known", "{added}");
    let status = client.ask("resources/read", &json!({ "uri": "llm-router://status" }));
    let text = status["result"]["contents"][0]["text"].as_str().expect("a text").to_owned();
    assert!(text.contains("\"running\": null"), "{text}");
    stop(gateway);
}

#[test]
fn a_long_call_gives_a_sign_of_life_to_who_wants_one() {
    let home = tempfile::tempdir().expect("a folder");
    // What stands there for a gateway takes the question and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let record = json!({
        "pid": 1,
        "instance": "x",
        "url": format!("http://{}", silent.local_addr().expect("an address")),
        "configPath": home.path().join(".llm-router.json"),
        "version": "1",
    });
    fs::write(home.path().join(".llm-router.runtime.json"), record.to_string()).expect("a record");
    let mut client = Client::start(home.path(), &[]);
    let call = json!({ "name": "add_provider", "arguments": provider(), "_meta": { "progressToken": "t" } });
    let id = client.begin("tools/call", &call);
    let sign = client.message();
    assert_eq!(sign["method"], "notifications/progress", "{sign}");
    assert_eq!(sign["params"]["progressToken"], "t", "{sign}");
    // Meanwhile others are served.
    let ping = client.begin("ping", &json!({}));
    let mut order = Vec::new();
    while order.last() != Some(&id) {
        order.extend(client.message()["id"].as_u64());
    }
    assert_eq!(order, [ping, id]);
}

/// The keys of providers are in the environment of the gateway, not in that of an agent's server.
#[test]
fn a_plan_counts_with_the_keys_that_the_gateway_has() {
    let home = tempfile::tempdir().expect("a folder");
    let provider = |id: &str, name: &str| {
        json!({ "id": id, "baseUrl": "http://127.0.0.1:9/v1", "apiKey": format!("env:{name}"),
            "formats": ["openai"], "models": ["m"] })
    };
    let config = json!({
        "providers": [provider("has", "ONLY_THERE"), provider("lacks", "NOWHERE")],
        "modelAliases": { "both": { "targets": ["has/m", "lacks/m"] } },
    });
    fs::write(home.path().join(".llm-router.json"), config.to_string()).expect("a config");
    let gateway = gateway(home.path());
    let mut client = Client::start(home.path(), &[]);
    for (tool, place) in [("test_route", "/plan/decision"), ("explain", "/decision")] {
        let told = client.done(tool, &json!({ "model": "both" }));
        let candidates = told.pointer(place).expect("a decision")["candidates"].clone();
        let of = |target: &str| {
            let all = candidates.as_array().expect("candidates").iter();
            all.clone().find(|candidate| candidate["target"] == target).expect(target).to_string()
        };
        assert!(!of("has/m").contains("missing-key"), "{candidates:#}");
        assert!(
            of("lacks/m").contains("NOWHERE is not set where the gateway runs"),
            "{candidates:#}"
        );
    }
    stop(gateway);
    // Without a gateway, one is started from here.
    let told = client.done("test_route", &json!({ "model": "has/m" })).to_string();
    assert!(told.contains("missing-key"), "{told}");
}

#[test]
fn a_mode_of_amp_is_tested_the_way_that_amp_takes() {
    let home = tempfile::tempdir().expect("a folder");
    let config = json!({
        "providers": [{ "id": "d", "type": "demo" }],
        "defaultModel": "d/echo",
        "ampRouting": { "modeMap": { "deep": "d/agent" } },
    });
    fs::write(home.path().join(".llm-router.json"), config.to_string()).expect("a config");
    let gateway = gateway(home.path());
    let mut client = Client::start(home.path(), &[]);
    for format in ["openai", "openai-responses", "anthropic", "gemini"] {
        for (mode, target) in [("deep", "d/agent"), ("other", "d/echo")] {
            let arguments = json!({ "amp_mode": mode, "format": format, "live": true });
            let told = client.done("test_route", &arguments);
            assert_eq!(told["live"]["target"], target, "{told:#}");
            let planned = &told["plan"]["decision"]["candidates"][0]["target"];
            assert_eq!(planned, target, "{told:#}");
        }
    }
    stop(gateway);
}

/// Takes every request, answers none, and says when one is given up.
#[test]
fn a_probe_tells_what_it_asks_and_ends_when_it_is_cancelled() {
    let home = tempfile::tempdir().expect("a folder");
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/v1", silent.local_addr().expect("an address"));
    let (sender, given_up) = channel();
    thread::spawn(move || {
        for mut stream in silent.incoming().map_while(Result::ok) {
            let sender = sender.clone();
            thread::spawn(move || {
                let mut read = [0; 4096];
                while stream.read(&mut read).is_ok_and(|count| count > 0) {}
                // A test that is over hears nothing.
                let _ = sender.send(());
                drop(stream.flush());
            });
        }
    });
    let mut client = Client::start(home.path(), &[]);
    for (tool, arguments) in [
        ("test_provider", json!({ "provider": "slow" })),
        // A change can be given up as long as it only asks.
        ("add_provider", json!({ "provider": "new", "base_url": url, "probe": true })),
    ] {
        let slow = json!({ "provider": "slow", "base_url": url, "models": ["m"] });
        client.call("add_provider", &slow);
        let before = fs::read(home.path().join(".llm-router.json")).expect("a config");
        let call = json!({ "name": tool, "arguments": arguments, "_meta": { "progressToken": 7 } });
        let id = client.begin("tools/call", &call);
        let mut signs = Vec::new();
        while signs.len() < 3 {
            let sign = client.message();
            assert_eq!(sign["method"], "notifications/progress", "{sign}");
            assert_eq!(sign["params"]["progressToken"], 7, "{sign}");
            signs.push(sign["params"].clone());
        }
        let numbers: Vec<f64> = signs.iter().filter_map(|sign| sign["progress"].as_f64()).collect();
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");
        let message = signs[2]["message"].as_str().expect("a message");
        assert!(message.contains("does it speak openai?"), "{message}");
        let cancel = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id } });
        client.send(&cancel.to_string());
        given_up.recv_timeout(Duration::from_secs(20)).expect("the request is given up");
        // Nothing more comes of it; what comes next is another answer.
        let ping = client.begin("ping", &json!({}));
        let mut next = client.message();
        while next["method"] == "notifications/progress" {
            next = client.message();
        }
        assert_eq!(next["id"], ping, "{next}");
        assert_eq!(fs::read(home.path().join(".llm-router.json")).expect("a config"), before);
        while given_up.try_recv().is_ok() {}
    }
}
