//! The calls of tools that a client would run after the bytes of a stream: read as clients read them,
//! not by our own decoders.

use std::collections::BTreeMap;

use llm_router::{
    chat::{Opening, Reply},
    protocol::Format,
};
use serde_json::{Value, json};

/// A call: its id, and its input as the format says it.
pub(crate) type Call = (String, Value);

/// The calls in `reply`, as a client of `format` gets them.
pub(crate) fn expected(format: Format, reply: &Reply) -> Vec<Call> {
    let calls = reply.blocks.iter().filter_map(|block| match &block.opening {
        Opening::ToolCall { id, .. } => Some((id.clone(), input(&block.text))),
        Opening::FreeformCall { id, .. } => Some((
            id.clone(),
            match format {
                Format::OpenAi | Format::OpenAiResponses => json!(block.text),
                Format::Anthropic | Format::Gemini => json!({ "input": block.text }),
            },
        )),
        Opening::Text
        | Opening::Reasoning
        | Opening::Refusal
        | Opening::Hosted(_)
        | Opening::Image { .. } => None,
    });
    calls.collect()
}

/// The calls that a client of `format` takes for complete.
pub(crate) fn calls(format: Format, stream: &[u8]) -> Vec<Call> {
    let text = std::str::from_utf8(stream).expect("a stream is text");
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let events: Vec<Value> = data.filter(|data| *data != "[DONE]").map(super::value).collect();
    match format {
        Format::OpenAi => of_chat(&events),
        Format::OpenAiResponses => of_responses(&events),
        Format::Anthropic => of_messages(&events),
        Format::Gemini => of_gemini(&events),
    }
}

/// Arguments as a client reads them.
fn input(arguments: &str) -> Value {
    serde_json::from_str(arguments).unwrap_or_else(|_| json!(arguments))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A call counts when there is a reason to finish.
fn of_chat(events: &[Value]) -> Vec<Call> {
    let mut calls: BTreeMap<u64, (String, String, bool)> = BTreeMap::new();
    let choices = || events.iter().map(|event| &event["choices"][0]);
    for call in choices().filter_map(|choice| choice["delta"]["tool_calls"].as_array()).flatten() {
        let known = calls.entry(call["index"].as_u64().expect("an index")).or_default();
        known.0.push_str(&text(&call["id"]));
        known.1.push_str(&text(&call["function"]["arguments"]));
        known.1.push_str(&text(&call["custom"]["input"]));
        known.2 |= !call["custom"].is_null();
    }
    if !choices().any(|choice| choice["finish_reason"].is_string()) {
        return Vec::new();
    }
    let whole = calls.into_values().map(|(id, arguments, freeform)| {
        (id, if freeform { json!(arguments) } else { input(&arguments) })
    });
    whole.collect()
}

/// A call counts when its item is done; agents take it from there.
fn of_responses(events: &[Value]) -> Vec<Call> {
    let done = |event: &&Value| event["type"] == "response.output_item.done";
    let items = events.iter().filter(done).map(|event| &event["item"]);
    let calls = items.filter_map(|item| match item["type"].as_str() {
        Some("function_call") => Some((text(&item["call_id"]), input(&text(&item["arguments"])))),
        Some("custom_tool_call") => Some((text(&item["call_id"]), item["input"].clone())),
        Some(_) | None => None,
    });
    calls.collect()
}

/// A call counts when its block has its end.
fn of_messages(events: &[Value]) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut open: Option<(String, String)> = None;
    for event in events {
        let block = &event["content_block"];
        if block["type"] == "tool_use" {
            open = Some((text(&block["id"]), String::new()));
        }
        if let Some((_, arguments)) = &mut open {
            arguments.push_str(&text(&event["delta"]["partial_json"]));
        }
        if event["type"] == "content_block_stop"
            && let Some((id, arguments)) = open.take()
        {
            calls.push((id, input(&arguments)));
        }
    }
    calls
}

/// Calls come whole.
fn of_gemini(events: &[Value]) -> Vec<Call> {
    let parts = events.iter().filter_map(|e| e["candidates"][0]["content"]["parts"].as_array());
    let calls = parts.flatten().map(|part| &part["functionCall"]).filter(|call| call.is_object());
    calls.map(|call| (text(&call["id"]), call["args"].clone())).collect()
}
