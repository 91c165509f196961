//! A client of one format, a provider of another: upstreams that refuse what the vendors refuse.

pub(super) mod asks;
mod errors;
mod frames;
mod losses;
pub(super) mod speech;
mod strict;

use std::net::SocketAddr;

use llm_router::protocol::Format;
use serde_json::{Value, json};

use crate::support::{Act, Running, Seen, Upstream, end, reply, stream};
use asks::{Ask, body, path};
use speech::{Heard, Say, events, hear, hear_stream, whole};

/// A model of each vendor that can think.
pub(super) fn model(format: Format) -> &'static str {
    match format {
        Format::OpenAi | Format::OpenAiResponses => "gpt-5.1",
        Format::Anthropic => "claude-sonnet-4-5",
        Format::Gemini => "gemini-2.5-pro",
    }
}

/// A provider that is the vendor of `format`, and speaks nothing else.
pub(super) fn vendor(id: &str, format: Format, upstream: SocketAddr) -> Value {
    let vendor = match format {
        // A known vendor that is said to speak Chat is known to speak Responses too.
        Format::OpenAi => Value::Null,
        Format::OpenAiResponses => "openai".into(),
        Format::Anthropic => "anthropic".into(),
        Format::Gemini => "gemini".into(),
    };
    json!({
        "id": id, "baseUrl": format!("http://{upstream}"), "apiKey": "provider-key",
        "formats": [format.name()], "models": [model(format)], "vendor": vendor,
    })
}

/// The format of a request, by its path.
pub(super) fn asked_in(seen: &Seen) -> (Format, bool) {
    let line = seen.head.lines().next().unwrap_or_default();
    let format = [
        ("/v1/messages ", Format::Anthropic),
        ("/v1/messages?beta=true ", Format::Anthropic),
        ("/v1/chat/completions ", Format::OpenAi),
        ("/v1/responses ", Format::OpenAiResponses),
        (":generatecontent ", Format::Gemini),
        (":streamgeneratecontent?alt=sse ", Format::Gemini),
    ];
    let found = format.into_iter().find(|(end, _)| line.contains(end));
    let (_, format) = found.unwrap_or_else(|| panic!("an unknown path: {line}"));
    let streams = line.contains(":stream") || read(seen)["stream"] == true;
    (format, streams)
}

fn read(seen: &Seen) -> Value {
    serde_json::from_slice(&seen.body).expect("JSON")
}

/// How a provider answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// As it was asked.
    Asked,
    /// In one piece although a stream was asked for, and the reverse.
    Other,
}

/// A vendor that says this, unless the request is wrong.
pub(super) fn answers(seen: &Seen, says: &[Say], shape: Shape) -> Vec<Act> {
    let (format, streams) = asked_in(seen);
    if let Err(why) = strict::check(format, &read(seen), streams) {
        let error =
            json!({ "error": { "message": why, "type": "invalid_request_error", "code": 400 } });
        return reply(400, &error.to_string());
    }
    if streams == (shape == Shape::Asked) {
        let events = events(format, says);
        let pieces: Vec<&str> = events.iter().map(String::as_str).collect();
        end(stream(&pieces))
    } else {
        reply(200, &whole(format, says).to_string())
    }
}

/// Asks, and gives what the client makes of the answer.
async fn ask(gateway: &Running, client: Format, ask: Ask, name: &str, streams: bool) -> Heard {
    let body = body(client, ask, name, streams).to_string();
    let response = gateway.post(&path(client, name, streams), &body).await;
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.expect("an answer");
    assert_eq!(status, 200, "{client} {ask:?}: {text}");
    let media_type = headers["content-type"].to_str().expect("text").to_owned();
    if streams {
        assert!(media_type.starts_with("text/event-stream"), "{media_type}");
        hear_stream(client, &text)
    } else {
        assert_eq!(media_type, "application/json");
        assert_eq!(headers["content-length"], text.len().to_string());
        hear(client, &serde_json::from_str(&text).expect("JSON"))
    }
}

/// Whether the codec of a format can do all that these tests ask for.
fn is_ready(format: Format) -> bool {
    crate::laws::ready::streams().contains(&format)
        && crate::laws::ready::requests().contains(&format)
}

/// Every client with every vendor that speaks another format.
fn pairs() -> impl Iterator<Item = (Format, Format)> {
    Format::ALL
        .into_iter()
        .flat_map(|client| Format::ALL.into_iter().map(move |provider| (client, provider)))
        .filter(|(client, provider)| client != provider)
        .filter(|(client, provider)| is_ready(*client) && is_ready(*provider))
}

#[tokio::test]
async fn every_client_is_answered_by_every_vendor() {
    let says = [Say::Text("Grüße "), Say::Call("call_7", "get_weather", r#"{"city":"Köln"}"#)];
    for (client, provider) in pairs() {
        for shape in [Shape::Asked, Shape::Other] {
            let upstream = Upstream::start(move |seen| answers(seen, &says, shape)).await;
            let config = json!({ "providers": [vendor("p", provider, upstream.address)] });
            let gateway = Running::start(&config).await;
            let name = format!("p/{}", model(provider));
            for (question, streams) in
                Ask::ALL.into_iter().flat_map(|question| [(question, false), (question, true)])
            {
                let about = format!("{client} to {provider}, {question:?}, {streams}, {shape:?}");
                let heard = ask(&gateway, client, question, &name, streams).await;
                assert_eq!(heard.text, "Grüße ", "{about}");
                let call = ("get_weather".to_owned(), json!({ "city": "Köln" }));
                assert_eq!(heard.calls, [call], "{about}");
                assert_eq!(heard.stop, "calls", "{about}");
                assert_eq!((heard.input, heard.output), (30, 7), "{about}");
                assert_eq!(heard.model, name, "{about}");
                assert!(!heard.ids[0].is_empty() || client == Format::Gemini, "{about}");

                let seen = upstream.seen().pop().expect("a call");
                let (asked, sent) = (asked_in(&seen), read(&seen));
                assert_eq!(asked, (provider, streams), "{about}");
                let text = sent.to_string();
                for word in asks::must_contain(question) {
                    assert!(text.contains(word), "{about}: no {word} in {text}");
                }
                assert!(
                    question != Ask::Thinking || asks::thinks(provider, &sent),
                    "{about}: {text}"
                );
                assert!(text.contains("5000"), "{about}: the limit in {text}");
            }
        }
    }
}

#[tokio::test]
async fn thoughts_are_shown_and_their_seals_come_back_to_their_vendor_alone() {
    let says = [Say::Think("Hm."), Say::Text("Yes.")];
    for (client, provider) in pairs().filter(|(_, provider)| *provider != Format::OpenAi) {
        for streams in [false, true] {
            let about = format!("{client} to {provider}, {streams}");
            let upstream = Upstream::start(move |seen| answers(seen, &says, Shape::Asked)).await;
            let others = Upstream::start(move |seen| answers(seen, &says, Shape::Asked)).await;
            let other = pairs().find(|(from, to)| *from == provider && *to != client);
            let other = other.map_or(client, |(_, other)| other);
            let config = json!({ "providers": [
                vendor("p", provider, upstream.address), vendor("q", other, others.address),
            ] });
            let gateway = Running::start(&config).await;
            let name = format!("p/{}", model(provider));
            let mut first = body(client, Ask::Thinking, &name, streams);
            let response = gateway.post(&path(client, &name, streams), &first.to_string()).await;
            let text = response.text().await.expect("a reply");
            let heard = if streams {
                hear_stream(client, &text)
            } else {
                hear(client, &serde_json::from_str(&text).expect("JSON"))
            };
            assert_eq!((&*heard.thought, &*heard.text), ("Hm.", "Yes."), "{about}: {text}");

            // The client sends back what it got, as its SDK would, to both.
            answer_back(client, &mut first, &text, streams);
            for (upstream, name) in [(&upstream, name), (&others, format!("q/{}", model(other)))] {
                if client != Format::Gemini {
                    first["model"] = name.as_str().into();
                }
                let response =
                    gateway.post(&path(client, &name, streams), &first.to_string()).await;
                let status = response.status();
                let text = response.text().await.expect("a reply");
                assert_eq!(status, 200, "{about} {name}: {text}");
                let seen = upstream.seen().pop().expect("a call");
                let sent = String::from_utf8_lossy(&seen.body).into_owned();
                assert!(
                    !sent.contains("bGxtLXJvdXRlci8x"),
                    "{about} {name}: an envelope in {sent}"
                );
                let sealed = sent.contains(speech::seal(provider));
                // Gemini seals only calls here, so nothing of it comes back.
                let expected = name.starts_with("p/") && provider != Format::Gemini;
                assert_eq!(sealed, expected, "{about} {name}: {sent}");
                assert!(sent.contains("And now?"), "{about} {name}: {sent}");
            }
        }
    }
}

/// Appends the reply, as the client got it, and another question.
fn answer_back(client: Format, body: &mut Value, reply: &str, streams: bool) {
    let whole = || -> Value { serde_json::from_str(reply).expect("JSON") };
    let push = |list: &mut Value, more: Value| list.as_array_mut().expect("a list").push(more);
    match client {
        Format::Anthropic => {
            let content = if streams {
                speech::anthropic_message(reply)["content"].clone()
            } else {
                whole()["content"].clone()
            };
            push(&mut body["messages"], json!({ "role": "assistant", "content": content }));
            push(&mut body["messages"], json!({ "role": "user", "content": "And now?" }));
        }
        Format::OpenAiResponses => {
            let response = if streams {
                speech::split(reply).pop().expect("events").1["response"].clone()
            } else {
                whole()
            };
            for item in response["output"].as_array().expect("output") {
                push(&mut body["input"], item.clone());
            }
            let more = json!({ "type": "message", "role": "user", "content": "And now?" });
            push(&mut body["input"], more);
        }
        Format::OpenAi => {
            let mut message = if streams {
                speech::chat_message(reply)
            } else {
                whole()["choices"][0]["message"].clone()
            };
            message["role"] = "assistant".into();
            push(&mut body["messages"], message);
            push(&mut body["messages"], json!({ "role": "user", "content": "And now?" }));
        }
        Format::Gemini => {
            let parts: Vec<Value> = if streams {
                let events = speech::split(reply);
                let parts = events.iter().filter_map(|(_, event)| {
                    event["candidates"][0]["content"]["parts"].as_array().cloned()
                });
                parts.flatten().collect()
            } else {
                whole()["candidates"][0]["content"]["parts"].as_array().cloned().expect("parts")
            };
            push(&mut body["contents"], json!({ "role": "model", "parts": parts }));
            let more = json!({ "role": "user", "parts": [{ "text": "And now?" }] });
            push(&mut body["contents"], more);
        }
    }
}

#[tokio::test]
async fn what_belongs_to_one_vendor_stays_with_it() {
    let says = [Say::Text("hi")];
    let upstream = Upstream::start(move |seen| answers(seen, &says, Shape::Asked)).await;
    let config = json!({ "providers": [vendor("p", Format::OpenAiResponses, upstream.address)] });
    let gateway = Running::start(&config).await;
    let name = "p/gpt-5.1";
    let text = body(Format::Anthropic, Ask::Plain, name, false).to_string();
    let response = gateway
        .http
        .post(format!("{}/v1/messages?beta=true", gateway.url))
        .header("content-type", "application/json")
        .header("anthropic-beta", "a,b")
        .header("anthropic-version", "2023-06-01")
        .header("x-claude-code-session-id", "s1")
        .header("user-agent", "claude-cli/2")
        .body(text)
        .send()
        .await
        .expect("an answer");
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["x-llm-router-target"], "p/gpt-5.1");
    let head = &upstream.seen()[0].head;
    assert!(head.starts_with("post /v1/responses http"), "{head}");
    for gone in ["anthropic", "claude-code", "beta"] {
        assert!(!head.contains(gone), "{gone} in {head}");
    }
    assert!(head.contains("user-agent: claude-cli/2\r\n"), "{head}");
    assert!(head.contains("authorization: bearer provider-key\r\n"), "{head}");
}

#[tokio::test]
async fn a_provider_that_speaks_several_formats_is_asked_in_the_nearest() {
    let says = [Say::Text("hi")];
    for (client, formats, expected) in [
        (Format::Anthropic, &["openai", "openai-responses"][..], Format::OpenAiResponses),
        (Format::Anthropic, &["openai", "anthropic"], Format::Anthropic),
        (Format::OpenAiResponses, &["openai", "anthropic"], Format::Anthropic),
        (Format::Gemini, &["openai"], Format::OpenAi),
    ] {
        if !is_ready(expected) {
            continue;
        }
        let upstream = Upstream::start(move |seen| answers(seen, &says, Shape::Asked)).await;
        let mut provider = vendor("p", expected, upstream.address);
        provider["formats"] = formats.into();
        let gateway = Running::start(&json!({ "providers": [provider] })).await;
        let name = format!("p/{}", model(expected));
        ask(&gateway, client, Ask::Plain, &name, false).await;
        assert_eq!(asked_in(&upstream.seen()[0]).0, expected, "{client} {formats:?}");
    }
}
