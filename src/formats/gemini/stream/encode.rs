//! The neutral vocabulary → Gemini `streamGenerateContent`.

use super::super::{
    super::{Framing, StreamEncoder},
    answer::{self, Beside},
    error,
    grounding::{Said, Sources},
};
use crate::{
    chat::{Event, Fault, Json, Opening, Seal, Start, Stop, Usage},
    formats::write::{self, Elements},
};

/// Writes text as it comes and calls as a whole; the last chunk has the reason, the counts and the
/// sources.
pub(in super::super) struct Encoder {
    framing: Framing,
    start: Start,
    usage: Usage,
    open: Option<Opening>,
    /// The arguments of the open call, or the bytes of the open picture.
    held: String,
    seal: Option<Seal<'static>>,
    /// Whether a call was left out because its arguments are no JSON.
    malformed: bool,
    said: Said,
    sources: Sources,
    begun: bool,
    ended: bool,
}

impl Encoder {
    pub(in super::super) fn new(framing: Framing) -> Self {
        Self {
            framing,
            start: Start::default(),
            usage: Usage::default(),
            open: None,
            held: String::new(),
            seal: None,
            malformed: false,
            said: Said::default(),
            sources: Sources::new(),
            begun: false,
            ended: false,
        }
    }

    fn frame(&mut self, out: &mut Vec<u8>, fill: impl FnOnce(&Self, &mut Vec<u8>)) {
        match self.framing {
            Framing::Sse => write::event(out, "", |data| fill(self, data)),
            Framing::JsonArray => {
                out.extend_from_slice(if self.begun { b",\n" } else { b"[" });
                fill(self, out);
            }
        }
        self.begun = true;
    }

    fn chunk(&mut self, out: &mut Vec<u8>, fill: impl FnOnce(&Self, &mut Elements<'_>)) {
        self.frame(out, |this, out| {
            answer::chunk(out, &this.start, &Beside::default(), |parts| fill(this, parts));
        });
    }

    fn delta(&mut self, text: &str, out: &mut Vec<u8>) {
        match self.open.take() {
            Some(opening @ (Opening::Text | Opening::Reasoning | Opening::Refusal)) => {
                if opening == Opening::Text {
                    self.said.push(text);
                }
                self.chunk(out, |_, parts| answer::part(&opening, text, None, parts));
                self.open = Some(opening);
            }
            other => {
                self.held.push_str(text);
                self.open = other;
            }
        }
    }

    /// The end of a block: what could not be written piece by piece.
    fn close(&mut self, out: &mut Vec<u8>) {
        let (Some(opening), seal) = (self.open.take(), self.seal.take()) else { return };
        match &opening {
            Opening::Text | Opening::Reasoning | Opening::Refusal => {
                // A signature may follow the text that it signs.
                if let Some(seal) = seal {
                    self.chunk(out, |_, parts| answer::part(&opening, "", Some(&seal), parts));
                }
            }
            Opening::Hosted(hosted) => {
                if hosted.format == crate::protocol::Format::Gemini || seal.is_some() {
                    self.chunk(out, |_, parts| answer::part(&opening, "", seal.as_ref(), parts));
                }
            }
            Opening::ToolCall { .. } if !answer::is_sound(&self.held) => {
                self.malformed = true;
                self.held.clear();
            }
            Opening::ToolCall { .. } | Opening::FreeformCall { .. } | Opening::Image { .. } => {
                let held = std::mem::take(&mut self.held);
                self.chunk(out, |_, parts| answer::part(&opening, &held, seal.as_ref(), parts));
            }
        }
    }

    fn logprobs(&mut self, tokens: &Json<'static>, out: &mut Vec<u8>) {
        let beside = Beside { logprobs: std::slice::from_ref(tokens), ..Beside::default() };
        self.frame(out, |this, out| {
            answer::chunk(out, &this.start, &beside, |parts| {
                answer::part(&Opening::Text, "", None, parts);
            });
        });
    }

    fn stop(&mut self, stop: &Stop, out: &mut Vec<u8>) {
        self.frame(out, |this, out| {
            let beside = Beside {
                reason: Some(answer::finish_reason(stop.reason, this.malformed)),
                usage: Some(&this.usage),
                sources: Some((&this.sources, &this.said)),
                logprobs: &[],
            };
            answer::chunk(out, &this.start, &beside, |parts| {
                answer::part(&Opening::Text, "", None, parts);
            });
        });
        self.end(out);
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        if self.framing == Framing::JsonArray {
            out.extend_from_slice(b"]");
        }
        self.ended = true;
    }
}

impl StreamEncoder for Encoder {
    fn encode(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Start(start) => self.start = start.clone(),
            Event::Open { block, .. } => {
                if *block == Opening::Text {
                    self.said.open_block();
                }
                self.open = Some(block.clone());
                self.held.clear();
                self.seal = None;
            }
            Event::Delta { text, .. } => self.delta(text, out),
            Event::Seal { seal, .. } => self.seal = Some((**seal).clone()),
            Event::Citation { citation, .. } => {
                self.sources.push(((**citation).clone(), self.said.block()));
            }
            Event::Logprobs { tokens, .. } => self.logprobs(tokens, out),
            Event::Close { .. } => self.close(out),
            Event::Usage(usage) => self.usage = *usage,
            Event::Stop(stop) => self.stop(stop, out),
            Event::Fault(fault) => self.fail(fault, out),
        }
    }

    fn fail(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        if !self.ended {
            let error = error(fault).to_string();
            self.frame(out, |_, out| out.extend_from_slice(error.as_bytes()));
            self.end(out);
        }
    }
}
