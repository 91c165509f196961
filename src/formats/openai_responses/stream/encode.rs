//! The neutral vocabulary → OpenAI Responses, streamed.

use serde_json::{Value, json};

use super::super::{
    super::{StreamEncoder, raw::write_event},
    Ending, item, item_id, response, summary_part, text_part,
};
use crate::chat::{Event, Fault, Opening, ReplyBlock, Start, StopReason, Usage};

/// Writes `response.created` to `response.completed`, every event with its sequence number, all
/// with one id.
#[derive(Default)]
pub(in super::super) struct Encoder {
    sequence: u64,
    start: Start,
    usage: Usage,
    open: Option<(u32, ReplyBlock)>,
    /// The finished items.
    output: Vec<Value>,
}

impl StreamEncoder for Encoder {
    fn encode(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Start(start) => {
                self.start = start.clone();
                let response = response(start, Vec::new(), Ending::InProgress, None);
                self.write(out, "response.created", json!({ "response": response }));
                self.write(out, "response.in_progress", json!({ "response": response }));
            }
            Event::Open { index, block } => self.open(*index, block, out),
            Event::Delta { index, text } => self.fill(*index, text, out),
            Event::Close { .. } => self.close(out),
            Event::Usage(usage) => self.usage = *usage,
            Event::Stop(stop) => self.stop(stop.reason, out),
            Event::Citation { .. } | Event::Seal { .. } | Event::Logprobs { .. } => {}
            Event::Fault(fault) => self.fail(fault, out),
        }
    }

    fn fail(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        let output = std::mem::take(&mut self.output);
        let response = response(&self.start, output, Ending::Failed(fault), None);
        self.write(out, "response.failed", json!({ "response": response }));
    }
}

impl Encoder {
    fn write(&mut self, out: &mut Vec<u8>, name: &str, mut data: Value) {
        data["type"] = name.into();
        data["sequence_number"] = self.sequence.into();
        self.sequence += 1;
        write_event(out, name, &data);
    }

    fn open(&mut self, index: u32, block: &Opening, out: &mut Vec<u8>) {
        let id = item_id(&self.start, index, block);
        let block = ReplyBlock::new(block.clone(), "");
        let item = item(&self.start, index, &block, "in_progress");
        self.write(
            out,
            "response.output_item.added",
            json!({ "output_index": index, "item": item }),
        );
        match &block.opening {
            Opening::Text | Opening::Refusal | Opening::Hosted(_) | Opening::Image { .. } => self.write(out, "response.content_part.added", json!({
                "item_id": id, "output_index": index, "content_index": 0, "part": text_part(""),
            })),
            Opening::Reasoning => self.write(out, "response.reasoning_summary_part.added", json!({
                "item_id": id, "output_index": index, "summary_index": 0, "part": summary_part(""),
            })),
            Opening::ToolCall { .. } | Opening::FreeformCall { .. } => {}
        }
        self.open = Some((index, block));
    }

    fn fill(&mut self, index: u32, text: &str, out: &mut Vec<u8>) {
        let Some((_, block)) = &mut self.open else { return };
        block.text.push_str(text);
        let id = item_id(&self.start, index, &block.opening);
        let mut data = json!({ "item_id": id, "output_index": index, "delta": text });
        let name = match &block.opening {
            Opening::Text | Opening::Refusal | Opening::Hosted(_) | Opening::Image { .. } => {
                data["content_index"] = 0.into();
                data["logprobs"] = json!([]);
                "response.output_text.delta"
            }
            Opening::Reasoning => {
                data["summary_index"] = 0.into();
                "response.reasoning_summary_text.delta"
            }
            Opening::ToolCall { .. } => "response.function_call_arguments.delta",
            Opening::FreeformCall { .. } => "response.custom_tool_call_input.delta",
        };
        self.write(out, name, data);
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        let Some((index, block)) = self.open.take() else { return };
        let id = item_id(&self.start, index, &block.opening);
        let text = &block.text;
        let whole = item(&self.start, index, &block, "completed");
        match &block.opening {
            Opening::Text | Opening::Refusal | Opening::Hosted(_) | Opening::Image { .. } => {
                self.write(
                    out,
                    "response.output_text.done",
                    json!({
                        "item_id": id, "output_index": index, "content_index": 0, "text": text,
                        "logprobs": [],
                    }),
                );
                self.write(out, "response.content_part.done", json!({
                    "item_id": id, "output_index": index, "content_index": 0, "part": text_part(text),
                }));
            }
            Opening::Reasoning => {
                self.write(
                    out,
                    "response.reasoning_summary_text.done",
                    json!({
                        "item_id": id, "output_index": index, "summary_index": 0, "text": text,
                    }),
                );
                self.write(
                    out,
                    "response.reasoning_summary_part.done",
                    json!({
                        "item_id": id, "output_index": index, "summary_index": 0,
                        "part": summary_part(text),
                    }),
                );
            }
            Opening::ToolCall { name, .. } => {
                self.write(
                    out,
                    "response.function_call_arguments.done",
                    json!({
                        "item_id": id, "output_index": index, "name": name,
                        "arguments": whole["arguments"],
                    }),
                );
            }
            Opening::FreeformCall { .. } => {
                self.write(
                    out,
                    "response.custom_tool_call_input.done",
                    json!({
                        "item_id": id, "output_index": index, "input": text,
                    }),
                );
            }
        }
        self.write(
            out,
            "response.output_item.done",
            json!({ "output_index": index, "item": whole }),
        );
        self.output.push(whole);
    }

    fn stop(&mut self, reason: StopReason, out: &mut Vec<u8>) {
        let output = std::mem::take(&mut self.output);
        let response = response(&self.start, output, Ending::Stopped(reason), Some(&self.usage));
        let name = match response["status"].as_str() {
            Some("incomplete") => "response.incomplete",
            Some(_) | None => "response.completed",
        };
        self.write(out, name, json!({ "response": response }));
    }
}
