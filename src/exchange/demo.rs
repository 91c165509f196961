//! The built-in demo provider: no network, no key, no model. Deterministic, and labelled as such in
//! every answer. It speaks the neutral vocabulary, so it answers in every format.

use std::{borrow::Cow, fmt::Write};

use bytes::Bytes;
use serde_json::{Map, Value};

use super::{call::Call, error::GatewayError};
use crate::{
    chat::{
        Block, Event, FaultKind, Message, Opening, Reply, Request, Role, Start, StopReason, Tool,
        ToolChoice, ToolKind, ToolResult, Usage,
    },
    formats::{Framing, codec},
    routing::router::Target,
    time::Timestamp,
};

/// What every answer begins with.
pub const LABEL: &str = "[llm-router demo]";

/// An answer, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Whole(Bytes),
    /// One piece for each event.
    Stream {
        content_type: &'static str,
        pieces: Vec<Bytes>,
    },
}

/// Answers `call` as `demo/echo` or `demo/agent`.
///
/// # Errors
/// 400 if the body is not what its format says.
pub fn answer(call: &Call, target: &Target, now: Timestamp) -> Result<Answer, GatewayError> {
    let codec = codec(call.format());
    let body = std::str::from_utf8(&call.body).map_err(|error| {
        GatewayError::new(FaultKind::InvalidRequest, format!("the body is not UTF-8: {error}"))
    })?;
    let request = codec.decode_request(body)?;
    if call.operation.counts_tokens() {
        let tokens = tokens(call.body.len());
        return Ok(Answer::Whole(codec.encode_token_count(tokens).into()));
    }
    let start = Start {
        id: call.request_id.trim_start_matches("req_").to_owned(),
        model: target.name.to_string(),
        created: now.seconds(),
    };
    let turn = match target.reference.model() {
        "agent" => agent(&request),
        _ => Turn::Say(echo(call, &request)),
    };
    let events = events(start, turn, &request, call.body.len());
    if call.streams {
        let usage_wanted = request.stream_usage;
        let mut encoder = codec.stream_encoder(call.framing, usage_wanted);
        let mut pieces = Vec::with_capacity(events.len());
        for event in &events {
            let mut piece = Vec::new();
            encoder.encode(event, &mut piece);
            if !piece.is_empty() {
                pieces.push(Bytes::from(piece));
            }
        }
        let content_type = match call.framing {
            Framing::Sse => "text/event-stream; charset=utf-8",
            Framing::JsonArray => "application/json; charset=utf-8",
        };
        return Ok(Answer::Stream { content_type, pieces });
    }
    let mut reply = Reply::new(Start::default());
    for event in &events {
        reply.absorb(event);
    }
    Ok(Answer::Whole(codec.encode_reply(&reply).into()))
}

/// What the demo does in its turn.
enum Turn {
    Say(String),
    Call { name: String, namespace: Option<String>, freeform: bool, input: String },
}

/// A rough count that needs no tokenizer.
fn tokens(bytes: usize) -> u64 {
    u64::try_from(bytes.div_ceil(4)).unwrap_or(u64::MAX).max(1)
}

/// What arrived, in a few lines.
fn echo(call: &Call, request: &Request<'_>) -> String {
    let mut text = format!(
        "{LABEL} This is the built-in demo provider: no model was asked. What arrived:\n\
         - format: {}, {}, {} bytes\n- messages: {}",
        call.format(),
        if call.streams { "streamed" } else { "not streamed" },
        call.body.len(),
        roles(&request.messages),
    );
    if !request.tools.is_empty() {
        let names: Vec<&str> = request.tools.iter().take(8).map(|tool| &*tool.name).collect();
        let more = if request.tools.len() > names.len() { ", ..." } else { "" };
        // Writing to a String cannot fail.
        let _ = write!(text, "\n- tools: {} ({}{more})", request.tools.len(), names.join(", "));
    }
    if let Some(limit) = request.max_tokens {
        let _ = write!(text, "\n- token limit: {limit}");
    }
    if let Some(said) = last_said(&request.messages) {
        let _ = write!(text, "\n- last words: \"{}\"", shorten(said, 200));
    }
    text
}

/// `4 (system 1, user 2, assistant 1)`.
fn roles(messages: &[Message<'_>]) -> String {
    let all = [Role::System, Role::Developer, Role::User, Role::Assistant, Role::Tool];
    let counts: Vec<String> = all
        .into_iter()
        .filter_map(|role| {
            let count = messages.iter().filter(|message| message.role == role).count();
            (count > 0).then(|| format!("{} {count}", role.name()))
        })
        .collect();
    format!("{} ({})", messages.len(), counts.join(", "))
}

/// The last text of the last user message: agents put reminders before it.
fn last_said<'r>(messages: &'r [Message<'_>]) -> Option<&'r str> {
    let message = messages.iter().rev().find(|message| {
        message.role == Role::User && message.blocks.iter().any(|block| block.text().is_some())
    })?;
    message.blocks.iter().rev().find_map(Block::text)
}

fn shorten(text: &str, longest: usize) -> Cow<'_, str> {
    match text.char_indices().nth(longest) {
        Some((end, _)) => Cow::Owned(format!("{}...", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// Calls a tool when asked to, and finishes after its result.
fn agent(request: &Request<'_>) -> Turn {
    let said = last_said(&request.messages).unwrap_or_default();
    if let Some(result) = fresh_result(&request.messages) {
        return Turn::Say(format!("{LABEL} The tool answered: {}", shorten(&result, 200)));
    }
    match wanted_tool(request, said) {
        Some(tool) => Turn::Call {
            name: tool.name.to_string(),
            namespace: tool.namespace.as_ref().map(|space| space.name.to_string()),
            freeform: matches!(tool.kind, ToolKind::Freeform { .. }),
            input: input(tool, said),
        },
        None => Turn::Say(format!(
            "{LABEL} I call a tool when the last message names one that is offered, for example \
             \"call the tool NAME with {{\\\"key\\\": \\\"value\\\"}}\". Offered here: {}. You said: \"{}\"",
            request.tools.len(),
            shorten(said, 200),
        )),
    }
}

/// The text of a tool result that nobody has answered yet.
fn fresh_result<'r>(messages: &'r [Message<'_>]) -> Option<Cow<'r, str>> {
    let since = messages
        .iter()
        .rposition(|message| message.role == Role::Assistant)
        .map_or(0, |place| place + 1);
    let blocks = messages[since..].iter().flat_map(|message| &message.blocks);
    blocks.rev().find_map(|block| block.result().map(ToolResult::text))
}

fn wanted_tool<'r, 'a>(request: &'r Request<'a>, said: &str) -> Option<&'r Tool<'a>> {
    let mut callable = request.tools.iter().filter(|tool| !tool.is_hosted());
    let words = said.to_lowercase();
    let named = |tool: &&Tool<'_>| words.contains(&tool.name.to_lowercase());
    match &request.tool_choice {
        ToolChoice::None => None,
        ToolChoice::Named(name) => callable.find(|tool| tool.name == *name),
        ToolChoice::Allowed { names, .. } => callable.find(|tool| names.contains(&tool.name)),
        ToolChoice::Required => callable.clone().find(named).or_else(|| callable.next()),
        ToolChoice::Auto => callable
            .clone()
            .find(named)
            .or_else(|| words.contains("tool").then(|| callable.next()).flatten()),
    }
}

/// The JSON object that stands in the words, else what the schema requires, filled in.
fn input(tool: &Tool<'_>, said: &str) -> String {
    if matches!(tool.kind, ToolKind::Freeform { .. }) {
        return format!("{LABEL}\n");
    }
    if let Some(object) = object_in(said) {
        return object.to_owned();
    }
    let schema: Value = tool
        .schema()
        .and_then(|schema| serde_json::from_str(schema.get()).ok())
        .unwrap_or(Value::Null);
    example(&schema, "", 0).to_string()
}

fn object_in(said: &str) -> Option<&str> {
    let begin = said.find('{')?;
    let mut values =
        serde_json::Deserializer::from_str(&said[begin..]).into_iter::<Map<String, Value>>();
    values.next()?.ok()?;
    Some(&said[begin..begin + values.byte_offset()])
}

/// How deep schemas are followed: they may refer to themselves.
const DEEPEST: u32 = 8;

/// The smallest value that a JSON Schema allows, as far as one can tell from its types.
fn example(schema: &Value, name: &str, depth: u32) -> Value {
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str()).unwrap_or("object");
    match kind {
        "string" if name == "command" || name == "cmd" => "echo llm-router demo".into(),
        "string" => "demo".into(),
        "integer" | "number" => 1.into(),
        "boolean" => true.into(),
        "array" if depth < DEEPEST && schema["minItems"].as_u64().unwrap_or(0) > 0 => {
            vec![example(&schema["items"], name, depth + 1)].into()
        }
        "array" => Vec::<Value>::new().into(),
        "null" => Value::Null,
        _ => {
            let mut object = Map::new();
            let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
            for key in required.iter().filter_map(Value::as_str).filter(|_| depth < DEEPEST) {
                object.insert(key.to_owned(), example(&schema["properties"][key], key, depth + 1));
            }
            object.into()
        }
    }
}

/// How long a piece of streamed text is, in characters.
const PIECE: usize = 24;

fn events(start: Start, turn: Turn, request: &Request<'_>, bytes: usize) -> Vec<Event<'static>> {
    let call_id = format!("call_{}", start.id);
    let mut events = vec![Event::Start(start)];
    let (opening, mut text, mut stop) = match turn {
        Turn::Say(text) => (Opening::Text, text, StopReason::End),
        Turn::Call { name, namespace, freeform, input } => {
            say(&mut events, 0, Opening::Text, &format!("{LABEL} Calling the tool {name}."));
            let opening = if freeform {
                Opening::FreeformCall { id: call_id, name, namespace }
            } else {
                Opening::ToolCall { id: call_id, name, namespace }
            };
            (opening, input, StopReason::ToolCalls)
        }
    };
    if let Some(limit) = request.max_tokens
        && stop == StopReason::End
        && tokens(text.len()) > limit
    {
        let longest = usize::try_from(limit).unwrap_or(usize::MAX).saturating_mul(4);
        text = text.chars().take(longest).collect();
        stop = StopReason::MaxTokens;
    }
    let output = tokens(text.len());
    say(&mut events, u32::from(stop == StopReason::ToolCalls), opening, &text);
    events.push(Event::Usage(Usage { input: tokens(bytes), output, ..Usage::default() }));
    events.push(Event::Stop(stop.into()));
    events
}

/// A whole block, its text in pieces.
fn say(events: &mut Vec<Event<'static>>, index: u32, block: Opening, text: &str) {
    events.push(Event::Open { index, block });
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.char_indices().nth(PIECE).map_or(rest.len(), |(end, _)| end);
        let (piece, behind) = rest.split_at(end);
        events.push(Event::Delta { index, text: Cow::Owned(piece.to_owned()) });
        rest = behind;
    }
    events.push(Event::Close { index });
}
