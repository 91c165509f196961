//! The neutral vocabulary → Gemini `streamGenerateContent`.

use serde_json::Value;

use super::super::{
    super::{Framing, StreamEncoder, raw::write_event},
    chunk, error, part,
};
use crate::chat::{Event, Fault, Opening, Start, Usage};

/// Writes text as it comes and calls as a whole; the last chunk has the reason and the counts.
pub(in super::super) struct Encoder {
    framing: Framing,
    start: Start,
    usage: Usage,
    open: Option<Opening>,
    /// The arguments of the open call.
    call: String,
    begun: bool,
}

impl Encoder {
    pub(in super::super) fn new(framing: Framing) -> Self {
        let start = Start::default();
        let (usage, call) = (Usage::default(), String::new());
        Self { framing, start, usage, open: None, call, begun: false }
    }

    fn write(&mut self, chunk: &Value, out: &mut Vec<u8>) {
        match self.framing {
            Framing::Sse => write_event(out, "", chunk),
            Framing::JsonArray => {
                out.extend_from_slice(if self.begun { b",\n" } else { b"[" });
                out.extend_from_slice(chunk.to_string().as_bytes());
            }
        }
        self.begun = true;
    }

    fn end(&mut self, chunk: &Value, out: &mut Vec<u8>) {
        self.write(chunk, out);
        if self.framing == Framing::JsonArray {
            out.extend_from_slice(b"]");
        }
    }
}

impl StreamEncoder for Encoder {
    fn encode(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Start(start) => self.start = start.clone(),
            Event::Open { block, .. } => {
                self.open = Some(block.clone());
                self.call.clear();
            }
            Event::Delta { text, .. } => match &self.open {
                Some(opening @ (Opening::Text | Opening::Reasoning | Opening::Refusal)) => {
                    let chunk = chunk(&self.start, vec![part(opening, text)], None, None);
                    self.write(&chunk, out);
                }
                Some(Opening::ToolCall { .. } | Opening::FreeformCall { .. }) => {
                    self.call.push_str(text);
                }
                Some(Opening::Hosted(_) | Opening::Image { .. }) | None => {}
            },
            Event::Close { .. } => {
                if let Some(opening @ (Opening::ToolCall { .. } | Opening::FreeformCall { .. })) =
                    self.open.take()
                {
                    let part = part(&opening, &self.call);
                    self.write(&chunk(&self.start, vec![part], None, None), out);
                }
            }
            Event::Usage(usage) => self.usage = *usage,
            Event::Stop(stop) => {
                let last = chunk(&self.start, Vec::new(), Some(stop.reason), Some(&self.usage));
                self.end(&last, out);
            }
            Event::Citation { .. } | Event::Seal { .. } | Event::Logprobs { .. } => {}
            Event::Fault(fault) => self.fail(fault, out),
        }
    }

    fn fail(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        self.end(&error(fault), out);
    }
}
