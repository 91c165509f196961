//! Anthropic Messages, streamed → the neutral vocabulary.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::super::{
    fault::{self, read_inside},
    reply::{block::WireBlock, start},
    usage::{Counts, WireUsage},
    words::{FORMAT, citation, read_stop},
};
use crate::{
    chat::{Event, Hosted, Json, Opening, Seal, SealKind, Stop},
    formats::{
        EventDecoder, Malformed,
        raw::{Text, open_struct},
        sse::{self, MAX_EVENT_BYTES},
        write,
    },
};

open_struct! {
    struct Wire<'a> {
        kind: Text<'a> = "type",
        message: Message<'a> = "message",
        index: u32 = "index",
        content_block: &'a RawValue = "content_block",
        delta: Delta<'a> = "delta",
        usage: WireUsage<'a> = "usage",
        error: fault::Error<'a> = "error",
    }
}

open_struct! {
    struct Message<'a> {
        id: Text<'a> = "id",
        model: Text<'a> = "model",
        usage: WireUsage<'a> = "usage",
    }
}

open_struct! {
    struct Delta<'a> {
        kind: Text<'a> = "type",
        text: Text<'a> = "text",
        thinking: Text<'a> = "thinking",
        signature: Text<'a> = "signature",
        partial_json: Text<'a> = "partial_json",
        citation: &'a RawValue = "citation",
        stop_reason: Text<'a> = "stop_reason",
        stop_sequence: Text<'a> = "stop_sequence",
    }
}

/// Reads one streamed reply. Blocks come one after the other; what a provider leaves out (the start
/// or the stop of a block, `message_stop`) is made up for.
#[derive(Debug, Default)]
pub(in super::super) struct Decoder {
    counts: Counts,
    open: Option<Open>,
    /// The index of the next block, of our own.
    next: u32,
    /// How the reply ends, held back until its last event.
    stop: Option<(String, Option<String>)>,
    calls: bool,
}

/// The open block.
#[derive(Debug)]
struct Open {
    /// Its index at the provider.
    told: Option<u32>,
    /// Its index here.
    index: u32,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Text,
    /// With its signature as far as it has come.
    Reasoning(String),
    /// With the input of its start, until another one comes.
    Call(Option<String>),
    /// What a tool of the vendor is asked, told at the end: with the input as far as it has come.
    Hosted(Box<Hosted<'static>>, String),
    /// Nothing that anyone has a word for.
    Unknown,
}

type Sink<'s> = &'s mut dyn FnMut(Event<'_>);

impl EventDecoder for Decoder {
    fn event(&mut self, event: &sse::Event<'_>, on_event: Sink<'_>) -> Result<(), Malformed> {
        if event.data.trim() == "[DONE]" {
            self.end(on_event);
            return Ok(());
        }
        let wire: Wire<'_> = serde_json::from_str(event.data)
            .map_err(|error| Malformed::new(format!("an event of the stream: {error}")))?;
        let kind = wire.kind.as_ref().map_or(event.name, |kind| &kind.0);
        match kind {
            "message_start" => self.message_start(wire.message.unwrap_or_default(), on_event),
            "content_block_start" => {
                self.close(on_event);
                if let Some(raw) = wire.content_block {
                    self.block_start(wire.index, raw, on_event)?;
                }
            }
            "content_block_delta" => {
                self.delta(wire.index, wire.delta.unwrap_or_default(), on_event)?;
            }
            "content_block_stop" => self.close(on_event),
            "message_delta" => {
                self.close(on_event);
                self.message_delta(wire.delta.unwrap_or_default(), wire.usage, on_event);
            }
            "message_stop" => {
                self.stop.get_or_insert_default();
                self.end(on_event);
            }
            "error" => {
                let fault = wire.error.and_then(read_inside).ok_or_else(|| {
                    Malformed::new(format!("an error without a message: {}", event.data))
                })?;
                on_event(Event::Fault(fault));
            }
            // `ping`, and whatever comes.
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, on_event: Sink<'_>) {
        if let Some((reason, sequence)) = self.stop.take() {
            self.close(on_event);
            let stop: Stop = read_stop(&reason, sequence, self.calls);
            on_event(Event::Stop(stop));
        }
    }
}

impl Decoder {
    fn message_start(&mut self, message: Message<'_>, on_event: Sink<'_>) {
        on_event(Event::Start(start(message.id, message.model)));
        if let Some(usage) = &message.usage {
            self.counts.take(usage);
            on_event(Event::Usage(self.counts.usage()));
        }
    }

    fn message_delta(
        &mut self,
        delta: Delta<'_>,
        usage: Option<WireUsage<'_>>,
        on_event: Sink<'_>,
    ) {
        if let Some(usage) = &usage {
            self.counts.take(usage);
            on_event(Event::Usage(self.counts.usage()));
        }
        if let Some(Text(reason)) = delta.stop_reason {
            let sequence = delta.stop_sequence.map(|text| text.0.into_owned());
            self.stop = Some((reason.into_owned(), sequence));
        }
    }

    fn block_start(
        &mut self,
        told: Option<u32>,
        raw: &RawValue,
        on_event: Sink<'_>,
    ) -> Result<(), Malformed> {
        let wire: WireBlock<'_> = serde_json::from_str(raw.get())
            .map_err(|error| Malformed::new(format!("a block of the stream: {error}")))?;
        let seal = wire.seal();
        let input = wire.input.map(|input| input.get().trim());
        let input = input.filter(|input| !matches!(*input, "{}" | "null" | "\"\""));
        match wire.opening(raw) {
            Some(Opening::Hosted(hosted)) if wire.input.is_some() => {
                self.hold(told, Kind::Hosted(hosted, String::new()));
            }
            Some(opening) => {
                let kind = match &opening {
                    Opening::Text => Kind::Text,
                    Opening::Reasoning => Kind::Reasoning(String::new()),
                    Opening::ToolCall { .. } => Kind::Call(Some(input.unwrap_or("{}").to_owned())),
                    Opening::Hosted(_)
                    | Opening::Refusal
                    | Opening::FreeformCall { .. }
                    | Opening::Image { .. } => Kind::Unknown,
                };
                self.calls |= matches!(kind, Kind::Call(_));
                let index = self.open(told, kind, opening, on_event);
                for text in [wire.text, wire.thinking].into_iter().flatten() {
                    on_event(Event::Delta { index, text: text.0 });
                }
                for raw in wire.citations.into_iter().flatten() {
                    let citation = Box::new(citation(raw).into_owned());
                    on_event(Event::Citation { index, citation });
                }
                if let Some(seal) = seal {
                    self.begin_seal(index, seal, on_event);
                }
            }
            None => {
                self.hold(told, Kind::Unknown);
            }
        }
        Ok(())
    }

    /// A signature may go on; redacted reasoning comes as a whole.
    fn begin_seal(&mut self, index: u32, seal: Seal<'static>, on_event: Sink<'_>) {
        match (&mut self.open, seal.kind) {
            (Some(Open { kind: Kind::Reasoning(signature), .. }), SealKind::Signature) => {
                signature.push_str(&seal.data);
            }
            _ => on_event(Event::Seal { index, seal: Box::new(seal) }),
        }
    }

    fn delta(
        &mut self,
        told: Option<u32>,
        delta: Delta<'_>,
        on_event: Sink<'_>,
    ) -> Result<(), Malformed> {
        match delta.kind.as_ref().map_or("", |kind| &kind.0) {
            "text_delta" => {
                let index = self.within(told, &Opening::Text, on_event);
                on_event(Event::Delta { index, text: delta.text.unwrap_or_default().0 });
            }
            "thinking_delta" => {
                let index = self.within(told, &Opening::Reasoning, on_event);
                on_event(Event::Delta { index, text: delta.thinking.unwrap_or_default().0 });
            }
            "citations_delta" => {
                if let Some(raw) = delta.citation {
                    let index = self.within(told, &Opening::Text, on_event);
                    let citation = Box::new(citation(raw).into_owned());
                    on_event(Event::Citation { index, citation });
                }
            }
            "signature_delta" => {
                if let Some(Open { kind: Kind::Reasoning(signature), .. }) = &mut self.open {
                    grow(signature, &delta.signature.unwrap_or_default().0)?;
                }
            }
            "input_json_delta" => {
                self.input(told, delta.partial_json.unwrap_or_default().0, on_event)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn input(
        &mut self,
        told: Option<u32>,
        json: Cow<'_, str>,
        on_event: Sink<'_>,
    ) -> Result<(), Malformed> {
        let Some(open) = self.open.as_mut().filter(|open| open.is(told)) else {
            return Err(Malformed::new("a piece of a tool's input outside of its block"));
        };
        match &mut open.kind {
            Kind::Call(start) if !json.is_empty() => {
                *start = None;
                on_event(Event::Delta { index: open.index, text: json });
            }
            Kind::Hosted(_, input) => grow(input, &json)?,
            Kind::Call(_) | Kind::Text | Kind::Reasoning(_) | Kind::Unknown => {}
        }
        Ok(())
    }

    /// The index of the open block of this kind. A piece of another kind, or without a block, is
    /// one of a block whose start was left out.
    fn within(&mut self, told: Option<u32>, opening: &Opening, on_event: Sink<'_>) -> u32 {
        let fits = |open: &&Open| match open.kind {
            Kind::Text => matches!(opening, Opening::Text),
            Kind::Reasoning(_) => matches!(opening, Opening::Reasoning),
            Kind::Call(_) | Kind::Hosted(..) | Kind::Unknown => false,
        };
        if let Some(open) = self.open.as_ref().filter(fits) {
            return open.index;
        }
        self.close(on_event);
        let kind = match opening {
            Opening::Reasoning => Kind::Reasoning(String::new()),
            Opening::Text
            | Opening::Refusal
            | Opening::ToolCall { .. }
            | Opening::FreeformCall { .. }
            | Opening::Hosted(_)
            | Opening::Image { .. } => Kind::Text,
        };
        self.open(told, kind, opening.clone(), on_event)
    }

    fn hold(&mut self, told: Option<u32>, kind: Kind) -> u32 {
        let index = self.next;
        self.next += 1;
        self.open = Some(Open { told, index, kind });
        index
    }

    fn open(&mut self, told: Option<u32>, kind: Kind, block: Opening, on_event: Sink<'_>) -> u32 {
        let index = self.hold(told, kind);
        on_event(Event::Open { index, block });
        index
    }

    fn close(&mut self, on_event: Sink<'_>) {
        let Some(Open { index, kind, .. }) = self.open.take() else { return };
        match kind {
            Kind::Text | Kind::Unknown | Kind::Call(None) => {}
            Kind::Reasoning(data) => {
                if !data.is_empty() {
                    let (kind, data) = (SealKind::Signature, Cow::Owned(data));
                    let seal = Box::new(Seal { format: FORMAT, kind, data, item: None });
                    on_event(Event::Seal { index, seal });
                }
            }
            // No other input came: this is it.
            Kind::Call(Some(input)) => on_event(Event::Delta { index, text: input.into() }),
            Kind::Hosted(mut hosted, input) => {
                complete(&mut hosted, &input);
                on_event(Event::Open { index, block: Opening::Hosted(hosted) });
            }
        }
        on_event(Event::Close { index });
    }
}

impl Open {
    /// Whether the provider means this block. Some leave the index out.
    fn is(&self, told: Option<u32>) -> bool {
        told.is_none() || self.told.is_none() || self.told == told
    }
}

/// Adds to what is kept of one block, within reason.
fn grow(kept: &mut String, more: &str) -> Result<(), Malformed> {
    if kept.len() + more.len() > MAX_EVENT_BYTES {
        return Err(Malformed::new("a block of the stream is too long"));
    }
    kept.push_str(more);
    Ok(())
}

open_struct! {
    struct Query<'a> {
        query: Text<'a> = "query" | "url" | "code" | "command",
    }
}

open_struct! {
    struct Members<'a> {
        input: &'a RawValue = "input",
    }
}

/// Puts the input that came piece by piece into the block.
fn complete(hosted: &mut Hosted<'static>, input: &str) {
    let Some(input) = Json::parse(input) else { return };
    let Ok(members) = hosted.raw.read::<Members<'_>>() else { return };
    let mut out = Vec::new();
    write::object(&mut out, |out| {
        for (key, value) in &members.extra {
            out.value(key, value);
        }
        out.value("input", &input);
    });
    let query = input.read::<Query<'_>>().ok().and_then(|wire| wire.query);
    let query = query.map(|Text(text)| Cow::Owned(text.into_owned()));
    let whole = String::from_utf8(out).ok();
    if let Some(raw) = whole.as_deref().and_then(Json::parse).map(Json::into_owned) {
        hosted.raw = raw;
        hosted.query = query;
    }
}

#[cfg(test)]
mod tests;
