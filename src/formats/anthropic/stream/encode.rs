//! The neutral vocabulary → Anthropic Messages, streamed.

use serde_json::{Value, json};

use super::super::{
    super::{StreamEncoder, raw::write_event},
    error, stop_reason, tool_use, usage,
};
use crate::chat::{Event, Fault, Opening, Start, StopReason, Usage};

/// Writes `message_start`, blocks one after the other, `message_delta`, `message_stop`.
#[derive(Default)]
pub(in super::super) struct Encoder {
    usage: Usage,
    open: Option<Opening>,
    /// The text of a freeform call, which has to become one JSON string.
    freeform: String,
}

impl StreamEncoder for Encoder {
    fn encode(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Start(start) => message_start(start, out),
            Event::Open { index, block } => {
                let content_block = opening(block);
                self.open = Some(block.clone());
                self.freeform.clear();
                write(
                    out,
                    json!({
                        "type": "content_block_start", "index": index, "content_block": content_block,
                    }),
                );
            }
            Event::Delta { index, text } => match &self.open {
                Some(Opening::FreeformCall { .. }) => self.freeform.push_str(text),
                Some(Opening::Text | Opening::Refusal) => {
                    delta(out, *index, json!({ "type": "text_delta", "text": text }));
                }
                Some(Opening::Reasoning) => {
                    delta(out, *index, json!({ "type": "thinking_delta", "thinking": text }));
                }
                Some(Opening::ToolCall { .. }) => {
                    delta(out, *index, json!({ "type": "input_json_delta", "partial_json": text }));
                }
                Some(Opening::Hosted(_) | Opening::Image { .. }) | None => {}
            },
            Event::Close { index } => {
                if let Some(Opening::FreeformCall { .. }) = self.open.take() {
                    let json = json!({ "input": self.freeform }).to_string();
                    delta(out, *index, json!({ "type": "input_json_delta", "partial_json": json }));
                }
                write(out, json!({ "type": "content_block_stop", "index": index }));
            }
            Event::Usage(usage) => self.usage = *usage,
            Event::Stop(stop) => self.stop(stop.reason, out),
            Event::Citation { .. } | Event::Seal { .. } | Event::Logprobs { .. } => {}
            Event::Fault(fault) => self.fail(fault, out),
        }
    }

    fn fail(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        write_event(out, "error", &error(fault));
    }
}

impl Encoder {
    fn stop(&self, reason: StopReason, out: &mut Vec<u8>) {
        write(
            out,
            json!({
                "type": "message_delta",
                "delta": { "stop_reason": stop_reason(reason), "stop_sequence": null },
                "usage": usage(&self.usage),
            }),
        );
        write(out, json!({ "type": "message_stop" }));
    }
}

/// The counts are not known yet; clients want the keys all the same.
fn message_start(start: &Start, out: &mut Vec<u8>) {
    write(
        out,
        json!({
            "type": "message_start",
            "message": {
                "id": format!("msg_{}", start.id),
                "type": "message",
                "role": "assistant",
                "model": start.model,
                "content": [],
                "stop_reason": null,
                "stop_sequence": null,
                "usage": usage(&Usage::default()),
            },
        }),
    );
}

fn opening(block: &Opening) -> Value {
    match block {
        Opening::Text | Opening::Refusal | Opening::Hosted(_) | Opening::Image { .. } => {
            json!({ "type": "text", "text": "" })
        }
        Opening::Reasoning => json!({ "type": "thinking", "thinking": "", "signature": "" }),
        Opening::ToolCall { id, name, .. } | Opening::FreeformCall { id, name } => {
            tool_use(id, name, &json!({}))
        }
    }
}

fn delta(out: &mut Vec<u8>, index: u32, delta: Value) {
    write(out, json!({ "type": "content_block_delta", "index": index, "delta": delta }));
}

/// Every event is named after its type.
fn write(out: &mut Vec<u8>, data: Value) {
    write_event(out, data["type"].as_str().unwrap_or_default(), &data);
}
