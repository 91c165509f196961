//! Streams as providers write them, cut at every place.

use serde_json::json;

use super::*;
use crate::{
    chat::{Opening, Reply},
    formats::{StreamDecoder, order::SseDecoder},
};

/// The events of a stream in a few characters each, whatever the cut.
fn events(stream: &str) -> String {
    let bytes = stream.as_bytes();
    let whole = decode([bytes]);
    for cut in 0..bytes.len() {
        let (one, other) = bytes.split_at(cut);
        assert_eq!(decode([one, other]), whole, "cut at {cut}");
    }
    assert_eq!(decode(bytes.chunks(1)), whole);
    whole
}

fn decode<'b>(pieces: impl IntoIterator<Item = &'b [u8]>) -> String {
    let mut decoder = SseDecoder::new(Decoder::default());
    let mut seen: Vec<String> = Vec::new();
    let mut note = |event: Event<'_>| {
        let word = match event {
            Event::Start(start) => format!("start {}", start.id),
            Event::Open { block, .. } => match block {
                Opening::Text => "text".to_owned(),
                Opening::Reasoning => "reasoning".to_owned(),
                Opening::Refusal => "refusal".to_owned(),
                Opening::ToolCall { id, name, .. } => format!("call {name} {id}"),
                Opening::FreeformCall { id, name, .. } => format!("freeform {name} {id}"),
                Opening::Image { media_type } => format!("image {media_type}"),
                Opening::Hosted(_) => "hosted".to_owned(),
            },
            Event::Delta { text, .. } => format!("'{text}'"),
            Event::Close { .. } => "/".to_owned(),
            Event::Citation { citation, .. } => {
                format!("source {}", citation.url.unwrap_or_default())
            }
            Event::Seal { seal, .. } => format!("seal {}", seal.data.len()),
            Event::Logprobs { tokens, .. } => format!("tokens {}", tokens.get()),
            Event::Usage(usage) => format!("{}+{}", usage.input, usage.output),
            Event::Stop(stop) => format!("{:?}", stop.reason),
            Event::Fault(fault) => format!("{:?}: {}", fault.kind, fault.message),
        };
        seen.push(word);
    };
    for piece in pieces {
        decoder.feed(piece, &mut note);
    }
    decoder.finish(&mut note);
    seen.join(" ")
}

fn stream(chunks: &[&str]) -> String {
    chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).collect()
}

/// A chunk with this delta and end.
fn chunk(delta: &str, finish: &str) -> String {
    let finish = if finish.is_empty() { "null".to_owned() } else { format!("\"{finish}\"") };
    format!(
        r#"{{"id":"chatcmpl-1","created":7,"model":"m","choices":[{{"index":0,"delta":{delta},"finish_reason":{finish}}}]}}"#
    )
}

/// What a stream is about, its chunks, and its events.
type Row<'r> = (&'r str, Vec<String>, &'r str);

fn check(rows: &[Row<'_>]) {
    for (what, chunks, expected) in rows {
        let chunks: Vec<&str> = chunks.iter().map(|chunk| &**chunk).collect();
        assert_eq!(events(&stream(&chunks)), *expected, "{what}");
    }
}

#[test]
fn calls_are_read_however_their_pieces_come() {
    let call =
        |index: &str, rest: &str| chunk(&format!(r#"{{"tool_calls":[{{{index}{rest}}}]}}"#), "");
    check(&[
        (
            "calls one behind the other stream as they come",
            vec![
                call(r#""index":0"#, r#","id":"a","function":{"name":"f","arguments":""}"#),
                call(r#""index":0"#, r#","function":{"arguments":"{\"x\":\"}\"}"}"#),
                call(r#""index":1"#, r#","id":"b","function":{"name":"g","arguments":""}"#),
                call(r#""index":1"#, r#","function":{"arguments":"{"}"#),
                call(r#""index":1"#, r#","function":{"arguments":"}"}"#),
                chunk("{}", "stop"),
            ],
            "start 1 call f a '{\"x\":\"}\"}' / call g b '{' '}' / ToolCalls",
        ),
        (
            "calls that interleave wait for each other",
            vec![
                call(r#""index":0"#, r#","id":"a","function":{"name":"f","arguments":"{"}"#),
                call(r#""index":1"#, r#","id":"b","function":{"name":"g","arguments":"{\"y\""}"#),
                chunk(r#"{"content":"t"}"#, ""),
                call(r#""index":0"#, r#","function":{"arguments":"}"}"#),
                call(r#""index":1"#, r#","function":{"arguments":":1}"}"#),
                chunk("{}", "tool_calls"),
            ],
            "start 1 call f a '{' '}' / call g b '{\"y\"' ':1}' / text 't' / ToolCalls",
        ),
        (
            "no index, no ids",
            vec![
                call("", r#""function":{"name":"f","arguments":"{}"}"#),
                call("", r#""function":{"name":"g","arguments":"{}"}"#),
                chunk("{}", "stop"),
            ],
            "start 1 call f call_69d2d2714bb94ab1_0 '{}' / call g call_69d2d2714bb94ab1_1 '{}' / ToolCalls",
        ),
        (
            "a freeform call",
            vec![
                call(
                    r#""index":0"#,
                    r#","id":"a","type":"custom","custom":{"name":"p","input":""}"#,
                ),
                call(r#""index":0"#, r#","custom":{"input":"*** {"}"#),
                chunk("{}", "tool_calls"),
            ],
            "start 1 freeform p a '*** {' / ToolCalls",
        ),
        (
            "the form before",
            vec![
                chunk(r#"{"function_call":{"name":"f","arguments":""}}"#, ""),
                chunk(r#"{"function_call":{"arguments":"{}"}}"#, ""),
                chunk("{}", "function_call"),
            ],
            "start 1 call f call_69d2d2714bb94ab1_0 '{}' / ToolCalls",
        ),
    ]);
}

#[test]
fn an_end_is_read_wherever_it_stands() {
    check(&[
        (
            "text, and usage behind the end",
            vec![
                chunk(r#"{"role":"assistant","content":""}"#, ""),
                chunk(r#"{"content":"ä€😀"}"#, ""),
                chunk("{}", "stop"),
                r#"{"id":"chatcmpl-1","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#.into(),
                "[DONE]".into(),
            ],
            "start 1 text 'ä€😀' 3+2 / End",
        ),
        (
            "no [DONE], and usage of every chunk",
            vec![
                r#"{"id":"1","choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":3,"completion_tokens":1}}"#.into(),
                r#"{"id":"1","choices":[{"delta":{},"finish_reason":"length"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#.into(),
            ],
            "start 1 3+1 text 'a' 3+2 / MaxTokens",
        ),
        (
            "[DONE] without a reason",
            vec![chunk(r#"{"content":"a"}"#, ""), "[DONE]".into()],
            "start 1 text 'a' / End",
        ),
        (
            "a stop sequence (vLLM)",
            vec![r#"{"id":"1","choices":[{"delta":{"content":"a"},"finish_reason":"stop","stop_reason":"END"}]}"#.into()],
            "start 1 text 'a' / StopSequence",
        ),
        (
            "an error of its own event",
            vec![chunk(r#"{"content":"a"}"#, ""), r#"{"object":"error","message":"m","type":"BadRequestError","code":400}"#.into()],
            "start 1 text 'a' InvalidRequest: m",
        ),
        (
            "broken off by the provider",
            vec![chunk(r#"{"content":"a"}"#, "error"), "[DONE]".into()],
            "start 1 text 'a' BadGateway: the provider broke the reply off (`finish_reason`: `error`)",
        ),    ]);
}

#[test]
fn what_is_said_is_read_in_every_shape() {
    check(&[
        (
            "reasoning in parts of the content, pictures, sound",
            vec![
                chunk(r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"h"}]},{"type":"text","text":"a"}]}"#, ""),
                chunk(r#"{"images":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}"#, ""),
                chunk(r#"{"audio":{"id":"x","transcript":"said"}}"#, ""),
                chunk("{}", "stop"),
            ],
            "start 1 reasoning 'h' / text 'a' / image image/png 'AAAA' / text 'said' / End",
        ),
        (
            "sources, probabilities, a refusal",
            vec![
                r#"{"id":"1","choices":[{"delta":{"content":"a","annotations":[{"type":"url_citation","url_citation":{"url":"u"}}]},"logprobs":{"content":[{"token":"a"}],"refusal":null}}]}"#.into(),
                r#"{"id":"1","choices":[{"delta":{"refusal":"no"},"logprobs":{"content":[],"refusal":[1]},"finish_reason":"stop"}]}"#.into(),
            ],
            "start 1 text 'a' source u tokens [{\"token\":\"a\"}] / refusal 'no' tokens [1] / End",
        ),
        (
            "only the first of several replies",
            vec![
                r#"{"id":"1","choices":[{"index":0,"delta":{"content":"a"}},{"index":1,"delta":{"content":"b"}}]}"#.into(),
                chunk("{}", "stop"),
            ],
            "start 1 text 'a' / End",
        ),
        (
            "legacy completions",
            vec![r#"{"id":"cmpl-1","choices":[{"text":"a","finish_reason":"stop"}]}"#.into()],
            "start cmpl-1 text 'a' / End",
        ),
    ]);
}

#[test]
fn a_broken_stream_gives_no_call_that_waited() {
    let chunks = [
        chunk(
            r#"{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}]}"#,
            "",
        ),
        chunk(
            r#"{"tool_calls":[{"index":1,"id":"b","function":{"name":"g","arguments":"{}"}}]}"#,
            "",
        ),
    ];
    let chunks: Vec<&str> = chunks.iter().map(|chunk| &**chunk).collect();
    let message = "the provider's stream ended before it was complete";
    assert_eq!(events(&stream(&chunks)), format!("start 1 call f a '{{' BadGateway: {message}"));
    assert!(
        events("data: {\"id\":\n\n").contains("BadGateway: the provider's answer is unreadable")
    );
}

#[test]
fn an_endless_stream_takes_no_endless_memory() {
    let mut decoder = Decoder::default();
    let mut feed = |delta: &str| {
        let data = chunk(delta, "");
        let event = sse::Event { name: "", data: &data, truncated: false };
        decoder.event(&event, &mut |_| {}).unwrap();
        format!("{decoder:?}").len()
    };
    let first = feed(r#"{"content":"some text"}"#);
    for _ in 0..1000 {
        assert!(feed(r#"{"content":"some text"}"#) <= first);
    }
    let mut longest = 0;
    for number in 0..1000 {
        let call = json!({ "tool_calls": [{
            "index": number, "id": format!("c{number:04}"), "function": { "name": "f", "arguments": "{}" },
        }] });
        let length = feed(&call.to_string());
        if number == 100 {
            longest = length + 16;
        }
        assert!(number < 100 || length <= longest);
    }
}

#[test]
fn a_whole_reply_without_choices_or_with_an_error_is_no_reply() {
    let read = |body: &str| {
        let mut reply = Reply::default();
        let whole = Decoder::default().whole(body, &mut |event| reply.absorb(&event));
        whole.map(|()| reply)
    };
    assert!(read(r#"{"id":"1","choices":[]}"#).is_err());
    assert!(read(r#"{"id":"1","choices":{}}"#).is_err());
    assert!(read("[]").is_err());
    let failed = read(r#"{"error":{"message":"m","code":503}}"#).unwrap();
    assert_eq!(failed.fault.unwrap().kind, FaultKind::Overloaded);
}
