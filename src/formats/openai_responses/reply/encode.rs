//! The neutral vocabulary → OpenAI Responses, whole replies; and the pieces that streams are made
//! of: items, and the response object.

use std::borrow::Cow;

use super::super::{FORMAT, tier_name};
use crate::{
    chat::{
        Citation, Fault, Hosted, HostedKind, Json, Opening, Reply, ReplyBlock, Seal, Start,
        StopReason, Usage,
    },
    formats::{
        openai_error,
        seals::{self, Attach},
        write::{self, Elements, Members},
    },
};

/// Writes a whole reply.
pub(in super::super) fn encode(reply: &Reply) -> Vec<u8> {
    let mut output = Output::default();
    for block in &reply.blocks {
        output.add(&reply.start, block);
    }
    let ending = match (&reply.fault, &reply.stop) {
        (Some(fault), _) => Ending::Failed(fault),
        (None, Some(stop)) => Ending::Stopped(stop.reason),
        (None, None) => Ending::InProgress,
    };
    let mut out = Vec::new();
    write::object(&mut out, |object| {
        response(object, &reply.start, &output, ending, Some(&reply.usage));
    });
    out
}

/// The finished items, as JSON.
#[derive(Default)]
pub(in super::super) struct Output {
    items: Vec<u8>,
    /// How many there are: the index of the next one.
    pub(in super::super) count: u32,
}

impl Output {
    /// Adds the items that a complete block becomes, and tells them.
    pub(in super::super) fn add(&mut self, start: &Start, block: &ReplyBlock) -> Vec<String> {
        let mut items = Vec::new();
        if can_say(&block.opening) {
            items.push(self.push(start, block));
        }
        if let Some(seal) = block.seal.as_ref().filter(|_| block.opening != Opening::Reasoning) {
            // The seal travels behind the block that it belongs to, in a carrier of its own.
            let mut carrier = ReplyBlock::new(Opening::Reasoning, "");
            let data = Cow::Owned(seals::close(seal, Attach::Previous, FORMAT).into_owned());
            carrier.seal = Some(Seal { format: FORMAT, data, item: None, ..seal.clone() });
            items.push(self.push(start, &carrier));
        }
        items
    }

    fn push(&mut self, start: &Start, block: &ReplyBlock) -> String {
        let mut json = Vec::new();
        let id = item_id(start, self.count, &block.opening);
        item(&mut json, &id, block, true);
        if self.count > 0 {
            self.items.push(b',');
        }
        self.items.extend_from_slice(&json);
        self.count += 1;
        String::from_utf8(json).unwrap_or_default()
    }
}

/// How far a response has come.
#[derive(Clone, Copy)]
pub(in super::super) enum Ending<'a> {
    InProgress,
    Stopped(StopReason),
    Failed(&'a Fault),
}

impl Ending<'_> {
    /// `status`, and the reason why it is incomplete.
    pub(in super::super) fn status(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::InProgress => ("in_progress", None),
            Self::Failed(_) => ("failed", None),
            Self::Stopped(StopReason::MaxTokens | StopReason::ContextFull) => {
                ("incomplete", Some("max_output_tokens"))
            }
            Self::Stopped(StopReason::Refusal | StopReason::ContentFilter) => {
                ("incomplete", Some("content_filter"))
            }
            Self::Stopped(
                StopReason::End
                | StopReason::ToolCalls
                | StopReason::StopSequence
                | StopReason::Pause,
            ) => ("completed", None),
        }
    }
}

/// Writes the response object (OpenAI, "The response object"). The members that only repeat the
/// request have the defaults that SDKs accept.
pub(in super::super) fn response(
    object: &mut Members<'_>,
    start: &Start,
    output: &Output,
    ending: Ending<'_>,
    used: Option<&Usage>,
) {
    let (status, incomplete) = ending.status();
    object.value("id", &format!("resp_{}", start.id));
    object.value("object", "response");
    object.value("created_at", &start.created);
    object.value("status", status);
    match ending {
        Ending::Failed(fault) => object.object("error", |error| {
            let (kind, code) = openai_error::words(fault.kind);
            error.value("code", code.unwrap_or(kind));
            error.value("message", &fault.message);
        }),
        Ending::InProgress | Ending::Stopped(_) => object.raw("error", "null"),
    }
    match incomplete {
        Some(reason) => {
            object.object("incomplete_details", |details| details.value("reason", reason));
        }
        None => object.raw("incomplete_details", "null"),
    }
    object.raw("instructions", "null");
    object.raw("metadata", "{}");
    object.value("model", &start.model);
    object.array("output", |list| {
        if !output.items.is_empty() {
            list.raw(std::str::from_utf8(&output.items).unwrap_or_default());
        }
    });
    object.raw("parallel_tool_calls", "true");
    object.raw("previous_response_id", "null");
    object.maybe("service_tier", used.and_then(|usage| usage.tier).and_then(tier_name));
    object.raw("temperature", "null");
    object.raw("tool_choice", "\"auto\"");
    object.raw("tools", "[]");
    object.raw("top_p", "null");
    match used {
        Some(used) => object.object("usage", |object| usage(object, used)),
        None => object.raw("usage", "null"),
    }
}

fn usage(object: &mut Members<'_>, used: &Usage) {
    object.value("input_tokens", &used.input);
    object.object("input_tokens_details", |details| {
        details.value("cached_tokens", &used.cache_read);
        let written = Some(used.cache_write).filter(|written| *written > 0);
        details.maybe("cache_write_tokens", written.as_ref());
    });
    object.value("output_tokens", &used.output);
    object.object("output_tokens_details", |details| {
        details.value("reasoning_tokens", &used.reasoning);
    });
    object.value("total_tokens", &(used.input + used.output));
}

/// Whether an item can be made of a block.
pub(in super::super) fn can_say(opening: &Opening) -> bool {
    match opening {
        Opening::Hosted(hosted) => hosted.format == FORMAT || action(hosted).is_some(),
        Opening::Text
        | Opening::Reasoning
        | Opening::Refusal
        | Opening::ToolCall { .. }
        | Opening::FreeformCall { .. }
        | Opening::Image { .. } => true,
    }
}

/// What another vendor's search did, as an action of `web_search_call`.
fn action(hosted: &Hosted<'_>) -> Option<(&'static str, &'static str)> {
    hosted.query.as_ref()?;
    match hosted.tool {
        HostedKind::WebSearch => Some(("search", "query")),
        HostedKind::WebFetch => Some(("open_page", "url")),
        HostedKind::CodeExecution
        | HostedKind::FileSearch
        | HostedKind::ImageGeneration
        | HostedKind::Mcp
        | HostedKind::ToolSearch
        | HostedKind::ComputerUse
        | HostedKind::Shell
        | HostedKind::TextEditor
        | HostedKind::Memory
        | HostedKind::Other => None,
    }
}

/// The id of the item at `index`: of the form that its kind has, the same in every event.
pub(in super::super) fn item_id(start: &Start, index: u32, opening: &Opening) -> String {
    let prefix = match opening {
        Opening::Hosted(hosted) if hosted.format == FORMAT && !hosted.id.is_empty() => {
            return hosted.id.clone().into_owned();
        }
        Opening::Text | Opening::Refusal => "msg",
        Opening::Reasoning => "rs",
        Opening::ToolCall { .. } => "fc",
        Opening::FreeformCall { .. } => "ctc",
        Opening::Hosted(_) => "ws",
        Opening::Image { .. } => "ig",
    };
    format!("{prefix}_{}_{index}", start.id)
}

/// Writes an item: as it is announced, or done.
pub(in super::super) fn item(out: &mut Vec<u8>, id: &str, block: &ReplyBlock, done: bool) {
    let text = &*block.text;
    let status = if done { "completed" } else { "in_progress" };
    if let Opening::Hosted(hosted) = &block.opening
        && hosted.format == FORMAT
    {
        out.extend_from_slice(hosted.raw.get().as_bytes());
        return;
    }
    // OpenAI binds its encrypted content to the id of the item that it came with.
    let bound = block.seal.as_ref().filter(|seal| seal.format == FORMAT);
    let bound = bound.and_then(|seal| seal.item.as_deref());
    write::object(out, |item| {
        item.value("id", bound.unwrap_or(id));
        match &block.opening {
            Opening::Text | Opening::Refusal => {
                item.value("type", "message");
                item.value("role", "assistant");
                item.value("status", status);
                item.array("content", |content| {
                    if done {
                        content.object(|part| self::part(part, block));
                    }
                });
            }
            Opening::Reasoning => {
                item.value("type", "reasoning");
                item.array("summary", |summary| {
                    if !text.is_empty() {
                        summary.object(|part| summary_part(part, text));
                    }
                });
                let seal = block.seal.as_ref();
                let seal = seal.map(|seal| seals::close(seal, Attach::Own, FORMAT));
                item.maybe("encrypted_content", seal.as_deref());
            }
            Opening::ToolCall { id: call, name, namespace } => {
                item.value("type", "function_call");
                item.value("status", status);
                item.value("call_id", call);
                item.value("name", name);
                item.maybe("namespace", namespace.as_ref());
                item.value("arguments", arguments(text, done));
            }
            Opening::FreeformCall { id: call, name } => {
                item.value("type", "custom_tool_call");
                item.value("status", status);
                item.value("call_id", call);
                item.value("name", name);
                item.value("input", text);
            }
            Opening::Hosted(hosted) => {
                item.value("type", "web_search_call");
                item.value("status", status);
                if let Some((kind, key)) = action(hosted) {
                    item.object("action", |action| {
                        action.value("type", kind);
                        action.maybe(key, hosted.query.as_deref());
                    });
                }
            }
            Opening::Image { media_type } => {
                item.value("type", "image_generation_call");
                item.value("status", status);
                item.value("output_format", media_type.trim_start_matches("image/"));
                item.maybe("result", done.then_some(text));
            }
        }
    });
}

/// The arguments of a call that is done: never nothing.
pub(in super::super) fn arguments(text: &str, done: bool) -> &str {
    if done && text.is_empty() { "{}" } else { text }
}

/// Writes the part that a message has.
pub(in super::super) fn part(part: &mut Members<'_>, block: &ReplyBlock) {
    if block.opening == Opening::Refusal {
        part.value("type", "refusal");
        part.value("refusal", &block.text);
        return;
    }
    part.value("type", "output_text");
    part.value("text", &block.text);
    part.array("annotations", |list| {
        for citation in &block.citations {
            if let Some(annotation) = annotation(citation, &block.text) {
                list.raw(&annotation);
            }
        }
    });
    part.array("logprobs", |list| logprobs(&block.logprobs, list));
}

pub(in super::super) fn summary_part(part: &mut Members<'_>, text: &str) {
    part.value("type", "summary_text");
    part.value("text", text);
}

/// Writes the elements of arrays, one behind the other.
pub(in super::super) fn logprobs(tokens: &[Json<'static>], list: &mut Elements<'_>) {
    for tokens in tokens {
        let inside = tokens.get().trim().trim_start_matches('[').trim_end_matches(']').trim();
        if !inside.is_empty() {
            list.raw(inside);
        }
    }
}

/// A citation as an annotation: as it stands if it is of this format, else by its URL.
pub(in super::super) fn annotation<'c>(
    citation: &'c Citation<'_>,
    text: &str,
) -> Option<Cow<'c, str>> {
    if citation.format == FORMAT {
        return Some(Cow::Borrowed(citation.raw.get()));
    }
    let url = citation.url.as_deref()?;
    // Without a range, all that has been said so far.
    let end = || u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    let (from, to) = citation.range.unwrap_or_else(|| (0, end()));
    let mut out = Vec::new();
    write::object(&mut out, |annotation| {
        annotation.value("type", "url_citation");
        annotation.value("start_index", &from);
        annotation.value("end_index", &to);
        annotation.value("url", url);
        annotation.value("title", citation.title.as_deref().unwrap_or(url));
    });
    String::from_utf8(out).ok().map(Cow::Owned)
}
