//! Amp against the gateway alone: no account, no server of Amp's.

use serde_json::json;

use crate::support::Running;

/// A gateway that demands its key.
async fn keyed() -> Running {
    Running::start_with(
        &json!({ "masterKey": "gw-key", "server": { "requireAuth": true } }),
        &[("LLM_ROUTER_DEBUG_ROUTING", "true")],
    )
    .await
}

/// As the clients of spring 2026 start, work and end: path, body, and what must be in the answer.
const SESSION: [(&str, &str, &str); 10] = [
    (
        "/api/internal?getUserInfo",
        r#"{"method":"getUserInfo","params":{}}"#,
        r#""plan":"local","authenticated":true,"isAuthenticated":true,"apiKeyValid":true,"hasApiKey":true,"features":[]"#,
    ),
    (
        "/api/internal?getUserFreeTierStatus",
        r#"{"method":"getUserFreeTierStatus"}"#,
        r#""canUseAmpFree":false,"isDailyGrantEnabled":false"#,
    ),
    ("/api/internal?loadPlugins", r#"{"method":"loadPlugins","params":{}}"#, r#""result":[]"#),
    (
        "/api/internal?getThread",
        r#"{"method":"getThread"}"#,
        r#"{"ok":false,"error":{"code":"thread-not-found""#,
    ),
    (
        "/api/provider/anthropic/v1/messages",
        r#"{"model":"claude-haiku","max_tokens":5,"messages":[{"role":"user","content":"hi"}]}"#,
        "llm-router demo",
    ),
    ("/api/provider/openai/v1/responses", r#"{"model":"gpt-5.4","input":"hi"}"#, "llm-router demo"),
    (
        "/api/provider/google/v1beta1/publishers/google/models/gemini-3:generateContent",
        r#"{"contents":[{"parts":[{"text":"hi"}]}]}"#,
        "llm-router demo",
    ),
    (
        "/api/internal?setThreadMeta",
        r#"{"method":"setThreadMeta","params":{}}"#,
        r#""updated":true"#,
    ),
    ("/api/internal?webSearch2", "{}", r#"{"ok":false,"error":{"code":"method-not-available""#),
    ("/api/internal/github-auth-status", "{}", r#"{"ok":false,"#),
];

#[tokio::test]
async fn amp_runs_without_an_account() {
    let gateway = keyed().await;
    for (path, body, expected) in SESSION {
        let request = gateway.http.post(format!("{}{path}", gateway.url)).body(body);
        let request = request.header("content-type", "application/json");
        let response = request.header("authorization", "Bearer gw-key").send().await;
        let response = response.expect("an answer");
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()["x-llm-router-amp-detected"], "true", "{path}");
        let text = response.text().await.expect("text");
        assert!(text.contains(expected), "{path}: {text}");
    }
}

#[tokio::test]
async fn only_the_right_key_method_and_media_type_get_in() {
    let gateway = keyed().await;
    let json = ("content-type", "application/json");
    let amp = ("x-amp-client-type", "cli");
    let key = ("x-api-key", "gw-key");
    for (method, path, headers, status) in [
        // Amp puts a placeholder where it has no key; one right key is enough.
        ("GET", "/api/internal", &[key, ("x-goog-api-key", "placeholder")][..], 200),
        ("HEAD", "/api/internal", &[key], 200),
        ("POST", "/api/internal?getUserInfo", &[key], 200),
        ("POST", "/api/internal?getUserInfo", &[("x-api-key", "wrong"), json], 401),
        ("POST", "/api/internal?getUserInfo", &[json], 401),
        ("DELETE", "/api/internal", &[key], 405),
        ("GET", "/api/threads/find?q=x", &[key, amp], 404),
        ("POST", "/api/thread-actors", &[key, amp, json], 404),
        ("GET", "/actors/metadata", &[key], 404),
        // What a client tells about its use goes nowhere; of others nothing is known.
        ("POST", "/api/telemetry", &[key, amp, json], 200),
        ("POST", "/api/telemetry", &[key, json], 404),
        ("GET", "/api/provider/google/v1beta/models", &[key], 200),
    ] {
        let method: reqwest::Method = method.parse().expect("a method");
        let mut request = gateway.http.request(method.clone(), format!("{}{path}", gateway.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), status, "{method} {path} {headers:?}");
    }
    // A page that was lured into posting cannot declare JSON without asking.
    let request = gateway.http.post(format!("{}/api/internal", gateway.url)).body("{}");
    let response = request.header("x-api-key", "gw-key").send().await.expect("an answer");
    assert_eq!(response.status(), 415);
}
