//! Amp's requests, answered by vendors that speak another format than the path that Amp takes.

use llm_router::protocol::Format;
use serde_json::{Value, json};

use super::super::translate::{
    Shape, answers, asked_in,
    asks::{self, Ask},
    model,
    speech::{Heard, Say, hear, hear_stream},
    vendor,
};
use crate::support::{Running, Seen, Upstream, reply};

/// Every path that Amp asks models on, with the model that it asks for; Gemini's without its verb.
const PATHS: [(Format, &str, &str); 10] = [
    (Format::Anthropic, "anthropic/v1/messages", "claude-opus-4-6"),
    (Format::Anthropic, "kimi/v1/messages", "kimi-k3"),
    (Format::OpenAiResponses, "openai/v1/responses", "gpt-5.3-codex"),
    (Format::OpenAiResponses, "xai/v1/responses", "grok-5"),
    (Format::OpenAi, "openai/v1/chat/completions", "gpt-5"),
    (Format::OpenAi, "groq/openai/v1/chat/completions", "llama"),
    (
        Format::Gemini,
        "google/v1beta1/publishers/google/models/gemini-3-flash-preview",
        "gemini-3-flash-preview",
    ),
    (Format::Gemini, "google/v1beta/models/gemini-3-pro-preview", "gemini-3-pro-preview"),
    (Format::Gemini, "google/v1/models/gemini-3-pro-preview", "gemini-3-pro-preview"),
    (Format::Gemini, "google/models/gemini-3-pro-preview", "gemini-3-pro-preview"),
];

/// How a reply is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reply {
    Whole,
    Events,
    /// One array of JSON, piece by piece: Gemini's streams without `alt=sse`.
    Array,
}

impl Reply {
    fn all(client: Format) -> &'static [Self] {
        if client == Format::Gemini {
            &[Self::Whole, Self::Events, Self::Array]
        } else {
            &[Self::Whole, Self::Events]
        }
    }

    fn streams(self) -> bool {
        self != Self::Whole
    }

    fn url(self, client: Format, path: &str) -> String {
        let verb = match (client, self) {
            (Format::Gemini, Self::Whole) => ":generateContent",
            (Format::Gemini, Self::Events) => ":streamGenerateContent?alt=sse",
            (Format::Gemini, Self::Array) => ":streamGenerateContent",
            (Format::OpenAi | Format::OpenAiResponses | Format::Anthropic, _) => "",
        };
        format!("/api/provider/{path}{verb}")
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Whole | Self::Array => "application/json",
            Self::Events => "text/event-stream; charset=utf-8",
        }
    }

    fn hear(self, client: Format, text: &str) -> Heard {
        match self {
            Self::Whole => hear(client, &serde_json::from_str(text).expect("JSON")),
            Self::Events => hear_stream(client, text),
            Self::Array => {
                let chunks: Vec<Value> = serde_json::from_str(text).expect("an array");
                let events = chunks.iter().map(|chunk| format!("data: {chunk}\n\n"));
                hear_stream(client, &events.collect::<String>())
            }
        }
    }
}

/// Every pair of different formats.
fn others(client: Format) -> impl Iterator<Item = Format> {
    Format::ALL.into_iter().filter(move |provider| *provider != client)
}

/// A gateway whose `ampRouting` leads from this model of Amp's to that vendor.
async fn mapped(asked: &str, provider: Format, upstream: &Upstream) -> Running {
    Running::start_with(
        &json!({
            "providers": [vendor("p", provider, upstream.address)],
            "ampRouting": { "modelMap": { asked: format!("p/{}", model(provider)) } },
        }),
        &[("LLM_ROUTER_DEBUG_ROUTING", "true")],
    )
    .await
}

/// Posts with the headers of Amp's main conversation.
async fn post(gateway: &Running, path: &str, body: &Value) -> reqwest::Response {
    let mut request = gateway.http.post(format!("{}{path}", gateway.url)).body(body.to_string());
    for (name, value) in [
        ("content-type", "application/json"),
        ("authorization", "Bearer any"),
        ("x-goog-api-key", "placeholder"),
        ("x-amp-client-application", "CLI Execute Mode"),
        ("x-amp-client-type", "cli"),
        ("x-amp-feature", "amp.chat"),
        ("x-amp-message-id", "1"),
        ("x-amp-thread-id", "T-5928a90d-d53b-488f-a829-4e36442142ee"),
        ("x-amp-override-provider", "openai"),
    ] {
        request = request.header(name, value);
    }
    request.send().await.expect("an answer")
}

fn sent(seen: &Seen) -> Value {
    serde_json::from_slice(&seen.body).expect("JSON")
}

#[tokio::test]
async fn every_path_is_answered_by_every_vendor_with_a_tool_call() {
    let says = [Say::Text("Grüße "), Say::Call("call_7", "get_weather", r#"{"city":"Köln"}"#)];
    let mut cases = 0;
    for (client, path, asked) in PATHS {
        for (provider, shape) in
            others(client).flat_map(|it| [(it, Shape::Asked), (it, Shape::Other)])
        {
            let upstream = Upstream::start(move |seen| answers(seen, &says, shape)).await;
            let gateway = mapped(asked, provider, &upstream).await;
            for &manner in Reply::all(client) {
                let about = format!("{path} to {provider}, {manner:?}, {shape:?}");
                let stream = manner.streams();
                let body = asks::body(client, Ask::Tools, asked, stream);
                let response = post(&gateway, &manner.url(client, path), &body).await;
                assert_eq!(response.status(), 200, "{about}");
                let target = format!("p/{}", model(provider));
                assert_eq!(response.headers()["x-llm-router-target"], target, "{about}");
                assert_eq!(response.headers()["x-llm-router-amp-matched-by"], "model", "{about}");
                assert_eq!(response.headers()["content-type"], manner.media_type(), "{about}");
                let text = response.text().await.expect("a reply");
                let heard = manner.hear(client, &text);
                assert_eq!(heard.text, "Grüße ", "{about}: {text}");
                let call = ("get_weather".to_owned(), json!({ "city": "Köln" }));
                assert_eq!(heard.calls, [call], "{about}");
                assert_eq!(heard.stop, "calls", "{about}");
                assert_eq!(heard.model, asked, "{about}");

                let seen = upstream.seen().pop().expect("a call");
                assert_eq!(asked_in(&seen), (provider, stream), "{about}");
                assert!(!seen.head.contains("x-amp-"), "{about}: {}", seen.head);
                let told = sent(&seen).to_string();
                for word in asks::must_contain(Ask::Tools) {
                    assert!(told.contains(word), "{about}: no {word} in {told}");
                }
                cases += 1;
            }
        }
    }
    // Six paths with two ways of replying, four with three; three other vendors of two manners.
    assert_eq!(cases, (6 * 2 + 4 * 3) * 3 * 2);
}

/// Vendors are asked in their own way; for one that has none it is estimated.
#[tokio::test]
async fn tokens_are_counted_whoever_answers() {
    for (client, path, asked, answer) in [
        (
            Format::Anthropic,
            "anthropic/v1/messages/count_tokens",
            "claude-opus-4-6",
            "/input_tokens",
        ),
        (
            Format::Gemini,
            "google/v1beta1/publishers/google/models/gemini-3-flash-preview:countTokens",
            "gemini-3-flash-preview",
            "/totalTokens",
        ),
        (
            Format::Gemini,
            "google/v1beta/models/gemini-3-pro-preview:countTokens",
            "gemini-3-pro-preview",
            "/totalTokens",
        ),
    ] {
        for provider in others(client) {
            let upstream = Upstream::start(|_| {
                reply(200, r#"{"object":"x","input_tokens":42,"totalTokens":42}"#)
            })
            .await;
            let gateway = mapped(asked, provider, &upstream).await;
            let body = asks::body(client, Ask::Tools, asked, false);
            let response = post(&gateway, &format!("/api/provider/{path}"), &body).await;
            assert_eq!(response.status(), 200, "{path} to {provider}");
            let text = response.text().await.expect("a count");
            let count: Value = serde_json::from_str(&text).expect("JSON");
            let count = count.pointer(answer).and_then(Value::as_u64).expect("a number");
            let lines: Vec<String> = upstream.seen().iter().map(line).collect();
            let (expected, estimated) = match provider {
                Format::OpenAi => (vec![], true),
                Format::OpenAiResponses => (vec!["post /v1/responses/input_tokens"], false),
                Format::Anthropic => (vec!["post /v1/messages/count_tokens"], false),
                Format::Gemini => (vec!["post /v1beta/models/gemini-2.5-pro:counttokens"], false),
            };
            assert_eq!(lines, expected, "{path} to {provider}");
            let right = if estimated { (100..2000).contains(&count) } else { count == 42 };
            assert!(right, "{path} to {provider}: {text}");
        }
    }
}

/// Method and path.
fn line(seen: &Seen) -> String {
    seen.head.split(" http/").next().unwrap_or_default().to_owned()
}

/// Amp's titles: the call that is forced is looked for in the first place.
#[tokio::test]
async fn a_forced_call_comes_first_however_long_the_model_thought() {
    let says = [Say::Think("Hm."), Say::Call("call_1", "set_title", r#"{"title":"A"}"#)];
    for provider in others(Format::Anthropic) {
        for stream in [false, true] {
            let upstream = Upstream::start(move |seen| answers(seen, &says, Shape::Asked)).await;
            let gateway = mapped("claude-haiku-4-5-20251001", provider, &upstream).await;
            let body = json!({
                "model": "claude-haiku-4-5-20251001", "max_tokens": 60, "temperature": 0.7,
                "stream": stream, "system": "Make a title.",
                "messages": [{ "role": "user", "content": "<message>hi</message>" }],
                "tools": [{ "name": "set_title", "input_schema": {
                    "type": "object", "properties": { "title": { "type": "string" } },
                    "required": ["title"] } }],
                "tool_choice":
                    { "type": "tool", "name": "set_title", "disable_parallel_tool_use": true },
            });
            let response = post(&gateway, "/api/provider/anthropic/v1/messages", &body).await;
            assert_eq!(response.status(), 200, "{provider}");
            let text = response.text().await.expect("a reply");
            assert!(!text.contains("thinking") && !text.contains("Hm."), "{provider}: {text}");
            if stream {
                let first = text.find("\"index\":0").expect("a block");
                assert!(
                    text[first..]
                        .starts_with("\"index\":0,\"content_block\":{\"type\":\"tool_use\""),
                    "{text}"
                );
                assert_eq!(hear_stream(Format::Anthropic, &text).calls.len(), 1);
            } else {
                let message: Value = serde_json::from_str(&text).expect("JSON");
                assert_eq!(message["content"][0]["type"], "tool_use", "{provider}");
                assert_eq!(message["content"][0]["input"], json!({ "title": "A" }), "{provider}");
            }
            let told = sent(&upstream.seen()[0]).to_string();
            assert!(told.contains("set_title"), "{told}");
        }
    }
}

/// A subagent of Amp's answers a call that has an id without naming the tool.
#[tokio::test]
async fn results_without_a_name_answer_their_calls() {
    let says = [Say::Text("found")];
    let asked = "gemini-3-flash-preview";
    let call = |id: &str, path: &str| json!({ "functionCall": { "id": id, "name": "Read", "args": { "path": path } } });
    let result = |text: &str| json!({ "functionResponse": { "name": "", "response": { "output": { "content": text } } } });
    let body = json!({
        "contents": [
            { "role": "user", "parts": [{ "text": "find it" }] },
            { "role": "model", "parts": [call("call_1", "/a"), call("call_2", "/b")] },
            { "role": "user", "parts": [result("of a"), result("of b")] },
        ],
        "tools": [{ "functionDeclarations": [{ "name": "Read", "parameters":
            { "type": "OBJECT", "properties": { "path": { "type": "STRING" } } } }] }],
    });
    for provider in Format::ALL {
        let upstream = Upstream::start(move |seen| answers(seen, &says, Shape::Asked)).await;
        let gateway = mapped(asked, provider, &upstream).await;
        let path = format!(
            "/api/provider/google/v1beta1/publishers/google/models/{asked}:generateContent"
        );
        let response = post(&gateway, &path, &body).await;
        let status = response.status();
        assert_eq!(status, 200, "{provider}: {}", response.text().await.expect("text"));
        let told = sent(&upstream.seen()[0]);
        let answered = match provider {
            Format::OpenAi => json!([told["messages"][2], told["messages"][3]]),
            Format::OpenAiResponses => json!([told["input"][3], told["input"][4]]),
            Format::Anthropic => told["messages"][2]["content"].clone(),
            Format::Gemini => told["contents"][2]["parts"].clone(),
        };
        for (place, id, text) in [(0, "call_1", "of a"), (1, "call_2", "of b")] {
            let one = answered[place].to_string();
            assert!(one.contains(id) && one.contains(text), "{provider}: {told}");
        }
        if provider == Format::Gemini {
            let named = json!({ "name": "Read", "id": "call_2",
                "response": { "output": { "content": "of b" } } });
            assert_eq!(answered[1]["functionResponse"], named);
        }
    }
}
