//! Chunks and whole completions as they are on the wire, with what providers other than OpenAI put
//! there. What is not what it should be is ignored wherever the reply can do without it.

use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::super::super::{
    seal,
    wire::{Count, Loose, is_nothing, some_text},
};
use crate::formats::raw::open_struct;

open_struct! {
    /// A chunk, or a whole completion. What comes with every chunk is named, so that nothing is
    /// allocated for it.
    pub(super) struct Chunk<'a> {
        fingerprint: IgnoredAny = "system_fingerprint",
        provider: IgnoredAny = "provider",
        obfuscation: IgnoredAny = "obfuscation",
        id: &'a RawValue = "id",
        created: Count = "created",
        model: &'a RawValue = "model",
        object: &'a RawValue = "object",
        choices: &'a RawValue = "choices",
        usage: &'a RawValue = "usage",
        tier: &'a RawValue = "service_tier",
        error: &'a RawValue = "error",
        groq: Loose<Groq<'a>> = "x_groq",
    }
}

open_struct! {
    /// Where Groq puts the usage of a stream, and its errors.
    pub(super) struct Groq<'a> {
        usage: &'a RawValue = "usage",
        error: &'a RawValue = "error",
    }
}

open_struct! {
    pub(super) struct Choice<'a> {
        index: Count = "index",
        delta: Message<'a> = "delta",
        message: Message<'a> = "message",
        // Legacy completions.
        text: &'a RawValue = "text",
        finish_reason: &'a RawValue = "finish_reason",
        // vLLM: the stop sequence that came up.
        stop_reason: &'a RawValue = "stop_reason",
        logprobs: Loose<Logprobs<'a>> = "logprobs",
        // Moonshot.
        usage: &'a RawValue = "usage",
        // OpenRouter.
        error: &'a RawValue = "error",
    }
}

open_struct! {
    /// A message or a piece of one.
    pub(super) struct Message<'a> {
        role: IgnoredAny = "role",
        content: &'a RawValue = "content",
        refusal: &'a RawValue = "refusal",
        reasoning_content: &'a RawValue = "reasoning_content",
        reasoning: &'a RawValue = "reasoning",
        details: &'a RawValue = "reasoning_details",
        calls: &'a RawValue = "tool_calls",
        function: Function<'a> = "function_call",
        annotations: &'a RawValue = "annotations",
        images: &'a RawValue = "images",
        audio: Loose<Audio<'a>> = "audio",
    }
}

open_struct! {
    pub(super) struct Logprobs<'a> {
        content: &'a RawValue = "content",
        refusal: &'a RawValue = "refusal",
    }
}

open_struct! {
    pub(super) struct Audio<'a> {
        transcript: &'a RawValue = "transcript",
    }
}

open_struct! {
    pub(super) struct WireCall<'a> {
        index: Count = "index",
        id: &'a RawValue = "id",
        kind: &'a RawValue = "type",
        function: Function<'a> = "function",
        custom: Function<'a> = "custom",
        carried: &'a RawValue = "extra_content",
    }
}

open_struct! {
    pub(super) struct Function<'a> {
        name: &'a RawValue = "name",
        arguments: &'a RawValue = "arguments" | "input",
    }
}

open_struct! {
    /// A part of a content that is a list (Mistral).
    pub(super) struct Part<'a> {
        kind: &'a RawValue = "type",
        text: &'a RawValue = "text",
        thinking: &'a RawValue = "thinking",
    }
}

open_struct! {
    pub(super) struct Picture<'a> {
        image: Loose<ImageUrl<'a>> = "image_url",
    }
}

open_struct! {
    pub(super) struct ImageUrl<'a> {
        url: &'a RawValue = "url",
    }
}

/// The error in a chunk, if there is one.
pub(super) fn error<'a>(chunk: &Chunk<'a>) -> Option<&'a str> {
    let groq = chunk.groq.as_ref().and_then(|groq| groq.0.as_ref()).and_then(|groq| groq.error);
    let error = [chunk.error, groq].into_iter().flatten().find(|error| !is_nothing(error))?;
    Some(error.get())
}

/// Whether a detail of reasoning belongs to one of these calls.
pub(super) fn names_a_call(raw: &RawValue, calls: &[WireCall<'_>]) -> bool {
    let detail = serde_json::from_str::<seal::Detail<'_>>(raw.get()).unwrap_or_default();
    detail.id().is_some_and(|id| calls.iter().any(|call| some_text(call.id).as_ref() == Some(&id)))
}
