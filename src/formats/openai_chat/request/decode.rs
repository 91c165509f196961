//! OpenAI Chat Completions, requests → the neutral vocabulary: the body. Its conversation is read by
//! [`messages`], its tools by [`tools`], its wishes by [`wishes`].

mod messages;
mod parts;
mod tools;
mod wishes;

use serde_json::value::RawValue;

pub(super) use self::{parts::ERROR, tools::WEB_SEARCH};
use super::super::{
    FORMAT,
    wire::{Count, Whole, text},
};
use crate::{
    chat::{CacheWish, Extra, Json, Request, User},
    formats::{
        Malformed,
        raw::{self, Text, open_struct},
    },
};

open_struct! {
    /// The body (OpenAI, "Create chat completion"), with what other providers of the format added:
    /// `top_k`, `cache_control`, and OpenRouter's `reasoning`.
    struct Body<'a> {
        model: Text<'a> = "model",
        messages: Vec<&'a RawValue> = "messages",
        tools: Vec<&'a RawValue> = "tools",
        functions: Vec<&'a RawValue> = "functions",
        tool_choice: &'a RawValue = "tool_choice",
        function_call: &'a RawValue = "function_call",
        parallel: bool = "parallel_tool_calls",
        web_search: &'a RawValue = "web_search_options",
        max_completion_tokens: Count = "max_completion_tokens",
        max_tokens: Count = "max_tokens",
        stream: bool = "stream",
        stream_options: StreamOptions<'a> = "stream_options",
        temperature: f64 = "temperature",
        top_p: f64 = "top_p",
        top_k: Count = "top_k",
        presence_penalty: f64 = "presence_penalty",
        frequency_penalty: f64 = "frequency_penalty",
        seed: Whole = "seed",
        n: u32 = "n",
        logprobs: bool = "logprobs",
        top_logprobs: u32 = "top_logprobs",
        stop: &'a RawValue = "stop",
        response_format: &'a RawValue = "response_format",
        effort: Text<'a> = "reasoning_effort",
        reasoning: wishes::Reasoning<'a> = "reasoning",
        verbosity: Text<'a> = "verbosity",
        modalities: Vec<Text<'a>> = "modalities",
        cache_key: Text<'a> = "prompt_cache_key",
        cache_retention: Text<'a> = "prompt_cache_retention",
        cache_control: &'a RawValue = "cache_control",
        tier: Text<'a> = "service_tier",
        user: Text<'a> = "user",
        safety_id: Text<'a> = "safety_identifier",
        metadata: Json<'a> = "metadata",
        store: bool = "store",
    }
}

open_struct! {
    struct StreamOptions<'a> {
        usage: bool = "include_usage",
    }
}

/// Reads a request.
pub(in super::super) fn decode(body: &str) -> Result<Request<'_>, Malformed> {
    let mut body: Body<'_> = raw::read_body(body, "a Chat Completions request")?;
    let mut request = Request::new(FORMAT);
    let Some(list) = body.messages.take() else {
        return Err(Malformed {
            message: "`messages` is missing".to_owned(),
            pointer: Some("/messages".to_owned()),
        });
    };
    request.messages = messages::all(list)?;
    let options = body.stream_options.take().unwrap_or_default();
    request.model = text(body.model.take()).unwrap_or_default();
    request.stream = body.stream == Some(true);
    request.stream_usage = options.usage == Some(true);
    request.max_tokens = body.max_completion_tokens.or(body.max_tokens).map(|count| count.0);
    offered(&mut body, &mut request)?;
    wishes::read(&mut body, &mut request)?;
    request.cache = CacheWish {
        key: text(body.cache_key),
        retention: wishes::retention(body.cache_retention, &mut request.extra),
        mark: body.cache_control.and_then(parts::mark),
    };
    request.user =
        User { id: text(body.user), safety_id: text(body.safety_id), metadata: body.metadata };
    request.store = body.store;
    request.extra.extend(Extra::list(FORMAT, body.extra));
    Ok(request)
}

fn offered<'a>(body: &mut Body<'a>, request: &mut Request<'a>) -> Result<(), Malformed> {
    request.tools = tools::all(body.tools.take(), body.functions.take(), body.web_search)?;
    request.parallel_tools = body.parallel;
    if let Some(choice) = body.tool_choice.or(body.function_call) {
        request.tool_choice = tools::choice(choice)?;
    }
    Ok(())
}
