//! One item of the output while it is told: its blocks, and what it has said so far. Knows nothing
//! of the other items.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::super::super::{
    reply::decode::{Facts, arguments, call, seal, whole_item},
    wire::{Item, Part, citation, is_empty_list, string_or_source},
};
use crate::chat::{Event, Json, Opening};

/// Which of its two texts a reasoning item is told by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// A summary of the reasoning.
    Summary,
    /// The reasoning itself (open models).
    Content,
}

/// The block of the item that is open.
#[derive(Debug)]
struct Open {
    index: u32,
    /// The part of the item that it is.
    part: u32,
    opening: Opening,
    /// Whether it has said anything.
    said: bool,
    cited: bool,
    logged: bool,
}

/// One item of the output.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// Its place in the output.
    pub(super) index: u32,
    /// Whether nothing more comes.
    pub(super) done: bool,
    /// Whether all its parts so far are complete.
    pub(super) told: bool,
    /// What it said while another item had the turn.
    pub(super) waiting: Vec<Event<'static>>,
    open: Option<Open>,
    /// Whether a block was ever opened.
    opened: bool,
    source: Option<Source>,
    /// Arguments that came with the announcement, in case that they never come again.
    early: String,
}

/// What a lane needs to speak.
pub(super) struct Turn<'t> {
    pub(super) facts: &'t mut Facts,
    pub(super) out: &'t mut dyn FnMut(Event<'_>),
}

impl Lane {
    pub(super) fn new(index: u32) -> Self {
        Self { index, ..Self::default() }
    }

    /// The item is announced. Only calls can be opened by that: they have a name.
    pub(super) fn begin(&mut self, mut item: Item<'_>, turn: &mut Turn<'_>) {
        let kind = item.kind.take().unwrap_or_default();
        if matches!(&*kind.0, "function_call" | "custom_tool_call") {
            let early = arguments(&item);
            if early != "{}" {
                self.early = early.into_owned();
            }
            if let Some(opening) = call(&kind.0, item) {
                turn.facts.calls = true;
                self.open(0, opening, turn);
            }
        }
    }

    /// The item is complete: what no event told of it is taken from its whole.
    pub(super) fn finish(&mut self, mut item: Item<'_>, json: &RawValue, turn: &mut Turn<'_>) {
        if self.done {
            return;
        }
        self.done = true;
        if !self.opened {
            whole_item(item, json, turn.facts, turn.out);
            return;
        }
        if self.is_call() {
            let whole = arguments(&item);
            let early = std::mem::take(&mut self.early);
            self.fill(if whole.is_empty() { &early } else { &whole }, turn);
        } else if self.source.is_some() {
            let seal = seal(&mut item);
            if let (Some(seal), Some(open)) = (seal, &self.open) {
                (turn.out)(Event::Seal { index: open.index, seal: Box::new(seal) });
            }
        }
        self.close(turn);
    }

    fn open(&mut self, part: u32, opening: Opening, turn: &mut Turn<'_>) {
        self.close(turn);
        self.opened = true;
        let index = turn.facts.next();
        (turn.out)(Event::Open { index, block: opening.clone() });
        let (said, cited, logged) = (false, false, false);
        self.open = Some(Open { index, part, opening, said, cited, logged });
    }

    fn close(&mut self, turn: &mut Turn<'_>) {
        if let Some(open) = self.open.take() {
            (turn.out)(Event::Close { index: open.index });
        }
    }

    /// The turn passes on: what is open is closed.
    pub(super) fn leave(self, on_event: &mut dyn FnMut(Event<'_>)) {
        if let Some(open) = self.open {
            on_event(Event::Close { index: open.index });
        }
    }

    /// Opens the block of a part, unless it is open.
    fn enter(&mut self, part: u32, opening: Opening, turn: &mut Turn<'_>) {
        self.told = false;
        let inside = |open: &Open| open.part == part && open.opening == opening;
        if !self.open.as_ref().is_some_and(inside) {
            self.open(part, opening, turn);
        }
    }

    fn delta(&mut self, text: &str, turn: &mut Turn<'_>) {
        if let Some(open) = self.open.as_mut().filter(|_| !text.is_empty()) {
            open.said = true;
            (turn.out)(Event::Delta { index: open.index, text: Cow::Borrowed(text) });
        }
    }

    /// The whole text of the open block, if nothing of it has been said.
    fn fill(&mut self, text: &str, turn: &mut Turn<'_>) {
        if self.open.as_ref().is_some_and(|open| !open.said) {
            self.delta(text, turn);
        }
    }

    /// More of a text or a refusal. Empty pieces open nothing.
    pub(super) fn said(&mut self, part: u32, opening: Opening, text: &str, turn: &mut Turn<'_>) {
        if !text.is_empty() {
            self.enter(part, opening, turn);
            self.delta(text, turn);
        }
    }

    /// The whole of it.
    pub(super) fn all_said(
        &mut self,
        part: u32,
        opening: Opening,
        text: &str,
        turn: &mut Turn<'_>,
    ) {
        let told = |open: &Open| {
            open.part > part || (open.part == part && open.opening == opening && open.said)
        };
        if !self.open.as_ref().is_some_and(told) {
            self.said(part, opening, text, turn);
        }
    }

    pub(super) fn part_done(&mut self, part: u32, whole: Part<'_>, turn: &mut Turn<'_>) {
        if let Some(refusal) = &whole.refusal {
            self.all_said(part, Opening::Refusal, &refusal.0, turn);
        } else if let Some(text) = &whole.text
            && whole.kind.as_ref().is_none_or(|kind| kind.0 == "output_text")
        {
            self.all_said(part, Opening::Text, &text.0, turn);
            if !self.open.as_ref().is_some_and(|open| open.cited) {
                for annotation in whole.annotations.unwrap_or_default() {
                    self.cite(part, annotation, turn);
                }
            }
            if !self.open.as_ref().is_some_and(|open| open.logged) {
                self.logprobs(whole.logprobs, turn);
            }
        }
        self.told = true;
    }

    pub(super) fn cite(&mut self, part: u32, annotation: &RawValue, turn: &mut Turn<'_>) {
        self.enter(part, Opening::Text, turn);
        if let Some(open) = &mut self.open {
            open.cited = true;
            let citation = Box::new(citation(annotation).into_owned());
            (turn.out)(Event::Citation { index: open.index, citation });
        }
    }

    pub(super) fn logprobs(&mut self, tokens: Option<Json<'_>>, turn: &mut Turn<'_>) {
        let tokens = tokens.filter(|tokens| !is_empty_list(tokens.get()));
        if let (Some(open), Some(tokens)) = (&mut self.open, tokens) {
            open.logged = true;
            (turn.out)(Event::Logprobs { index: open.index, tokens: tokens.into_owned() });
        }
    }

    fn is_call(&self) -> bool {
        let opening = self.open.as_ref().map(|open| &open.opening);
        matches!(opening, Some(Opening::ToolCall { .. } | Opening::FreeformCall { .. }))
    }

    /// More of a call's arguments. Of a call without a name they come again, with the whole item.
    pub(super) fn argue(&mut self, text: &str, turn: &mut Turn<'_>) {
        if self.is_call() {
            self.delta(text, turn);
        }
    }

    /// All arguments of a call: some providers send nothing before (LM Studio).
    pub(super) fn all_argued(&mut self, whole: Option<&RawValue>, turn: &mut Turn<'_>) {
        if self.is_call() {
            self.fill(&string_or_source(whole), turn);
            self.told = true;
        }
    }

    /// More of the reasoning. Of its two texts the one counts that comes first.
    pub(super) fn thought(&mut self, source: Source, part: u32, text: &str, turn: &mut Turn<'_>) {
        if text.is_empty() || *self.source.get_or_insert(source) != source {
            return;
        }
        match &mut self.open {
            Some(open) if open.part != part => {
                open.part = part;
                self.delta("\n\n", turn);
            }
            Some(_) => {}
            None => self.open(part, Opening::Reasoning, turn),
        }
        self.delta(text, turn);
    }

    pub(super) fn all_thought(
        &mut self,
        source: Source,
        part: u32,
        text: &str,
        turn: &mut Turn<'_>,
    ) {
        if !self.open.as_ref().is_some_and(|open| open.part == part && open.said) {
            self.thought(source, part, text, turn);
        }
    }
}

/// How much an event that waits takes.
pub(super) fn weight(event: &Event<'_>) -> usize {
    let text = if let Event::Delta { text, .. } = event { text.len() } else { 0 };
    text + 128
}

/// The same, without a tie to the bytes that it was read from.
pub(super) fn owned(event: Event<'_>) -> Event<'static> {
    match event {
        Event::Delta { index, text } => Event::Delta { index, text: text.into_owned().into() },
        Event::Start(start) => Event::Start(start),
        Event::Open { index, block } => Event::Open { index, block },
        Event::Citation { index, citation } => Event::Citation { index, citation },
        Event::Seal { index, seal } => Event::Seal { index, seal },
        Event::Logprobs { index, tokens } => Event::Logprobs { index, tokens },
        Event::Close { index } => Event::Close { index },
        Event::Usage(usage) => Event::Usage(usage),
        Event::Stop(stop) => Event::Stop(stop),
        Event::Fault(fault) => Event::Fault(fault),
    }
}
