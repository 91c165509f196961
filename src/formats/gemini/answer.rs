//! A whole reply, or a piece of a stream, as bytes: both have the same form.

use super::{
    grounding::{self, Said, Sources},
    logprobs,
    wire::{is_object, object},
};
use crate::{
    chat::{Json, Opening, Seal, Start, StopReason, Usage},
    formats::{
        names,
        seals::{self, Attach},
        write::{self, Elements},
    },
    protocol::Format,
};

/// What a chunk says beside its parts.
#[derive(Default)]
pub(super) struct Beside<'b> {
    pub(super) reason: Option<&'static str>,
    pub(super) usage: Option<&'b Usage>,
    pub(super) sources: Option<(&'b Sources, &'b Said)>,
    pub(super) logprobs: &'b [Json<'static>],
}

/// Appends a chunk; `fill` writes its parts.
pub(super) fn chunk(
    out: &mut Vec<u8>,
    start: &Start,
    beside: &Beside<'_>,
    fill: impl FnOnce(&mut Elements<'_>),
) {
    write::object(out, |chunk| {
        chunk.array("candidates", |candidates| {
            candidates.object(|candidate| {
                candidate.object("content", |content| {
                    content.array("parts", fill);
                    content.value("role", "model");
                });
                candidate.maybe("finishReason", beside.reason);
                candidate.value("index", &0);
                if let Some((sources, said)) = beside.sources {
                    grounding::write(sources, said, candidate);
                }
                logprobs::write(beside.logprobs, candidate);
            });
        });
        if let Some(counts) = beside.usage {
            chunk.object("usageMetadata", |members| usage(counts, members));
        }
        chunk.value("modelVersion", &start.model);
        chunk.value("responseId", &start.id);
    });
}

/// Appends the part that a block, or a piece of its text, is.
pub(super) fn part(
    opening: &Opening,
    text: &str,
    seal: Option<&Seal<'_>>,
    parts: &mut Elements<'_>,
) {
    if let Opening::Hosted(hosted) = opening {
        if hosted.format == Format::Gemini {
            parts.raw(hosted.raw.get());
        }
        if seal.is_none() {
            return;
        }
    }
    parts.object(|part| {
        match opening {
            // Without an own word for a refusal, the model says it.
            Opening::Text | Opening::Refusal | Opening::Hosted(_) => part.text("text", text),
            Opening::Reasoning => {
                part.text("text", text);
                part.value("thought", &true);
            }
            Opening::ToolCall { id, name, .. } => part.object("functionCall", |call| {
                call.value("id", id);
                call.value("name", name);
                call.raw("args", &object(text));
            }),
            // There are no freeform tools: the text travels as the one argument.
            Opening::FreeformCall { id, name, .. } => part.object("functionCall", |call| {
                call.value("id", id);
                call.value("name", name);
                call.raw("args", &names::to_arguments(text));
            }),
            Opening::Image { media_type } => part.object("inlineData", |blob| {
                blob.value("mimeType", media_type);
                blob.text("data", text);
            }),
        }
        let seal = seal.map(|seal| seals::close(seal, Attach::Own, Format::Gemini));
        part.maybe("thoughtSignature", seal.as_ref());
    });
}

/// Whether the arguments of a call are what the format can say: a JSON object, or nothing. Others
/// have broken off at the limit of tokens, or the model wrote no JSON. Such a call is not shown, for
/// a client would run it.
pub(super) fn is_sound(arguments: &str) -> bool {
    arguments.trim().is_empty() || is_object(arguments)
}

/// `finishReason`. That a call is `malformed` is said as Google says it, unless the limit tells why.
pub(super) fn finish_reason(reason: StopReason, malformed: bool) -> &'static str {
    match reason {
        StopReason::End | StopReason::ToolCalls | StopReason::StopSequence | StopReason::Pause
            if malformed =>
        {
            "MALFORMED_FUNCTION_CALL"
        }
        StopReason::End | StopReason::ToolCalls | StopReason::StopSequence | StopReason::Pause => {
            "STOP"
        }
        StopReason::MaxTokens | StopReason::ContextFull => "MAX_TOKENS",
        StopReason::Refusal | StopReason::ContentFilter => "SAFETY",
    }
}

/// Gemini counts thoughts apart from the candidates.
fn usage(usage: &Usage, counts: &mut write::Members<'_>) {
    counts.value("promptTokenCount", &usage.input);
    counts.value("candidatesTokenCount", &usage.output.saturating_sub(usage.reasoning));
    counts.value("totalTokenCount", &usage.input.saturating_add(usage.output));
    if usage.cache_read > 0 {
        counts.value("cachedContentTokenCount", &usage.cache_read);
    }
    if usage.reasoning > 0 {
        counts.value("thoughtsTokenCount", &usage.reasoning);
    }
}
