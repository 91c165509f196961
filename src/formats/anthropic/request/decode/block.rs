//! Blocks of Messages requests → the neutral vocabulary.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{
    super::super::words::{FORMAT, cache_mark, citation, hosted_kind, is_hosted_block},
    content::WireContent,
    text,
};
use crate::{
    chat::{
        Block, Citation, Content, Document, Extra, Hosted, Image, Json, Place, Reasoning, Seal,
        SealKind, Source, ToolCall, ToolResult,
    },
    formats::{
        Malformed,
        raw::{self, Text, open_struct},
        seals::{self, Attach},
    },
};

open_struct! {
    struct WireBlock<'a> {
        kind: Text<'a> = "type",
        text: Text<'a> = "text",
        citations: &'a RawValue = "citations",
        source: &'a RawValue = "source",
        title: Text<'a> = "title",
        thinking: Text<'a> = "thinking",
        signature: Text<'a> = "signature",
        data: Text<'a> = "data",
        id: Text<'a> = "id",
        name: Text<'a> = "name",
        input: &'a RawValue = "input",
        tool_use_id: Text<'a> = "tool_use_id",
        tool_name: Text<'a> = "tool_name",
        content: &'a RawValue = "content",
        is_error: bool = "is_error",
        cache_control: &'a RawValue = "cache_control",
    }
}

/// Whose `content` is read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Spot {
    System,
    Message(usize),
    /// The result that is this block of that message.
    Result(usize, usize),
}

impl Spot {
    pub(super) fn whole(self) -> Place {
        match self {
            Self::System => Place::new("/system", &[]),
            Self::Message(message) => Place::new("/messages/#/content", &[message]),
            Self::Result(message, block) => {
                Place::new("/messages/#/content/#/content", &[message, block])
            }
        }
    }

    fn part(self, index: usize) -> Place {
        match self {
            Self::System => Place::new("/system/#", &[index]),
            Self::Message(message) => Place::new("/messages/#/content/#", &[message, index]),
            Self::Result(message, block) => {
                Place::new("/messages/#/content/#/content/#", &[message, block, index])
            }
        }
    }

    /// Results stand in messages only; elsewhere their place is not told more exactly.
    fn result(self, index: usize) -> Self {
        match self {
            Self::Message(message) => Self::Result(message, index),
            Self::System | Self::Result(..) => self,
        }
    }
}

/// Reads `content`.
pub(super) fn blocks(content: WireContent<'_>, spot: Spot) -> Result<Vec<Block<'_>>, Malformed> {
    let list = match content {
        WireContent::Text(text) if text.is_empty() => return Ok(Vec::new()),
        WireContent::Text(text) => return Ok(vec![Block::plain(text).at(spot.whole())]),
        WireContent::Blocks(list) => list,
    };
    let mut blocks: Vec<Block<'_>> = Vec::with_capacity(list.len());
    let (mut next, mut of_calls) = (None, Vec::new());
    for (index, raw) in list.into_iter().enumerate() {
        let (block, attach) = block(raw, spot, index)?;
        let Some(mut block) = block else { continue };
        match attach {
            // A carrier of a seal: it is not a block of the conversation.
            Attach::Next => next = block.seal,
            Attach::Previous => {
                if let Some(before) = blocks.last_mut() {
                    before.seal = block.seal;
                }
            }
            Attach::Call(id) => of_calls.extend(block.seal.map(|seal| (id, seal))),
            Attach::Own => {
                if block.seal.is_none() {
                    block.seal = next.take();
                }
                blocks.push(block);
            }
        }
    }
    for (id, seal) in of_calls {
        let call = |block: &&mut Block<'_>| block.call().is_some_and(|call| call.id == id);
        if let Some(block) = blocks.iter_mut().find(call) {
            block.seal = Some(seal);
        }
    }
    Ok(blocks)
}

/// Reads one block, and which block its seal belongs to; no block if it says nothing.
fn block(
    raw: &RawValue,
    spot: Spot,
    index: usize,
) -> Result<(Option<Block<'_>>, Attach<'static>), Malformed> {
    let place = spot.part(index);
    let mut wire: WireBlock<'_> = read(raw, place)?;
    let cache = wire.cache_control.map(cache_mark);
    let (mut seal, mut attach) = (None, Attach::Own);
    let mut extra = Extra::list(FORMAT, std::mem::take(&mut wire.extra));
    let kind = text(wire.kind.take());
    let content = match &*kind {
        "text" => {
            let citations = citations(wire.citations, place)?;
            Some(Content::Text { text: text(wire.text), citations })
        }
        "search_result" => Some(search_result(&mut wire, place, &mut extra)?),
        "image" => source(wire.source).map(|source| Content::Image(Image { source, detail: None })),
        "document" => source(wire.source).map(|source| {
            extra.extend(wire.citations.map(|raw| member("citations", raw)));
            Content::Document(Document { source, title: wire.title.map(|title| title.0) })
        }),
        "thinking" | "redacted_thinking" => {
            (seal, attach) = sealed(&kind, wire.signature.or(wire.data));
            Some(Content::Reasoning(reasoning(text(wire.thinking), seal.as_ref())))
        }
        "tool_use" => Some(Content::ToolCall(ToolCall {
            id: text(wire.id),
            name: text(wire.name),
            namespace: None,
            arguments: Cow::Borrowed(wire.input.map_or("", RawValue::get)),
            freeform: false,
        })),
        "tool_result" => Some(Content::ToolResult(ToolResult {
            call: text(wire.tool_use_id),
            name: None,
            blocks: result(wire.content, place, spot.result(index))?,
            is_error: wire.is_error,
            freeform: false,
        })),
        "tool_reference" => Some(Content::ToolReference(text(wire.tool_name))),
        _ if is_hosted_block(&kind) => {
            let id = text(wire.id.or(wire.tool_use_id));
            Some(hosted(raw, &kind, wire.name, id, wire.input))
        }
        _ => None,
    };
    if matches!(&content, Some(Content::Text { text, .. }) if text.is_empty()) {
        return Ok((None, attach));
    }
    if matches!(&content, Some(Content::Hosted(_)) | None) {
        // What is carried raw has them inside.
        extra.clear();
    }
    let content = content.unwrap_or(Content::Opaque { format: FORMAT, kind, raw: raw.into() });
    Ok((Some(Block { cache, seal, extra, ..Block::new(content).at(place) }), attach))
}

/// Reads a block; where it stands is only written out if it is not one.
fn read(raw: &RawValue, place: Place) -> Result<WireBlock<'_>, Malformed> {
    serde_json::from_str(raw.get()).or_else(|_| raw::read(raw, &place.to_string()))
}

fn member<'a>(key: &'static str, value: &'a RawValue) -> Extra<'a> {
    Extra { format: FORMAT, key: Cow::Borrowed(key), value: value.into() }
}

fn citations(list: Option<&RawValue>, place: Place) -> Result<Vec<Citation<'_>>, Malformed> {
    let Some(list) = list.filter(|list| raw::is_list(list)) else { return Ok(Vec::new()) };
    let list: Vec<&RawValue> = raw::read(list, &place.member("citations"))?;
    Ok(list.into_iter().map(citation).collect())
}

/// A result's `content` may be missing, a string, or blocks.
fn result(
    content: Option<&RawValue>,
    place: Place,
    spot: Spot,
) -> Result<Vec<Block<'_>>, Malformed> {
    let Some(content) = content else { return Ok(Vec::new()) };
    blocks(raw::read(content, &place.member("content"))?, spot)
}

/// What a client's own search found is a text document for those without a word for it. Its
/// `source` stays with it as an extra, by which it is known.
fn search_result<'a>(
    wire: &mut WireBlock<'a>,
    place: Place,
    extra: &mut Vec<Extra<'a>>,
) -> Result<Content<'a>, Malformed> {
    let found = result(wire.content, place, Spot::System)?;
    let texts = found.iter().filter_map(Block::text).map(|text| Cow::Owned(text.to_owned()));
    let source = Source::Text(raw::join(texts));
    extra.extend(wire.source.map(|raw| member("source", raw)));
    extra.extend(wire.citations.map(|raw| member("citations", raw)));
    Ok(Content::Document(Document { source, title: wire.title.take().map(|title| title.0) }))
}

/// The seal of a thinking block. An empty signature is none: it stands where a provider had none to
/// give.
fn sealed<'a>(kind: &str, data: Option<Text<'a>>) -> (Option<Seal<'a>>, Attach<'static>) {
    let Some(Text(data)) = data.filter(|data| !data.0.is_empty()) else {
        return (None, Attach::Own);
    };
    let kind = if kind == "thinking" { SealKind::Signature } else { SealKind::Redacted };
    let (seal, attach) = seals::open(data, FORMAT, kind);
    (Some(seal), attach)
}

/// Reasoning as its maker tells it: OpenAI shows a summary of what it encrypts.
fn reasoning<'a>(text: Cow<'a, str>, seal: Option<&Seal<'_>>) -> Reasoning<'a> {
    match seal {
        Some(Seal { kind: SealKind::Encrypted, .. }) if !text.is_empty() => {
            Reasoning { text: Cow::Borrowed(""), summary: vec![text] }
        }
        Some(_) | None => Reasoning { text, summary: Vec::new() },
    }
}

open_struct! {
    struct WireSource<'a> {
        kind: Text<'a> = "type",
        media_type: Text<'a> = "media_type",
        data: Text<'a> = "data",
        url: Text<'a> = "url",
        file_id: Text<'a> = "file_id",
    }
}

/// Where a file's bytes are; `None` if in a way without a word here (`content`).
fn source(raw: Option<&RawValue>) -> Option<Source<'_>> {
    let wire = serde_json::from_str::<WireSource<'_>>(raw?.get()).ok()?;
    if !wire.extra.is_empty() {
        return None;
    }
    match &*text(wire.kind) {
        "base64" => {
            Some(Source::Base64 { media_type: text(wire.media_type), data: text(wire.data) })
        }
        "text" => Some(Source::Text(text(wire.data))),
        "url" => Some(Source::Url { url: text(wire.url), media_type: None }),
        "file" => Some(Source::File { format: FORMAT, id: text(wire.file_id) }),
        _ => None,
    }
}

open_struct! {
    struct WireInput<'a> {
        query: Text<'a> = "query" | "url" | "code" | "command",
    }
}

fn hosted<'a>(
    raw: &'a RawValue,
    kind: &str,
    name: Option<Text<'a>>,
    id: Cow<'a, str>,
    input: Option<&'a RawValue>,
) -> Content<'a> {
    let name = name.filter(|_| kind == "server_tool_use");
    let tool = hosted_kind(name.as_ref().map_or(kind, |name| &name.0));
    let input = input.and_then(|raw| serde_json::from_str::<WireInput<'_>>(raw.get()).ok());
    let query = input.and_then(|input| input.query).map(|query| query.0);
    Content::Hosted(Hosted { tool, id, query, format: FORMAT, raw: Json::from(raw) })
}
