//! Results of calls → `functionResponse`. The response is an object: what a tool answers stands in
//! its `output` or `error`, as Google tells tools to do, unless it is an object already.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::value::RawValue;

use super::{
    super::super::{
        media,
        wire::{PART, is_object},
    },
    Context, inner, parts, plan,
};
use crate::{
    chat::{Block, Content, ToolCall, ToolResult},
    formats::{
        dropped::Losses,
        ids::{self, IdForm},
        write::{Elements, Members},
    },
    protocol::Format,
};

/// What stands for the result of a call that was never answered.
const NO_RESULT: &str = "There is no result: the call was not run.";

/// Reports what a result loses. Files that the model takes beside results only are added to
/// `behind`.
pub(super) fn report<'r, 'a>(
    context: Context<'_, '_>,
    block: &'r Block<'a>,
    losses: &mut Losses,
    behind: &mut Vec<&'r Block<'a>>,
) {
    let Some(result) = block.result() else { return };
    plan::report_marks(block, losses);
    if result.is_error == Some(false) {
        losses.member(block.place, "is_error", "only errors are marked");
    }
    if result.freeform {
        losses.reworded(block.place, "becomes the result of a function");
    }
    for nested in &result.blocks {
        if !plan::report(context, nested, losses) {
            continue;
        }
        if is_file(nested) && !context.is_third() {
            behind.push(nested);
        }
    }
}

/// Whether it is a file that can be read here.
fn is_file(block: &Block<'_>) -> bool {
    media::of(&block.content).is_some_and(|(_, source)| media::is_readable(source))
}

/// The words for a file that stands elsewhere, or nowhere.
fn placeholder(block: &Block<'_>) -> &'static str {
    media::of(&block.content).map_or("", |(kind, _)| media::placeholder(kind))
}

/// A piece of a result.
enum Piece<'r, 'a> {
    Text(Cow<'r, str>),
    File(&'r Block<'a>),
}

fn pieces<'r, 'a>(context: Context<'_, '_>, result: &'r ToolResult<'a>) -> Vec<Piece<'r, 'a>> {
    let piece = |block: &'r Block<'a>| match &block.content {
        Content::Text { text, .. } | Content::Refusal(text) => {
            (!text.is_empty()).then_some(Piece::Text(Cow::Borrowed(&**text)))
        }
        // By the name by which the model can call it, if it is offered.
        Content::ToolReference(name) => {
            let offered = context.request.tools.iter().any(|tool| tool.name == *name);
            let wire = || context.names.wire_of_any(context.request, name);
            Some(Piece::Text(if offered { wire() } else { Cow::Borrowed(&**name) }))
        }
        Content::Image(_) | Content::Document(_) | Content::Audio(_) => {
            let readable = is_file(block);
            Some(if readable {
                Piece::File(block)
            } else {
                Piece::Text(Cow::Borrowed(placeholder(block)))
            })
        }
        Content::Reasoning(_)
        | Content::ToolCall(_)
        | Content::ToolResult(_)
        | Content::Hosted(_)
        | Content::Opaque { .. } => None,
    };
    result.blocks.iter().filter_map(piece).collect()
}

/// Writes the result of `call`.
pub(super) fn write(
    context: Context<'_, '_>,
    call: &ToolCall<'_>,
    block: Option<&Block<'_>>,
    out: &mut Elements<'_>,
) {
    let result = block.and_then(Block::result);
    let pieces = result.map(|result| pieces(context, result)).unwrap_or_default();
    let is_error = result.is_none_or(|result| result.is_error == Some(true));
    let inside = context.is_third();
    out.object(|part| {
        part.object("functionResponse", |function| {
            function.value("id", &ids::fit(&call.id, IdForm::Plain));
            function.value("name", &context.names.wire(call.namespace.as_deref(), &call.name));
            match result {
                None => function.object("response", |response| response.value("error", NO_RESULT)),
                Some(_) => response(&pieces, is_error, inside, function),
            }
            let has_files = pieces.iter().any(|piece| matches!(piece, Piece::File(_)));
            if inside && has_files {
                function.array("parts", |files| {
                    for piece in &pieces {
                        if let Piece::File(block) = piece {
                            files.object(|part| parts::source(context, block, part));
                        }
                    }
                });
            }
            if let Some(block) = block {
                for (key, extra) in inner(&block.extra, "functionResponse") {
                    function.value(key, &extra.value);
                }
            }
        });
        if let Some(block) = block {
            let seal = block.seal.as_ref();
            let seal = seal.filter(|seal| seal.format == Format::Gemini);
            part.maybe("thoughtSignature", seal.map(|seal| &seal.data));
            for extra in super::own(&block.extra) {
                part.value(&extra.key, &extra.value);
            }
        }
    });
}

/// The object that the tool answers with. Where files stand between texts, the order is said.
fn response(pieces: &[Piece<'_, '_>], is_error: bool, inside: bool, function: &mut Members<'_>) {
    let key = if is_error { "error" } else { "output" };
    let last_text = pieces.iter().rposition(|piece| matches!(piece, Piece::Text(_)));
    let first_file = pieces.iter().position(|piece| matches!(piece, Piece::File(_)));
    let mixed = match (last_text, first_file) {
        (Some(text), Some(file)) => text > file || !inside,
        (None, Some(_)) => !inside,
        (_, None) => false,
    };
    let texts: Vec<&str> = pieces
        .iter()
        .filter_map(|piece| match piece {
            Piece::Text(text) => Some(&**text),
            Piece::File(_) => None,
        })
        .collect();
    match (&*texts, mixed) {
        ([], false) => function.object("response", |response| response.value(key, "")),
        ([text], false) if stands_alone(text, is_error) => function.raw("response", text),
        ([text], false) => function.object("response", |response| response.value(key, text)),
        (texts, false) => {
            function.object("response", |response| response.value(key, texts));
        }
        (_, true) => function.object("response", |response| {
            response.array(key, |list| {
                let mut files = 0;
                for piece in pieces {
                    match piece {
                        Piece::Text(text) => list.value(text),
                        Piece::File(_) if inside => {
                            list.object(|at| at.value("$ref", &format!("{PART}{files}")));
                            files += 1;
                        }
                        Piece::File(block) => list.value(placeholder(block)),
                    }
                }
            });
        }),
    }
}

/// Whether a text can be the response itself: it is an object that is not read as anything else.
fn stands_alone(text: &str, is_error: bool) -> bool {
    if !is_object(text) {
        return false;
    }
    let Ok(members) = serde_json::from_str::<BTreeMap<Cow<'_, str>, &RawValue>>(text) else {
        return false;
    };
    let mut keys = members.iter();
    let (one, more) = (keys.next(), keys.next().is_some());
    let structured = |value: &RawValue| value.get().starts_with('{');
    match one {
        Some((key, value)) if !more && key == "error" => is_error && structured(value),
        Some((key, value)) if !more && key == "output" => !is_error && structured(value),
        Some(_) | None => !is_error,
    }
}

/// A result whose call is not in the conversation.
pub(super) fn write_stray(block: &Block<'_>, out: &mut Elements<'_>) {
    let Some(result) = block.result() else { return };
    let name = result.name.as_deref().unwrap_or(&result.call);
    let text = format!("Result of the tool call `{name}`:\n{}", result.text());
    out.object(|part| part.text("text", &text));
}
