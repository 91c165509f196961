//! The neutral vocabulary → Anthropic Messages, streamed.

use super::super::{
    fault::error,
    parts, usage,
    words::{FORMAT, stop_reason},
};
use crate::{
    chat::{Citation, Event, Fault, Opening, Seal, SealKind, Start, Stop, Usage},
    formats::{
        StreamEncoder,
        seals::{Attach, close},
        write::{self, Members},
    },
};

/// Writes `message_start`, blocks one after the other, `message_delta`, `message_stop`.
///
/// A block begins when something is in it: clients must not be given empty texts, which they would
/// send back and be refused for.
#[derive(Default)]
pub(in super::super) struct Encoder {
    usage: Usage,
    block: State,
    /// The index of the next block.
    next: u32,
    /// The id of the call that was begun last.
    call: String,
    /// The seal of the last block, which has no place for one. That of a text goes in front of the
    /// next block. If there is none it stays here: `claude -p` prints the last block and nothing
    /// else, and Google insists on the seals of calls only.
    behind: Option<(Seal<'static>, Attach<'static>)>,
    refused: bool,
}

/// What has been written of the block at hand.
#[derive(Default)]
enum State {
    /// There is none, or it has been written as a whole.
    #[default]
    Done,
    /// Nothing yet.
    Held(Opening),
    Text,
    Reasoning,
    Call {
        empty: bool,
    },
    /// The input of a freeform call: one JSON string inside of an object.
    Freeform,
}

impl StreamEncoder for Encoder {
    fn encode(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Start(start) => message_start(start, out),
            Event::Open { block, .. } => self.open(block, out),
            Event::Delta { text, .. } => {
                self.begin(out);
                self.piece(text, out);
            }
            Event::Citation { citation, .. } => {
                self.begin(out);
                if matches!(self.block, State::Text) {
                    self.delta(out, "citations_delta", |out| cite(citation, out));
                }
            }
            Event::Seal { seal, .. } => self.seal(seal, out),
            Event::Close { .. } => self.close(out),
            Event::Usage(usage) => self.usage = *usage,
            Event::Stop(stop) => self.stop(stop, out),
            Event::Fault(fault) => self.fail(fault, out),
            Event::Logprobs { .. } => {}
        }
    }

    /// A text that broke off is one all the same. A call is not: without its end nobody runs it.
    fn fail(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        if matches!(self.block, State::Text | State::Reasoning) {
            self.block = State::Done;
            self.end(out);
        }
        write::event(out, "error", |data| write::value(data, &error(fault)));
    }
}

impl Encoder {
    fn open(&mut self, block: &Opening, out: &mut Vec<u8>) {
        if let Some((seal, attach)) = self.behind.take() {
            self.carry(&seal, attach, out);
        }
        self.block = match block {
            Opening::Hosted(hosted) => {
                if hosted.format == FORMAT {
                    self.whole(out, |event| event.raw("content_block", hosted.raw.get()));
                }
                State::Done
            }
            Opening::Image { .. } => {
                self.whole(out, |event| event.object("content_block", parts::image));
                State::Done
            }
            Opening::Text
            | Opening::Refusal
            | Opening::Reasoning
            | Opening::ToolCall { .. }
            | Opening::FreeformCall { .. } => State::Held(block.clone()),
        };
        self.refused |= matches!(block, Opening::Refusal);
    }

    /// Begins the block that was held, if one was.
    fn begin(&mut self, out: &mut Vec<u8>) {
        if !matches!(self.block, State::Held(_)) {
            return;
        }
        let State::Held(opening) = std::mem::take(&mut self.block) else { return };
        self.start(out, |event| {
            event.object("content_block", |out| match &opening {
                Opening::Text | Opening::Refusal | Opening::Hosted(_) | Opening::Image { .. } => {
                    out.value("type", "text");
                    out.text("text", "");
                }
                Opening::Reasoning => parts::reasoning("", None, out),
                Opening::ToolCall { id, name, .. } | Opening::FreeformCall { id, name, .. } => {
                    parts::call(id, name, "{}", out);
                }
            });
        });
        self.block = match opening {
            Opening::Text | Opening::Refusal | Opening::Hosted(_) | Opening::Image { .. } => {
                State::Text
            }
            Opening::Reasoning => State::Reasoning,
            Opening::ToolCall { id, .. } => {
                self.call = id;
                State::Call { empty: true }
            }
            Opening::FreeformCall { id, .. } => {
                self.call = id;
                self.arguments(r#"{"input":""#, out);
                State::Freeform
            }
        };
    }

    fn piece(&mut self, text: &str, out: &mut Vec<u8>) {
        match &mut self.block {
            State::Text => self.delta(out, "text_delta", |out| out.text("text", text)),
            State::Reasoning => {
                self.delta(out, "thinking_delta", |out| out.text("thinking", text));
            }
            State::Call { empty } => {
                *empty = false;
                self.arguments(text, out);
            }
            State::Freeform => {
                // Without the quotes: the string goes on.
                let mut escaped = Vec::with_capacity(text.len() + 2);
                write::value(&mut escaped, text);
                let inside = escaped.get(1..escaped.len().saturating_sub(1)).unwrap_or_default();
                self.arguments(std::str::from_utf8(inside).unwrap_or_default(), out);
            }
            State::Done | State::Held(_) => {}
        }
    }

    fn seal(&mut self, seal: &Seal<'static>, out: &mut Vec<u8>) {
        match &self.block {
            State::Held(Opening::Reasoning) if seal.kind == SealKind::Redacted => {
                self.whole(out, |event| {
                    event.object("content_block", |out| parts::reasoning("", Some(seal), out));
                });
                self.block = State::Done;
            }
            State::Held(Opening::Reasoning) | State::Reasoning => {
                self.begin(out);
                self.sign(seal, Attach::Own, out);
            }
            State::Held(Opening::ToolCall { id, .. } | Opening::FreeformCall { id, .. }) => {
                let attach = Attach::Call(parts::call_id(id).into_owned().into());
                self.carry(seal, attach, out);
            }
            State::Call { .. } | State::Freeform => {
                let attach = Attach::Call(parts::call_id(&self.call).into_owned().into());
                self.behind = Some((seal.clone(), attach));
            }
            State::Held(_) | State::Text | State::Done => {
                self.behind = Some((seal.clone(), Attach::Previous));
            }
        }
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        if let State::Held(Opening::ToolCall { .. } | Opening::FreeformCall { .. }) = self.block {
            self.begin(out);
        }
        match std::mem::take(&mut self.block) {
            State::Text | State::Reasoning => self.end(out),
            State::Call { empty } => {
                if empty {
                    self.arguments("{}", out);
                }
                self.end(out);
            }
            State::Freeform => {
                self.arguments(r#""}"#, out);
                self.end(out);
            }
            State::Done | State::Held(_) => {}
        }
    }

    /// Clients take a signature from its delta and nowhere else: Claude Code forgets one that stands in
    /// `content_block_start`.
    fn carry(&mut self, seal: &Seal<'_>, attach: Attach<'_>, out: &mut Vec<u8>) {
        self.start(out, |event| {
            event.object("content_block", |out| parts::reasoning("", None, out));
        });
        self.sign(seal, attach, out);
        self.end(out);
    }

    fn sign(&self, seal: &Seal<'_>, attach: Attach<'_>, out: &mut Vec<u8>) {
        let signature = close(seal, attach, FORMAT);
        self.delta(out, "signature_delta", |out| out.text("signature", &signature));
    }

    fn stop(&self, stop: &Stop, out: &mut Vec<u8>) {
        event(out, "message_delta", |out| {
            out.object("delta", |out| {
                out.value("stop_reason", stop_reason(stop.reason, self.refused));
                out.value("stop_sequence", &stop.sequence);
            });
            out.object("usage", |out| usage::write(&self.usage, out));
        });
        event(out, "message_stop", |_| {});
    }

    fn start(&self, out: &mut Vec<u8>, content_block: impl FnOnce(&mut Members<'_>)) {
        event(out, "content_block_start", |out| {
            out.value("index", &self.next);
            content_block(out);
        });
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        event(out, "content_block_stop", |out| out.value("index", &self.next));
        self.next += 1;
        let is_of_call = |(_, attach): &mut (_, Attach<'_>)| matches!(attach, Attach::Call(_));
        if let Some((seal, attach)) = self.behind.take_if(is_of_call) {
            self.carry(&seal, attach, out);
        }
    }

    /// A block that comes at once.
    fn whole(&mut self, out: &mut Vec<u8>, content_block: impl FnOnce(&mut Members<'_>)) {
        self.start(out, content_block);
        self.end(out);
    }

    fn arguments(&self, json: &str, out: &mut Vec<u8>) {
        self.delta(out, "input_json_delta", |out| out.text("partial_json", json));
    }

    fn delta(&self, out: &mut Vec<u8>, kind: &str, fill: impl FnOnce(&mut Members<'_>)) {
        event(out, "content_block_delta", |out| {
            out.value("index", &self.next);
            out.object("delta", |out| {
                out.value("type", kind);
                fill(out);
            });
        });
    }
}

fn cite(citation: &Citation<'_>, out: &mut Members<'_>) {
    if citation.format == FORMAT {
        out.raw("citation", citation.raw.get());
    } else {
        out.object("citation", |out| parts::found(citation, out));
    }
}

/// The counts are not known yet; clients want the keys all the same.
fn message_start(start: &Start, out: &mut Vec<u8>) {
    event(out, "message_start", |out| {
        out.object("message", |out| {
            out.value("id", &format!("msg_{}", start.id));
            out.value("type", "message");
            out.value("role", "assistant");
            out.value("model", &start.model);
            out.array("content", |_| {});
            out.value("stop_reason", &None::<&str>);
            out.value("stop_sequence", &None::<&str>);
            out.object("usage", |out| usage::write(&Usage::default(), out));
        });
    });
}

/// Every event is named after its type.
fn event(out: &mut Vec<u8>, kind: &str, fill: impl FnOnce(&mut Members<'_>)) {
    write::event(out, kind, |data| {
        write::object(data, |out| {
            out.value("type", kind);
            fill(out);
        });
    });
}

#[cfg(test)]
mod tests;
