//! The contents of a request → messages. Calls and results need no ids on this wire: they are
//! numbered, and results paired with the oldest open call of their name.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, VecDeque},
};

use serde_json::value::RawValue;

use super::super::super::{
    media,
    wire::{self, PART, Part, inner_extras, json},
};
use crate::{
    chat::{Block, Content, Extra, Message, Place, Reasoning, Role, ToolCall, ToolResult},
    formats::{
        ids,
        raw::{Text, open_struct, string},
        write,
    },
    protocol::Format,
};

/// What is known of a conversation so far.
#[derive(Default)]
pub(super) struct History<'a> {
    calls: u32,
    /// The ids of calls by the name of their tool, oldest first.
    open: BTreeMap<Cow<'a, str>, VecDeque<Cow<'a, str>>>,
    /// Ids that results have named.
    answered: BTreeSet<Cow<'a, str>>,
}

impl<'a> History<'a> {
    pub(super) fn message(&mut self, content: wire::Content<'a>, index: usize) -> Message<'a> {
        let mut blocks = Vec::new();
        for (number, part) in content.parts.into_iter().flatten().enumerate() {
            let place = Place::new("/contents/#/parts/#", &[index, number]);
            if let Some(block) = self.block(part, place) {
                add(&mut blocks, block);
            }
        }
        // Results answer what was said before; a client may write its text in front of them.
        blocks.sort_by_key(|block| block.result().is_none());
        let results = !blocks.is_empty() && blocks.iter().all(|block| block.result().is_some());
        let role = match content.role.as_ref().map(|role| &*role.0) {
            Some("model") => Role::Assistant,
            Some("system") => Role::System,
            _ if results => Role::Tool,
            _ => Role::User,
        };
        let mut message = Message::new(role, blocks).at(Place::new("/contents/#", &[index]));
        message.extra = Extra::list(Format::Gemini, content.extra);
        message
    }

    /// What a part says; `None` if it says nothing.
    pub(super) fn block(&mut self, mut part: Part<'a>, place: Place) -> Option<Block<'a>> {
        let seal = wire::seal(part.signature.take());
        let extra = std::mem::take(&mut part.extra);
        let mut block = self.bare_block(part, place, seal.is_some()).or_else(|| opaque(&extra))?;
        if !matches!(block.content, Content::Opaque { .. }) {
            block.extra.extend(Extra::list(Format::Gemini, extra));
        }
        block.seal = seal;
        Some(block.at(place))
    }

    /// The block without what is beside it. An empty text is only one if something is sealed by it.
    fn bare_block(&mut self, part: Part<'a>, place: Place, sealed: bool) -> Option<Block<'a>> {
        if let Some(hosted) = wire::hosted(&part) {
            return Some(Block::new(Content::Hosted(hosted)));
        }
        if let Some(call) = part.call {
            return Some(self.call(call));
        }
        if let Some(response) = part.response {
            return Some(self.result(response, place));
        }
        if let Some(blob) = part.inline {
            return Some(media::inline(blob));
        }
        if let Some(blob) = part.file {
            return Some(media::file(blob));
        }
        let text = part.text.map(|text| text.0).unwrap_or_default();
        if text.is_empty() && !sealed {
            return None;
        }
        if part.thought == Some(true) {
            let reasoning = Reasoning { text, summary: Vec::new() };
            return Some(Block::new(Content::Reasoning(reasoning)));
        }
        Some(Block::plain(text))
    }

    fn call(&mut self, call: wire::Call<'a>) -> Block<'a> {
        let name = call.name.map(|name| name.0).unwrap_or_default();
        let id = call.id.map(|id| id.0).filter(|id| !id.is_empty());
        let id = id.unwrap_or_else(|| Cow::Owned(ids::made("contents", self.calls)));
        self.calls += 1;
        self.open.entry(name.clone()).or_default().push_back(id.clone());
        let arguments = call.args.map(RawValue::get).unwrap_or_default().into();
        let call = (inner_extras("functionCall.", call.extra), id, name);
        let (extra, id, name) = call;
        let call = ToolCall { id, name, namespace: None, arguments, freeform: false };
        let mut block = Block::new(Content::ToolCall(call));
        block.extra.extend(extra);
        block
    }

    fn result(&mut self, response: wire::Response<'a>, place: Place) -> Block<'a> {
        let name = response.name.map(|name| name.0).unwrap_or_default();
        let id = response.id.map(|id| id.0).filter(|id| !id.is_empty());
        let call = id.or_else(|| self.oldest_open(&name)).unwrap_or_else(|| name.clone());
        self.answered.insert(call.clone());
        let mut media: Vec<Named<'a>> = Vec::new();
        for part in response.parts.into_iter().flatten() {
            let name = [&part.inline, &part.file]
                .into_iter()
                .flatten()
                .find_map(|blob| blob.name.as_ref().map(|name| name.0.clone()));
            media.extend(self.block(part, place).map(|block| (name, block)));
        }
        let (blocks, is_error) = answer(response.response, media, place);
        let name = Some(name).filter(|name| !name.is_empty());
        let result = ToolResult { call, name, blocks, is_error, freeform: false };
        let mut block = Block::new(Content::ToolResult(result));
        block.extra.extend(inner_extras("functionResponse.", response.extra));
        block
    }

    fn oldest_open(&mut self, name: &str) -> Option<Cow<'a, str>> {
        let Self { open, answered, .. } = self;
        let calls = open.get_mut(name)?;
        while let Some(id) = calls.pop_front() {
            if !answered.contains(&id) {
                return Some(id);
            }
        }
        None
    }
}

/// Adds a block. A stream cuts a thought into parts, of which only the last is sealed; clients send
/// them back as they came. It is one thought: its seal says nothing of a part.
fn add<'a>(blocks: &mut Vec<Block<'a>>, mut block: Block<'a>) {
    if let Content::Reasoning(whole) = &mut block.content
        && block.seal.is_some()
    {
        while let Some(before) = blocks.pop_if(|before| before.seal.is_none() && is_bare(before)) {
            if let Content::Reasoning(piece) = before.content {
                whole.text = piece.text + std::mem::take(&mut whole.text);
                block.place = before.place;
            }
        }
    }
    blocks.push(block);
}

/// Whether it is a thought and nothing else.
fn is_bare(block: &Block<'_>) -> bool {
    matches!(block.content, Content::Reasoning(_)) && block.extra.is_empty()
}

/// A file of a result, and the name by which the result refers to it.
type Named<'a> = (Option<Cow<'a, str>>, Block<'a>);

open_struct! {
    /// What functions are told to answer with (Google, `FunctionResponse.response`).
    struct Answer<'a> {
        output: &'a RawValue = "output",
        error: &'a RawValue = "error",
    }
}

/// What a result says, and whether it is an error. Only what the encoder writes is taken apart:
/// any other object is text, as it stands.
fn answer<'a>(
    response: Option<&'a RawValue>,
    mut media: Vec<Named<'a>>,
    place: Place,
) -> (Vec<Block<'a>>, Option<bool>) {
    let mut blocks = Vec::new();
    let mut is_error = None;
    if let Some(response) = response {
        let answer: Answer<'a> = serde_json::from_str(response.get()).unwrap_or_default();
        let value = match (answer.output, answer.error) {
            (Some(output), None) if answer.extra.is_empty() => Some(output),
            (None, Some(error)) if answer.extra.is_empty() => {
                is_error = Some(true);
                Some(error)
            }
            _ => None,
        };
        match value.and_then(|value| pieces(value, &mut media)) {
            Some(said) => blocks = said,
            None => blocks.push(Block::plain(response.get())),
        }
    }
    blocks.extend(media.into_iter().map(|(_, block)| block));
    (blocks.into_iter().map(|block| block.at(place)).collect(), is_error)
}

open_struct! {
    /// Where a file stands among the pieces of a result: by its number, or by its name as Google's
    /// documentation has it.
    struct Piece<'a> {
        reference: Text<'a> = "$ref",
    }
}

/// A text, or a list of texts and references to files, which are taken out of `media`.
fn pieces<'a>(value: &'a RawValue, media: &mut Vec<Named<'a>>) -> Option<Vec<Block<'a>>> {
    if let Some(text) = string(value) {
        return Some(if text.is_empty() { Vec::new() } else { vec![Block::plain(text)] });
    }
    let pieces: Vec<&'a RawValue> = serde_json::from_str(value.get()).ok()?;
    let mut order = Vec::with_capacity(pieces.len());
    for piece in pieces {
        if let Some(text) = string(piece) {
            order.push(Ok(Block::plain(text)));
            continue;
        }
        let piece: Piece<'a> = serde_json::from_str(piece.get()).ok()?;
        if !piece.extra.is_empty() {
            return None;
        }
        let name = piece.reference?.0;
        let number = name.strip_prefix(PART).and_then(|number| number.parse().ok());
        let named = || media.iter().position(|(file, _)| file.as_ref() == Some(&name));
        let at = number.or_else(named).filter(|at| *at < media.len())?;
        order.push(Err(at));
    }
    let mut files: Vec<Option<Block<'a>>> =
        std::mem::take(media).into_iter().map(|(_, block)| Some(block)).collect();
    let said = order.into_iter().filter_map(|piece| match piece {
        Ok(text) => Some(text),
        Err(at) => files.get_mut(at).and_then(Option::take),
    });
    let mut said: Vec<_> = said.collect();
    said.extend(files.into_iter().flatten());
    Some(said)
}

/// A part of an unknown kind.
fn opaque<'a>(members: &[(Cow<'a, str>, &'a RawValue)]) -> Option<Block<'a>> {
    let (kind, _) = members.first()?;
    let mut whole = Vec::new();
    write::object(&mut whole, |whole| {
        for (key, value) in members {
            whole.raw(key, value.get());
        }
    });
    let (format, kind, raw) = (Format::Gemini, kind.clone(), json(whole));
    Some(Block::new(Content::Opaque { format, kind, raw }))
}
