//! Why a request went where it went: debug headers, and the admin surface.

use std::net::IpAddr;

use llm_router::server::admin;
use serde_json::{Value, json};

use crate::support::{
    Running, Upstream, answer, answered_by, header, nobody, provider, provider_with, reply,
};

async fn fine() -> Upstream {
    Upstream::start(|_| reply(200, "{\"id\":1}")).await
}

const DEBUG: [&str; 8] = [
    "requested-model",
    "route-type",
    "route-ref",
    "route-strategy",
    "selected-candidate",
    "skipped-candidates",
    "attempts",
    "tool-types",
];

/// The debug headers of an answer that are there, `name: value` a line.
fn told(answer: &reqwest::Response) -> String {
    let line = |name: &&str| {
        let value = header(answer, &format!("x-llm-router-{name}"));
        (!value.is_empty()).then(|| format!("{name}: {value}\n"))
    };
    DEBUG.iter().filter_map(line).collect()
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "it is a table")]
async fn headers_tell_how_a_request_was_routed() {
    let limited = Upstream::start(|_| answer(429, "retry-after: 60\r\n", "{}")).await;
    let good = fine().await;
    let window = json!({ "unit": "month", "size": 1200 });
    let full = json!({ "rateLimits": [{ "id": "b", "models": ["all"], "requests": 1, "window": window }] });
    let mut chat_only = provider("chat", good.address, &["m"]);
    chat_only["formats"] = json!(["openai"]);
    let config = json!({
        "providers": [
            provider("limited", limited.address, &["m"]),
            provider_with("full", good.address, &["m"], &full),
            provider("good", good.address, &["m", "vendor/grüße-日本"]),
            chat_only,
        ],
        "modelAliases": {
            "a": { "targets": ["limited/m", "full/m", "good/m"] },
            "b": { "strategy": "auto", "targets": ["chat/m", "good/m"] },
            "rr": { "strategy": "round-robin", "targets": ["good/vendor/grüße-日本"] },
        },
        "defaultModel": "b",
    });
    let gateway = Running::start_with(&config, &[("LLM_ROUTER_DEBUG_ROUTING", "true")]).await;
    let tools = json!([{ "type": "web_search" }, { "type": "function" }, { "type": "ö" }, { "type": "web_search" }]);
    let model = "good/vendor/gr%C3%BC%C3%9Fe-%E6%97%A5%E6%9C%AC";
    for (path, asked, expected) in [
        (
            "/v1/chat/completions",
            json!({ "model": "a" }),
            "requested-model: a\nroute-type: alias\nroute-ref: a\nroute-strategy: ordered\n\
             selected-candidate: full/m\nattempts: limited/m:429/rate-limited#1,full/m:200/ok#2\n"
                .to_owned(),
        ),
        (
            "/v1/chat/completions",
            json!({ "model": "a" }),
            "requested-model: a\nroute-type: alias\nroute-ref: a\nroute-strategy: ordered\n\
             selected-candidate: good/m\n\
             skipped-candidates: limited/m:cooldown,full/m:quota-exhausted\n\
             attempts: good/m:200/ok#1\n"
                .to_owned(),
        ),
        (
            "/v1/responses/compact",
            json!({ "model": "smart", "tools": tools }),
            "requested-model: smart\nroute-type: alias\nroute-ref: b\nroute-strategy: auto\n\
             selected-candidate: good/m\nskipped-candidates: chat/m:format-incompatible\n\
             attempts: good/m:200/ok#1\ntool-types: web_search,%C3%B6\n"
                .to_owned(),
        ),
        (
            "/v1/chat/completions",
            json!({}),
            "requested-model: smart\nroute-type: alias\nroute-ref: b\nroute-strategy: auto\n\
             selected-candidate: chat/m\nattempts: chat/m:200/ok#1\n"
                .to_owned(),
        ),
        (
            "/v1/chat/completions",
            json!({ "model": "rr" }),
            format!(
                "requested-model: rr\nroute-type: alias\nroute-ref: rr\n\
                 route-strategy: round-robin\nselected-candidate: {model}\n\
                 attempts: {model}:200/ok#1\n"
            ),
        ),
        (
            "/v1/chat/completions",
            json!({ "model": "vendor/grüße-日本" }),
            format!(
                "requested-model: {}\nroute-type: bare-model\nroute-ref: {}\n\
                 route-strategy: ordered\nselected-candidate: {model}\n\
                 attempts: {model}:200/ok#1\n",
                &model[5..],
                &model[5..],
            ),
        ),
        (
            "/v1/chat/completions",
            json!({ "model": "limited/m" }),
            "requested-model: limited/m\nroute-type: direct\nroute-ref: limited/m\n\
             route-strategy: ordered\nselected-candidate: limited/m\n\
             attempts: limited/m:429/rate-limited#1\n"
                .to_owned(),
        ),
        (
            "/v1/chat/completions",
            json!({ "model": "full/m" }),
            "requested-model: full/m\nroute-type: direct\nroute-ref: full/m\n\
             route-strategy: ordered\nskipped-candidates: full/m:quota-exhausted\n"
                .to_owned(),
        ),
    ] {
        let answer = gateway.ask(path, &[], &asked).await;
        assert_eq!(told(&answer), expected, "{asked}");
    }
}

#[tokio::test]
async fn headers_are_silent_unless_asked_for() {
    let (good, bad) = (fine().await, Upstream::start(|_| reply(400, "{}")).await);
    let config = |debug: Value| {
        json!({
            "providers": [
                provider("good", good.address, &["m"]), provider("bad", bad.address, &["m"]),
            ],
            "server": { "debugRouting": debug },
        })
    };
    for (setting, variable, on) in [
        (Value::Null, "", false),
        (json!(false), "", false),
        (json!(true), "", true),
        (json!(false), "1", true),
        (json!(true), "false", false),
    ] {
        let environment = [("LLM_ROUTER_DEBUG_ROUTING", variable)];
        let environment = if variable.is_empty() { &[][..] } else { &environment };
        let gateway = Running::start_with(&config(setting.clone()), environment).await;
        for model in ["good/m", "bad/m", "nobody/m"] {
            let answer = gateway.chat(model).await;
            let known = model != "nobody/m";
            assert_eq!(!told(&answer).is_empty(), on && known, "{setting} {variable} {model}");
            let ours =
                answer.headers().keys().filter(|name| name.as_str().starts_with("x-llm-router"));
            let count = ours.count();
            assert!(on || count == 1 + usize::from(known), "{model}: {:?}", answer.headers());
            assert_eq!(answered_by(&answer), if known { model } else { "" });
            assert!(!header(&answer, "x-llm-router-request-id").is_empty());
        }
    }
}

#[tokio::test]
async fn long_lists_and_names_are_bounded() {
    let name = |number: usize| format!("m{number}-{}", "ü".repeat(60));
    let names: Vec<String> = (0..30).map(name).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let targets: Vec<String> = names.iter().map(|name| format!("bad/{name}")).collect();
    let bad = Upstream::start(|_| reply(404, "{}")).await;
    let gateway = Running::start(&json!({
        "providers": [provider("bad", bad.address, &names)],
        "modelAliases": { "a": { "targets": targets } },
        "server": { "debugRouting": true },
    }))
    .await;
    assert_eq!(gateway.chat("a").await.status(), 404);
    let answer = gateway.chat("a").await;
    for (name, value) in answer.headers() {
        let value = value.to_str().expect("visible ASCII");
        assert!(value.len() <= 512, "{name}: {value}");
        let last = value.rfind('%').map_or(3, |place| value.len() - place);
        assert!(last >= 3, "{name} ends within an escape: {value}");
    }
}

#[tokio::test]
async fn what_happened_is_remembered_for_a_while() {
    let good = fine().await;
    let gateway = Running::start(&json!({
        "providers": [provider("gone", nobody().await, &["m"]), provider("good", good.address, &["m"])],
        "modelAliases": { "a": { "targets": ["gone/m", "good/m"] } },
    }))
    .await;
    let body = json!({ "model": "a", "messages": [{ "role": "user", "content": "a secret" }] });
    for id in ["first", "twice", "twice"] {
        let headers = [("x-request-id", id), ("authorization", "Bearer client-key")];
        let answer = gateway.ask("/v1/chat/completions", &headers, &body).await;
        assert_eq!(header(&answer, "x-llm-router-request-id"), id);
    }
    let first = gateway.get("/-/decisions/first").await;
    assert_eq!(first["requestedModel"], "a");
    assert_eq!(first["operation"], "chat/completions");
    assert_eq!(first["attempts"][0]["cause"], "unreachable");
    assert_eq!(first["answeredBy"], "good/m");
    let candidates = first["decision"]["candidates"].as_array().expect("a list");
    let places: Vec<_> =
        candidates.iter().map(|c| (c["target"].as_str(), c["place"].as_u64())).collect();
    assert_eq!(places, [(Some("gone/m"), Some(1)), (Some("good/m"), Some(2))]);
    // Of an id that a client used twice, the last; by then the first target rested.
    assert_eq!(gateway.get("/-/decisions/twice").await["attempts"], json!([]));
    let list = gateway.get("/-/decisions").await;
    let ids: Vec<_> =
        list.as_array().expect("a list").iter().map(|one| &one["requestId"]).collect();
    assert_eq!(ids, ["twice", "twice", "first"], "the latest first");
    let all = list.to_string() + &gateway.get("/-/state").await.to_string();
    for secret in ["a secret", "client-key", "provider-key"] {
        assert!(!all.contains(secret), "{secret} is told");
    }
    // Refused ones are remembered too.
    let answer = gateway.chat("gone/m").await;
    assert_eq!(answer.status(), 502);
    assert_eq!(gateway.decision(&answer).await["answeredBy"], Value::Null);
    for number in 0..256 {
        let id = format!("later-{number}");
        gateway.ask("/v1/chat/completions", &[("x-request-id", &id)], &body).await;
    }
    let forgotten = gateway.http.get(format!("{}/-/decisions/first", gateway.url)).send().await;
    let forgotten = forgotten.expect("an answer");
    assert_eq!(forgotten.status(), 404);
    let text = forgotten.text().await.expect("an error");
    assert!(text.contains("no request `first` is remembered: only the last 256 are"), "{text}");
}

#[tokio::test]
async fn the_state_that_is_told_is_the_one_that_decides() {
    let limited = Upstream::start(|_| answer(429, "retry-after: 60\r\n", "{}")).await;
    let good = fine().await;
    let window = json!({ "unit": "month", "size": 1200 });
    let limit = json!({ "rateLimits": [{ "id": "b", "models": ["all"], "requests": 9, "window": window }] });
    let gateway = Running::start(&json!({
        "providers": [
            provider("limited", limited.address, &["m"]),
            provider_with("good", good.address, &["m"], &limit),
        ],
        "modelAliases": { "a": { "strategy": "auto", "targets": ["limited/m", "good/m"] } },
    }))
    .await;
    for id in ["one", "two"] {
        let headers = [("x-session-id", id)];
        let answer = gateway.ask("/v1/chat/completions", &headers, &json!({ "model": "a" })).await;
        assert_eq!(answered_by(&answer), "good/m");
    }
    let status = gateway.status().await;
    assert_eq!(
        status["buckets"],
        json!([
            { "name": "good/b", "used": 2, "cap": 9, "resets": "2100-01-01T00:00:00Z" },
        ])
    );
    assert_eq!(status["cooldowns"][0]["name"], "limited/m");
    let until = status["cooldowns"][0]["until"].as_str().expect("a moment");
    assert!(until.ends_with('Z') && until.contains('T'), "{until}");
    assert_eq!(status["rotations"][0]["alias"], "a");
    assert_eq!(status["conversations"], 2);
    assert_eq!(status["state"], json!({}));
    let state = gateway.get("/-/state").await;
    assert_eq!(state["limits"]["good/b"]["used"], 2);
    assert_eq!(state["models"]["limited/m"]["rest"]["cause"], "rate-limited");
    // It reads back as it is, which `explain` relies on.
    let read: llm_router::routing::state::State =
        serde_json::from_value(state.clone()).expect("a state");
    assert_eq!(serde_json::to_value(&read).expect("JSON"), state);
}

#[tokio::test]
async fn the_admin_surface_is_for_this_machine_and_for_those_with_the_key() {
    let gateway = Running::start(&json!({})).await;
    for (address, open) in [
        ("127.0.0.1", true),
        ("127.9.9.9", true),
        ("::1", true),
        ("::ffff:127.0.0.1", true),
        ("192.168.1.2", false),
        ("::ffff:10.0.0.1", false),
        ("2001:db8::1", false),
    ] {
        let address: IpAddr = address.parse().expect("an address");
        for path in ["status", "state", "decisions", "decisions/x", "x"] {
            let error = admin::answer(&gateway.gateway, address, path).err();
            let refused = error.is_some_and(|error| error.kind.status() == 403);
            assert_eq!(refused, !open, "{address} {path}");
        }
    }
    for require in [None, Some(true), Some(false)] {
        let gateway = Running::start(&json!({
            "masterKey": "a-key-for-the-gateway", "server": { "requireAuth": require },
        }))
        .await;
        for path in ["status", "state", "decisions"] {
            let url = format!("{}/-/{path}", gateway.url);
            let without = gateway.http.get(&url).send().await.expect("an answer");
            assert_eq!(without.status(), 401, "{path} {require:?}");
            let with = gateway.http.get(&url).bearer_auth("a-key-for-the-gateway").send().await;
            assert_eq!(with.expect("an answer").status(), 200, "{path} {require:?}");
        }
    }
    for method in ["POST", "PUT", "DELETE"] {
        let method: http::Method = method.parse().expect("a method");
        let url = format!("{}/-/state", gateway.url);
        let answer = gateway.http.request(method, url).send().await.expect("an answer");
        assert_eq!(answer.status(), 405, "it never changes anything");
    }
}
