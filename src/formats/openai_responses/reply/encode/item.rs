//! The items of a reply, as they are announced and when they are done, and their parts.

use std::borrow::Cow;

use super::super::super::FORMAT;
use crate::{
    chat::{Citation, Hosted, HostedKind, Json, Opening, ReplyBlock, Start},
    formats::{
        seals::{self, Attach},
        write::{self, Elements, Members},
    },
};

/// How far an item has come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in super::super::super) enum State {
    Announced,
    Done,
    /// It broke off at the limit of tokens.
    Incomplete,
}

impl State {
    fn status(self) -> &'static str {
        match self {
            Self::Announced => "in_progress",
            Self::Done => "completed",
            Self::Incomplete => "incomplete",
        }
    }
}

/// Whether an item can be made of a block.
pub(in super::super::super) fn can_say(opening: &Opening) -> bool {
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
pub(in super::super::super) fn item_id(start: &Start, index: u32, opening: &Opening) -> String {
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
pub(in super::super::super) fn item(out: &mut Vec<u8>, id: &str, block: &ReplyBlock, state: State) {
    let text = &*block.text;
    let (status, done) = (state.status(), state != State::Announced);
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
                item.text("arguments", arguments(text, done));
            }
            Opening::FreeformCall { id: call, name, namespace } => {
                item.value("type", "custom_tool_call");
                item.value("status", status);
                item.value("call_id", call);
                item.value("name", name);
                item.maybe("namespace", namespace.as_ref());
                item.text("input", text);
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
pub(in super::super::super) fn arguments(text: &str, done: bool) -> &str {
    if done && text.is_empty() { "{}" } else { text }
}

/// Writes the part that a message has.
pub(in super::super::super) fn part(part: &mut Members<'_>, block: &ReplyBlock) {
    if block.opening == Opening::Refusal {
        part.value("type", "refusal");
        part.value("refusal", &block.text);
        return;
    }
    part.value("type", "output_text");
    part.text("text", &block.text);
    part.array("annotations", |list| {
        for citation in &block.citations {
            if let Some(annotation) = annotation(citation, &block.text) {
                list.raw(&annotation);
            }
        }
    });
    part.array("logprobs", |list| logprobs(&block.logprobs, list));
}

pub(in super::super::super) fn summary_part(part: &mut Members<'_>, text: &str) {
    part.value("type", "summary_text");
    part.text("text", text);
}

/// Writes the elements of arrays, one behind the other.
pub(in super::super::super) fn logprobs(tokens: &[Json<'static>], list: &mut Elements<'_>) {
    for tokens in tokens {
        let inside = tokens.get().trim().trim_start_matches('[').trim_end_matches(']').trim();
        if !inside.is_empty() {
            list.raw(inside);
        }
    }
}

/// A citation as an annotation: as it stands if it is of this format, else by its URL.
pub(in super::super::super) fn annotation<'c>(
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
        annotation.text("url", url);
        annotation.value("title", citation.title.as_deref().unwrap_or(url));
    });
    String::from_utf8(out).ok().map(Cow::Owned)
}
