//! OpenAI Responses, streamed → the neutral vocabulary. Events belong to items of the output, which
//! may be told in parallel; a [`Lane`] each puts them one behind the other.

mod lane;

use std::collections::VecDeque;

use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use self::lane::{Lane, Source, Turn};
use super::super::{
    fault,
    reply::decode::{Facts, Response, whole},
    wire::{Item, Part},
};
use crate::{
    chat::{Event, Json, Opening},
    formats::{
        EventDecoder, Malformed,
        raw::{self, Text, open_struct},
        sse,
    },
};

open_struct! {
    /// OpenAI, "Responses", "Streaming events". What comes with every event is named, so that
    /// nothing is allocated for it.
    struct Wire<'a> {
        kind: Text<'a> = "type",
        sequence: IgnoredAny = "sequence_number",
        item_id: IgnoredAny = "item_id",
        obfuscation: IgnoredAny = "obfuscation",
        output_index: u32 = "output_index",
        content_index: u32 = "content_index",
        summary_index: u32 = "summary_index",
        delta: &'a RawValue = "delta",
        text: Text<'a> = "text",
        refusal: Text<'a> = "refusal",
        arguments: &'a RawValue = "arguments",
        input: &'a RawValue = "input",
        item: &'a RawValue = "item",
        part: Part<'a> = "part",
        annotation: &'a RawValue = "annotation",
        logprobs: Json<'a> = "logprobs",
        response: &'a RawValue = "response",
    }
}

/// How much may wait for its turn.
const MOST_HELD: usize = 16 * 1024 * 1024;

/// Reads one streamed reply. The first lane is the one that speaks; the others wait.
#[derive(Debug, Default)]
pub(in super::super) struct Decoder {
    begun: bool,
    lanes: VecDeque<Lane>,
    facts: Facts,
    /// Whether any item came as events of its own.
    seen: bool,
    held: usize,
}

impl EventDecoder for Decoder {
    fn event(
        &mut self,
        event: &sse::Event<'_>,
        on_event: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Malformed> {
        if event.truncated {
            return self.truncated(event.name, on_event);
        }
        if matches!(event.data.trim(), "" | "[DONE]") {
            return Ok(());
        }
        let mut wire: Wire<'_> = serde_json::from_str(event.data)
            .map_err(|error| Malformed::new(format!("`{}`: {error}", event.name)))?;
        let told = wire.kind.take();
        let kind = told.as_ref().map_or(event.name, |kind| &*kind.0);
        match kind {
            "response.created" | "response.in_progress" | "response.queued" => {
                self.begin(wire.response, on_event)
            }
            "response.output_item.added" => self.added(&wire, on_event),
            "response.output_item.done" => self.done(&wire, on_event),
            "response.completed"
            | "response.done"
            | "response.incomplete"
            | "response.cancelled" => self.complete(kind, wire.response, on_event),
            // Items that are not done have broken off; those behind them are not told.
            "response.failed" | "error" => {
                on_event(Event::Fault(fault::of_event(event.data)));
                Ok(())
            }
            _ if kind.starts_with("response.") => self.piece(kind, wire, on_event),
            _ => Ok(()),
        }
    }
}

impl Decoder {
    /// Nothing more comes: every item is complete, as far as it will be.
    fn end(&mut self, on_event: &mut dyn FnMut(Event<'_>)) {
        for lane in &mut self.lanes {
            lane.done = true;
        }
        self.advance(on_event);
    }

    /// An event that is too long to be read. Only the last one echoes so much.
    fn truncated(
        &mut self,
        name: &str,
        on_event: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Malformed> {
        if name != "response.completed" {
            return Err(Malformed::new(format!("`{name}` is too long")));
        }
        self.end(on_event);
        on_event(Response::default().ending(name, &self.facts));
        Ok(())
    }

    fn begin(
        &mut self,
        response: Option<&RawValue>,
        on_event: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Malformed> {
        if let Some(response) = response.filter(|_| !self.begun) {
            self.begun = true;
            let response: Response<'_> = raw::read(response, "/response")?;
            on_event(Event::Start(response.start()));
        }
        Ok(())
    }

    fn added(
        &mut self,
        wire: &Wire<'_>,
        on_event: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Malformed> {
        let Some(json) = wire.item else { return Ok(()) };
        let item: Item<'_> = raw::read(json, "/item")?;
        let index = wire.output_index.unwrap_or_default();
        // Some providers never say that an item is done: the next one says it.
        for lane in &mut self.lanes {
            lane.done |= lane.index == index || lane.told;
        }
        self.advance(on_event);
        self.seen = true;
        self.lanes.push_back(Lane::new(index));
        let last = self.lanes.len() - 1;
        self.act(last, on_event, |lane, turn| lane.begin(item, turn))
    }

    fn done(
        &mut self,
        wire: &Wire<'_>,
        on_event: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Malformed> {
        let Some(json) = wire.item else { return Ok(()) };
        let position = self.lane(wire.output_index.unwrap_or_default());
        let item: Item<'_> = raw::read(json, "/item")?;
        self.act(position, on_event, |lane, turn| lane.finish(item, json, turn))?;
        self.advance(on_event);
        Ok(())
    }

    /// The response is complete, as far as it will be. What no event told is taken from it.
    fn complete(
        &mut self,
        kind: &str,
        response: Option<&RawValue>,
        on_event: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Malformed> {
        self.begin(response, on_event)?;
        let response: Response<'_> = response
            .map(|response| raw::read(response, "/response"))
            .transpose()?
            .unwrap_or_default();
        let ending = response.ending(kind, &self.facts);
        if matches!(ending, Event::Fault(_)) {
            on_event(Event::Usage(response.usage(&self.facts)));
            on_event(ending);
            return Ok(());
        }
        let output = response.output.as_deref().unwrap_or_default();
        if !self.seen {
            for item in output {
                whole(item, &mut self.facts, on_event)?;
            }
        }
        for position in 0..self.lanes.len() {
            let index = self.lanes.get(position).map(|lane| lane.index).unwrap_or_default();
            let json = usize::try_from(index).ok().and_then(|index| output.get(index));
            if let Some(json) = json {
                let item: Item<'_> = raw::read(json, "/response/output")?;
                self.act(position, on_event, |lane, turn| {
                    lane.finish(item, json, turn);
                })?;
            }
        }
        self.end(on_event);
        on_event(Event::Usage(response.usage(&self.facts)));
        on_event(response.ending(kind, &self.facts));
        Ok(())
    }

    /// A piece of an item.
    fn piece(
        &mut self,
        kind: &str,
        wire: Wire<'_>,
        on_event: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Malformed> {
        let Some(piece) = Piece::of(kind) else { return Ok(()) };
        let position = self.lane(wire.output_index.unwrap_or_default());
        let part = wire.content_index.or(wire.summary_index).unwrap_or_default();
        let delta = wire.delta.and_then(raw::string).unwrap_or_default();
        self.act(position, on_event, |lane, turn| match piece {
            Piece::Text => {
                lane.said(part, Opening::Text, &delta, turn);
                lane.logprobs(wire.logprobs, turn);
            }
            Piece::TextDone => {
                let text = wire.text.unwrap_or_default();
                lane.all_said(part, Opening::Text, &text.0, turn);
            }
            Piece::Refusal => lane.said(part, Opening::Refusal, &delta, turn),
            Piece::RefusalDone => {
                let text = wire.refusal.unwrap_or_default();
                lane.all_said(part, Opening::Refusal, &text.0, turn);
            }
            Piece::PartDone => lane.part_done(part, wire.part.unwrap_or_default(), turn),
            Piece::Annotation => {
                if let Some(annotation) = wire.annotation {
                    lane.cite(part, annotation, turn);
                }
            }
            Piece::Arguments => lane.argue(&delta, turn),
            Piece::ArgumentsDone => lane.all_argued(wire.arguments.or(wire.input), turn),
            Piece::Thought(source) => lane.thought(source, part, &delta, turn),
            Piece::ThoughtDone(source) => {
                let text = wire.text.unwrap_or_default();
                lane.all_thought(source, part, &text.0, turn);
            }
        })
    }

    /// The lane of the item at `index`; a new one if no event has announced it.
    fn lane(&mut self, index: u32) -> usize {
        self.seen = true;
        let known = self.lanes.iter().position(|lane| lane.index == index);
        known.unwrap_or_else(|| {
            self.lanes.push_back(Lane::new(index));
            self.lanes.len() - 1
        })
    }

    /// Lets a lane act. What it says goes out if it is its turn, else it waits.
    fn act(
        &mut self,
        position: usize,
        on_event: &mut dyn FnMut(Event<'_>),
        act: impl FnOnce(&mut Lane, &mut Turn<'_>),
    ) -> Result<(), Malformed> {
        let Some(lane) = self.lanes.get_mut(position) else { return Ok(()) };
        if position == 0 {
            act(lane, &mut Turn { facts: &mut self.facts, out: on_event });
            return Ok(());
        }
        let mut waiting = std::mem::take(&mut lane.waiting);
        let mut held = self.held;
        let mut out = |event: Event<'_>| {
            held += lane::weight(&event);
            waiting.push(lane::owned(event));
        };
        act(lane, &mut Turn { facts: &mut self.facts, out: &mut out });
        lane.waiting = waiting;
        self.held = held;
        if held > MOST_HELD {
            return Err(Malformed::new(
                "items are told in parallel, and too long to be put in order",
            ));
        }
        Ok(())
    }

    /// Passes the turn on from lanes that are done.
    fn advance(&mut self, on_event: &mut dyn FnMut(Event<'_>)) {
        while self.lanes.front().is_some_and(|lane| lane.done) {
            if let Some(last) = self.lanes.pop_front() {
                last.leave(on_event);
            }
            if let Some(next) = self.lanes.front_mut() {
                for event in next.waiting.drain(..) {
                    self.held = self.held.saturating_sub(lane::weight(&event));
                    on_event(event);
                }
            }
        }
    }
}

/// What an event is a piece of.
#[derive(Clone, Copy)]
enum Piece {
    Text,
    TextDone,
    Refusal,
    RefusalDone,
    PartDone,
    Annotation,
    Arguments,
    ArgumentsDone,
    Thought(Source),
    ThoughtDone(Source),
}

impl Piece {
    /// By the name of the event; most others are about the vendor's own tools, which come as a
    /// whole with their item.
    fn of(kind: &str) -> Option<Self> {
        Some(match kind {
            "response.output_text.delta" => Self::Text,
            "response.output_text.done" => Self::TextDone,
            "response.refusal.delta" => Self::Refusal,
            "response.refusal.done" => Self::RefusalDone,
            "response.content_part.done" => Self::PartDone,
            "response.output_text.annotation.added" | "response.output_text_annotation.added" => {
                Self::Annotation
            }
            "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
                Self::Arguments
            }
            "response.function_call_arguments.done" | "response.custom_tool_call_input.done" => {
                Self::ArgumentsDone
            }
            "response.reasoning_summary_text.delta" => Self::Thought(Source::Summary),
            "response.reasoning_summary_text.done" => Self::ThoughtDone(Source::Summary),
            "response.reasoning_text.delta" | "response.reasoning.delta" => {
                Self::Thought(Source::Content)
            }
            "response.reasoning_text.done" | "response.reasoning.done" => {
                Self::ThoughtDone(Source::Content)
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests;
