//! `explain`: the real binary says why.

use std::fs;

use serde_json::{Value, json};

use crate::{
    binary::{Home, eventually},
    support::{Upstream, answer, provider, provider_with, reply},
};

async fn fine() -> Upstream {
    Upstream::start(|_| reply(200, "{\"id\":1}")).await
}

fn explained(home: &Home, arguments: &[&str]) -> Value {
    let arguments = [&["explain", "--json"], arguments].concat();
    let (code, out, told) = home.run(&arguments);
    assert_eq!((code, told.as_str()), (0, ""), "{arguments:?}");
    serde_json::from_str(&out).expect("JSON")
}

/// `target place code,code` of every candidate.
fn candidates(explained: &Value) -> Vec<String> {
    let candidates = explained["decision"]["candidates"].as_array().expect("a list");
    let line = |candidate: &Value| {
        let reasons = candidate["reasons"].as_array().expect("a list").iter();
        let codes: Vec<_> =
            reasons.map(|reason| reason["code"].as_str().expect("a code")).collect();
        let target = candidate["target"].as_str().expect("a name");
        format!("{target} {} {}", candidate["place"], codes.join(","))
    };
    candidates.iter().map(line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_fact_without_a_gateway() {
    let upstream = fine().await;
    let mut chat_only = provider("chat", upstream.address, &["m"]);
    chat_only["formats"] = json!(["openai"]);
    let small = json!({ "models": [{ "id": "m", "contextWindow": 2000 }] });
    let home = Home::new(&json!({
        "providers": [
            chat_only,
            provider_with("small", upstream.address, &[], &small),
            provider("large", upstream.address, &["m"]),
        ],
        "modelAliases": {
            "opus": { "strategy": "auto", "targets": ["small/m", "large/m"] },
            "any": { "targets": ["chat/m", "large/m"] },
        },
        "defaultModel": "opus",
    }));
    let (code, out, told) = home.run(&["explain", "opus"]);
    assert_eq!((code, told.as_str()), (0, ""));
    assert!(out.starts_with("alias `opus`, auto; format openai; decided 20"), "{out}");
    assert!(out.contains("\n  1. small/m\n") && out.contains("\n  2. large/m\n"), "{out}");

    let long = json!({ "model": "opus", "messages": [{ "role": "user", "content": "word ".repeat(2000) }] });
    let file = home.file("request.json");
    fs::write(&file, long.to_string()).expect("written");
    let file = file.to_str().expect("UTF-8");
    for (arguments, expected) in [
        (vec!["opus"], ["small/m 1 weight", "large/m 2 weight"]),
        (vec!["smart"], ["small/m 1 weight", "large/m 2 weight"]),
        (vec!["--request", file], ["large/m 1 weight", "small/m 2 unfit,weight"]),
        (vec!["opus", "--request", file], ["large/m 1 weight", "small/m 2 unfit,weight"]),
        // Another format is no reason to pass a target over: the request is translated.
        (vec!["any", "--request", file], ["chat/m 1 ", "large/m 2 "]),
        (vec!["any", "--request", file, "--format", "openai"], ["chat/m 1 ", "large/m 2 "]),
        (vec!["any"], ["chat/m 1 ", "large/m 2 "]),
        (vec!["any", "--format", "anthropic"], ["chat/m 1 ", "large/m 2 "]),
        (vec!["any", "--format", "gemini"], ["chat/m 1 ", "large/m 2 "]),
    ] {
        assert_eq!(candidates(&explained(&home, &arguments)), expected, "{arguments:?}");
    }
    let header = "x-claude-code-session-id: abc";
    let told = explained(&home, &["opus", "--header", header]);
    assert_eq!(told["decision"]["affinitySource"], "x-claude-code-session-id");
    assert!(upstream.seen().is_empty(), "nothing is sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_explained_says_why() {
    let upstream = fine().await;
    let home = Home::new(&json!({
        "providers": [provider("p", upstream.address, &["sonnet"])],
        "modelAliases": { "opus": { "targets": ["p/sonnet"] } },
    }));
    let broken = home.file("broken.json");
    fs::write(&broken, "{\"model\":").expect("written");
    let broken = broken.to_str().expect("UTF-8");
    for (arguments, code, words) in [
        (vec!["opsu"], 2, "did you mean `opus`"),
        (vec!["p/sonet"], 2, "did you mean `p/sonnet`"),
        (vec!["smart"], 2, "no `defaultModel`"),
        (vec!["opus", "--request", broken], 2, "EOF while parsing"),
        (vec!["opus", "--request", "/nowhere/x.json"], 2, "read /nowhere/x.json"),
        (vec!["opus", "--format", "smoke"], 2, "smoke"),
        (vec!["opus", "--header", "no colon"], 2, "is written NAME: VALUE"),
        (vec!["--id", "req_1"], 1, "no gateway runs with this config"),
        (vec!["opus", "--id", "req_1"], 2, "cannot be used with"),
        (vec![], 2, "required"),
    ] {
        let (found, out, told) = home.run(&[&["explain"], arguments.as_slice()].concat());
        assert_eq!((found, out.as_str()), (code, ""), "{arguments:?}: {told}");
        assert!(told.contains(words), "{arguments:?}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_fact_and_from_what_the_last_run_left() {
    let good = fine().await;
    let limited = Upstream::start(|_| answer(429, "retry-after: 600\r\n", "{}")).await;
    let home = Home::new(&json!({
        "providers": [
            provider("limited", limited.address, &["m"]), provider("good", good.address, &["m"]),
        ],
        "modelAliases": { "a": { "targets": ["limited/m", "good/m"] } },
        // Which the command line finds and presents.
        "masterKey": "a-key-for-the-gateway-1234567890",
    }));
    let mut gateway = home.start("log").await;
    let (status, id) = gateway.chat("a").await;
    assert_eq!(status, 200);
    let told = explained(&home, &["--id", &id]);
    assert_eq!((&told["requestId"], &told["requestedModel"]), (&json!(id), &json!("a")));
    assert_eq!(told["attempts"][0]["cause"], "rate-limited");
    assert_eq!(told["answeredBy"], "good/m");
    let (code, out, _) = home.run(&["explain", "--id", &id]);
    assert_eq!(code, 0);
    assert!(out.contains("tried limited/m: answered 429"), "{out}");
    assert!(out.ends_with("answered by good/m\n"), "{out}");
    let (code, out, words) = home.run(&["explain", "--id", "req_nothing"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(words.contains("no request `req_nothing` is remembered"), "{words}");

    // What would happen now is known from the running gateway, later from what it has saved.
    let expected = ["good/m 1 ", "limited/m null cooldown,failures"];
    assert_eq!(candidates(&explained(&home, &["a"])), expected);
    eventually("the cooldown is saved", || {
        (home.saved()["state"]["models"]["limited/m"] != Value::Null).then_some(())
    })
    .await;
    gateway.kill();
    assert_eq!(candidates(&explained(&home, &["a"])), expected);
    let (code, _, words) = home.run(&["explain", "--id", &id]);
    assert_eq!(code, 1);
    assert!(words.contains("the gateway is gone"), "{words}");
    assert_eq!(limited.seen().len(), 1);
}
