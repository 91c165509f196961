//! The neutral vocabulary → Chat Completions, streamed.

use serde_json::json;

use super::super::{
    super::{StreamEncoder, openai_error},
    reply::{annotation, picture},
    seal,
    words::{finish_reason, tier_name, write_usage},
};
use crate::{
    chat::{Citation, Event, Fault, Json, Opening, Seal, Start, StopReason, Usage},
    formats::write::{self, Members},
};

/// Writes one chunk after the other, each with the same head, and `[DONE]`.
pub(in super::super) struct Encoder {
    usage_wanted: bool,
    /// The beginning of every chunk, up to its choices.
    head: Vec<u8>,
    usage: Usage,
    open: Option<Opening>,
    /// Tool calls so far: the index of the open one is one less.
    calls: u32,
    /// Details of reasoning so far.
    details: u32,
    /// Characters of text in earlier blocks, and in the open one: places of citations.
    before: u32,
    length: u32,
    /// The open picture: the format has only whole ones.
    picture: String,
}

impl Encoder {
    pub(in super::super) fn new(usage_wanted: bool) -> Self {
        Self {
            usage_wanted,
            head: head(&Start::default()),
            usage: Usage::default(),
            open: None,
            calls: 0,
            details: 0,
            before: 0,
            length: 0,
            picture: String::new(),
        }
    }

    /// Writes a chunk with one choice.
    fn choice(&self, out: &mut Vec<u8>, fill: impl FnOnce(&mut Members<'_>)) {
        write::event(out, "", |out| {
            out.extend_from_slice(&self.head);
            out.push(b'[');
            write::object(out, |choice| {
                choice.value("index", &0);
                fill(choice);
            });
            out.push(b']');
            if self.usage_wanted {
                // OpenAI: every chunk but the last then has the key.
                out.extend_from_slice(b",\"usage\":null");
            }
            out.push(b'}');
        });
    }

    fn delta(&self, out: &mut Vec<u8>, fill: impl FnOnce(&mut Members<'_>)) {
        self.choice(out, |choice| {
            choice.object("delta", fill);
            choice.value("logprobs", &());
            choice.value("finish_reason", &());
        });
    }

    /// Writes a piece of the open call; `fill` gets the call.
    fn call(&self, out: &mut Vec<u8>, fill: impl FnOnce(&mut Members<'_>)) {
        self.delta(out, |delta| {
            delta.array("tool_calls", |list| {
                list.object(|call| {
                    call.value("index", &self.calls.saturating_sub(1));
                    fill(call);
                });
            });
        });
    }

    fn open(&mut self, block: &Opening, out: &mut Vec<u8>) {
        self.open = Some(block.clone());
        self.picture.clear();
        self.length = 0;
        let (id, kind, name, input) = match block {
            Opening::Text
            | Opening::Reasoning
            | Opening::Refusal
            | Opening::Hosted(_)
            | Opening::Image { .. } => return,
            Opening::ToolCall { id, name, .. } => (id, "function", name, "arguments"),
            Opening::FreeformCall { id, name, .. } => (id, "custom", name, "input"),
        };
        self.calls += 1;
        self.call(out, |call| {
            call.value("id", id);
            call.value("type", kind);
            call.object(kind, |inner| {
                inner.value("name", name);
                inner.value(input, "");
            });
        });
    }

    fn fill(&mut self, text: &str, out: &mut Vec<u8>) {
        match &self.open {
            Some(Opening::Hosted(_)) | None => {}
            Some(Opening::Image { .. }) => self.picture.push_str(text),
            Some(Opening::Refusal) => self.delta(out, |delta| delta.value("refusal", text)),
            Some(Opening::Text) => {
                let length = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
                self.length = self.length.saturating_add(length);
                self.delta(out, |delta| delta.text("content", text));
            }
            Some(Opening::Reasoning) => {
                self.delta(out, |delta| delta.value("reasoning_content", text));
            }
            Some(Opening::ToolCall { .. }) => {
                self.call(out, |call| {
                    call.object("function", |function| function.text("arguments", text));
                });
            }
            Some(Opening::FreeformCall { .. }) => {
                self.call(out, |call| call.object("custom", |custom| custom.text("input", text)));
            }
        }
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        self.before = self.before.saturating_add(std::mem::take(&mut self.length));
        if let Some(Opening::Image { media_type }) = self.open.take() {
            self.delta(out, |delta| {
                delta.array("images", |list| {
                    list.object(|image| picture(&media_type, &self.picture, image));
                });
            });
            self.picture = String::new();
        }
    }

    fn cite(&self, citation: &Citation<'_>, out: &mut Vec<u8>) {
        if citation.url.is_none() && citation.format != super::super::FORMAT {
            return;
        }
        self.delta(out, |delta| {
            delta.array("annotations", |list| annotation(citation, self.before, list));
        });
    }

    fn seal(&mut self, seal: &Seal<'_>, out: &mut Vec<u8>) {
        let Some(open) = &self.open else { return };
        let is_call = matches!(open, Opening::ToolCall { .. } | Opening::FreeformCall { .. });
        if let Some(carried) = seal::own_extra(seal).filter(|_| is_call) {
            self.call(out, |call| call.value("extra_content", &carried));
        } else if let Some(detail) = seal::detail(seal, open, self.details) {
            self.details += 1;
            self.delta(out, |delta| {
                delta.array("reasoning_details", |list| list.value(&detail));
            });
        }
    }

    fn logprobs(&self, tokens: &Json<'_>, out: &mut Vec<u8>) {
        let (key, other) = match self.open {
            Some(Opening::Refusal) => ("refusal", "content"),
            Some(
                Opening::Text
                | Opening::Reasoning
                | Opening::ToolCall { .. }
                | Opening::FreeformCall { .. }
                | Opening::Hosted(_)
                | Opening::Image { .. },
            )
            | None => ("content", "refusal"),
        };
        self.choice(out, |choice| {
            choice.object("delta", |_| {});
            choice.object("logprobs", |logprobs| {
                logprobs.value(key, tokens);
                logprobs.value(other, &());
            });
            choice.value("finish_reason", &());
        });
    }

    fn stop(&self, reason: StopReason, out: &mut Vec<u8>) {
        self.choice(out, |choice| {
            choice.object("delta", |_| {});
            choice.value("logprobs", &());
            choice.value("finish_reason", finish_reason(reason));
        });
        if self.usage_wanted {
            let mut last = Vec::new();
            write::object(&mut last, |last| {
                write_usage(&self.usage, last);
                last.maybe("service_tier", self.usage.tier.and_then(tier_name));
            });
            write::event(out, "", |out| {
                out.extend_from_slice(&self.head);
                out.extend_from_slice(b"[],");
                out.extend_from_slice(&last[1..]);
            });
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }
}

/// The members that all chunks share.
fn head(start: &Start) -> Vec<u8> {
    let mut head = Vec::new();
    write::object(&mut head, |chunk| {
        chunk.value("id", &format!("chatcmpl-{}", start.id));
        chunk.value("object", "chat.completion.chunk");
        chunk.value("created", &start.created);
        chunk.value("model", &start.model);
    });
    head.pop();
    head.extend_from_slice(b",\"choices\":");
    head
}

impl StreamEncoder for Encoder {
    fn encode(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Start(start) => {
                self.head = head(start);
                self.delta(out, |delta| {
                    delta.value("role", "assistant");
                    delta.text("content", "");
                });
            }
            Event::Open { block, .. } => self.open(block, out),
            Event::Delta { text, .. } => self.fill(text, out),
            Event::Citation { citation, .. } => self.cite(citation, out),
            Event::Seal { seal, .. } => self.seal(seal, out),
            Event::Logprobs { tokens, .. } => self.logprobs(tokens, out),
            Event::Close { .. } => self.close(out),
            Event::Usage(usage) => self.usage = *usage,
            Event::Stop(stop) => self.stop(stop.reason, out),
            Event::Fault(fault) => self.fail(fault, out),
        }
    }

    /// An error chunk and no `[DONE]`: SDKs raise on it, and would take a stream that just ends for
    /// complete.
    fn fail(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        let error = json!({ "error": openai_error::object(fault) });
        write::event(out, "", |data| write::value(data, &error));
    }
}
