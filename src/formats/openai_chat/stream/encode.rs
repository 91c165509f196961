//! The neutral vocabulary → Chat Completions, streamed.

use serde_json::{Value, json};

use super::super::{
    super::{StreamEncoder, openai_error, raw::write_event},
    finish_reason, usage,
};
use crate::chat::{Event, Fault, Opening, Start, StopReason, Usage};

/// Writes one chunk after the other, each with the same head, and `[DONE]`.
pub(in super::super) struct Encoder {
    usage_wanted: bool,
    start: Start,
    usage: Usage,
    open: Option<Opening>,
    /// Tool calls so far: the index of the open one is one less.
    calls: u32,
}

impl Encoder {
    pub(in super::super) fn new(usage_wanted: bool) -> Self {
        let start = Start::default();
        Self { usage_wanted, start, usage: Usage::default(), open: None, calls: 0 }
    }

    fn chunk(&self, choices: Value) -> Value {
        let mut chunk = json!({
            "id": format!("chatcmpl-{}", self.start.id),
            "object": "chat.completion.chunk",
            "created": self.start.created,
            "model": self.start.model,
            "choices": choices,
        });
        if self.usage_wanted {
            // OpenAI: every chunk but the last then has the key.
            chunk["usage"] = Value::Null;
        }
        chunk
    }

    fn delta(&self, delta: &Value, out: &mut Vec<u8>) {
        let choices = json!([{ "index": 0, "delta": delta, "finish_reason": null }]);
        write_event(out, "", &self.chunk(choices));
    }

    fn open(&mut self, block: &Opening, out: &mut Vec<u8>) {
        self.open = Some(block.clone());
        let call = match block {
            Opening::Text
            | Opening::Reasoning
            | Opening::Refusal
            | Opening::Hosted(_)
            | Opening::Image { .. } => return,
            Opening::ToolCall { id, name, .. } => json!({
                "index": self.calls, "id": id, "type": "function",
                "function": { "name": name, "arguments": "" },
            }),
            Opening::FreeformCall { id, name } => json!({
                "index": self.calls, "id": id, "type": "custom",
                "custom": { "name": name, "input": "" },
            }),
        };
        self.calls += 1;
        self.delta(&json!({ "tool_calls": [call] }), out);
    }

    fn fill(&self, text: &str, out: &mut Vec<u8>) {
        let index = self.calls.saturating_sub(1);
        let delta = match &self.open {
            Some(Opening::Hosted(_) | Opening::Image { .. }) | None => return,
            Some(Opening::Refusal) => json!({ "refusal": text }),
            Some(Opening::Text) => json!({ "content": text }),
            Some(Opening::Reasoning) => json!({ "reasoning_content": text }),
            Some(Opening::ToolCall { .. }) => {
                json!({ "tool_calls": [{ "index": index, "function": { "arguments": text } }] })
            }
            Some(Opening::FreeformCall { .. }) => {
                json!({ "tool_calls": [{ "index": index, "custom": { "input": text } }] })
            }
        };
        self.delta(&delta, out);
    }

    fn stop(&self, reason: StopReason, out: &mut Vec<u8>) {
        let choices = json!([{ "index": 0, "delta": {}, "finish_reason": finish_reason(reason) }]);
        write_event(out, "", &self.chunk(choices));
        if self.usage_wanted {
            let mut last = self.chunk(json!([]));
            last["usage"] = usage(&self.usage);
            write_event(out, "", &last);
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }
}

impl StreamEncoder for Encoder {
    fn encode(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Start(start) => {
                self.start = start.clone();
                self.delta(&json!({ "role": "assistant", "content": "" }), out);
            }
            Event::Open { block, .. } => self.open(block, out),
            Event::Delta { text, .. } => self.fill(text, out),
            Event::Close { .. } => self.open = None,
            Event::Usage(usage) => self.usage = *usage,
            Event::Stop(stop) => self.stop(stop.reason, out),
            Event::Citation { .. } | Event::Seal { .. } | Event::Logprobs { .. } => {}
            Event::Fault(fault) => self.fail(fault, out),
        }
    }

    /// An error chunk and no `[DONE]`: SDKs raise on it, and would take a stream that just ends for
    /// complete.
    fn fail(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        write_event(out, "", &json!({ "error": openai_error::object(fault) }));
    }
}
