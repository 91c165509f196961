//! Anthropic Messages, requests → the neutral vocabulary.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    chat::{Block, Content, Json, Message, Reasoning, Request, Role, Tool, ToolChoice, ToolKind},
    formats::{Malformed, raw},
    protocol::Format,
};

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    model: Cow<'a, str>,
    #[serde(borrow)]
    system: Option<&'a RawValue>,
    #[serde(borrow)]
    messages: Vec<WireMessage<'a>>,
    #[serde(borrow)]
    tools: Option<Vec<WireTool<'a>>>,
    #[serde(borrow)]
    tool_choice: Option<WireChoice<'a>>,
    max_tokens: Option<u64>,
    stream: Option<bool>,
}

#[derive(Deserialize)]
struct WireMessage<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(borrow)]
    content: &'a RawValue,
}

#[derive(Deserialize)]
struct WireBlock<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    tool_use_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    tool_name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct WireTool<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    description: Option<Cow<'a, str>>,
    #[serde(borrow)]
    input_schema: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct WireChoice<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
}

pub(in super::super) fn decode(body: &str) -> Result<Request<'_>, Malformed> {
    let body: Body<'_> = raw::read_body(body, "an Anthropic Messages request")?;
    let mut messages = Vec::with_capacity(body.messages.len() + 1);
    if let Some(system) = body.system {
        messages.push(Message::new(Role::System, blocks(system, "/system")?));
    }
    for (index, message) in body.messages.into_iter().enumerate() {
        let place = format!("/messages/{index}/content");
        let blocks = blocks(message.content, &place)?;
        messages.push(Message::new(role(&message.role, &blocks), blocks));
    }
    Ok(Request {
        model: body.model,
        messages,
        tools: body.tools.into_iter().flatten().map(tool).collect(),
        tool_choice: body.tool_choice.map_or_else(ToolChoice::default, choice),
        max_tokens: body.max_tokens,
        stream: body.stream == Some(true),
        stream_usage: true,
        ..Request::new(Format::Anthropic)
    })
}

/// Claude Code puts `system` messages in the middle of a conversation. Results of tools come in
/// user messages; a message of nothing else is the tool's.
fn role(role: &str, blocks: &[Block<'_>]) -> Role {
    let only_results = !blocks.is_empty()
        && blocks.iter().all(|block| matches!(block.content, Content::ToolResult(_)));
    match role {
        "assistant" => Role::Assistant,
        "system" => Role::System,
        _ if only_results => Role::Tool,
        _ => Role::User,
    }
}

fn blocks<'a>(content: &'a RawValue, place: &str) -> Result<Vec<Block<'a>>, Malformed> {
    if let Some(text) = raw::string(content) {
        return Ok(vec![Block::plain(text)]);
    }
    let blocks: Vec<WireBlock<'a>> = raw::read(content, place)?;
    Ok(blocks.into_iter().map(block).collect())
}

fn block(block: WireBlock<'_>) -> Block<'_> {
    match &*block.kind {
        "text" => Block::plain(block.text.unwrap_or_default()),
        "image" => raw::unread(Format::Anthropic, "image"),
        "document" => raw::unread(Format::Anthropic, "document"),
        "thinking" | "redacted_thinking" => Block::new(Content::Reasoning(Reasoning::default())),
        "tool_use" => raw::call(block.id.unwrap_or_default(), block.name.unwrap_or_default()),
        "tool_result" => raw::result(
            block.tool_use_id.unwrap_or_default(),
            block.content.map(result_text).unwrap_or_default(),
        ),
        _ => raw::unread(Format::Anthropic, block.kind),
    }
}

/// A result is a string or blocks; `tool_reference` blocks carry nothing but a tool's name.
fn result_text(content: &RawValue) -> Cow<'_, str> {
    if let Some(text) = raw::string(content) {
        return text;
    }
    let blocks: Vec<WireBlock<'_>> = serde_json::from_str(content.get()).unwrap_or_default();
    raw::join(blocks.into_iter().filter_map(|block| block.text.or(block.tool_name)))
}

/// Tools with a schema are the client's, whatever their type says; the rest run at the vendor's.
fn tool(tool: WireTool<'_>) -> Tool<'_> {
    let own =
        tool.input_schema.is_some() || tool.kind.as_deref().is_none_or(|kind| kind == "custom");
    let kind = if own {
        ToolKind::Function { schema: tool.input_schema.map(Json::from), strict: None }
    } else {
        raw::unread_tool(Format::Anthropic)
    };
    Tool { description: tool.description, ..Tool::new(tool.name, kind) }
}

fn choice(choice: WireChoice<'_>) -> ToolChoice<'_> {
    match (&*choice.kind, choice.name) {
        ("any", _) => ToolChoice::Required,
        ("none", _) => ToolChoice::None,
        ("tool", Some(name)) => ToolChoice::Named(name),
        _ => ToolChoice::Auto,
    }
}
