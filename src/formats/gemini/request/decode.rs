//! Gemini `generateContent`, requests → the neutral vocabulary.

mod history;
mod tools;
mod wishes;

use std::borrow::Cow;

use serde_json::value::RawValue;

use self::history::History;
use super::super::{schema, wire};
use crate::{
    chat::{Block, Extra, Message, Place, Request, Role, ServerState, ServiceTier},
    formats::{
        Malformed,
        raw::{self, Text, open_struct},
    },
    protocol::Format,
};

open_struct! {
    struct Body<'a> {
        model: Text<'a> = "model",
        contents: Vec<wire::Content<'a>> = "contents",
        system: &'a RawValue = "systemInstruction" | "system_instruction",
        tools: Vec<tools::Group<'a>> = "tools",
        tool_config: tools::Config<'a> = "toolConfig" | "tool_config",
        generation: wishes::Generation<'a> = "generationConfig" | "generation_config",
        cached: Text<'a> = "cachedContent" | "cached_content",
        tier: Text<'a> = "serviceTier" | "service_tier",
        store: bool = "store",
        wrapped: &'a RawValue = "generateContentRequest" | "generate_content_request",
    }
}

pub(in super::super) fn decode(body: &str) -> Result<Request<'_>, Malformed> {
    let outer: Body<'_> = raw::read_body(body, "a generateContent request")?;
    // `countTokens` may wrap the request.
    let body = match outer.wrapped {
        Some(inner) => raw::read(inner, "/generateContentRequest")?,
        None => outer,
    };
    let mut request = Request::new(Format::Gemini);
    if let Some(Text(model)) = body.model {
        request.model = match model {
            Cow::Borrowed(model) => Cow::Borrowed(model.trim_start_matches("models/")),
            Cow::Owned(model) => Cow::Owned(model.trim_start_matches("models/").to_owned()),
        };
    }
    if let Some(system) = body.system {
        decode_system(system, &mut request.messages)?;
    }
    let mut history = History::default();
    for (index, content) in body.contents.into_iter().flatten().enumerate() {
        request.messages.push(history.message(content, index));
    }
    request.tools = tools::decode(body.tools.unwrap_or_default());
    if let Some(config) = body.tool_config {
        tools::choice(config, &mut request);
    }
    if let Some(generation) = body.generation {
        wishes::decode(generation, &mut request);
    }
    request.state = body.cached.map(|Text(name)| ServerState::CachedContent(name));
    request.store = body.store;
    if let Some(Text(tier)) = body.tier {
        request.tier = match &*tier.to_ascii_lowercase() {
            "flex" => Some(ServiceTier::Flex),
            "priority" => Some(ServiceTier::Priority),
            "standard" => Some(ServiceTier::Standard),
            _ => None,
        };
    }
    request.extra.extend(Extra::list(Format::Gemini, body.extra));
    Ok(request)
}

/// A content, or plain text. Each part is a message of its own: so they stay apart in formats that
/// have several system messages.
fn decode_system<'a>(
    system: &'a RawValue,
    messages: &mut Vec<Message<'a>>,
) -> Result<(), Malformed> {
    let whole = Place::new("/systemInstruction", &[]);
    if let Some(text) = raw::string(system) {
        if !text.is_empty() {
            messages.push(Message::new(Role::System, vec![Block::plain(text).at(whole)]).at(whole));
        }
        return Ok(());
    }
    let content: wire::Content<'a> = raw::read(system, "/systemInstruction")?;
    let mut history = History::default();
    for (index, part) in content.parts.into_iter().flatten().enumerate() {
        let place = Place::new("/systemInstruction/parts/#", &[index]);
        if let Some(block) = history.block(part, place) {
            messages.push(Message::new(Role::System, vec![block]).at(place));
        }
    }
    Ok(())
}

/// A schema of a request, which may be in Google's language, as JSON Schema.
fn json_schema(raw: &RawValue) -> crate::chat::Json<'_> {
    schema::to_json_schema(raw)
}
