//! The neutral vocabulary → OpenAI Responses, whole replies; and the response object, which streams
//! have too.

pub(in super::super) mod item;

use std::borrow::Cow;

use self::item::{State, can_say, item, item_id};
use super::super::{FORMAT, tier_name};
use crate::{
    chat::{Fault, Json, Opening, Reply, ReplyBlock, Seal, Start, StopReason, Usage},
    formats::{
        openai_error,
        seals::{self, Attach},
        write::{self, Members},
    },
};

/// Writes a whole reply.
pub(in super::super) fn encode(reply: &Reply) -> Vec<u8> {
    let ending = match (&reply.fault, &reply.stop) {
        (Some(fault), _) => Ending::Failed(fault),
        (None, Some(stop)) => Ending::Stopped(stop.reason),
        (None, None) => Ending::InProgress,
    };
    let mut output = Output::default();
    for block in &reply.blocks {
        output.add(&reply.start, block, ending.state_of(block));
    }
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
    pub(in super::super) fn add(
        &mut self,
        start: &Start,
        block: &ReplyBlock,
        state: State,
    ) -> Vec<String> {
        let mut items = Vec::new();
        if can_say(&block.opening) {
            items.push(self.push(start, block, state));
        }
        if let Some(seal) = block.seal.as_ref().filter(|_| block.opening != Opening::Reasoning) {
            // The seal travels behind the block that it belongs to, in a carrier of its own.
            let mut carrier = ReplyBlock::new(Opening::Reasoning, "");
            let attach = match &block.opening {
                Opening::ToolCall { id, .. } | Opening::FreeformCall { id, .. } => {
                    Attach::Call(id.as_str().into())
                }
                Opening::Text
                | Opening::Refusal
                | Opening::Reasoning
                | Opening::Hosted(_)
                | Opening::Image { .. } => Attach::Previous,
            };
            let data = Cow::Owned(seals::close(seal, attach, FORMAT).into_owned());
            carrier.seal = Some(Seal { format: FORMAT, data, item: None, ..seal.clone() });
            items.push(self.push(start, &carrier, State::Done));
        }
        items
    }

    fn push(&mut self, start: &Start, block: &ReplyBlock, state: State) -> String {
        let mut json = Vec::new();
        let id = item_id(start, self.count, &block.opening);
        item(&mut json, &id, block, state);
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
    /// How far an item has come that is told at this end: the arguments of a call may have broken
    /// off.
    pub(in super::super) fn state_of(self, block: &ReplyBlock) -> State {
        let cut = matches!(self.status(), ("incomplete", _));
        let broken = matches!(block.opening, Opening::ToolCall { .. })
            && !block.text.is_empty()
            && Json::parse(&block.text).is_none();
        if cut && broken { State::Incomplete } else { State::Done }
    }

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
