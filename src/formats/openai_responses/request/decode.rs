//! OpenAI Responses, requests → the neutral vocabulary: the body and its wishes. What the input
//! and the tools are is read by [`input`] and [`tools`].

mod input;
mod parts;
mod tools;

use std::borrow::Cow;

use serde_json::value::RawValue;

use self::{input::Conversation, tools::ToolList};
use super::super::{
    FORMAT,
    wire::{Listed, text},
};
use crate::{
    chat::{
        CacheWish, Effort, Extra, Json, Output, ReasoningMode, ReasoningWish, Request, Retention,
        Sampling, ServerState, ServiceTier, Show, User, Verbosity,
    },
    formats::{
        Malformed,
        raw::{self, Text, open_struct},
    },
};

open_struct! {
    /// OpenAI, "Create a model response". `include`, `stream_options` and `client_metadata` are the
    /// client's own business with its vendor and no loss elsewhere.
    struct Body<'a> {
        model: Text<'a> = "model",
        kind: Json<'a> = "type",
        instructions: Listed<'a, &'a RawValue> = "instructions",
        input: Listed<'a, &'a RawValue> = "input",
        tools: Vec<&'a RawValue> = "tools",
        tool_choice: &'a RawValue = "tool_choice",
        parallel_tool_calls: bool = "parallel_tool_calls",
        max_output_tokens: u64 = "max_output_tokens",
        stream: bool = "stream",
        stream_options: Json<'a> = "stream_options",
        include: Vec<Text<'a>> = "include",
        client_metadata: Json<'a> = "client_metadata",
        temperature: f64 = "temperature",
        top_p: f64 = "top_p",
        top_logprobs: u32 = "top_logprobs",
        reasoning: Thinking<'a> = "reasoning",
        text: TextConfig<'a> = "text",
        cache_key: Text<'a> = "prompt_cache_key",
        retention: Text<'a> = "prompt_cache_retention",
        tier: Text<'a> = "service_tier",
        user: Text<'a> = "user",
        safety_id: Text<'a> = "safety_identifier",
        metadata: Json<'a> = "metadata",
        store: bool = "store",
        previous: Text<'a> = "previous_response_id",
        conversation: Json<'a> = "conversation",
        prompt: Json<'a> = "prompt",
    }
}

open_struct! {
    struct Thinking<'a> {
        effort: Text<'a> = "effort",
        summary: Text<'a> = "summary" | "generate_summary",
        budget: u64 = "max_tokens",
    }
}

open_struct! {
    struct TextConfig<'a> {
        format: TextFormat<'a> = "format",
        verbosity: Text<'a> = "verbosity",
    }
}

open_struct! {
    struct TextFormat<'a> {
        kind: Text<'a> = "type",
        name: Text<'a> = "name",
        description: Text<'a> = "description",
        schema: Json<'a> = "schema",
        strict: bool = "strict",
    }
}

/// The value of `include` that asks for token probabilities.
const LOGPROBS: &str = "message.output_text.logprobs";

pub(in super::super) fn decode(body: &str) -> Result<Request<'_>, Malformed> {
    let body: Body<'_> = raw::read_body(body, "a Responses request")?;
    let mut request = Request::new(FORMAT);
    request.extra = Extra::list(FORMAT, body.extra);
    let mut conversation = Conversation::new(ToolList::default());
    conversation.tools.add_all(body.tools.unwrap_or_default())?;
    conversation.instructions(body.instructions)?;
    conversation.input(body.input)?;
    let Conversation { messages, tools, effort, state: inside, .. } = conversation;
    request.messages = messages;
    request.tools = tools.into_list();
    request.model = text(body.model).unwrap_or_default();
    request.tool_choice = body.tool_choice.map(tools::choice).transpose()?.unwrap_or_default();
    request.parallel_tools = body.parallel_tool_calls;
    request.max_tokens = body.max_output_tokens;
    request.stream = body.stream == Some(true);
    let included = body.include.unwrap_or_default();
    request.sampling = Sampling {
        temperature: body.temperature,
        top_p: body.top_p,
        logprobs: included.iter().any(|name| name.0 == LOGPROBS).then_some(true),
        top_logprobs: body.top_logprobs,
        ..Sampling::default()
    };
    request.reasoning = reasoning(body.reasoning.unwrap_or_default(), effort, &mut request.extra);
    form(body.text.unwrap_or_default(), &mut request);
    request.cache = CacheWish {
        key: text(body.cache_key),
        retention: body
            .retention
            .and_then(|text| known(text, "prompt_cache_retention", retention, &mut request.extra)),
        mark: None,
    };
    request.tier = body.tier.and_then(|text| known(text, "service_tier", tier, &mut request.extra));
    request.user =
        User { id: text(body.user), safety_id: text(body.safety_id), metadata: body.metadata };
    request.store = body.store;
    request.state =
        state(body.previous, body.conversation, body.prompt, &mut request.extra).or(inside);
    Ok(request)
}

/// A word with a meaning here; one without is carried as it stands.
fn known<'a, T>(
    text: Text<'a>,
    key: &'static str,
    read: fn(&str) -> Option<T>,
    extra: &mut Vec<Extra<'a>>,
) -> Option<T> {
    let word = read(&text.0);
    if word.is_none() {
        let value = Json::of(&text.0);
        extra.push(Extra { format: FORMAT, key: Cow::Borrowed(key), value });
    }
    word
}

fn retention(word: &str) -> Option<Retention> {
    match word {
        // The SDKs of 2025 wrote it with a hyphen.
        "in_memory" | "in-memory" => Some(Retention::InMemory),
        "24h" => Some(Retention::Day),
        _ => None,
    }
}

fn tier(word: &str) -> Option<ServiceTier> {
    match word {
        "auto" => Some(ServiceTier::Auto),
        "default" => Some(ServiceTier::Standard),
        "flex" => Some(ServiceTier::Flex),
        "priority" => Some(ServiceTier::Priority),
        "scale" => Some(ServiceTier::Scale),
        "batch" => Some(ServiceTier::Batch),
        _ => None,
    }
}

/// `effort` is what an item `configuration_update` of the input says; it holds where the body says
/// nothing.
fn reasoning<'a>(
    wire: Thinking<'a>,
    effort: Option<Effort>,
    extra: &mut Vec<Extra<'a>>,
) -> ReasoningWish {
    inner("reasoning", wire.extra, extra);
    let effort = wire
        .effort
        .and_then(|text| known(text, "reasoning.effort", Effort::parse, extra))
        .or(effort);
    let show = |word: &str| match word {
        "auto" => Some(Show::Auto),
        "concise" => Some(Show::Concise),
        "detailed" => Some(Show::Detailed),
        "none" => Some(Show::Nothing),
        _ => None,
    };
    ReasoningWish {
        mode: (effort == Some(Effort::None)).then_some(ReasoningMode::Off),
        effort: effort.filter(|effort| *effort != Effort::None),
        budget: wire.budget,
        show: wire.summary.and_then(|text| known(text, "reasoning.summary", show, extra)),
    }
}

/// Members of an object of the body, kept with its name in front.
fn inner<'a>(object: &str, rest: Vec<(Cow<'a, str>, &'a RawValue)>, extra: &mut Vec<Extra<'a>>) {
    extra.extend(rest.into_iter().map(|(key, value)| Extra {
        format: FORMAT,
        key: Cow::Owned(format!("{object}.{key}")),
        value: value.into(),
    }));
}

fn form<'a>(wire: TextConfig<'a>, request: &mut Request<'a>) {
    inner("text", wire.extra, &mut request.extra);
    let verbosity = |word: &str| match word {
        "low" => Some(Verbosity::Low),
        "medium" => Some(Verbosity::Medium),
        "high" => Some(Verbosity::High),
        _ => None,
    };
    request.verbosity = wire
        .verbosity
        .and_then(|text| known(text, "text.verbosity", verbosity, &mut request.extra));
    let Some(format) = wire.format else { return };
    let kind = text(format.kind).unwrap_or_default();
    request.output = match (&*kind, format.schema) {
        ("json_schema", Some(schema)) => Some(Output::JsonSchema {
            name: text(format.name),
            description: text(format.description),
            schema,
            strict: format.strict,
        }),
        ("json_object" | "json_schema", _) => Some(Output::JsonObject),
        _ => Some(Output::Text),
    };
}

/// The part of the conversation that only the vendor has. Of several the first is enough to refuse
/// the request elsewhere.
fn state<'a>(
    previous: Option<Text<'a>>,
    conversation: Option<Json<'a>>,
    prompt: Option<Json<'a>>,
    extra: &mut Vec<Extra<'a>>,
) -> Option<ServerState<'a>> {
    let previous = text(previous).map(ServerState::PreviousResponse);
    let state = previous.or(conversation.map(ServerState::Conversation));
    match (state, prompt) {
        (Some(state), Some(value)) => {
            extra.push(Extra { format: FORMAT, key: Cow::Borrowed("prompt"), value });
            Some(state)
        }
        (None, Some(prompt)) => Some(ServerState::StoredPrompt(prompt)),
        (state, None) => state,
    }
}
