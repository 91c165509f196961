//! The neutral vocabulary → OpenAI Responses, streamed. What an item looks like is said in
//! `reply::encode::item`.

use super::super::{
    super::StreamEncoder,
    reply::encode::{
        Ending, Output,
        item::{
            State, annotation, arguments, can_say, item, item_id, logprobs, part, summary_part,
        },
        response,
    },
};
use crate::{
    chat::{
        Citation, Event, Fault, HostedKind, Json, Opening, ReplyBlock, Start, StopReason, Usage,
    },
    formats::write::{self, Members},
};

/// Writes `response.created` to `response.completed`, every event with its sequence number, all
/// with one id.
#[derive(Default)]
pub(in super::super) struct Encoder {
    sequence: u64,
    start: Start,
    usage: Usage,
    open: Option<Open>,
    /// Whether the open item has ended. It is told with the next event: if that is the limit of
    /// tokens, a call's arguments may have broken off, and it is told as incomplete; if that is an
    /// error, it is not told: Codex would run the call, ask again, and run it again.
    closing: bool,
    output: Output,
}

/// The item that is being told.
struct Open {
    id: String,
    index: u32,
    block: ReplyBlock,
}

impl StreamEncoder for Encoder {
    fn encode(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        if self.closing {
            match event {
                Event::Usage(_) | Event::Fault(_) => {}
                Event::Stop(stop) => self.close(Ending::Stopped(stop.reason), out),
                Event::Start(_)
                | Event::Open { .. }
                | Event::Delta { .. }
                | Event::Citation { .. }
                | Event::Seal { .. }
                | Event::Logprobs { .. }
                | Event::Close { .. } => self.close(Ending::InProgress, out),
            }
        }
        match event {
            Event::Start(start) => {
                self.start = start.clone();
                self.respond("response.created", Ending::InProgress, out);
                self.respond("response.in_progress", Ending::InProgress, out);
            }
            Event::Open { block, .. } => self.open(block, out),
            Event::Delta { text, .. } => self.fill(text, out),
            Event::Citation { citation, .. } => self.cite(citation, out),
            Event::Logprobs { tokens, .. } => self.log(tokens, out),
            Event::Seal { seal, .. } => {
                if let Some(open) = &mut self.open {
                    open.block.seal = Some((**seal).clone());
                }
            }
            Event::Close { .. } => self.closing = true,
            Event::Usage(usage) => self.usage = *usage,
            Event::Stop(stop) => self.stop(stop.reason, out),
            Event::Fault(fault) => self.fail(fault, out),
        }
    }

    fn fail(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        if self.start.id.is_empty() {
            self.start.id.clone_from(&fault.request_id);
        }
        self.respond("response.failed", Ending::Failed(fault), out);
    }
}

/// Appends an event (OpenAI, "Responses", "Streaming events").
pub(in super::super) fn event(
    out: &mut Vec<u8>,
    name: &str,
    sequence: u64,
    fill: impl FnOnce(&mut Members<'_>),
) {
    write::event(out, name, |data| {
        write::object(data, |event| {
            event.value("type", name);
            event.value("sequence_number", &sequence);
            fill(event);
        });
    });
}

impl Encoder {
    fn write(&mut self, out: &mut Vec<u8>, name: &str, fill: impl FnOnce(&mut Members<'_>)) {
        event(out, name, self.sequence, fill);
        self.sequence += 1;
    }

    /// An event that carries the response object.
    fn respond(&mut self, name: &str, ending: Ending<'_>, out: &mut Vec<u8>) {
        let used = match ending {
            Ending::InProgress => None,
            Ending::Failed(_) => Some(&self.usage).filter(|usage| **usage != Usage::default()),
            Ending::Stopped(_) => Some(&self.usage),
        };
        event(out, name, self.sequence, |event| {
            event.object("response", |object| {
                response(object, &self.start, &self.output, ending, used);
            });
        });
        self.sequence += 1;
    }

    /// An event of the open item.
    fn tell(&mut self, out: &mut Vec<u8>, name: &str, fill: impl FnOnce(&mut Members<'_>, &Open)) {
        let Some(open) = &self.open else { return };
        event(out, name, self.sequence, |event| {
            event.value("item_id", &open.id);
            event.value("output_index", &open.index);
            fill(event, open);
        });
        self.sequence += 1;
    }

    fn open(&mut self, opening: &Opening, out: &mut Vec<u8>) {
        let index = self.output.count;
        let id = item_id(&self.start, index, opening);
        let block = ReplyBlock::new(opening.clone(), "");
        if can_say(opening) {
            let mut json = Vec::new();
            item(&mut json, &id, &block, State::Announced);
            self.item("response.output_item.added", index, &json, out);
        }
        self.open = Some(Open { id, index, block });
        match opening {
            Opening::Text | Opening::Refusal => {
                self.tell(out, "response.content_part.added", |event, open| {
                    event.value("content_index", &0);
                    event.object("part", |part| self::part(part, &open.block));
                });
            }
            Opening::Hosted(hosted) if searches(hosted.tool) && can_say(opening) => {
                self.tell(out, "response.web_search_call.in_progress", |_, _| {});
                self.tell(out, "response.web_search_call.searching", |_, _| {});
            }
            Opening::Reasoning
            | Opening::ToolCall { .. }
            | Opening::FreeformCall { .. }
            | Opening::Hosted(_)
            | Opening::Image { .. } => {}
        }
    }

    fn item(&mut self, name: &str, index: u32, json: &[u8], out: &mut Vec<u8>) {
        self.write(out, name, |event| {
            event.value("output_index", &index);
            event.raw("item", std::str::from_utf8(json).unwrap_or("null"));
        });
    }

    fn fill(&mut self, text: &str, out: &mut Vec<u8>) {
        let Some(open) = &mut self.open else { return };
        let first = open.block.text.is_empty();
        open.block.text.push_str(text);
        let (name, part) = match &open.block.opening {
            Opening::Text => ("response.output_text.delta", "content_index"),
            Opening::Refusal => ("response.refusal.delta", "content_index"),
            Opening::Reasoning => ("response.reasoning_summary_text.delta", "summary_index"),
            Opening::ToolCall { .. } => ("response.function_call_arguments.delta", ""),
            Opening::FreeformCall { .. } => ("response.custom_tool_call_input.delta", ""),
            // Pictures are only told when they are complete.
            Opening::Hosted(_) | Opening::Image { .. } => return,
        };
        if first && open.block.opening == Opening::Reasoning {
            self.tell(out, "response.reasoning_summary_part.added", |event, _| {
                event.value("summary_index", &0);
                event.object("part", |part| summary_part(part, ""));
            });
        }
        self.tell(out, name, |event, open| {
            if !part.is_empty() {
                event.value(part, &0);
            }
            event.text("delta", text);
            if open.block.opening == Opening::Text {
                event.raw("logprobs", "[]");
            }
        });
    }

    fn cite(&mut self, citation: &Citation<'static>, out: &mut Vec<u8>) {
        let Some(open) = &mut self.open else { return };
        let Some(json) = annotation(citation, &open.block.text) else { return };
        let count = open.block.citations.len();
        open.block.citations.push(citation.clone());
        self.tell(out, "response.output_text.annotation.added", |event, _| {
            event.value("content_index", &0);
            event.value("annotation_index", &count);
            event.raw("annotation", &json);
        });
    }

    fn log(&mut self, tokens: &Json<'static>, out: &mut Vec<u8>) {
        let Some(open) = &mut self.open else { return };
        open.block.logprobs.push(tokens.clone());
        self.tell(out, "response.output_text.delta", |event, _| {
            event.value("content_index", &0);
            event.text("delta", "");
            event.value("logprobs", tokens);
        });
    }

    fn close(&mut self, ending: Ending<'_>, out: &mut Vec<u8>) {
        self.closing = false;
        let Some(open) = &self.open else { return };
        let state = ending.state_of(&open.block);
        match &open.block.opening {
            Opening::Text => self.tell(out, "response.output_text.done", |event, open| {
                event.value("content_index", &0);
                event.text("text", &open.block.text);
                event.array("logprobs", |list| logprobs(&open.block.logprobs, list));
            }),
            Opening::Refusal => self.tell(out, "response.refusal.done", |event, open| {
                event.value("content_index", &0);
                event.value("refusal", &open.block.text);
            }),
            Opening::Reasoning if open.block.text.is_empty() => {}
            Opening::Reasoning => self.close_summary(out),
            Opening::ToolCall { .. } => {
                self.tell(out, "response.function_call_arguments.done", |event, open| {
                    if let Opening::ToolCall { name, .. } = &open.block.opening {
                        event.value("name", name);
                    }
                    event.text("arguments", arguments(&open.block.text, true));
                });
            }
            Opening::FreeformCall { .. } => {
                self.tell(out, "response.custom_tool_call_input.done", |event, open| {
                    event.text("input", &open.block.text);
                });
            }
            Opening::Hosted(hosted) => {
                if searches(hosted.tool) && can_say(&open.block.opening) {
                    self.tell(out, "response.web_search_call.completed", |_, _| {});
                }
            }
            Opening::Image { .. } => {
                self.tell(out, "response.image_generation_call.completed", |_, _| {});
            }
        }
        self.close_item(state, out);
    }

    fn close_summary(&mut self, out: &mut Vec<u8>) {
        self.tell(out, "response.reasoning_summary_text.done", |event, open| {
            event.value("summary_index", &0);
            event.text("text", &open.block.text);
        });
        self.tell(out, "response.reasoning_summary_part.done", |event, open| {
            event.value("summary_index", &0);
            event.object("part", |part| summary_part(part, &open.block.text));
        });
    }

    /// The item is done: clients take it from here (Codex). A seal of another block follows in an
    /// item of its own.
    fn close_item(&mut self, state: State, out: &mut Vec<u8>) {
        if let Some(Opening::Text | Opening::Refusal) =
            self.open.as_ref().map(|open| &open.block.opening)
        {
            self.tell(out, "response.content_part.done", |event, open| {
                event.value("content_index", &0);
                event.object("part", |part| self::part(part, &open.block));
            });
        }
        let Some(open) = self.open.take() else { return };
        let items = self.output.add(&self.start, &open.block, state);
        let said = can_say(&open.block.opening);
        for (number, json) in (0..).zip(items) {
            let index = open.index + number;
            if number > 0 || !said {
                self.item("response.output_item.added", index, json.as_bytes(), out);
            }
            self.item("response.output_item.done", index, json.as_bytes(), out);
        }
    }

    fn stop(&mut self, reason: StopReason, out: &mut Vec<u8>) {
        let ending = Ending::Stopped(reason);
        let name = match ending.status() {
            ("incomplete", _) => "response.incomplete",
            _ => "response.completed",
        };
        self.respond(name, ending, out);
    }
}

/// Whether the events of `web_search_call` are due.
fn searches(tool: HostedKind) -> bool {
    matches!(tool, HostedKind::WebSearch | HostedKind::WebFetch)
}
