//! How streams are laid out: Gemini's arrays, and signs of life between events.

use llm_router::protocol::Format;
use serde_json::{Value, json};

use super::{
    Shape, answers,
    asks::{Ask, body, path},
    is_ready, model, pairs,
    speech::{Heard, Say, events, hear, hear_stream},
    vendor,
};
use crate::support::{Act, Running, Upstream, end, reply, stream};

const SAYS: [Say; 2] =
    [Say::Text("Grüße "), Say::Call("call_7", "get_weather", r#"{"city":"Köln"}"#)];

fn check(heard: &Heard, about: &str) {
    assert_eq!(heard.text, "Grüße ", "{about}");
    let call = ("get_weather".to_owned(), json!({ "city": "Köln" }));
    assert_eq!(heard.calls, [call], "{about}");
    assert_eq!(heard.stop, "calls", "{about}");
    assert_eq!((heard.input, heard.output), (30, 7), "{about}");
}

/// What a client of Gemini gets that asks for a stream without `alt=sse`: an array.
async fn array(gateway: &Running, name: &str) -> Vec<Value> {
    let request = body(Format::Gemini, Ask::Plain, name, true).to_string();
    let path = path(Format::Gemini, name, true);
    let path = path.strip_suffix("?alt=sse").expect("a path of events");
    let response = gateway.post(path, &request).await;
    assert_eq!(response.status(), 200, "{name}");
    assert_eq!(response.headers()["content-type"], "application/json", "{name}");
    let text = response.text().await.expect("an array");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}: {text}"))
}

/// The same as server-sent events.
fn as_events(array: &[Value]) -> String {
    array.iter().map(|element| format!("data: {element}\n\n")).collect()
}

fn providers() -> impl Iterator<Item = Format> {
    Format::ALL.into_iter().filter(|format| *format != Format::Gemini && is_ready(*format))
}

async fn gateway(provider: Format, upstream: &Upstream) -> Running {
    Running::start(&json!({
        "providers": [vendor("p", provider, upstream.address)],
        "server": { "retry": { "attempts": 1, "patienceMs": 0 } },
    }))
    .await
}

#[tokio::test]
async fn a_client_of_gemini_that_wants_an_array_gets_one_from_every_vendor() {
    for provider in providers() {
        for shape in [Shape::Asked, Shape::Other] {
            let upstream = Upstream::start(move |seen| answers(seen, &SAYS, shape)).await;
            let gateway = gateway(provider, &upstream).await;
            let name = format!("p/{}", model(provider));
            let array = array(&gateway, &name).await;
            let about = format!("{provider}, {shape:?}");
            check(&hear_stream(Format::Gemini, &as_events(&array)), &about);
            // It comes piece by piece wherever the provider's does.
            assert!(shape == Shape::Other || array.len() > 2, "{about}: {array:?}");
        }
    }
}

#[tokio::test]
async fn an_array_that_breaks_off_is_a_whole_array_with_an_error_at_its_end() {
    for provider in providers() {
        let all = events(provider, &SAYS);
        let shown = all.iter().position(|event| event.contains("Gr")).expect("content");
        let begin = all[..=shown].concat();
        let upstream =
            Upstream::start(move |_| [stream(&[&begin]), vec![Act::Close]].concat()).await;
        let gateway = gateway(provider, &upstream).await;
        let array = array(&gateway, &format!("p/{}", model(provider))).await;
        let (last, before) = array.split_last().expect("elements");
        assert_eq!(last["error"]["code"], 502, "{provider}: {last}");
        let texts = before.iter().map(|e| &e["candidates"][0]["content"]["parts"][0]["text"]);
        assert!(texts.into_iter().any(|text| text == "Grüße "), "{provider}: {before:?}");
        assert!(before.iter().all(|e| e["candidates"][0]["finishReason"].is_null()), "{provider}");
    }
}

#[tokio::test]
async fn a_provider_that_answers_with_an_array_is_understood_by_every_client() {
    let chunks = events(Format::Gemini, &SAYS);
    let chunks: Vec<Value> = chunks
        .iter()
        .map(|event| serde_json::from_str(event.trim_start_matches("data: ")).expect("a chunk"))
        .collect();
    let whole = json!(chunks).to_string();
    let upstream = Upstream::start(move |_| reply(200, &whole)).await;
    let gateway = gateway(Format::Gemini, &upstream).await;
    let name = format!("p/{}", model(Format::Gemini));
    for client in providers() {
        for streams in [true, false] {
            let request = body(client, Ask::Plain, &name, streams).to_string();
            let response = gateway.post(&path(client, &name, streams), &request).await;
            let text = response.text().await.expect("an answer");
            let heard = if streams {
                hear_stream(client, &text)
            } else {
                hear(client, &serde_json::from_str(&text).expect(&text))
            };
            check(&heard, &format!("{client}, {streams}"));
        }
    }
}

/// Signs of life as providers and their proxies send them.
const SIGNS: [&str; 7] = [
    ": OPENROUTER PROCESSING\n\n",
    ":\n\n",
    ": a comment\r\n: of two lines\r\n\r\n",
    "\n",
    "retry: 1000\n\n",
    "event: ping\ndata: {\"type\": \"ping\"}\n\n",
    "event: keepalive\ndata: {\"type\":\"keepalive\",\"sequence_number\":7}\n\n",
];

/// Whether a provider of `format` may send `sign`: events of other vendors are no signs of life.
fn sends(format: Format, sign: &str) -> bool {
    match format {
        Format::Anthropic => !sign.contains("keepalive"),
        Format::OpenAiResponses => !sign.contains("ping"),
        Format::OpenAi | Format::Gemini => !sign.contains("event"),
    }
}

#[tokio::test]
async fn signs_of_life_between_events_say_nothing_in_another_format() {
    for (client, provider) in pairs() {
        for sign in SIGNS.into_iter().filter(|sign| sends(provider, sign)) {
            let all = events(provider, &SAYS);
            let pieces: Vec<String> = all.iter().map(|event| format!("{sign}{event}")).collect();
            let upstream = Upstream::start(move |_| {
                let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
                end(stream(&pieces))
            })
            .await;
            let gateway = gateway(provider, &upstream).await;
            let name = format!("p/{}", model(provider));
            let request = body(client, Ask::Plain, &name, true).to_string();
            let response = gateway.post(&path(client, &name, true), &request).await;
            let text = response.text().await.expect("a stream");
            let about = format!("{client} to {provider}: {sign:?}: {text}");
            check(&hear_stream(client, &text), &about);
            for word in ["OPENROUTER", "comment", "keepalive", "ping", "retry"] {
                assert!(!text.contains(word), "{about}");
            }
        }
    }
}
