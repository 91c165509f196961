//! Chunks of a streamed reply, and whole replies, as they are on the wire.

use super::super::super::{
    fault,
    grounding::{Grounding, Recitation},
    logprobs,
    wire::{self, Whole},
};
use crate::formats::raw::{Text, open_struct};

open_struct! {
    pub(super) struct Chunk<'a> {
        candidates: Vec<Candidate<'a>> = "candidates",
        feedback: Feedback<'a> = "promptFeedback",
        usage: Counts<'a> = "usageMetadata",
        model: Text<'a> = "modelVersion",
        id: Text<'a> = "responseId",
        error: fault::Error<'a> = "error",
    }
}

open_struct! {
    pub(super) struct Candidate<'a> {
        content: wire::Content<'a> = "content",
        reason: Text<'a> = "finishReason",
        message: Text<'a> = "finishMessage",
        index: Whole = "index",
        grounding: Grounding<'a> = "groundingMetadata",
        recitation: Recitation<'a> = "citationMetadata",
        logprobs: logprobs::Probabilities<'a> = "logprobsResult",
    }
}

open_struct! {
    pub(super) struct Feedback<'a> {
        reason: Text<'a> = "blockReason",
        message: Text<'a> = "blockReasonMessage",
    }
}

open_struct! {
    pub(super) struct Counts<'a> {
        prompt: Whole = "promptTokenCount",
        tools: Whole = "toolUsePromptTokenCount",
        cached: Whole = "cachedContentTokenCount",
        candidates: Whole = "candidatesTokenCount",
        thoughts: Whole = "thoughtsTokenCount",
        total: Whole = "totalTokenCount",
    }
}
