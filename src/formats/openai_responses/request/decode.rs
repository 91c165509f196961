//! OpenAI Responses, requests → the neutral vocabulary.

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
    instructions: Option<&'a RawValue>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
    #[serde(borrow)]
    tools: Option<Vec<WireTool<'a>>>,
    #[serde(borrow)]
    tool_choice: Option<&'a RawValue>,
    max_output_tokens: Option<u64>,
    stream: Option<bool>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    role: Option<Cow<'a, str>>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    call_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    output: Option<&'a RawValue>,
    /// Codex sends tools in an item `additional_tools`.
    #[serde(borrow)]
    tools: Option<Vec<WireTool<'a>>>,
}

#[derive(Deserialize)]
struct WireTool<'a> {
    #[serde(borrow, rename = "type", default)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    description: Option<Cow<'a, str>>,
    #[serde(borrow)]
    parameters: Option<&'a RawValue>,
    /// The members of a `namespace`.
    #[serde(borrow)]
    tools: Option<Vec<Self>>,
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
    name: Option<Cow<'a, str>>,
}

pub(in super::super) fn decode(body: &str) -> Result<Request<'_>, Malformed> {
    let body: Body<'_> = raw::read_body(body, "a Responses request")?;
    let mut messages = Vec::new();
    let mut tools = Vec::new();
    add_tools(body.tools, &mut tools);
    if let Some(text) = body.instructions.and_then(raw::string) {
        messages.push(Message::new(Role::System, vec![Block::plain(text)]));
    }
    if let Some(input) = body.input {
        if let Some(text) = raw::string(input) {
            messages.push(Message::new(Role::User, vec![Block::plain(text)]));
        } else {
            let items: Vec<Item<'_>> = raw::read(input, "/input")?;
            for (index, item) in items.into_iter().enumerate() {
                messages.extend(decode_item(item, index, &mut tools)?);
            }
        }
    }
    Ok(Request {
        model: body.model,
        messages,
        tools,
        tool_choice: body.tool_choice.map(choice).transpose()?.unwrap_or_default(),
        max_tokens: body.max_output_tokens,
        stream: body.stream == Some(true),
        stream_usage: true,
        ..Request::new(Format::OpenAiResponses)
    })
}

fn decode_item<'a>(
    item: Item<'a>,
    index: usize,
    tools: &mut Vec<Tool<'a>>,
) -> Result<Option<Message<'a>>, Malformed> {
    let kind = item.kind.unwrap_or(Cow::Borrowed("message"));
    let (role, block) = match &*kind {
        "message" => {
            let place = format!("/input/{index}/content");
            let content = item.content.map(|content| blocks(content, &place)).transpose()?;
            let role = role(item.role.as_deref().unwrap_or_default());
            return Ok(Some(Message::new(role, content.unwrap_or_default())));
        }
        "additional_tools" => {
            add_tools(item.tools, tools);
            return Ok(None);
        }
        "function_call" | "custom_tool_call" => {
            let id = item.call_id.unwrap_or_default();
            (Role::Assistant, raw::call(id, item.name.unwrap_or_default()))
        }
        "function_call_output" | "custom_tool_call_output" => {
            let text = item.output.map(output_text).unwrap_or_default();
            let call = item.call_id.unwrap_or_default();
            (Role::Tool, raw::result(call, text))
        }
        "reasoning" => (Role::Assistant, Block::new(Content::Reasoning(Reasoning::default()))),
        _ => (Role::Assistant, raw::unread(Format::OpenAiResponses, kind)),
    };
    Ok(Some(Message::new(role, vec![block])))
}

fn role(role: &str) -> Role {
    match role {
        "system" => Role::System,
        "developer" => Role::Developer,
        "assistant" => Role::Assistant,
        _ => Role::User,
    }
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
        "input_text" | "output_text" | "text" => Block::plain(part.text.unwrap_or_default()),
        "refusal" => Block::plain(part.refusal.unwrap_or_default()),
        "input_image" => raw::unread(Format::OpenAiResponses, "image"),
        "input_file" => raw::unread(Format::OpenAiResponses, "document"),
        "input_audio" => raw::unread(Format::OpenAiResponses, "audio"),
        _ => raw::unread(Format::OpenAiResponses, part.kind),
    }
}

/// An output is a string or a list of parts; anything else is shown as it stands.
fn output_text(output: &RawValue) -> Cow<'_, str> {
    if let Some(text) = raw::string(output) {
        return text;
    }
    if raw::is_list(output) {
        let parts: Vec<Part<'_>> = serde_json::from_str(output.get()).unwrap_or_default();
        return raw::join(parts.into_iter().filter_map(|part| part.text));
    }
    Cow::Borrowed(output.get())
}

/// Adds tools, those inside namespaces too.
fn add_tools<'a>(wire: Option<Vec<WireTool<'a>>>, tools: &mut Vec<Tool<'a>>) {
    for tool in wire.into_iter().flatten() {
        if tool.tools.is_some() {
            add_tools(tool.tools, tools);
            continue;
        }
        let kind = match &*tool.kind {
            "function" => {
                ToolKind::Function { schema: tool.parameters.map(Json::from), strict: None }
            }
            "custom" => ToolKind::Freeform { grammar: None },
            _ => raw::unread_tool(Format::OpenAiResponses),
        };
        let name = tool.name.unwrap_or(tool.kind);
        tools.push(Tool { description: tool.description, ..Tool::new(name, kind) });
    }
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
    Ok(named.name.map_or(ToolChoice::Auto, ToolChoice::Named))
}
