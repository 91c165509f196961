//! Which target answers: rotations, conversations, and what suits.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{
    Running, Upstream, answer, answered_by, header, provider, provider_with, reply,
};

async fn fine() -> Upstream {
    Upstream::start(|_| reply(200, "{\"id\":1}")).await
}

/// Targets `a/m`, `b/m`, `c/m` of one upstream behind the alias `x`.
async fn three(upstream: &Upstream, alias: &Value) -> Running {
    let providers = ["a", "b", "c"].map(|id| provider(id, upstream.address, &["m"]));
    Running::start(&json!({ "providers": providers, "modelAliases": { "x": alias } })).await
}

#[tokio::test]
async fn rotations_turn_as_the_document_says() {
    let upstream = fine().await;
    let weighted = |weights: &[f64]| -> Value {
        let targets = ["a/m", "b/m", "c/m"].into_iter().zip(weights);
        targets.map(|(target, weight)| json!({ "ref": target, "weight": weight })).collect()
    };
    for (strategy, targets, expected) in [
        ("ordered", json!(["b/m", "a/m"]), "bbbbbbbb"),
        ("round-robin", json!(["a/m", "b/m", "c/m"]), "abcabcab"),
        ("weighted-rr", weighted(&[3.0, 1.0]), "aabaaaba"),
        ("weighted-rr", weighted(&[0.5, 0.25, 0.25]), "abcaabca"),
        ("weighted-rr", weighted(&[0.0, 1.0]), "bbbbbbbb"),
        ("weighted-rr", weighted(&[0.0, 0.0]), "aaaaaaaa"),
        ("quota-aware-weighted-rr", weighted(&[3.0, 1.0]), "aabaaaba"),
        ("auto", weighted(&[3.0, 1.0]), "aabaaaba"),
    ] {
        let alias = json!({ "strategy": strategy, "targets": targets });
        let gateway = three(&upstream, &alias).await;
        let mut order = String::new();
        for _ in 0..8 {
            // Nothing tells these requests from others, so that no conversation has a home.
            let answer = gateway.ask("/v1/chat/completions", &[], &json!({ "model": "x" })).await;
            order.extend(answered_by(&answer).chars().take(1));
        }
        assert_eq!(order, expected, "{strategy} {targets}");
        let rotations = gateway.status().await["rotations"].clone();
        let turned = strategy != "ordered";
        assert_eq!(rotations[0]["alias"] == "x", turned, "{strategy}: {rotations}");
    }
}

/// One conversation: the headers and the body of its `turn`th request.
type Conversation = Box<dyn Fn(usize) -> (Vec<(&'static str, String)>, Value)>;

fn by_header(name: &'static str, id: &str) -> Conversation {
    let id = id.to_owned();
    Box::new(move |turn| {
        let said = json!([{ "role": "user", "content": format!("turn {turn}") }]);
        (vec![(name, id.clone())], json!({ "messages": said }))
    })
}

fn by_body(key: &'static str, value: Value) -> Conversation {
    Box::new(move |turn| {
        let said = json!([{ "role": "user", "content": format!("turn {turn}") }]);
        (Vec::new(), json!({ key: value, "messages": said }))
    })
}

/// Every way in which a client names its conversation, as the document lists them.
fn conversations(id: &str) -> Vec<(&'static str, &'static str, Conversation)> {
    let mut all = Vec::new();
    for name in [
        "x-claude-code-session-id",
        "x-amp-thread-id",
        "session-id",
        "thread-id",
        "x-session-affinity",
        "x-session-id",
    ] {
        all.push((name, "/v1/chat/completions", by_header(name, id)));
    }
    let cache = json!(id);
    let user = |text: String| json!({ "user_id": text });
    let older = user(format!("user_abc_account__session_{id}"));
    let newer = user(json!({ "device_id": "d", "session_id": id }).to_string());
    all.push(("prompt_cache_key", "/v1/responses", by_body("prompt_cache_key", cache.clone())));
    all.push(("prompt_cache_key", "/v1/chat/completions", by_body("prompt_cache_key", cache)));
    all.push(("metadata.user_id", "/v1/messages", by_body("metadata", older)));
    all.push(("metadata.user_id", "/v1/messages", by_body("metadata", newer)));
    let beginning = |system: &'static str, turns: &'static str, said: &'static str, id: &str| {
        let id = id.to_owned();
        let conversation: Conversation = Box::new(move |turn| {
            let mut said_so_far = vec![json!({ "role": "user", said: format!("hello from {id}") })];
            for later in 0..turn {
                said_so_far.push(json!({ "role": "assistant", said: "yes" }));
                said_so_far.push(json!({ "role": "user", said: format!("and {later}") }));
            }
            (Vec::new(), json!({ system: "be brief", turns: said_so_far }))
        });
        conversation
    };
    all.push(("first turn", "/v1/messages", beginning("system", "messages", "content", id)));
    all.push(("first turn", "/v1/responses", beginning("instructions", "input", "content", id)));
    let gemini = beginning("systemInstruction", "contents", "parts", id);
    all.push(("first turn", "/v1beta/models/x:generateContent", gemini));
    all
}

async fn say(
    gateway: &Running,
    path: &str,
    conversation: &Conversation,
    turn: usize,
) -> (String, String) {
    let (headers, mut body) = conversation(turn);
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    body["model"] = "x".into();
    let answer = gateway.ask(path, &headers, &body).await;
    assert_eq!(answer.status(), 200, "{path}");
    let source = gateway.decision(&answer).await["decision"]["affinitySource"].clone();
    (answered_by(&answer), source.as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_conversation_stays_on_its_target_whatever_else_goes_on() {
    let upstream = fine().await;
    let alias = json!({ "strategy": "auto", "targets": ["a/m", "b/m", "c/m"] });
    for place in 0..conversations("").len() {
        let gateway = three(&upstream, &alias).await;
        let (source, path, own) = conversations("ours").swap_remove(place);
        let (home, told) = say(&gateway, path, &own, 0).await;
        assert_eq!(told, source, "{path}");
        let others = async |number: usize| {
            let (_, path, other) = conversations(&format!("other-{number}")).swap_remove(place);
            say(&gateway, path, &other, 0).await.0
        };
        let ours = async {
            let mut targets = BTreeSet::new();
            for turn in 1..4 {
                targets.insert(say(&gateway, path, &own, turn).await.0);
            }
            targets
        };
        let (others, ours) = tokio::join!(join_all((0..7).map(others)), ours);
        assert_eq!(ours, BTreeSet::from([home]), "{source} {path}");
        let others: BTreeSet<String> = others.into_iter().collect();
        assert_eq!(others.len(), 3, "{source} {path}: others are spread");
        assert_eq!(gateway.status().await["conversations"], 8, "{source} {path}");
    }
}

/// A provider that says once that it is limited for a moment.
async fn stumbling(at: usize) -> Upstream {
    Upstream::counting(move |count, _| {
        if count == at {
            answer(429, "retry-after-ms: 20\r\n", "{}")
        } else {
            reply(200, "{\"id\":1}")
        }
    })
    .await
}

async fn until_nothing_rests(gateway: &Running) {
    while gateway.status().await["cooldowns"] != json!([]) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_failover_moves_a_conversation_and_its_new_target_keeps_it() {
    let (first, second) = (stumbling(1).await, fine().await);
    let gateway = Running::start(&json!({
        "providers": [provider("a", first.address, &["m"]), provider("b", second.address, &["m"])],
        "modelAliases": { "x": { "strategy": "auto", "targets": ["a/m", "b/m"] } },
    }))
    .await;
    let own = by_header("x-session-id", "ours");
    let say = async |turn| say(&gateway, "/v1/chat/completions", &own, turn).await.0;
    assert_eq!(say(0).await, "a/m");
    assert_eq!(say(1).await, "b/m", "a/m is limited");
    until_nothing_rests(&gateway).await;
    for turn in 2..5 {
        assert_eq!(say(turn).await, "b/m", "its prompt cache is there now");
    }
}

#[tokio::test]
async fn a_conversation_returns_to_a_better_tier_when_that_recovers() {
    let (first, second) = (stumbling(1).await, fine().await);
    let gateway = Running::start(&json!({
        "providers": [provider("a", first.address, &["m"]), provider("b", second.address, &["m"])],
        "modelAliases": {
            "x": { "strategy": "auto", "targets": ["a/m"], "fallbackTargets": ["b/m"] },
        },
    }))
    .await;
    let own = by_header("x-session-id", "ours");
    let say = async |turn| say(&gateway, "/v1/chat/completions", &own, turn).await.0;
    assert_eq!(say(0).await, "a/m");
    assert_eq!(say(1).await, "b/m", "a/m is limited");
    until_nothing_rests(&gateway).await;
    assert_eq!(say(2).await, "a/m");
}

#[tokio::test]
async fn what_does_not_suit_goes_last_but_is_tried() {
    let image = json!([{ "role": "user", "content": [
        { "type": "image_url", "image_url": { "url": "data:image/png;base64,AAAA" } },
    ] }]);
    let long = json!([{ "role": "user", "content": "word ".repeat(2000) }]);
    let short = json!([{ "role": "user", "content": "hello" }]);
    let plain = |messages: &Value| json!({ "model": "x", "messages": messages });
    let with = |key: &str, value: Value| {
        let mut body = plain(&short);
        body[key] = value;
        body
    };
    let can = |what: &str| json!([{ "id": "m", "capabilities": { what: false } }]);
    let window = json!([{ "id": "m", "contextWindow": 2000 }]);
    let schema = json!({ "type": "json_schema", "json_schema": { "name": "x", "schema": {} } });
    let tool = json!([{ "type": "function", "function": { "name": "f" } }]);
    for (name, lacking, body, lacks) in [
        ("a short request", &window, plain(&short), None),
        ("a long request", &window, plain(&long), Some("context 2k < ")),
        ("a long answer", &window, with("max_tokens", json!(5000)), Some("context 2k < 5k needed")),
        ("no image", &can("images"), plain(&short), None),
        ("an image", &can("images"), plain(&image), Some("no images")),
        ("tools", &can("tools"), with("tools", tool), Some("no tools")),
        (
            "thinking",
            &can("thinking"),
            with("reasoning_effort", json!("high")),
            Some("no thinking"),
        ),
        (
            "a form",
            &can("structuredOutput"),
            with("response_format", schema),
            Some("no structured"),
        ),
    ] {
        let (first, second) = (fine().await, Upstream::start(|_| reply(500, "{}")).await);
        let own = json!({ "models": lacking });
        let gateway = Running::start(&json!({
            "providers": [
                provider_with("first", first.address, &[], &own),
                provider("second", second.address, &["m"]),
            ],
            "modelAliases": { "x": { "targets": ["first/m", "second/m"] } },
            "server": { "debugRouting": true },
        }))
        .await;
        let answer = gateway.ask("/v1/chat/completions", &[], &body).await;
        // The one that suits fails here, so that the other has to answer all the same.
        assert_eq!(answered_by(&answer), "first/m", "{name}");
        assert_eq!(
            second.seen().len(),
            usize::from(lacks.is_some()),
            "{name}: who was asked first"
        );
        let risk = header(&answer, "x-llm-router-context-risk");
        let decision = gateway.decision(&answer).await;
        let candidates = decision["decision"]["candidates"].to_string();
        match lacks {
            None => assert!(!candidates.contains("unfit"), "{name}: {candidates}"),
            Some(lacks) => {
                assert!(candidates.contains(lacks), "{name}: {candidates}");
                let near = lacks.starts_with("context");
                let told = "selected-context-window-below-required:2000<";
                assert_eq!(risk.starts_with(told), near, "{name}: {risk}");
            }
        }
        // The only one there is.
        let mut alone = body;
        alone["model"] = "first/m".into();
        assert_eq!(gateway.ask("/v1/chat/completions", &[], &alone).await.status(), 200, "{name}");
    }
}
