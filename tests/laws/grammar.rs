//! What clients rely on in the bytes of a stream, each format by itself: read as they stand, not by
//! our own decoders, which forgive.

use llm_router::protocol::Format;
use serde_json::Value;

/// Checks a stream, which breaks off with an error if it `broke`.
pub(crate) fn check(format: Format, stream: &[u8], broke: bool) {
    let text = std::str::from_utf8(stream).expect("a stream is text");
    assert!(text.ends_with("\n\n"), "the last event is not whole: {text}");
    let events: Vec<(&str, &str)> = text.trim_end().split("\n\n").map(event).collect();
    match format {
        Format::OpenAi => chat(&events, broke),
        Format::OpenAiResponses => responses(&events, broke),
        Format::Anthropic => messages(&events, broke),
        Format::Gemini => gemini(&events, broke),
    }
}

/// The name and the data of an event: at most two lines.
fn event(lines: &str) -> (&str, &str) {
    let mut name = "";
    let mut data = None;
    for line in lines.lines() {
        match line.split_once(": ") {
            Some(("event", value)) => name = value,
            Some(("data", value)) if data.is_none() => data = Some(value),
            Some(_) | None => panic!("an odd line: {line}"),
        }
    }
    (name, data.expect("an event has data"))
}

/// The data of events that are named after their type.
fn named(events: &[(&str, &str)]) -> Vec<Value> {
    let read = |(name, data): &(&str, &str)| {
        let value = super::value(data);
        assert_eq!(value["type"], *name);
        value
    };
    events.iter().map(read).collect()
}

fn count(events: &[Value], kind: &str) -> usize {
    events.iter().filter(|event| event["type"] == kind).count()
}

fn messages(events: &[(&str, &str)], broke: bool) {
    let events = named(events);
    assert_eq!(events[0]["type"], "message_start");
    for key in ["input_tokens", "output_tokens", "cache_read_input_tokens"] {
        assert!(events[0]["message"]["usage"][key].is_u64(), "{}", events[0]);
    }
    let ends = [count(&events, "message_delta"), count(&events, "message_stop")];
    assert_eq!((count(&events, "message_start"), ends), (1, if broke { [0, 0] } else { [1, 1] }));
    let last = if broke { "error" } else { "message_stop" };
    assert_eq!(events.last().expect("events")["type"], last);
    let mut open: Option<(u64, String)> = None;
    let mut next = 0;
    for event in &events {
        let index = event["index"].as_u64();
        let kind = event["delta"]["type"].as_str().unwrap_or_default();
        match event["type"].as_str().expect("a type") {
            "content_block_start" => {
                assert_eq!((&open, index), (&None, Some(next)), "a block inside of another");
                let kind = event["content_block"]["type"].as_str().expect("a type");
                open = Some((next, kind.to_owned()));
                next += 1;
            }
            "content_block_delta" => {
                let (at, block) = open.as_ref().expect("a piece outside of a block");
                assert_eq!(index, Some(*at));
                let fits = match &**block {
                    "text" => ["text_delta", "citations_delta"].contains(&kind),
                    "thinking" => ["thinking_delta", "signature_delta"].contains(&kind),
                    "tool_use" => kind == "input_json_delta",
                    _ => false,
                };
                assert!(fits, "{kind} in {block}");
            }
            "content_block_stop" => assert_eq!(open.take().map(|(at, _)| at), index),
            _ => {}
        }
    }
    // What broke off within a call has no end.
    assert!(open.is_none_or(|(_, kind)| broke && kind == "tool_use"), "a block is left open");
}

fn responses(events: &[(&str, &str)], broke: bool) {
    let events = named(events);
    let id = &events[0]["response"]["id"];
    let mut open: Option<(u64, Value)> = None;
    let mut done = 0;
    for (number, event) in (0..).zip(&events) {
        assert_eq!(event["sequence_number"], number);
        assert!(event["response"].is_null() || event["response"]["id"] == *id, "{event}");
        let index = event["output_index"].as_u64();
        match event["type"].as_str().expect("a type") {
            "response.output_item.added" => {
                assert_eq!((&open, index), (&None, Some(done)), "an item inside of another");
                open = Some((done, event["item"]["id"].clone()));
            }
            "response.output_item.done" => {
                let open = open.take().map(|(at, id)| (Some(at), id));
                assert_eq!(open, Some((index, event["item"]["id"].clone())));
                done += 1;
            }
            _ => {
                let at = open.as_ref().map(|(at, _)| *at);
                assert!(index.is_none() || index == at, "a piece outside of its item: {event}");
                let item = event["item_id"].as_str();
                let opened = open.as_ref().and_then(|(_, id)| id.as_str());
                assert!(item.is_none() || item == opened, "{event}");
            }
        }
    }
    let ends = ["completed", "incomplete", "failed"];
    let ends = ends.map(|end| count(&events, &format!("response.{end}")));
    assert_eq!(ends.iter().sum::<usize>(), 1);
    assert_eq!(ends[2] == 1, broke);
    let last = events.last().expect("events");
    assert!(last["response"].is_object(), "{last}");
    assert!(broke || open.is_none(), "an item is left open");
    let told = last["response"]["output"].as_array().expect("output").len();
    assert_eq!(u64::try_from(told).expect("few"), done, "{last}");
}

fn chat(events: &[(&str, &str)], broke: bool) {
    let done = events.iter().filter(|(_, data)| *data == "[DONE]").count();
    assert_eq!(done, usize::from(!broke));
    let data = events.iter().map(|(_, data)| *data).filter(|data| *data != "[DONE]");
    let chunks: Vec<Value> = data.map(super::value).collect();
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    let mut calls = 0;
    let mut finished = 0;
    for chunk in chunks.iter().filter(|chunk| chunk["error"].is_null()) {
        assert_eq!(chunk["id"], chunks[0]["id"]);
        let choice = &chunk["choices"][0];
        assert!(finished == 0 || choice.is_null(), "a piece behind the end: {chunk}");
        finished += usize::from(choice["finish_reason"].is_string());
        for call in choice["delta"]["tool_calls"].as_array().into_iter().flatten() {
            let index = call["index"].as_u64().expect("an index");
            let named = call["id"].is_string();
            assert_eq!(index, if named { calls } else { calls - 1 }, "{chunk}");
            calls += u64::from(named);
        }
    }
    assert_eq!(finished, usize::from(!broke));
    let last = chunks.last().expect("chunks");
    assert_eq!(last["error"].is_object(), broke, "{last}");
}

fn gemini(events: &[(&str, &str)], broke: bool) {
    let chunks: Vec<Value> = events.iter().map(|(_, data)| super::value(data)).collect();
    let (last, before) = chunks.split_last().expect("chunks");
    let ends = |chunk: &Value| chunk["candidates"][0]["finishReason"].is_string();
    assert!(!before.iter().any(ends), "an end before the end");
    assert_eq!((ends(last), last["error"].is_object()), (!broke, broke), "{last}");
}
