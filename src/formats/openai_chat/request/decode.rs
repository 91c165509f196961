//! OpenAI Chat Completions, requests → the neutral vocabulary.

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
    messages: Vec<WireMessage<'a>>,
    #[serde(borrow)]
    tools: Option<Vec<WireTool<'a>>>,
    #[serde(borrow)]
    tool_choice: Option<&'a RawValue>,
    max_completion_tokens: Option<u64>,
    max_tokens: Option<u64>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

#[derive(Deserialize)]
struct WireMessage<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_call_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    tool_calls: Option<Vec<WireCall<'a>>>,
    #[serde(borrow)]
    function_call: Option<Named<'a>>,
    #[serde(borrow)]
    reasoning_content: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct WireCall<'a> {
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    function: Option<Named<'a>>,
    #[serde(borrow)]
    custom: Option<Named<'a>>,
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    description: Option<Cow<'a, str>>,
    #[serde(borrow)]
    parameters: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct WireTool<'a> {
    #[serde(borrow, rename = "type", default)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    function: Option<Named<'a>>,
    #[serde(borrow)]
    custom: Option<Named<'a>>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    refusal: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct NamedChoice<'a> {
    #[serde(borrow)]
    function: Option<Named<'a>>,
    #[serde(borrow)]
    custom: Option<Named<'a>>,
}

pub(in super::super) fn decode(body: &str) -> Result<Request<'_>, Malformed> {
    let body: Body<'_> = raw::read_body(body, "a Chat Completions request")?;
    let messages = body
        .messages
        .into_iter()
        .enumerate()
        .map(|(index, message)| decode_message(message, index))
        .collect::<Result<_, _>>()?;
    Ok(Request {
        model: body.model,
        messages,
        tools: body.tools.into_iter().flatten().map(tool).collect(),
        tool_choice: body.tool_choice.map(choice).transpose()?.unwrap_or_default(),
        max_tokens: body.max_completion_tokens.or(body.max_tokens),
        stream: body.stream == Some(true),
        stream_usage: body.stream_options.and_then(|o| o.include_usage) == Some(true),
        ..Request::new(Format::OpenAi)
    })
}

fn decode_message(message: WireMessage<'_>, index: usize) -> Result<Message<'_>, Malformed> {
    let place = format!("/messages/{index}/content");
    let content = message.content.map(|content| blocks(content, &place)).transpose()?;
    let mut blocks = content.unwrap_or_default();
    let role = match &*message.role {
        "system" => Role::System,
        "developer" => Role::Developer,
        "assistant" => Role::Assistant,
        "tool" | "function" => Role::Tool,
        _ => Role::User,
    };
    if role == Role::Tool {
        let texts = blocks.into_iter().filter_map(|block| {
            if let Content::Text { text, .. } = block.content { Some(text) } else { None }
        });
        let call = message.tool_call_id.unwrap_or_default();
        return Ok(Message::new(role, vec![raw::result(call, raw::join(texts))]));
    }
    if message.reasoning_content.is_some() {
        blocks.insert(0, Block::new(Content::Reasoning(Reasoning::default())));
    }
    for call in message.tool_calls.into_iter().flatten() {
        let name = call.function.or(call.custom).map(|named| named.name).unwrap_or_default();
        blocks.push(raw::call(call.id.unwrap_or_default(), name));
    }
    // The form before `tool_calls`: without an id.
    if let Some(Named { name, .. }) = message.function_call {
        blocks.push(raw::call(Cow::Borrowed(""), name));
    }
    Ok(Message::new(role, blocks))
}

fn blocks<'a>(content: &'a RawValue, place: &str) -> Result<Vec<Block<'a>>, Malformed> {
    if let Some(text) = raw::string(content) {
        return Ok(vec![Block::plain(text)]);
    }
    if content.get() == "null" {
        return Ok(Vec::new());
    }
    let parts: Vec<Part<'a>> = raw::read(content, place)?;
    Ok(parts.into_iter().map(block).collect())
}

fn block(part: Part<'_>) -> Block<'_> {
    match &*part.kind {
        "text" => Block::plain(part.text.unwrap_or_default()),
        "refusal" => Block::plain(part.refusal.unwrap_or_default()),
        "image_url" => raw::unread(Format::OpenAi, "image"),
        "input_audio" => raw::unread(Format::OpenAi, "audio"),
        "file" => raw::unread(Format::OpenAi, "document"),
        _ => raw::unread(Format::OpenAi, part.kind),
    }
}

fn tool(tool: WireTool<'_>) -> Tool<'_> {
    let (named, kind) = match (tool.function, tool.custom) {
        (Some(named), _) => {
            let schema = named.parameters.map(Json::from);
            (named, ToolKind::Function { schema, strict: None })
        }
        (None, Some(named)) => (named, ToolKind::Freeform { grammar: None }),
        (None, None) => return Tool::new(tool.kind, raw::unread_tool(Format::OpenAi)),
    };
    Tool { description: named.description, ..Tool::new(named.name, kind) }
}

fn choice(raw: &RawValue) -> Result<ToolChoice<'_>, Malformed> {
    if let Some(word) = raw::string(raw) {
        return Ok(match &*word {
            "none" => ToolChoice::None,
            "required" => ToolChoice::Required,
            _ => ToolChoice::Auto,
        });
    }
    if raw.get() == "null" {
        return Ok(ToolChoice::Auto);
    }
    let named: NamedChoice<'_> = raw::read(raw, "/tool_choice")?;
    let name = named.function.or(named.custom).map(|named| named.name);
    Ok(name.map_or(ToolChoice::Auto, ToolChoice::Named))
}
