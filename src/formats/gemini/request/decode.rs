//! Gemini `generateContent`, requests → the neutral vocabulary. The REST API takes keys in camel
//! and in snake case.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    chat::{self, Block, Json, Message, Reasoning, Request, Role, Tool, ToolChoice, ToolKind},
    formats::{Malformed, raw},
    protocol::Format,
};

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    contents: Option<Vec<Content<'a>>>,
    #[serde(borrow, rename = "systemInstruction", alias = "system_instruction")]
    system: Option<&'a RawValue>,
    #[serde(borrow)]
    tools: Option<Vec<ToolGroup<'a>>>,
    #[serde(borrow, rename = "toolConfig", alias = "tool_config")]
    tool_config: Option<ToolConfig<'a>>,
    #[serde(rename = "generationConfig", alias = "generation_config")]
    generation: Option<Generation>,
    /// `countTokens` may wrap the request.
    #[serde(borrow, rename = "generateContentRequest", alias = "generate_content_request")]
    wrapped: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Content<'a> {
    #[serde(borrow)]
    role: Option<Cow<'a, str>>,
    #[serde(borrow)]
    parts: Option<Vec<Part<'a>>>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
    thought: Option<bool>,
    #[serde(
        borrow,
        rename = "inlineData",
        alias = "inline_data",
        alias = "fileData",
        alias = "file_data"
    )]
    data: Option<Data<'a>>,
    #[serde(borrow, rename = "functionCall", alias = "function_call")]
    call: Option<Call<'a>>,
    #[serde(borrow, rename = "functionResponse", alias = "function_response")]
    response: Option<Call<'a>>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow, rename = "mimeType", alias = "mime_type", default)]
    mime: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    response: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ToolGroup<'a> {
    #[serde(borrow, rename = "functionDeclarations", alias = "function_declarations")]
    functions: Option<Vec<Function<'a>>>,
    #[serde(borrow, rename = "googleSearch", alias = "google_search")]
    search: Option<&'a RawValue>,
    #[serde(borrow, rename = "codeExecution", alias = "code_execution")]
    code: Option<&'a RawValue>,
    #[serde(borrow, rename = "urlContext", alias = "url_context")]
    url: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Function<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    description: Option<Cow<'a, str>>,
    #[serde(borrow)]
    parameters: Option<&'a RawValue>,
    #[serde(borrow, rename = "parametersJsonSchema", alias = "parameters_json_schema")]
    json_schema: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ToolConfig<'a> {
    #[serde(borrow, rename = "functionCallingConfig", alias = "function_calling_config")]
    calling: Option<Calling<'a>>,
}

#[derive(Deserialize)]
struct Calling<'a> {
    #[serde(borrow, default)]
    mode: Cow<'a, str>,
    #[serde(borrow, rename = "allowedFunctionNames", alias = "allowed_function_names")]
    allowed: Option<Vec<Cow<'a, str>>>,
}

#[derive(Deserialize)]
struct Generation {
    #[serde(rename = "maxOutputTokens", alias = "max_output_tokens")]
    max_output_tokens: Option<u64>,
}

pub(in super::super) fn decode(body: &str) -> Result<Request<'_>, Malformed> {
    let outer: Body<'_> = raw::read_body(body, "a generateContent request")?;
    let body = match outer.wrapped {
        Some(inner) => raw::read(inner, "/generateContentRequest")?,
        None => outer,
    };
    let mut messages = Vec::new();
    if let Some(system) = body.system {
        messages.push(Message::new(Role::System, system_blocks(system)?));
    }
    messages.extend(body.contents.into_iter().flatten().map(decode_content));
    Ok(Request {
        model: Cow::Borrowed(""),
        messages,
        tools: body.tools.into_iter().flatten().flat_map(tools).collect(),
        tool_choice: choice(body.tool_config),
        max_tokens: body.generation.and_then(|generation| generation.max_output_tokens),
        // The path says it.
        stream: false,
        stream_usage: true,
        ..Request::new(Format::Gemini)
    })
}

/// A content with parts, or plain text.
fn system_blocks(system: &RawValue) -> Result<Vec<Block<'_>>, Malformed> {
    if let Some(text) = raw::string(system) {
        return Ok(vec![Block::plain(text)]);
    }
    let content: Content<'_> = raw::read(system, "/systemInstruction")?;
    Ok(content.parts.into_iter().flatten().map(block).collect())
}

fn decode_content(content: Content<'_>) -> Message<'_> {
    let blocks: Vec<Block<'_>> = content.parts.into_iter().flatten().map(block).collect();
    let only_results = !blocks.is_empty()
        && blocks.iter().all(|block| matches!(block.content, chat::Content::ToolResult(_)));
    let role = match content.role.as_deref() {
        Some("model") => Role::Assistant,
        Some("function") => Role::Tool,
        Some("system") => Role::System,
        _ if only_results => Role::Tool,
        _ => Role::User,
    };
    Message::new(role, blocks)
}

/// A call without an id goes by its name: Gemini matches results by name.
fn block(part: Part<'_>) -> Block<'_> {
    if let Some(call) = part.call {
        let id = call.id.unwrap_or_else(|| call.name.clone());
        return raw::call(id, call.name);
    }
    if let Some(call) = part.response {
        let text = call.response.map(RawValue::get).unwrap_or_default();
        return raw::result(call.id.unwrap_or(call.name), Cow::Borrowed(text));
    }
    if let Some(data) = part.data {
        return match data.mime.split('/').next() {
            Some("image") => raw::unread(Format::Gemini, "image"),
            Some("audio") => raw::unread(Format::Gemini, "audio"),
            Some(_) | None => raw::unread(Format::Gemini, "document"),
        };
    }
    match part.text {
        Some(_) if part.thought == Some(true) => {
            Block::new(chat::Content::Reasoning(Reasoning::default()))
        }
        Some(text) => Block::plain(text),
        None => raw::unread(Format::Gemini, "part"),
    }
}

fn tools(group: ToolGroup<'_>) -> Vec<Tool<'_>> {
    let functions = group.functions.into_iter().flatten().map(|function| {
        let schema = function.json_schema.or(function.parameters).map(Json::from);
        let kind = ToolKind::Function { schema, strict: None };
        Tool { description: function.description, ..Tool::new(function.name, kind) }
    });
    let hosted =
        [("googleSearch", group.search), ("codeExecution", group.code), ("urlContext", group.url)];
    let hosted = hosted
        .into_iter()
        .filter(|(_, asked)| asked.is_some())
        .map(|(name, _)| Tool::new(name, raw::unread_tool(Format::Gemini)));
    functions.chain(hosted).collect()
}

fn choice(config: Option<ToolConfig<'_>>) -> ToolChoice<'_> {
    let Some(calling) = config.and_then(|config| config.calling) else { return ToolChoice::Auto };
    match &*calling.mode {
        "NONE" => ToolChoice::None,
        "ANY" => match calling.allowed.and_then(|names| names.into_iter().next()) {
            Some(name) => ToolChoice::Named(name),
            None => ToolChoice::Required,
        },
        _ => ToolChoice::Auto,
    }
}
