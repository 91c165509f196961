//! The order of contents: turns of the user and the model, results right behind the calls that they
//! answer, one for each. What cannot be said is reported here, so that no turn is left empty.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{
    super::super::{media, wire},
    Context, parts, results,
};
use crate::{
    chat::{Block, Content, Extra, Image, Message, Role, Source, ToolCall},
    formats::{
        dropped::Losses,
        write::{Elements, Members},
    },
    protocol::Format,
};

/// A content: what the user or the model says in one go.
pub(super) struct Turn<'r, 'a> {
    is_model: bool,
    parts: Vec<Part<'r, 'a>>,
    extra: Vec<&'r Extra<'a>>,
}

pub(super) enum Part<'r, 'a> {
    Block(&'r Block<'a>),
    /// What the system says in the middle of the conversation.
    System(&'r str),
    /// What answers the call; `None` if nothing does.
    Result(&'r ToolCall<'a>, Option<&'r Block<'a>>),
    /// Something that cannot be said at all.
    Lost,
    /// The result of a call that is not there.
    Stray(&'r Block<'a>),
}

impl<'r, 'a> Turn<'r, 'a> {
    fn new(is_model: bool) -> Self {
        Self { is_model, parts: Vec::new(), extra: Vec::new() }
    }

    pub(super) fn write(&self, context: Context<'_, 'a>, content: &mut Members<'_>) {
        content.value("role", if self.is_model { "model" } else { "user" });
        content.array("parts", |elements| {
            let mut called = false;
            for part in &self.parts {
                part.write(context, &mut called, elements);
            }
        });
        let mut known = BTreeSet::new();
        for extra in &self.extra {
            if known.insert(&*extra.key) {
                content.value(&extra.key, &extra.value);
            }
        }
    }
}

impl<'a> Part<'_, 'a> {
    fn write(&self, context: Context<'_, 'a>, called: &mut bool, out: &mut Elements<'_>) {
        match self {
            Self::Block(block) => parts::write(context, block, Some(called), out),
            Self::System(text) => {
                out.object(|part| part.text("text", &format!("<system>\n{text}\n</system>")));
            }
            Self::Result(call, block) => results::write(context, call, *block, out),
            Self::Lost => out.object(|part| part.text("text", "[left out]")),
            Self::Stray(block) => results::write_stray(block, out),
        }
    }
}

/// The results that are still to be placed: by their call, with the number of their message.
type Waiting<'r, 'a> = BTreeMap<&'r str, VecDeque<(usize, &'r Block<'a>)>>;

struct Plan<'r, 'a> {
    context: Context<'r, 'a>,
    turns: Vec<Turn<'r, 'a>>,
    waiting: Waiting<'r, 'a>,
    /// Calls of the model's open turn, with the number of their message.
    calls: Vec<(usize, &'r ToolCall<'a>)>,
    /// Whether the system has spoken in the user's open turn.
    system_spoke: bool,
    /// Results that stand behind their calls already, by their place in memory.
    placed: BTreeSet<*const Block<'a>>,
}

/// The contents for `messages`, of which the first is number `first` of the request.
pub(super) fn turns<'r, 'a>(
    context: Context<'r, 'a>,
    first: usize,
    messages: &'r [Message<'a>],
    losses: &mut Losses,
) -> Vec<Turn<'r, 'a>> {
    let mut waiting: Waiting<'r, 'a> = BTreeMap::new();
    for (number, message) in messages.iter().enumerate() {
        for block in &message.blocks {
            if let Some(result) = block.result() {
                waiting.entry(&*result.call).or_default().push_back((first + number, block));
            }
        }
    }
    let (turns, calls, placed) = (Vec::new(), Vec::new(), BTreeSet::new());
    let mut plan = Plan { context, turns, waiting, calls, system_spoke: false, placed };
    for (number, message) in messages.iter().enumerate() {
        plan.message(first + number, message, losses);
    }
    // What nobody has answered yet stays open at the end.
    let answered = plan.calls.iter().any(|(_, call)| plan.waiting.contains_key(&*call.id));
    if answered {
        plan.answer_calls(losses);
    }
    plan.turns.retain(|turn| !turn.parts.is_empty());
    plan.turns
}

impl<'r, 'a> Plan<'r, 'a> {
    fn message(&mut self, number: usize, message: &'r Message<'a>, losses: &mut Losses) {
        let is_model = message.role == Role::Assistant;
        if !is_model && !message.blocks.is_empty() {
            self.answer_calls(losses);
        }
        if message.name.is_some() {
            losses.member(message.place, "name", "there are no names of speakers");
        }
        let mut extra = Vec::new();
        losses.extras(&message.extra, message.place, Format::Gemini, &mut |own| extra.push(own));
        let is_system = matches!(message.role, Role::System | Role::Developer);
        if is_system {
            losses
                .reworded(message.place, "the system speaks first only: becomes text of the user");
        } else if self.system_spoke && !is_model && !message.blocks.is_empty() {
            losses.reworded(message.place, "joins the system's words in one turn of the user");
        }
        self.system_spoke = is_system;
        let mut added = Vec::new();
        for block in &message.blocks {
            if block.result().is_some() {
                if !self.placed.contains(&std::ptr::from_ref(block)) {
                    losses.reworded(block.place, "answers no call: becomes text");
                    added.push(Part::Stray(block));
                }
                continue;
            }
            if !report(self.context, block, losses) {
                continue;
            }
            if let Content::ToolCall(call) = &block.content {
                self.calls.push((number, call));
            }
            added.push(match block.text() {
                Some(text) if is_system => Part::System(text),
                Some(_) | None => Part::Block(block),
            });
        }
        // A word of the user that is lost still sets two turns of the model apart.
        let has_results = message.blocks.iter().any(|block| block.result().is_some());
        if added.is_empty() && !is_model && !has_results && !message.blocks.is_empty() {
            added.push(Part::Lost);
        }
        let turn = self.turn(is_model);
        turn.parts.extend(added);
        turn.extra.extend(extra);
    }

    /// The open turn of the model or the user: neighbours are one.
    fn turn(&mut self, is_model: bool) -> &mut Turn<'r, 'a> {
        let fits = |turn: &Turn<'_, '_>| turn.is_model == is_model;
        if !self.turns.last().is_some_and(fits) {
            // An empty turn in between would set neighbours apart.
            if self.turns.last().is_some_and(|turn| turn.parts.is_empty()) {
                self.turns.pop();
            }
            if !self.turns.last().is_some_and(fits) {
                self.turns.push(Turn::new(is_model));
            }
        }
        let last = self.turns.len() - 1;
        &mut self.turns[last]
    }

    /// Puts the results behind the calls of the model's turn: the API wants as many of them as there
    /// are calls, all in the next content.
    fn answer_calls(&mut self, losses: &mut Losses) {
        let calls = std::mem::take(&mut self.calls);
        if calls.is_empty() {
            return;
        }
        let mut parts = Vec::with_capacity(calls.len());
        let mut files = Vec::new();
        for (number, call) in calls {
            let block = self.result_of(number, call);
            if let Some(block) = block {
                self.placed.insert(std::ptr::from_ref(block));
                results::report(self.context, block, losses, &mut files);
            }
            parts.push(Part::Result(call, block));
        }
        parts.extend(files.into_iter().map(Part::Block));
        self.turn(false).parts.extend(parts);
    }

    /// The first result for the call that stands behind it.
    fn result_of(&mut self, number: usize, call: &ToolCall<'a>) -> Option<&'r Block<'a>> {
        let waiting = self.waiting.get_mut(&*call.id)?;
        while let Some((at, block)) = waiting.pop_front() {
            if at > number {
                return Some(block);
            }
        }
        None
    }
}

/// Reports marks that do not change what a block says.
pub(super) fn report_marks(block: &Block<'_>, losses: &mut Losses) {
    if block.cache.is_some() {
        losses.member(block.place, "cache_control", "the provider caches by itself");
    }
    losses.extras(&block.extra, block.place, Format::Gemini, &mut |_| {});
    if let Content::Text { citations, .. } = &block.content
        && !citations.is_empty()
    {
        losses.member(block.place, "citations", "citations stand in replies only");
    }
}

/// Reports what a block loses; `false` if that is everything.
pub(super) fn report(context: Context<'_, '_>, block: &Block<'_>, losses: &mut Losses) -> bool {
    let sealed = block.seal.as_ref().map(|seal| seal.format == Format::Gemini);
    let said = match &block.content {
        Content::Text { text, .. } => !text.is_empty() || sealed == Some(true),
        Content::Image(Image { source, .. }) | Content::Audio(source) => {
            report_source(block, source, losses);
            true
        }
        Content::Document(document) => {
            report_source(block, &document.source, losses);
            if document.title.is_some() && !context.is_own() {
                losses.whole(block.place, "goes without its name");
            }
            true
        }
        Content::Reasoning(reasoning) => match (sealed, context.is_own()) {
            (Some(true), _) => true,
            (None, true) => !reasoning.shown().is_empty(),
            (None, false) => {
                losses.hint(block.place, "reasoning without a signature of Gemini's");
                return false;
            }
            (Some(false), _) => {
                let format = block.seal.as_ref().map_or(Format::Gemini, |seal| seal.format);
                losses.hint(block.place, format!("sealed by {format}"));
                return false;
            }
        },
        Content::ToolCall(call) => {
            if call.freeform {
                losses.reworded(block.place, "becomes the arguments of a function");
            } else if !call.arguments.is_empty() && !wire::is_object(&call.arguments) {
                losses
                    .reworded(block.place, "its arguments are no JSON object: become text in one");
            }
            true
        }
        Content::ToolReference(_) | Content::Refusal(_) => {
            losses.reworded(block.place, "becomes text");
            true
        }
        Content::ToolResult(_) => true,
        Content::Hosted(hosted) if hosted.format != Format::Gemini => {
            losses.whole(block.place, format!("an act of a tool of {}", hosted.format));
            return false;
        }
        Content::Opaque { format, kind, .. } if *format != Format::Gemini => {
            losses.opaque(block.place, *format, kind);
            return false;
        }
        Content::Hosted(_) | Content::Opaque { .. } => true,
    };
    if said {
        report_marks(block, losses);
        if sealed == Some(false) {
            let format = block.seal.as_ref().map_or(Format::Gemini, |seal| seal.format);
            losses.member(block.place, "signature", format!("sealed by {format}"));
        }
    }
    said
}

/// Reports a file that cannot be read here: its place is kept.
fn report_source(block: &Block<'_>, source: &Source<'_>, losses: &mut Losses) {
    if let Source::File { format, .. } = source
        && !media::is_readable(source)
    {
        losses.whole(block.place, format!("an upload at {format}"));
    }
}
