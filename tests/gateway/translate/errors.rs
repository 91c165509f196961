//! What goes wrong between a client of one format and a provider of another.

use std::net::SocketAddr;

use llm_router::protocol::Format;
use serde_json::{Value, json};

use super::{
    Shape, answers, ask, asked_in,
    asks::{Ask, body, path},
    is_ready, model, pairs, read,
    speech::{Say, events, hear_stream, whole},
    vendor,
};
use crate::support::{Act, Running, Upstream, answer, end, reply, stream};

/// An alias `a` of a vendor that fails and one that does not; time-outs are short.
async fn two(provider: Format, bad: SocketAddr, good: SocketAddr) -> Running {
    let target = |id: &str| format!("{id}/{}", model(provider));
    Running::start(&json!({
        "providers": [vendor("bad", provider, bad), vendor("good", provider, good)],
        "modelAliases": { "a": { "targets": [target("bad"), target("good")] } },
        "server": {
            "timeouts": { "firstByteMs": 300, "silenceMs": 300 }, "retry": { "baseDelayMs": 1 },
        },
    }))
    .await
}

/// An error as the vendor writes it, inside of a stream.
fn error_event(format: Format) -> String {
    let event = match format {
        Format::Anthropic => {
            let event = json!({ "type": "error",
                "error": { "type": "overloaded_error", "message": "Overloaded" } });
            return format!("event: error\ndata: {event}\n\n");
        }
        Format::OpenAiResponses => {
            let event = json!({ "type": "response.failed", "sequence_number": 9, "response": {
                "id": "resp_up", "object": "response", "status": "failed", "output": [],
                "error": { "code": "server_error", "message": "Overloaded" } } });
            return format!("event: response.failed\ndata: {event}\n\n");
        }
        Format::OpenAi => json!({ "error": { "message": "Overloaded", "type": "server_error" } }),
        Format::Gemini => {
            json!({ "error": { "code": 503, "status": "UNAVAILABLE", "message": "Overloaded" } })
        }
    };
    format!("data: {event}\n\n")
}

/// How many of the first events of a stream show nothing yet.
fn preamble(format: Format) -> usize {
    match format {
        Format::Anthropic => 3,
        Format::OpenAi => 1,
        Format::OpenAiResponses => 4,
        Format::Gemini => 0,
    }
}

fn broken_sign(client: Format) -> &'static str {
    match client {
        Format::OpenAi => "data: {\"error\":{",
        Format::OpenAiResponses => "event: response.failed\ndata: ",
        Format::Anthropic => "event: error\ndata: {\"type\":\"error\"",
        Format::Gemini => "data: {\"error\":{",
    }
}

const SAYS: [Say; 1] = [Say::Text("hi")];

#[tokio::test]
async fn the_client_never_notices_a_target_that_fails_before_its_first_content() {
    for (client, provider) in pairs() {
        let whole_stream = events(provider, &SAYS);
        let begin = whole_stream[..preamble(provider)].concat();
        let error = error_event(provider);
        let empty = json!({ "error": { "message": "Rate limit exceeded" } }).to_string();
        let faults: Vec<(&str, Vec<Act>)> = vec![
            ("429", answer(429, "retry-after: 60\r\n", "{}")),
            ("500", reply(500, "{}")),
            ("401", reply(401, "{}")),
            ("404", reply(404, "{}")),
            ("a web page", answer(200, "content-type: text/html\r\n", "<html>")),
            ("nothing at all", vec![Act::Close]),
            ("no answer", vec![Act::Hang]),
            ("an empty stream", end(stream(&[]))),
            ("comments alone", end(stream(&[": hi\n\n"]))),
            ("a preamble alone", end(stream(&[&begin]))),
            ("a preamble, then silence", [stream(&[&begin]), vec![Act::Hang]].concat()),
            ("a preamble, then a cut", [stream(&[&begin]), vec![Act::Close]].concat()),
            ("an error first", end(stream(&[&error]))),
            ("a preamble, then an error", end(stream(&[&begin, &error]))),
            ("a whole error with status 200", reply(200, &empty)),
            ("no reply at all", reply(200, "[1, 2]")),
            (
                "compressed",
                answer(200, "content-type: text/event-stream\r\ncontent-encoding: gzip\r\n", "x"),
            ),
        ];
        for (name, acts) in faults {
            let bad = Upstream::start(move |_| acts.clone()).await;
            let good = Upstream::start(|seen| answers(seen, &SAYS, Shape::Asked)).await;
            let gateway = two(provider, bad.address, good.address).await;
            let request = body(client, Ask::Plain, "a", true).to_string();
            let response = gateway.post(&path(client, "a", true), &request).await;
            let status = response.status();
            let target = response.headers().get("x-llm-router-target").cloned();
            let text = response.text().await.expect("a stream");
            assert_eq!(status, 200, "{client} to {provider}: {name}: {text}");
            let expected = format!("good/{}", model(provider));
            assert_eq!(target.expect("a target"), expected, "{client} to {provider}: {name}");
            let heard = hear_stream(client, &text);
            assert_eq!(heard.text, "hi", "{client} to {provider}: {name}");
            assert_eq!(heard.model, "a", "{client} to {provider}: {name}");
        }
    }
}

#[tokio::test]
async fn after_content_a_break_ends_the_stream_with_an_error_of_the_client() {
    for (client, provider) in pairs() {
        let all = events(provider, &SAYS);
        let shown = all.iter().position(|event| event.contains("\"hi\"")).expect("content");
        let begin = match provider {
            // The only event holds the end too.
            Format::Gemini => all[0].replace(",\"finishReason\":\"STOP\"", ""),
            Format::OpenAi | Format::OpenAiResponses | Format::Anthropic => all[..=shown].concat(),
        };
        let error = error_event(provider);
        for (name, acts) in [
            ("cut", [stream(&[&begin]), vec![Act::Close]].concat()),
            ("an early end", end(stream(&[&begin]))),
            ("silence", [stream(&[&begin]), vec![Act::Hang]].concat()),
            ("half an event", end(stream(&[&begin, "data: {\"par"]))),
            ("an error", end(stream(&[&begin, &error]))),
        ] {
            let about = format!("{client} to {provider}: {name}");
            let bad = Upstream::start(move |_| acts.clone()).await;
            let good = Upstream::start(|seen| answers(seen, &SAYS, Shape::Asked)).await;
            let gateway = two(provider, bad.address, good.address).await;
            let request = body(client, Ask::Plain, "a", true).to_string();
            let response = gateway.post(&path(client, "a", true), &request).await;
            let text = response.text().await.expect("a stream");
            assert!(text.contains("\"hi\""), "{about}: {text}");
            let sign = broken_sign(client);
            assert_eq!(text.matches(sign).count(), 1, "{about}: {text}");
            let (_, tail) = text.rsplit_once(sign).expect("an error");
            assert!(!tail.contains("[DONE]") && tail.ends_with("\n\n"), "{about}: {tail}");
            for ending in ["message_stop", "response.completed", "\"finishReason\"", "end_turn"] {
                assert!(!text.contains(ending), "{about}: {text}");
            }
            assert!(good.seen().is_empty(), "{about}");
        }
    }
}

/// An error as the vendor answers it: status, headers, body.
fn error(format: Format, status: u16, code: &str, message: &str) -> Vec<Act> {
    let body = match format {
        Format::Anthropic => {
            json!({ "type": "error", "error": { "type": code, "message": message } })
        }
        Format::OpenAi | Format::OpenAiResponses => {
            json!({ "error": { "type": "x", "code": code, "message": message, "param": null } })
        }
        Format::Gemini => {
            json!({ "error": { "code": status, "status": code, "message": message } })
        }
    };
    let after = if status == 429 { "retry-after: 77\r\n" } else { "" };
    let headers = format!("content-type: application/json\r\n{after}");
    answer(status, &headers, &body.to_string())
}

/// Asks a single vendor that refuses, and gives status, headers and body.
async fn refused(
    (client, provider): (Format, Format),
    acts: Vec<Act>,
) -> (u16, reqwest::header::HeaderMap, Value) {
    let upstream = Upstream::start(move |_| acts.clone()).await;
    let config = json!({
        "providers": [vendor("p", provider, upstream.address)],
        "server": { "retry": { "attempts": 1, "patienceMs": 0 } },
    });
    let gateway = Running::start(&config).await;
    let name = format!("p/{}", model(provider));
    let request = body(client, Ask::Plain, &name, false).to_string();
    let response = gateway.post(&path(client, &name, false), &request).await;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.expect("an error");
    (status, headers, serde_json::from_str(&text).expect(&text))
}

#[tokio::test]
async fn errors_keep_status_words_and_wait_in_the_words_of_the_client() {
    for pair in pairs() {
        let (client, provider) = pair;
        let (limit, long) = match provider {
            Format::Anthropic => {
                (("rate_limit_error", 429), ("invalid_request_error", "prompt is too long: 9 > 8"))
            }
            Format::OpenAi | Format::OpenAiResponses => (
                ("rate_limit_exceeded", 429),
                ("context_length_exceeded", "Your input exceeds the context window of this model."),
            ),
            Format::Gemini => (
                ("RESOURCE_EXHAUSTED", 429),
                (
                    "INVALID_ARGUMENT",
                    "The input token count (9) exceeds the maximum number of tokens allowed (8).",
                ),
            ),
        };
        let about = format!("{client} to {provider}");
        let acts = error(provider, limit.1, limit.0, "Slow down, please.");
        let (status, headers, body) = refused(pair, acts).await;
        assert_eq!(status, 429, "{about}: {body}");
        assert_eq!(headers["retry-after"], "77", "{about}");
        assert_eq!(headers["content-type"], "application/json", "{about}");
        let message = body["error"]["message"].as_str().expect("a message");
        assert!(message.contains("Slow down, please."), "{about}: {message}");
        match client {
            Format::Anthropic => assert_eq!(body["error"]["type"], "rate_limit_error", "{about}"),
            Format::Gemini => assert_eq!(body["error"]["status"], "RESOURCE_EXHAUSTED", "{about}"),
            Format::OpenAi | Format::OpenAiResponses => {
                assert!(body["error"]["type"].is_string(), "{about}: {body}");
            }
        }

        // What makes agents compact.
        let (status, _, body) = refused(pair, error(provider, 400, long.0, long.1)).await;
        assert_eq!(status, 400, "{about}: {body}");
        let message = body["error"]["message"].as_str().expect("a message");
        assert!(message.contains(long.1), "{about}: {message}");
        match client {
            Format::Anthropic => assert!(message.contains("prompt is too long"), "{message}"),
            Format::OpenAi | Format::OpenAiResponses => {
                assert_eq!(body["error"]["code"], "context_length_exceeded", "{about}: {body}");
            }
            Format::Gemini => assert_eq!(body["error"]["status"], "INVALID_ARGUMENT", "{about}"),
        }
    }
}

#[tokio::test]
async fn what_a_provider_does_not_take_is_left_out_and_remembered() {
    if !is_ready(Format::OpenAi) {
        return;
    }
    // A vendor that knows neither the spelling of the limit nor a temperature.
    let upstream = Upstream::start(|seen| {
        let sent = read(seen);
        if !sent["max_tokens"].is_null() {
            let message = "Unsupported parameter: 'max_tokens' is not supported with this model. \
                           Use 'max_completion_tokens' instead.";
            return error(Format::OpenAi, 400, "unsupported_parameter", message);
        }
        if !sent["temperature"].is_null() {
            let message = "Unsupported parameter: 'temperature' is not supported with this model.";
            return error(Format::OpenAi, 400, "unsupported_parameter", message);
        }
        answers(seen, &SAYS, Shape::Asked)
    })
    .await;
    let config = json!({ "providers": [vendor("p", Format::OpenAi, upstream.address)] });
    let gateway = Running::start(&config).await;
    let mut request = body(Format::Anthropic, Ask::Plain, "p/gpt-5.1", false);
    request["temperature"] = 0.5.into();
    for (round, calls) in [(1, 3), (2, 4), (3, 5)] {
        let response = gateway.post("/v1/messages", &request.to_string()).await;
        assert_eq!(response.status(), 200, "round {round}");
        assert_eq!(upstream.seen().len(), calls, "round {round}: a lesson is learned once");
        let sent = read(upstream.seen().last().expect("a call"));
        assert_eq!(sent["max_completion_tokens"], 5000, "round {round}");
    }
    // With another key or address it is another provider: what was learned is forgotten.
    let mut changed = config.clone();
    changed["providers"][0]["apiKey"] = "another-key".into();
    gateway.reload(&changed.to_string());
    let response = gateway.post("/v1/messages", &request.to_string()).await;
    assert_eq!((response.status().as_u16(), upstream.seen().len()), (200, 8));
}

#[tokio::test]
async fn a_client_of_the_same_format_reads_what_its_provider_refuses_itself() {
    let text = r#"{"error":{"message":"Unsupported parameter: 'temperature' is not supported.","code":"unsupported_parameter"}}"#;
    let upstream = Upstream::start(move |_| reply(400, text)).await;
    let config = json!({ "providers": [vendor("p", Format::OpenAi, upstream.address)] });
    let gateway = Running::start(&config).await;
    let mut request = body(Format::OpenAi, Ask::Plain, "p/gpt-5.1", false);
    request["temperature"] = 0.5.into();
    let response = gateway.post("/v1/chat/completions", &request.to_string()).await;
    assert_eq!(response.status(), 400);
    assert_eq!(response.text().await.expect("an error"), text);
    assert_eq!(upstream.seen().len(), 1);
}

#[tokio::test]
async fn a_signature_that_is_refused_is_left_out_even_where_the_format_is_the_same() {
    let upstream = Upstream::start(|seen| answers(seen, &SAYS, Shape::Asked)).await;
    let config = json!({ "providers": [vendor("p", Format::Anthropic, upstream.address)] });
    let gateway = Running::start(&config).await;
    let mut request = body(Format::Anthropic, Ask::Plain, "p/claude-sonnet-4-5", false);
    for (signature, calls) in [("anthropic-seal", 1), ("of-another-vendor", 2)] {
        request["messages"] = json!([
            { "role": "user", "content": "Hi" },
            { "role": "assistant", "content": [
                { "type": "thinking", "thinking": "Hm.", "signature": signature },
                { "type": "text", "text": "Yes." },
            ] },
            { "role": "user", "content": "And now?" },
        ]);
        let before = upstream.seen().len();
        let response = gateway.post("/v1/messages", &request.to_string()).await;
        let (status, text) = (response.status(), response.text().await.expect("a reply"));
        assert_eq!(status, 200, "{signature}: {text}");
        assert_eq!(upstream.seen().len() - before, calls, "{signature}");
        let sent = read(upstream.seen().last().expect("a call"));
        assert_eq!(sent.to_string().contains("Hm."), calls == 1, "{signature}: {sent}");
        assert!(sent.to_string().contains("And now?"));
    }
}

#[tokio::test]
async fn a_conversation_that_only_its_vendor_keeps_goes_to_its_vendor_or_is_refused() {
    let chat = Upstream::start(|seen| answers(seen, &SAYS, Shape::Asked)).await;
    let own =
        Upstream::start(|_| reply(200, &whole(Format::OpenAiResponses, &SAYS).to_string())).await;
    let config = json!({
        "providers": [
            vendor("c", Format::Anthropic, chat.address), vendor("r", Format::OpenAiResponses, own.address),
        ],
        "modelAliases": { "a": { "targets": ["c/claude-sonnet-4-5", "r/gpt-5.1"] } },
    });
    let gateway = Running::start(&config).await;
    let request =
        |model: &str| json!({ "model": model, "input": "hi", "previous_response_id": "resp_1" });
    let response = gateway.post("/v1/responses", &request("a").to_string()).await;
    assert_eq!(response.headers()["x-llm-router-target"], "r/gpt-5.1");
    assert!(chat.seen().is_empty());
    let response = gateway.post("/v1/responses", &request("c/claude-sonnet-4-5").to_string()).await;
    assert_eq!(response.status(), 400);
    let error: Value =
        serde_json::from_str(&response.text().await.expect("an error")).expect("JSON");
    let message = error["error"]["message"].as_str().expect("a message");
    assert!(message.contains("previous_response_id") && message.contains("whole"), "{message}");
    assert!(error["error"]["param"].as_str().is_some_and(|p| p.contains("previous_response_id")));
    // An SDK of Anthropic looks for this before it sends the whole history.
    let thread = json!({ "model": "r/gpt-5.1", "max_tokens": 9, "thread": { "type": "create" },
        "messages": [{ "role": "user", "content": "hi" }] });
    let response = gateway.post("/v1/messages", &thread.to_string()).await;
    assert_eq!(response.status(), 400);
    let text = response.text().await.expect("an error");
    assert!(text.contains("thread_unsupported_request"), "{text}");
}

/// What an overloaded target is called by each client's own vendor.
#[tokio::test]
async fn an_overload_is_529_to_clients_of_anthropic_and_503_to_others() {
    for pair in pairs() {
        let (client, provider) = pair;
        let (status, code) = match provider {
            Format::Anthropic => (529, "overloaded_error"),
            Format::OpenAi | Format::OpenAiResponses => (503, "server_is_overloaded"),
            Format::Gemini => (503, "UNAVAILABLE"),
        };
        let (told, _, body) = refused(pair, error(provider, status, code, "Overloaded")).await;
        let expected = if client == Format::Anthropic { 529 } else { 503 };
        assert_eq!(told, expected, "{client} to {provider}: {body}");
        if client == Format::Anthropic {
            assert_eq!(body["error"]["type"], "overloaded_error", "{provider}: {body}");
        }
    }
}

#[tokio::test]
async fn every_target_can_be_asked_for_the_size_of_a_request() {
    for provider in Format::ALL {
        let upstream = Upstream::start(move |seen| {
            let line = seen.head.lines().next().unwrap_or_default().to_owned();
            if line.contains("count_tokens")
                || line.contains("input_tokens")
                || line.contains(":counttokens")
            {
                let sent = read(seen);
                // Vendors take no wishes about the reply here.
                for key in ["max_tokens", "stream", "max_output_tokens", "store"] {
                    if !sent[key].is_null() {
                        return error(provider, 400, "invalid_request_error", key);
                    }
                }
                let key = if provider == Format::Gemini { "totalTokens" } else { "input_tokens" };
                return reply(200, &json!({ key: 123 }).to_string());
            }
            reply(404, "{}")
        })
        .await;
        let config = json!({ "providers": [vendor("p", provider, upstream.address)] });
        let gateway = Running::start(&config).await;
        let name = format!("p/{}", model(provider));
        for client in [Format::OpenAiResponses, Format::Anthropic, Format::Gemini] {
            let path = match client {
                Format::Anthropic => "/v1/messages/count_tokens".to_owned(),
                Format::Gemini => format!("/v1beta/models/{name}:countTokens"),
                Format::OpenAi | Format::OpenAiResponses => "/v1/responses/input_tokens".to_owned(),
            };
            let mut request = body(client, Ask::Tools, &name, false);
            for key in ["max_tokens", "max_output_tokens"] {
                request.as_object_mut().expect("an object").remove(key);
            }
            let response = gateway.post(&path, &request.to_string()).await;
            let (status, headers) = (response.status(), response.headers().clone());
            let text = response.text().await.expect("a count");
            let about = format!("{client} to {provider}: {text}");
            assert_eq!(status, 200, "{about}");
            let count: Value = serde_json::from_str(&text).expect("JSON");
            let tokens = count["input_tokens"].as_u64().or(count["totalTokens"].as_u64());
            let tokens = tokens.expect(&about);
            let estimated = headers.get("x-llm-router-token-count").is_some();
            assert_eq!(estimated, provider == Format::OpenAi, "{about}");
            if estimated {
                assert!((200..600).contains(&tokens), "{about}");
            } else {
                assert_eq!(tokens, 123, "{about}");
            }
        }
    }
}

#[tokio::test]
async fn a_provider_without_the_question_is_asked_once_and_then_estimated() {
    let upstream = Upstream::start(|_| reply(404, "{}")).await;
    let mut provider = vendor("p", Format::Anthropic, upstream.address);
    provider["vendor"] = Value::Null;
    let gateway = Running::start(&json!({ "providers": [provider] })).await;
    let request =
        r#"{"model":"p/claude-sonnet-4-5","messages":[{"role":"user","content":"hello there"}]}"#;
    for round in 0..3 {
        let response = gateway.post("/v1/messages/count_tokens", request).await;
        assert_eq!(response.headers()["x-llm-router-token-count"], "estimated", "{round}");
        assert_eq!(response.status(), 200);
    }
    assert_eq!(upstream.seen().len(), 1);
}

#[tokio::test]
async fn estimates_learn_from_what_replies_report() {
    // A model whose tokens are twice as many as one would think.
    let upstream = Upstream::start(|seen| {
        let tokens = seen.body.len() * 2 / 3;
        let reply_body = match asked_in(seen) {
            (_, false) => {
                let mut body = whole(Format::OpenAi, &SAYS);
                body["usage"]["prompt_tokens"] = tokens.into();
                body.to_string()
            }
            (_, true) => {
                let events = events(Format::OpenAi, &SAYS).concat();
                let events =
                    events.replace("\"prompt_tokens\":30", &format!("\"prompt_tokens\":{tokens}"));
                return end(stream(&[&events]));
            }
        };
        reply(200, &reply_body)
    })
    .await;
    let long = "word ".repeat(2000);
    for (client, streams) in [
        (Format::OpenAi, false),
        (Format::OpenAi, true),
        (Format::Anthropic, false),
        (Format::Anthropic, true),
    ] {
        if client != Format::OpenAi && !is_ready(Format::OpenAi) {
            continue;
        }
        let config = json!({ "providers": [vendor("p", Format::OpenAi, upstream.address)] });
        let gateway = Running::start(&config).await;
        let count = async || {
            let request =
                json!({ "model": "p/gpt-5.1", "messages": [{ "role": "user", "content": long }] });
            let response = gateway.post("/v1/messages/count_tokens", &request.to_string()).await;
            let text = response.text().await.expect("a count");
            let count: Value = serde_json::from_str(&text).expect("JSON");
            count["input_tokens"].as_u64().expect("a number")
        };
        let before = count().await;
        assert!((3400..4000).contains(&before), "{before}");
        let mut request = body(client, Ask::Plain, "p/gpt-5.1", streams);
        let last = request["messages"].as_array_mut().and_then(|all| all.last_mut());
        last.expect("a message")["content"] = long.as_str().into();
        let response =
            gateway.post(&path(client, "p/gpt-5.1", streams), &request.to_string()).await;
        assert_eq!(response.status(), 200);
        response.text().await.expect("all of it");
        let after = count().await;
        assert!((6500..8000).contains(&after), "{client} {streams}: {before}, then {after}");
    }
}

#[tokio::test]
async fn a_client_of_the_same_format_gets_the_shape_that_it_asked_for() {
    for format in Format::ALL.into_iter().filter(|format| is_ready(*format)) {
        for streams in [false, true] {
            let upstream = Upstream::start(|seen| answers(seen, &SAYS, Shape::Other)).await;
            let mut provider = vendor("p", format, upstream.address);
            provider["vendor"] = Value::Null;
            let gateway = Running::start(&json!({ "providers": [provider] })).await;
            let name = format!("p/{}", model(format));
            let heard = ask(&gateway, format, Ask::Plain, &name, streams).await;
            assert_eq!((&*heard.text, &*heard.stop), ("hi", "end"), "{format} {streams}");
            assert_eq!((heard.input, heard.output), (30, 7), "{format} {streams}");
        }
    }
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_translated_call_along() {
    for (client, provider) in pairs() {
        let all = events(provider, &[Say::Text("hi"), Say::Text("more")]);
        let shown = all.iter().position(|event| event.contains("\"hi\"")).expect("content");
        let acts = [stream(&[&all[..=shown].concat()]), vec![Act::Hang]].concat();
        let upstream = Upstream::start(move |_| acts.clone()).await;
        let config = json!({ "providers": [vendor("p", provider, upstream.address)] });
        let gateway = Running::start(&config).await;
        let name = format!("p/{}", model(provider));
        let request = body(client, Ask::Plain, &name, true).to_string();
        let mut response = gateway.post(&path(client, &name, true), &request).await;
        assert_eq!(response.status(), 200, "{client} to {provider}");
        assert!(response.chunk().await.expect("a piece").is_some());
        drop(response);
        let mut left = upstream.left.clone();
        left.wait_for(|count| *count >= 1).await.expect("the upstream");
    }
}
