//! Anthropic Messages, requests → the neutral vocabulary.

mod block;
mod content;
mod tool;
mod wish;

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::super::words::{FORMAT, cache_mark, tier};
use crate::{
    chat::{
        Block, CacheWish, Content, Extra, Json, Message, Place, Request, Role, Sampling,
        ServerState,
    },
    formats::{
        Malformed,
        raw::{self, Text, open_struct},
    },
};
use block::Spot;
use content::WireContent;

open_struct! {
    struct Body<'a> {
        model: Text<'a> = "model",
        system: WireContent<'a> = "system",
        messages: Vec<WireMessage<'a>> = "messages",
        tools: Vec<&'a RawValue> = "tools",
        tool_choice: &'a RawValue = "tool_choice",
        max_tokens: u64 = "max_tokens",
        stream: bool = "stream",
        temperature: f64 = "temperature",
        top_p: f64 = "top_p",
        top_k: u64 = "top_k",
        stop_sequences: Vec<Text<'a>> = "stop_sequences",
        thinking: &'a RawValue = "thinking",
        output_config: &'a RawValue = "output_config",
        output_format: &'a RawValue = "output_format",
        metadata: &'a RawValue = "metadata",
        service_tier: Text<'a> = "service_tier",
        cache_control: &'a RawValue = "cache_control",
        thread: &'a RawValue = "thread",
    }
}

open_struct! {
    struct WireMessage<'a> {
        role: Text<'a> = "role",
        content: WireContent<'a> = "content",
    }
}

pub(in super::super) fn decode(body: &str) -> Result<Request<'_>, Malformed> {
    let mut body: Body<'_> = raw::read_body(body, "an Anthropic Messages request")?;
    let mut request = Request::new(FORMAT);
    request.messages = messages(body.system.take(), body.messages.take())?;
    for (index, tool) in body.tools.take().into_iter().flatten().enumerate() {
        request.tools.push(tool::tool(tool, index)?);
    }
    if let Some(choice) = body.tool_choice {
        (request.tool_choice, request.parallel_tools) = tool::choice(choice)?;
    }
    request.model = body.model.take().unwrap_or_default().0;
    request.max_tokens = body.max_tokens;
    request.stream = body.stream == Some(true);
    request.sampling = Sampling {
        temperature: body.temperature,
        top_p: body.top_p,
        top_k: body.top_k,
        ..Sampling::default()
    };
    request.stop = body.stop_sequences.take().into_iter().flatten().map(|text| text.0).collect();
    request.extra = Extra::list(FORMAT, body.extra);
    if let Some(thinking) = body.thinking {
        wish::thinking(thinking, &mut request)?;
    }
    if let Some(config) = body.output_config {
        wish::output_config(config, &mut request)?;
    }
    if let Some(format) = body.output_format {
        request.output = wish::output(format, "/output_format")?;
    }
    if let Some(metadata) = body.metadata {
        wish::metadata(metadata, &mut request)?;
    }
    request.tier = body.service_tier.and_then(|name| tier(&name.0));
    request.cache = CacheWish { mark: body.cache_control.map(cache_mark), ..CacheWish::default() };
    request.state = body.thread.map(|thread| ServerState::Thread(Json::from(thread)));
    Ok(request)
}

fn messages<'a>(
    system: Option<WireContent<'a>>,
    list: Option<Vec<WireMessage<'a>>>,
) -> Result<Vec<Message<'a>>, Malformed> {
    let list = list.ok_or_else(|| Malformed {
        message: "`messages` is missing: a list of what was said".to_owned(),
        pointer: Some("/messages".to_owned()),
    })?;
    let mut messages = Vec::with_capacity(list.len() + 1);
    if let Some(system) = system {
        // One message a text, so that other formats can tell the first from the rest.
        for block in block::blocks(system, Spot::System)? {
            let place = block.place;
            messages.push(Message::new(Role::System, vec![block]).at(place));
        }
    }
    for (number, message) in list.into_iter().enumerate() {
        let place = Place::new("/messages/#", &[number]);
        let blocks = match message.content {
            Some(content) => block::blocks(content, Spot::Message(number))?,
            None => Vec::new(),
        };
        let role = role(&message.role.unwrap_or_default().0, &blocks);
        let extra = Extra::list(FORMAT, message.extra);
        messages.push(Message { extra, ..Message::new(role, blocks).at(place) });
    }
    Ok(messages)
}

/// Claude Code puts `system` messages in the middle of a conversation. Results of tools come in
/// user messages; a message of nothing else is the tool's.
fn role(role: &str, blocks: &[Block<'_>]) -> Role {
    let is_result = |block: &Block<'_>| matches!(block.content, Content::ToolResult(_));
    match role {
        "assistant" => Role::Assistant,
        "system" => Role::System,
        _ if !blocks.is_empty() && blocks.iter().all(is_result) => Role::Tool,
        _ => Role::User,
    }
}

/// The text of a member that may be missing.
fn text(member: Option<Text<'_>>) -> Cow<'_, str> {
    member.unwrap_or_default().0
}
