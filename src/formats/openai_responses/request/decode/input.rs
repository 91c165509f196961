//! OpenAI Responses, the items of the input → messages. One message for each item: others merge
//! them as they need.

use std::{borrow::Cow, mem};

use serde_json::value::RawValue;

use super::{
    super::super::{
        FORMAT,
        wire::{Item, Listed, Part, hosted_item, query, string_or_source, text},
    },
    parts::blocks,
    tools::ToolList,
};
use crate::{
    chat::{
        Block, Content, Effort, Extra, Hosted, HostedKind, Message, Place, Reasoning, Role, Seal,
        SealKind, ServerState, ToolCall, ToolResult,
    },
    formats::{
        Malformed,
        raw::{self, Text, open_struct},
        seals::{self, Attach},
    },
};

open_struct! {
    /// What an item `configuration_update` changes.
    struct Update<'a> {
        effort: Text<'a> = "effort",
    }
}

/// What has been read so far.
pub(super) struct Conversation<'a> {
    pub(super) messages: Vec<Message<'a>>,
    pub(super) tools: ToolList<'a>,
    /// The effort that the latest `configuration_update` asks for.
    pub(super) effort: Option<Effort>,
    /// The first item that only the vendor can tell the content of.
    pub(super) state: Option<ServerState<'a>>,
    /// A seal that came in a carrier of its own, for the block behind it.
    next_seal: Option<Seal<'a>>,
}

impl<'a> Conversation<'a> {
    pub(super) fn new(tools: ToolList<'a>) -> Self {
        Self { messages: Vec::new(), tools, effort: None, state: None, next_seal: None }
    }

    /// `instructions`: a text; a list of items in stored prompts.
    pub(super) fn instructions(
        &mut self,
        instructions: Option<Listed<'a, &'a RawValue>>,
    ) -> Result<(), Malformed> {
        match instructions {
            Some(Listed::Text(text)) if !text.is_empty() => {
                let place = Place::new("/instructions", &[]);
                let block = Block::plain(text).at(place);
                self.messages.push(Message::new(Role::System, vec![block]).at(place));
            }
            Some(Listed::List(items)) => {
                for (index, item) in items.into_iter().enumerate() {
                    self.item(item, index, Place::new("/instructions/#", &[index]))?;
                }
            }
            Some(Listed::Text(_) | Listed::Other) | None => {}
        }
        Ok(())
    }

    /// `input`: a text, or a list of items.
    pub(super) fn input(
        &mut self,
        input: Option<Listed<'a, &'a RawValue>>,
    ) -> Result<(), Malformed> {
        match input {
            Some(Listed::Text(text)) => {
                let place = Place::new("/input", &[]);
                let blocks =
                    if text.is_empty() { None } else { Some(Block::plain(text).at(place)) };
                let blocks = blocks.into_iter().collect();
                self.messages.push(Message::new(Role::User, blocks).at(place));
            }
            Some(Listed::List(items)) => {
                for (index, item) in items.into_iter().enumerate() {
                    self.item(item, index, Place::new("/input/#", &[index]))?;
                }
            }
            Some(Listed::Other) => {
                return Err(Malformed {
                    message: "`input` is neither a text nor a list of items".to_owned(),
                    pointer: Some("/input".to_owned()),
                });
            }
            None => {}
        }
        Ok(())
    }

    fn item(&mut self, json: &'a RawValue, index: usize, place: Place) -> Result<(), Malformed> {
        let mut item: Item<'a> = raw::read(json, &place.to_string())?;
        let kind = item.kind.take().map_or_else(|| usual_kind(&item), |kind| kind.0);
        match &*kind {
            "message" => {
                let message = message(item, index, place);
                self.add(message);
            }
            "function_call" | "custom_tool_call" => {
                let block = call(item, kind == "custom_tool_call").at(place);
                self.add(Message::new(Role::Assistant, vec![block]).at(place));
            }
            "function_call_output" | "custom_tool_call_output" => {
                let block = result(item, kind == "custom_tool_call_output", index).at(place);
                self.add(Message::new(Role::Tool, vec![block]).at(place));
            }
            "reasoning" => self.reasoning(item, place),
            "additional_tools" => {
                if let Some(tools) = item.tools {
                    self.tools.add_from_item(tools, index)?;
                }
            }
            _ => self.raw_item(&kind, item, json, (index, place))?,
        }
        Ok(())
    }

    /// What only the vendor understands: carried as it stands. What it means for everyone is taken
    /// from it.
    fn raw_item(
        &mut self,
        kind: &str,
        item: Item<'a>,
        json: &'a RawValue,
        (index, place): (usize, Place),
    ) -> Result<(), Malformed> {
        let role = if kind.ends_with("_output") || kind.ends_with("_response") {
            Role::User
        } else {
            Role::Assistant
        };
        let hosted = hosted_item(kind);
        if hosted == Some(HostedKind::ToolSearch)
            && let Some(tools) = item.tools
        {
            self.tools.add_from_item(tools, index)?;
        }
        if let Some(update) = item.reasoning.filter(|_| kind == "configuration_update") {
            let update: Update<'_> = serde_json::from_str(update.get()).unwrap_or_default();
            let effort = update.effort.and_then(|effort| Effort::parse(&effort.0));
            self.effort = effort.or(self.effort);
        }
        let state = match kind {
            "item_reference" => Some(ServerState::Item(place)),
            // Codex has read all three names.
            "compaction" | "compaction_summary" | "context_compaction" => {
                Some(ServerState::Compacted(place))
            }
            _ => None,
        };
        self.state = self.state.take().or(state);
        let content = match hosted {
            Some(tool) => Content::Hosted(Hosted {
                tool,
                id: text(item.call_id.or(item.id)).unwrap_or_default(),
                query: query(json),
                format: FORMAT,
                raw: json.into(),
            }),
            None => Content::Opaque {
                format: FORMAT,
                kind: Cow::Owned(kind.to_owned()),
                raw: json.into(),
            },
        };
        self.add(Message::new(role, vec![Block::new(content).at(place)]).at(place));
        Ok(())
    }

    /// An item `reasoning`: with a seal of its own, or the carrier of a seal of another block.
    fn reasoning(&mut self, item: Item<'a>, place: Place) {
        let parts = |parts: Option<Listed<'a, Part<'a>>>| {
            let parts = parts.map(Listed::into_list).unwrap_or_default();
            parts.into_iter().filter_map(|part| text(part.text)).collect::<Vec<_>>()
        };
        let summary = parts(item.summary);
        let content = raw::join(parts(item.content).into_iter());
        let data = text(item.encrypted_content).filter(|data| !data.is_empty());
        let opened = data.map(|data| seals::open(data, FORMAT, SealKind::Encrypted));
        let seal = match opened {
            Some((seal, Attach::Next)) => {
                self.next_seal = Some(seal);
                return;
            }
            Some((seal, Attach::Previous)) => {
                let last = self.messages.last_mut().and_then(|message| message.blocks.last_mut());
                if let Some(block) = last {
                    block.seal = Some(seal);
                }
                return;
            }
            Some((seal, Attach::Call(id))) => {
                let mut blocks = self.messages.iter_mut().rev().flat_map(|said| &mut said.blocks);
                let call = |block: &&mut Block<'_>| block.call().is_some_and(|call| call.id == id);
                if let Some(block) = blocks.find(call) {
                    block.seal = Some(seal);
                }
                return;
            }
            Some((seal, Attach::Own)) if seal.format == FORMAT => {
                Some(Seal { item: text(item.id), ..seal })
            }
            Some((seal, Attach::Own)) => Some(seal),
            None => None,
        };
        // A summary is OpenAI's way to show reasoning; for others it is the reasoning itself.
        let foreign = seal.as_ref().is_some_and(|seal| seal.format != FORMAT);
        let reasoning = if foreign && content.is_empty() {
            let shown = Reasoning { text: content, summary }.shown().into_owned();
            Reasoning { text: Cow::Owned(shown), summary: Vec::new() }
        } else {
            Reasoning { text: content, summary }
        };
        let mut block = Block::new(Content::Reasoning(reasoning)).at(place);
        block.seal = seal;
        block.extra = Extra::list(FORMAT, item.extra);
        self.add(Message::new(Role::Assistant, vec![block]).at(place));
    }

    fn add(&mut self, mut message: Message<'a>) {
        if let Some(block) = message.blocks.first_mut()
            && let Some(seal) = self.next_seal.take()
        {
            block.seal = Some(seal);
        }
        self.messages.push(message);
    }
}

/// What an item without a type is: OpenAI takes a message so, and a reference by its id alone.
fn usual_kind(item: &Item<'_>) -> Cow<'static, str> {
    let refers = item.id.is_some() && item.role.is_none() && item.content.is_none();
    Cow::Borrowed(if refers { "item_reference" } else { "message" })
}

fn message(item: Item<'_>, index: usize, place: Place) -> Message<'_> {
    let role = match item.role.as_ref().map_or("user", |role| &*role.0) {
        "system" => Role::System,
        "developer" => Role::Developer,
        "assistant" => Role::Assistant,
        _ => Role::User,
    };
    let blocks = item.content.map(|content| {
        blocks(content, Place::new("/input/#/content", &[index]), &mut |part| {
            Place::new("/input/#/content/#", &[index, part])
        })
    });
    let mut message = Message::new(role, blocks.unwrap_or_default()).at(place);
    message.extra = Extra::list(FORMAT, item.extra);
    message
}

fn call(item: Item<'_>, freeform: bool) -> Block<'_> {
    let arguments = string_or_source(if freeform { item.input } else { item.arguments });
    let mut block = Block::new(Content::ToolCall(ToolCall {
        id: text(item.call_id.or(item.id)).unwrap_or_default(),
        name: text(item.name).unwrap_or_default(),
        namespace: text(item.namespace),
        arguments,
        freeform,
    }));
    block.extra = Extra::list(FORMAT, item.extra);
    block
}

/// How the format says that a tool failed: it has no flag for it.
const ERROR: &str = "Error: ";

fn result(item: Item<'_>, freeform: bool, index: usize) -> Block<'_> {
    let output = item.output.map(|output| {
        blocks(output, Place::new("/input/#/output", &[index]), &mut |part| {
            Place::new("/input/#/output/#", &[index, part])
        })
    });
    let mut blocks = output.unwrap_or_default();
    let is_error = take_error(&mut blocks).then_some(true);
    let call = text(item.call_id).unwrap_or_default();
    let mut block = Block::new(Content::ToolResult(ToolResult {
        call,
        name: None,
        blocks,
        is_error,
        freeform,
    }));
    block.extra = Extra::list(FORMAT, item.extra);
    block
}

/// Takes the mark of an error off the text that it stands in front of.
fn take_error(blocks: &mut Vec<Block<'_>>) -> bool {
    let Some(Content::Text { text, .. }) = blocks.first_mut().map(|block| &mut block.content)
    else {
        return false;
    };
    let Some(rest) = text.strip_prefix(ERROR) else { return false };
    if rest.is_empty() {
        blocks.remove(0);
    } else {
        *text = match mem::take(text) {
            Cow::Borrowed(text) => Cow::Borrowed(&text[ERROR.len()..]),
            Cow::Owned(mut text) => Cow::Owned(text.split_off(ERROR.len())),
        };
    }
    true
}
