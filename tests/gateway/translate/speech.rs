//! Replies as each vendor writes them, and as each client reads them, written down a second time:
//! nothing here comes from the codecs.

use llm_router::protocol::Format;
use serde_json::{Value, json};

/// What a provider says in one turn.
#[derive(Debug, Clone, Copy)]
pub(in crate::gateway) enum Say {
    Text(&'static str),
    /// Thought, with the seal of the vendor.
    Think(&'static str),
    /// Id, name, arguments.
    Call(&'static str, &'static str, &'static str),
}

/// What a client has read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::gateway) struct Heard {
    pub(in crate::gateway) text: String,
    pub(in crate::gateway) thought: String,
    /// Name and arguments.
    pub(in crate::gateway) calls: Vec<(String, Value)>,
    pub(in crate::gateway) ids: Vec<String>,
    /// `end`, `calls` or `limit`.
    pub(in crate::gateway) stop: String,
    pub(in crate::gateway) input: u64,
    pub(in crate::gateway) output: u64,
    pub(in crate::gateway) model: String,
}

pub(super) fn seal(format: Format) -> &'static str {
    match format {
        Format::OpenAi => "",
        Format::OpenAiResponses => "responses-seal",
        Format::Anthropic => "anthropic-seal",
        Format::Gemini => "Z2VtaW5pLXNlYWw=",
    }
}

fn stop(format: Format, says: &[Say]) -> &'static str {
    let calls = says.iter().any(|say| matches!(say, Say::Call(..)));
    match (format, calls) {
        (Format::OpenAi, true) => "tool_calls",
        (Format::OpenAi, false) => "stop",
        (Format::OpenAiResponses, _) => "completed",
        (Format::Anthropic, true) => "tool_use",
        (Format::Anthropic, false) => "end_turn",
        (Format::Gemini, _) => "STOP",
    }
}

/// 30 tokens in, 10 of them from a cache; 7 out.
fn usage(format: Format) -> Value {
    match format {
        Format::OpenAi => json!({
            "prompt_tokens": 30, "completion_tokens": 7, "total_tokens": 37,
            "prompt_tokens_details": { "cached_tokens": 10 },
        }),
        Format::OpenAiResponses => json!({
            "input_tokens": 30, "output_tokens": 7, "total_tokens": 37,
            "input_tokens_details": { "cached_tokens": 10 },
            "output_tokens_details": { "reasoning_tokens": 0 },
        }),
        Format::Anthropic => json!({
            "input_tokens": 20, "cache_read_input_tokens": 10, "cache_creation_input_tokens": 0,
            "output_tokens": 7,
        }),
        Format::Gemini => json!({
            "promptTokenCount": 30, "candidatesTokenCount": 7, "totalTokenCount": 37,
            "cachedContentTokenCount": 10,
        }),
    }
}

fn source(json: &str) -> Value {
    serde_json::from_str(json).expect("JSON")
}

/// The blocks or items of a reply.
fn pieces(format: Format, says: &[Say]) -> Vec<Value> {
    let piece = |(place, say): (usize, &Say)| match (format, *say) {
        (Format::Anthropic, Say::Text(text)) => json!({ "type": "text", "text": text }),
        (Format::Anthropic, Say::Think(text)) => {
            json!({ "type": "thinking", "thinking": text, "signature": seal(format) })
        }
        (Format::Anthropic, Say::Call(id, name, arguments)) => {
            json!({ "type": "tool_use", "id": id, "name": name, "input": source(arguments) })
        }
        (Format::OpenAiResponses, Say::Text(text)) => json!({
            "type": "message", "id": format!("msg_{place}"), "role": "assistant", "status": "completed",
            "content": [{ "type": "output_text", "text": text, "annotations": [] }],
        }),
        (Format::OpenAiResponses, Say::Think(text)) => json!({
            "type": "reasoning", "id": format!("rs_{place}"), "encrypted_content": seal(format),
            "summary": [{ "type": "summary_text", "text": text }],
        }),
        (Format::OpenAiResponses, Say::Call(id, name, arguments)) => json!({
            "type": "function_call", "id": format!("fc_{place}"), "call_id": id, "name": name,
            "arguments": arguments, "status": "completed",
        }),
        (Format::Gemini, Say::Text(text)) => json!({ "text": text }),
        (Format::Gemini, Say::Think(text)) => json!({ "text": text, "thought": true }),
        (Format::Gemini, Say::Call(_, name, arguments)) => json!({
            "functionCall": { "name": name, "args": source(arguments) },
            "thoughtSignature": seal(format),
        }),
        (Format::OpenAi, _) => Value::Null,
    };
    says.iter().enumerate().map(piece).collect()
}

/// A whole reply.
pub(super) fn whole(format: Format, says: &[Say]) -> Value {
    let pieces = pieces(format, says);
    match format {
        Format::Anthropic => json!({
            "id": "msg_up", "type": "message", "role": "assistant", "model": "up", "content": pieces,
            "stop_reason": stop(format, says), "stop_sequence": null, "usage": usage(format),
        }),
        Format::OpenAiResponses => json!({
            "id": "resp_up", "object": "response", "created_at": 5, "status": "completed",
            "model": "up", "output": pieces, "usage": usage(format), "error": null,
            "incomplete_details": null,
        }),
        Format::Gemini => json!({
            "responseId": "up", "modelVersion": "up", "usageMetadata": usage(format),
            "candidates": [{ "index": 0, "finishReason": "STOP",
                "content": { "role": "model", "parts": pieces } }],
        }),
        Format::OpenAi => {
            let mut message = json!({ "role": "assistant", "content": null });
            for say in says {
                match *say {
                    Say::Text(text) => message["content"] = text.into(),
                    Say::Think(text) => message["reasoning_content"] = text.into(),
                    Say::Call(..) => {
                        let calls = chat_calls(says);
                        message["tool_calls"] = calls.into();
                    }
                }
            }
            json!({
                "id": "chatcmpl-up", "object": "chat.completion", "created": 5, "model": "up",
                "choices": [{ "index": 0, "message": message, "finish_reason": stop(format, says) }],
                "usage": usage(format),
            })
        }
    }
}

fn chat_calls(says: &[Say]) -> Vec<Value> {
    let call = |say: &Say| match *say {
        Say::Call(id, name, arguments) => Some(json!({
            "id": id, "type": "function", "function": { "name": name, "arguments": arguments },
        })),
        Say::Text(_) | Say::Think(_) => None,
    };
    says.iter().filter_map(call).collect()
}

fn named(name: &str, event: &Value) -> String {
    format!("event: {name}\ndata: {event}\n\n")
}

fn unnamed(event: &Value) -> String {
    format!("data: {event}\n\n")
}

/// A streamed reply: its events.
pub(super) fn events(format: Format, says: &[Say]) -> Vec<String> {
    match format {
        Format::Anthropic => anthropic_events(says),
        Format::OpenAiResponses => responses_events(says),
        Format::Gemini => {
            let parts = pieces(format, says);
            let last = parts.len() - 1;
            let chunk = |(place, part): (usize, Value)| {
                let mut chunk = json!({
                    "responseId": "up", "modelVersion": "up",
                    "candidates": [{ "index": 0, "content": { "role": "model", "parts": [part] } }],
                    "usageMetadata": { "promptTokenCount": 30 },
                });
                if place == last {
                    chunk["candidates"][0]["finishReason"] = "STOP".into();
                    chunk["usageMetadata"] = usage(format);
                }
                unnamed(&chunk)
            };
            parts.into_iter().enumerate().map(chunk).collect()
        }
        Format::OpenAi => chat_events(says),
    }
}

fn anthropic_events(says: &[Say]) -> Vec<String> {
    let format = Format::Anthropic;
    let start = json!({ "type": "message_start", "message": {
        "id": "msg_up", "type": "message", "role": "assistant", "model": "up", "content": [],
        "stop_reason": null, "stop_sequence": null,
        "usage": { "input_tokens": 20, "cache_read_input_tokens": 10,
            "cache_creation_input_tokens": 0, "output_tokens": 1 },
    } });
    let mut events = vec![named("message_start", &start), named("ping", &json!({"type": "ping"}))];
    for (index, say) in says.iter().enumerate() {
        let (block, deltas) = match *say {
            Say::Text(text) => (
                json!({ "type": "text", "text": "" }),
                vec![json!({ "type": "text_delta", "text": text })],
            ),
            Say::Think(text) => (
                json!({ "type": "thinking", "thinking": "", "signature": "" }),
                vec![
                    json!({ "type": "thinking_delta", "thinking": text }),
                    json!({ "type": "signature_delta", "signature": seal(format) }),
                ],
            ),
            Say::Call(id, name, arguments) => {
                let (first, second) = arguments.split_at(arguments.len() / 2);
                let piece =
                    |json: &str| json!({ "type": "input_json_delta", "partial_json": json });
                (
                    json!({ "type": "tool_use", "id": id, "name": name, "input": {} }),
                    vec![piece(""), piece(first), piece(second)],
                )
            }
        };
        let start =
            json!({ "type": "content_block_start", "index": index, "content_block": block });
        events.push(named("content_block_start", &start));
        for delta in deltas {
            let delta = json!({ "type": "content_block_delta", "index": index, "delta": delta });
            events.push(named("content_block_delta", &delta));
        }
        let stop = json!({ "type": "content_block_stop", "index": index });
        events.push(named("content_block_stop", &stop));
    }
    let delta = json!({ "type": "message_delta", "usage": usage(format),
        "delta": { "stop_reason": stop(format, says), "stop_sequence": null } });
    events.push(named("message_delta", &delta));
    events.push(named("message_stop", &json!({ "type": "message_stop" })));
    events
}

fn chat_events(says: &[Say]) -> Vec<String> {
    let format = Format::OpenAi;
    let chunk = |delta: Value, reason: Value| {
        unnamed(&json!({
            "id": "chatcmpl-up", "object": "chat.completion.chunk", "created": 5, "model": "up",
            "choices": [{ "index": 0, "delta": delta, "finish_reason": reason }],
        }))
    };
    let mut events = vec![chunk(json!({ "role": "assistant", "content": "" }), Value::Null)];
    let mut calls = 0;
    for say in says {
        match *say {
            Say::Text(text) => events.push(chunk(json!({ "content": text }), Value::Null)),
            Say::Think(text) => {
                events.push(chunk(json!({ "reasoning_content": text }), Value::Null));
            }
            Say::Call(id, name, arguments) => {
                let head = json!({ "index": calls, "id": id, "type": "function",
                    "function": { "name": name, "arguments": "" } });
                events.push(chunk(json!({ "tool_calls": [head] }), Value::Null));
                let (first, second) = arguments.split_at(arguments.len() / 2);
                for piece in [first, second] {
                    let more = json!({ "index": calls, "function": { "arguments": piece } });
                    events.push(chunk(json!({ "tool_calls": [more] }), Value::Null));
                }
                calls += 1;
            }
        }
    }
    events.push(chunk(json!({}), stop(format, says).into()));
    let usage = json!({ "id": "chatcmpl-up", "object": "chat.completion.chunk", "created": 5,
        "model": "up", "choices": [], "usage": usage(format) });
    events.push(unnamed(&usage));
    events.push("data: [DONE]\n\n".to_owned());
    events
}

fn responses_events(says: &[Say]) -> Vec<String> {
    let format = Format::OpenAiResponses;
    let mut number = 0;
    let mut event = |mut event: Value| {
        event["sequence_number"] = number.into();
        number += 1;
        named(event["type"].as_str().expect("a type"), &event)
    };
    let done = whole(format, says);
    let mut begun = done.clone();
    (begun["status"], begun["output"], begun["usage"]) =
        ("in_progress".into(), json!([]), Value::Null);
    let mut events = vec![
        event(json!({ "type": "response.created", "response": begun })),
        event(json!({ "type": "response.in_progress", "response": begun })),
    ];
    for (index, (say, item)) in says.iter().zip(pieces(format, says)).enumerate() {
        let (id, mut blank) = (item["id"].clone(), item.clone());
        let mut inside = Vec::new();
        match *say {
            Say::Text(text) => {
                blank["content"] = json!([]);
                let part = json!({ "type": "output_text", "text": "", "annotations": [] });
                inside.push(json!({ "type": "response.content_part.added", "content_index": 0, "part": part }));
                inside.push(json!({ "type": "response.output_text.delta", "content_index": 0, "delta": text }));
                inside.push(json!({ "type": "response.output_text.done", "content_index": 0, "text": text }));
                inside.push(json!({ "type": "response.content_part.done", "content_index": 0, "part": item["content"][0] }));
            }
            Say::Think(text) => {
                blank["summary"] = json!([]);
                let part = json!({ "type": "summary_text", "text": "" });
                inside.push(json!({ "type": "response.reasoning_summary_part.added", "summary_index": 0, "part": part }));
                inside.push(json!({ "type": "response.reasoning_summary_text.delta", "summary_index": 0, "delta": text }));
                inside.push(json!({ "type": "response.reasoning_summary_text.done", "summary_index": 0, "text": text }));
                inside.push(json!({ "type": "response.reasoning_summary_part.done", "summary_index": 0, "part": item["summary"][0] }));
            }
            Say::Call(_, _, arguments) => {
                blank["arguments"] = "".into();
                inside.push(
                    json!({ "type": "response.function_call_arguments.delta", "delta": arguments }),
                );
                inside.push(json!({ "type": "response.function_call_arguments.done", "arguments": arguments }));
            }
        }
        events.push(event(
            json!({ "type": "response.output_item.added", "output_index": index, "item": blank }),
        ));
        for mut step in inside {
            (step["item_id"], step["output_index"]) = (id.clone(), index.into());
            events.push(event(step));
        }
        events.push(event(
            json!({ "type": "response.output_item.done", "output_index": index, "item": item }),
        ));
    }
    events.push(event(json!({ "type": "response.completed", "response": done })));
    events
}

/// What a client makes of a whole reply.
pub(in crate::gateway) fn hear(format: Format, reply: &Value) -> Heard {
    let mut heard = Heard::default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match format {
        Format::Anthropic => {
            heard.model = text(&reply["model"]);
            for block in reply["content"].as_array().expect("content") {
                match block["type"].as_str() {
                    Some("text") => heard.text += &text(&block["text"]),
                    Some("thinking") => heard.thought += &text(&block["thinking"]),
                    Some("tool_use") => {
                        heard.call(&block["id"], &block["name"], block["input"].clone());
                    }
                    _ => {}
                }
            }
            heard.stopped(&reply["stop_reason"]);
            let usage = &reply["usage"];
            heard.input =
                ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"]
                    .iter()
                    .filter_map(|key| usage[key].as_u64())
                    .sum();
            heard.output = usage["output_tokens"].as_u64().unwrap_or(0);
        }
        Format::OpenAi => {
            heard.model = text(&reply["model"]);
            let choice = &reply["choices"][0];
            let message = &choice["message"];
            heard.text = text(&message["content"]);
            heard.thought = text(&message["reasoning_content"]);
            for call in message["tool_calls"].as_array().into_iter().flatten() {
                let arguments = source(call["function"]["arguments"].as_str().expect("arguments"));
                heard.call(&call["id"], &call["function"]["name"], arguments);
            }
            heard.stopped(&choice["finish_reason"]);
            heard.input = reply["usage"]["prompt_tokens"].as_u64().unwrap_or(0);
            heard.output = reply["usage"]["completion_tokens"].as_u64().unwrap_or(0);
        }
        Format::OpenAiResponses => {
            heard.model = text(&reply["model"]);
            for item in reply["output"].as_array().expect("output") {
                match item["type"].as_str() {
                    Some("message") => heard.text += &text(&item["content"][0]["text"]),
                    Some("reasoning") => heard.thought += &text(&item["summary"][0]["text"]),
                    Some("function_call") => {
                        let arguments = source(item["arguments"].as_str().expect("arguments"));
                        heard.call(&item["call_id"], &item["name"], arguments);
                    }
                    _ => {}
                }
            }
            heard.stopped(&reply["status"]);
            heard.input = reply["usage"]["input_tokens"].as_u64().unwrap_or(0);
            heard.output = reply["usage"]["output_tokens"].as_u64().unwrap_or(0);
        }
        Format::Gemini => {
            heard.model = text(&reply["modelVersion"]);
            heard.gemini(&reply["candidates"][0]);
            heard.counted(&reply["usageMetadata"]);
        }
    }
    heard
}

impl Heard {
    fn call(&mut self, id: &Value, name: &Value, arguments: Value) {
        self.ids.push(id.as_str().unwrap_or_default().to_owned());
        self.calls.push((name.as_str().unwrap_or_default().to_owned(), arguments));
    }

    fn stopped(&mut self, reason: &Value) {
        let calls = !self.calls.is_empty();
        self.stop = match reason.as_str() {
            Some("tool_use" | "tool_calls") => "calls",
            Some("completed" | "STOP") if calls => "calls",
            Some("end_turn" | "stop" | "completed" | "STOP") => "end",
            Some("max_tokens" | "length" | "incomplete" | "MAX_TOKENS") => "limit",
            _ => "unknown",
        }
        .to_owned();
    }

    fn gemini(&mut self, candidate: &Value) {
        for part in candidate["content"]["parts"].as_array().into_iter().flatten() {
            let text = part["text"].as_str().unwrap_or_default();
            if part["thought"] == true {
                self.thought += text;
            } else {
                self.text += text;
            }
            if let Some(call) = part.get("functionCall") {
                self.call(&call["id"], &call["name"], call["args"].clone());
            }
        }
        if candidate["finishReason"].is_string() {
            self.stopped(&candidate["finishReason"]);
        }
    }

    fn counted(&mut self, usage: &Value) {
        self.input = usage["promptTokenCount"].as_u64().unwrap_or(self.input);
        let said = usage["candidatesTokenCount"].as_u64();
        let thought = usage["thoughtsTokenCount"].as_u64().unwrap_or(0);
        self.output = said.map_or(self.output, |said| said + thought);
    }
}

/// The events of a stream: name and data.
pub(super) fn split(stream: &str) -> Vec<(String, Value)> {
    let events = stream.replace("\r\n", "\n");
    let mut all = Vec::new();
    for event in events.split("\n\n").filter(|event| !event.trim().is_empty()) {
        let field = |key: &str| event.lines().find_map(|line| line.strip_prefix(key));
        let Some(data) = field("data: ") else { continue };
        if data != "[DONE]" {
            all.push((field("event: ").unwrap_or_default().to_owned(), source(data)));
        }
    }
    all
}

/// What a client makes of a stream.
pub(in crate::gateway) fn hear_stream(format: Format, stream: &str) -> Heard {
    let events = split(stream);
    match format {
        Format::OpenAiResponses => {
            let (name, last) = events.last().expect("events");
            assert_eq!(name, "response.completed", "{stream}");
            let mut heard = hear(format, &last["response"]);
            // What was streamed is what stands at the end.
            let texts = events.iter().filter(|(name, _)| name == "response.output_text.delta");
            heard.text = texts.filter_map(|(_, event)| event["delta"].as_str()).collect();
            heard
        }
        Format::Gemini => {
            let mut heard = Heard::default();
            for (_, event) in &events {
                heard.model = event["modelVersion"].as_str().unwrap_or_default().to_owned();
                heard.gemini(&event["candidates"][0]);
                heard.counted(&event["usageMetadata"]);
            }
            heard
        }
        Format::OpenAi => {
            assert!(stream.ends_with("data: [DONE]\n\n"), "{stream}");
            hear(format, &fold_chat(&events))
        }
        Format::Anthropic => hear(format, &fold_anthropic(&events)),
    }
}

fn fold_chat(events: &[(String, Value)]) -> Value {
    let mut message = json!({ "content": "", "reasoning_content": "", "tool_calls": [] });
    let mut folded = json!({ "choices": [{ "finish_reason": null }] });
    let add = |to: &mut Value, more: &Value| {
        *to =
            (to.as_str().unwrap_or_default().to_owned() + more.as_str().unwrap_or_default()).into();
    };
    for (_, event) in events {
        folded["model"] = event["model"].clone();
        if event["usage"].is_object() {
            folded["usage"] = event["usage"].clone();
        }
        let choice = &event["choices"][0];
        for key in ["content", "reasoning_content"] {
            add(&mut message[key], &choice["delta"][key]);
        }
        for call in choice["delta"]["tool_calls"].as_array().into_iter().flatten() {
            let index = usize::try_from(call["index"].as_u64().expect("an index")).expect("small");
            let calls = message["tool_calls"].as_array_mut().expect("a list");
            if calls.len() <= index {
                calls.push(json!({ "id": call["id"], "function": { "name": call["function"]["name"], "arguments": "" } }));
            }
            add(&mut calls[index]["function"]["arguments"], &call["function"]["arguments"]);
        }
        if choice["finish_reason"].is_string() {
            folded["choices"][0]["finish_reason"] = choice["finish_reason"].clone();
        }
    }
    folded["choices"][0]["message"] = message;
    folded
}

fn fold_anthropic(events: &[(String, Value)]) -> Value {
    assert_eq!(events[0].0, "message_start");
    let mut message = events[0].1["message"].clone();
    let mut arguments = String::new();
    for (name, event) in events {
        assert_eq!(*name, event["type"], "the name of an event is its type");
        match name.as_str() {
            "content_block_start" => {
                let place = message["content"].as_array().expect("a list").len();
                assert_eq!(event["index"], place, "blocks count up");
                message["content"]
                    .as_array_mut()
                    .expect("a list")
                    .push(event["content_block"].clone());
                arguments.clear();
            }
            "content_block_delta" => {
                let block = message["content"].as_array_mut().and_then(|all| all.last_mut());
                let block = block.expect("an open block");
                let delta = &event["delta"];
                for key in ["text", "thinking", "signature"] {
                    if let Some(more) = delta[key].as_str() {
                        let so_far = block[key].as_str().unwrap_or_default().to_owned();
                        block[key] = (so_far + more).into();
                    }
                }
                arguments += delta["partial_json"].as_str().unwrap_or_default();
            }
            "content_block_stop" => {
                let block = message["content"].as_array_mut().and_then(|all| all.last_mut());
                let block = block.expect("an open block");
                if block["type"] == "tool_use" && !arguments.is_empty() {
                    block["input"] = source(&arguments);
                }
            }
            "message_delta" => {
                message["stop_reason"] = event["delta"]["stop_reason"].clone();
                for (key, value) in event["usage"].as_object().into_iter().flatten() {
                    message["usage"][key] = value.clone();
                }
            }
            "message_stop" => return message,
            "ping" | "message_start" => {}
            other => panic!("{other}"),
        }
    }
    panic!("no message_stop")
}

/// The message that an Anthropic SDK makes of a stream.
pub(super) fn anthropic_message(stream: &str) -> Value {
    fold_anthropic(&split(stream))
}

/// The message that an OpenAI SDK makes of a stream of chunks, with what it does not know.
pub(super) fn chat_message(stream: &str) -> Value {
    let events = split(stream);
    let mut message = fold_chat(&events)["choices"][0]["message"].clone();
    let details = events.iter().filter_map(|(_, event)| {
        event["choices"][0]["delta"]["reasoning_details"].as_array().cloned()
    });
    let details: Vec<Value> = details.flatten().collect();
    for (key, empty) in [("tool_calls", json!([])), ("reasoning_content", json!(""))] {
        if message[key] == empty {
            message.as_object_mut().expect("an object").remove(key);
        }
    }
    if !details.is_empty() {
        message["reasoning_details"] = details.into();
    }
    message
}
