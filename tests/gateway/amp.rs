//! Amp's clients through a real gateway: sessions, mappings, and what is said about them.

mod account;
mod binary;
mod captured;
mod carried;
mod crossed;
#[cfg(target_os = "linux")]
mod secured;

use std::io::Write;

use serde_json::{Value, json};

use super::SAMPLES;
use crate::support::{Running, Upstream, end, provider, reply, stream};

/// A call as a client of Amp makes it, and what it has to come to.
struct Row {
    path: &'static str,
    /// The body; `MODEL` stands for the model that Amp asks for.
    body: &'static str,
    /// The model that Amp asks for.
    model: &'static str,
    /// The formats of the provider that answers.
    formats: &'static [&'static str],
    /// How the provider is asked: the request line in lower case, and the body.
    asked: (&'static str, &'static str),
    /// What the provider answers, in its format, and what Amp gets.
    answer: Answer,
}

enum Answer {
    Whole(&'static str, &'static str),
    /// The pieces of a stream, by the sample of their format; what Amp gets is the same.
    Stream(usize),
}

const CHAT: &str = "/v1/chat/completions";
const WHOLE: &str = "{ \"id\": 1 }";

const fn row(
    path: &'static str,
    (model, body): (&'static str, &'static str),
    formats: &'static [&'static str],
    asked: (&'static str, &'static str),
    answer: Answer,
) -> Row {
    Row { path, body, model, formats, asked, answer }
}

/// Every vendor's path in every format, streamed or whole. A target of another format is one more
/// row: its `formats`, how it is asked, and both sides of its answer.
const SESSION: [Row; 12] = [
    row(
        "anthropic/v1/messages",
        ("claude-haiku-4-5-20251001", r#"{"model":"MODEL","max_tokens":60,"messages":[]}"#),
        &["anthropic"],
        ("post /v1/messages ", r#"{"model":"m","max_tokens":60,"messages":[]}"#),
        Answer::Whole(WHOLE, WHOLE),
    ),
    row(
        "anthropic/v1/messages",
        ("claude-opus-4-6", r#"{"model":"MODEL","stream":true,"messages":[]}"#),
        &["anthropic"],
        ("post /v1/messages ", r#"{"model":"m","stream":true,"messages":[]}"#),
        Answer::Stream(2),
    ),
    row(
        "kimi/v1/messages",
        ("kimi-k3", r#"{"model":"MODEL","stream":true,"messages":[]}"#),
        &["anthropic"],
        ("post /v1/messages ", r#"{"model":"m","stream":true,"messages":[]}"#),
        Answer::Stream(2),
    ),
    row(
        "openai/v1/responses",
        ("gpt-5.3-codex", r#"{"model":"MODEL","stream":true,"input":[]}"#),
        &["openai-responses"],
        ("post /v1/responses ", r#"{"model":"m","stream":true,"input":[]}"#),
        Answer::Stream(1),
    ),
    row(
        "openai/v1/responses",
        ("gpt-5.4", r#"{"model":"MODEL","input":"x"}"#),
        &["openai-responses"],
        ("post /v1/responses ", r#"{"model":"m","input":"x"}"#),
        Answer::Whole(WHOLE, WHOLE),
    ),
    row(
        "openai/v1/chat/completions",
        ("gpt-5", r#"{"model":"MODEL","stream":true,"messages":[]}"#),
        &["openai"],
        ("post /v1/chat/completions ", r#"{"model":"m","stream":true,"messages":[]}"#),
        Answer::Stream(0),
    ),
    row(
        "groq/openai/v1/chat/completions",
        ("llama", r#"{"model":"MODEL","messages":[]}"#),
        &["openai"],
        ("post /v1/chat/completions ", r#"{"model":"m","messages":[]}"#),
        Answer::Whole(WHOLE, WHOLE),
    ),
    row(
        "fireworks/v1/completions",
        ("starcoder", r#"{"model":"MODEL","prompt":"x"}"#),
        &["openai"],
        ("post /v1/completions ", r#"{"model":"m","prompt":"x"}"#),
        Answer::Whole(WHOLE, WHOLE),
    ),
    row(
        "google/v1beta1/publishers/google/models/MODEL:generateContent",
        ("gemini-3-flash-preview", r#"{"contents":[]}"#),
        &["gemini"],
        ("post /v1beta/models/m:generatecontent ", r#"{"contents":[]}"#),
        Answer::Whole(WHOLE, WHOLE),
    ),
    row(
        "google/v1beta1/publishers/google/models/MODEL:streamGenerateContent?alt=sse",
        ("gemini-3-pro-preview", r#"{"contents":[]}"#),
        &["gemini"],
        ("post /v1beta/models/m:streamgeneratecontent?alt=sse ", r#"{"contents":[]}"#),
        Answer::Stream(3),
    ),
    row(
        "google/v1beta/models/MODEL:streamGenerateContent?alt=sse",
        ("gemini-3-pro-preview", r#"{"contents":[]}"#),
        &["gemini"],
        ("post /v1beta/models/m:streamgeneratecontent?alt=sse ", r#"{"contents":[]}"#),
        Answer::Stream(3),
    ),
    row(
        "google/v1/models/MODEL:generateContent",
        ("gemini-3-pro-preview", r#"{"contents":[]}"#),
        &["gemini"],
        ("post /v1beta/models/m:generatecontent ", r#"{"contents":[]}"#),
        Answer::Whole(WHOLE, WHOLE),
    ),
];

#[tokio::test]
async fn every_path_of_a_vendor_leads_to_the_mapped_target() {
    for row in &SESSION {
        let (sent, expected) = match row.answer {
            Answer::Whole(sent, expected) => (reply(200, sent), expected.to_owned()),
            Answer::Stream(index) => {
                let sample = &SAMPLES[index];
                let pieces = [sample.preamble, sample.content, sample.ending];
                (end(stream(&pieces)), pieces.concat())
            }
        };
        let upstream = Upstream::start(move |_| sent.clone()).await;
        let mut target = provider("p", upstream.address, &["m"]);
        target["formats"] = json!(row.formats);
        let gateway = Running::start(&json!({
            "providers": [target],
            "ampRouting": { "modelMap": { row.model: "p/m" } },
        }))
        .await;
        let path = format!("/api/provider/{}", row.path.replace("MODEL", row.model));
        let response = gateway.post(&path, &row.body.replace("MODEL", row.model)).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()["x-llm-router-target"], "p/m", "{path}");
        assert_eq!(response.text().await.expect("an answer"), expected, "{path}");
        let seen = &upstream.seen()[0];
        assert!(seen.head.starts_with(row.asked.0), "{path}: {}", seen.head);
        assert_eq!(String::from_utf8_lossy(&seen.body), row.asked.1, "{path}");
    }
}

/// A gateway whose maps all lead to models of one provider, that tells how it decides.
async fn mapped(upstream: &Upstream, amp: &Value) -> Running {
    let models = ["deep", "review", "both", "app", "title", "gemini", "rest", "default"];
    let mut config = json!({
        "defaultModel": "p/default",
        "providers": [provider("p", upstream.address, &models)],
        "modelAliases": { "chat.deep": { "targets": ["p/deep"] } },
    });
    if !amp.is_null() {
        config["ampRouting"] = amp.clone();
    }
    Running::start_with(&config, &[("LLM_ROUTER_DEBUG_ROUTING", "true")]).await
}

/// Posts as Amp would, and tells what is said about it: mode, agent, application, requested model,
/// matched by, matched ref, and the model that was asked.
async fn said(gateway: &Running, path: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut request = gateway.http.post(format!("{}{path}", gateway.url)).body(body.to_owned());
    request = request.header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.expect("an answer");
    let header = |name: &str| {
        let value = response.headers().get(format!("x-llm-router-{name}"));
        value.map_or("-", |value| value.to_str().expect("text")).to_owned()
    };
    let names = ["detected", "mode", "agent", "application", "requested-model", "matched-by"];
    let mut told: Vec<String> = names.map(|name| header(&format!("amp-{name}"))).to_vec();
    told.push(header("amp-matched-ref"));
    told.push(header("target"));
    told.join("|")
}

#[tokio::test]
async fn the_debug_headers_say_which_rule_matched() {
    let upstream = Upstream::start(|_| reply(200, WHOLE)).await;
    let maps = json!({
        "agentModeMap": { "review": { "deep": "p/both" } },
        "modeMap": { "deep": "alias:chat.deep" },
        "agentMap": { "review": "p/review" },
        "applicationMap": { "cli execute mode": "p/app" },
        "modelMap": { "claude-haiku": "p/title", "google/gemini-3": "p/gemini" },
        "fallbackRoute": "p/rest",
    });
    let gateway = mapped(&upstream, &maps).await;
    let messages = "/api/provider/anthropic/v1/messages";
    let cli = ("x-amp-client-application", "CLI Execute Mode");
    for (path, headers, body, expected) in [
        (
            messages,
            &[cli, ("x-amp-mode", "deep"), ("x-amp-feature", "amp.review")][..],
            r#"{"model":"x"}"#,
            "true|deep|review|CLI Execute Mode|x|agent-mode|p/both|p/both",
        ),
        (
            messages,
            &[cli, ("x-amp-mode", "Deep"), ("x-amp-feature", "amp.chat")],
            r#"{"model":"x"}"#,
            "true|deep|-|CLI Execute Mode|x|mode|alias:chat.deep|p/deep",
        ),
        (
            messages,
            &[cli, ("x-amp-mode", ""), ("x-amp-feature", "amp.review")],
            r#"{"model":"x"}"#,
            "true|-|review|CLI Execute Mode|x|agent|p/review|p/review",
        ),
        (
            messages,
            &[cli],
            r#"{"model":"x"}"#,
            "true|-|-|CLI Execute Mode|x|application|p/app|p/app",
        ),
        (
            messages,
            &[],
            r#"{"model":"claude-haiku"}"#,
            "true|-|-|-|claude-haiku|model|p/title|p/title",
        ),
        (
            "/api/provider/google/v1/models/gemini-3:generateContent",
            &[],
            "{}",
            "true|-|-|-|gemini-3|provider-model|p/gemini|p/gemini",
        ),
        (messages, &[], "{}", "true|-|-|-|smart|fallback|p/rest|p/rest"),
        (messages, &[], r#"{"model":"p/deep"}"#, "true|-|-|-|p/deep|fallback|p/rest|p/rest"),
        // On everybody's paths too, told by a header; without one it is not Amp.
        (
            "/v1/messages",
            &[cli],
            r#"{"model":"p/deep"}"#,
            "true|-|-|CLI Execute Mode|p/deep|application|p/app|p/app",
        ),
        (
            "/v1/messages",
            &[("user-agent", "sample/1")],
            r#"{"model":"p/deep"}"#,
            "-|-|-|-|-|-|-|p/deep",
        ),
    ] {
        assert_eq!(said(&gateway, path, headers, body).await, expected, "{path} {headers:?}");
    }
    let quiet =
        Running::start(&json!({ "providers": [provider("p", upstream.address, &["m"])] })).await;
    let told = said(&quiet, messages, &[], r#"{"model":"p/m"}"#).await;
    assert_eq!(told, "-|-|-|-|-|-|-|p/m");
}

#[tokio::test]
async fn without_a_mapping_amp_is_smart_and_disabled_it_is_like_any_client() {
    let upstream = Upstream::start(|_| reply(200, WHOLE)).await;
    let path = "/api/provider/anthropic/v1/messages";
    for (amp, model, expected) in [
        (Value::Null, "claude-opus-4-6", "true|-|-|-|claude-opus-4-6|fallback|smart|p/default"),
        (Value::Null, "p/deep", "true|-|-|-|p/deep|-|-|p/deep"),
        (Value::Null, "chat.deep", "true|-|-|-|chat.deep|-|-|p/deep"),
        // A bare model is what Amp always sends.
        (Value::Null, "deep", "true|-|-|-|deep|fallback|smart|p/default"),
        (json!({}), "p/deep", "true|-|-|-|p/deep|fallback|smart|p/default"),
        (json!({ "enabled": false }), "deep", "true|-|-|-|deep|-|-|p/deep"),
        (json!({ "enabled": false }), "gpt-x", "true|-|-|-|gpt-x|-|-|-"),
    ] {
        let gateway = mapped(&upstream, &amp).await;
        let body = json!({ "model": model }).to_string();
        assert_eq!(said(&gateway, path, &[], &body).await, expected, "{amp} {model}");
    }
}

#[tokio::test]
async fn a_missing_default_is_told_as_what_to_set() {
    let upstream = Upstream::start(|_| reply(200, WHOLE)).await;
    let gateway =
        Running::start(&json!({ "providers": [provider("p", upstream.address, &["m"])] })).await;
    let response =
        gateway.post("/api/provider/anthropic/v1/messages", r#"{"model":"claude-x"}"#).await;
    assert_eq!(response.status(), 400);
    let text = response.text().await.expect("text");
    let error: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(
        error["error"]["message"],
        "Amp's request is mapped to `smart` (fallback), but the config has no `defaultModel`; set \
         that, or `ampRouting.fallbackRoute`"
    );
}

#[tokio::test]
async fn what_names_a_mode_in_the_body_is_not_passed_on() {
    let upstream = Upstream::start(|_| reply(200, WHOLE)).await;
    let gateway = mapped(&upstream, &json!({ "modeMap": { "deep": "p/deep" } })).await;
    let body = r#"{"model":"x","mode":"deep", "metadata":{"agent":"a","user_id":"u"},"params":{"mode":"y"},"n":1.0}"#;
    let told = said(&gateway, "/api/provider/openai/v1/chat/completions", &[], body).await;
    assert_eq!(told, "true|deep|a|-|x|mode|p/deep|p/deep");
    let seen = upstream.seen();
    assert_eq!(
        String::from_utf8_lossy(&seen[0].body),
        r#"{"model":"deep", "metadata":{"user_id":"u"},"n":1.0}"#
    );
    // What is not Amp's passes as it is.
    gateway.post(CHAT, r#"{"model":"p/deep","mode":"deep"}"#).await;
    let seen = upstream.seen();
    assert_eq!(String::from_utf8_lossy(&seen[1].body), r#"{"model":"deep","mode":"deep"}"#);
}

#[tokio::test]
async fn compressed_bodies_of_amp_are_understood() {
    let upstream = Upstream::start(|_| reply(200, WHOLE)).await;
    let gateway = mapped(&upstream, &json!({ "fallbackRoute": "p/rest" })).await;
    for (path, body, expected) in [
        ("/api/provider/openai/v1/responses", r#"{"model":"x","input":"y","mode":"deep"}"#, WHOLE),
        (
            "/api/internal?uploadThread",
            r#"{"method":"uploadThread","params":{"thread":{"id":"T-1","v":3}}}"#,
            r#"{"ok":true,"result":{"uploaded":true,"threadId":"T-1","version":3}}"#,
        ),
    ] {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(body.as_bytes()).expect("memory");
        let request = gateway.http.post(format!("{}{path}", gateway.url));
        let request = request.header("content-type", "application/json");
        let request = request.header("content-encoding", "gzip");
        let response =
            request.body(gzip.finish().expect("memory")).send().await.expect("an answer");
        assert_eq!(response.text().await.expect("text"), expected, "{path}");
    }
    assert_eq!(upstream.seen()[0].body, br#"{"model":"rest","input":"y"}"#);
}

#[tokio::test]
async fn models_are_listed_in_the_shape_of_the_vendor() {
    let gateway = Running::start(&json!({})).await;
    for (path, expected) in [
        ("anthropic/v1/models", r#""type":"model""#),
        ("openai/v1/models", r#""object":"list""#),
        ("groq/models", r#""object":"list""#),
        ("google/v1beta/models", r#""supportedGenerationMethods""#),
    ] {
        let response = gateway.http.get(format!("{}/api/provider/{path}", gateway.url)).send();
        let text = response.await.expect("an answer").text().await.expect("text");
        assert!(text.contains(expected), "{path}: {text}");
    }
}
