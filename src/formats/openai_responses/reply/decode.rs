//! OpenAI Responses, whole replies → the neutral vocabulary. The items of a stream that come as a
//! whole are read by the same hand.

use std::{borrow::Cow, time::Duration};

use serde_json::value::RawValue;

use super::super::{
    FORMAT, fault,
    wire::{
        Item, Listed, Part, citation, hosted_item, is_empty_list, query, string_or_source, text,
    },
};
use crate::{
    chat::{
        Event, Fault, FaultKind, Hosted, HostedKind, Opening, Reply, Seal, SealKind, ServiceTier,
        Start, Stop, StopReason, Usage,
    },
    formats::{
        Malformed,
        raw::{self, Text, open_struct},
    },
};

open_struct! {
    /// OpenAI, "The response object".
    pub(in super::super) struct Response<'a> {
        id: Text<'a> = "id",
        model: Text<'a> = "model",
        created_at: f64 = "created_at",
        status: Text<'a> = "status",
        output: Vec<&'a RawValue> = "output",
        usage: &'a RawValue = "usage",
        incomplete: Incomplete<'a> = "incomplete_details",
        error: &'a RawValue = "error",
        tier: Text<'a> = "service_tier",
    }
}

open_struct! {
    pub(in super::super) struct Incomplete<'a> {
        reason: Text<'a> = "reason",
    }
}

open_struct! {
    struct WireUsage<'a> {
        input: u64 = "input_tokens" | "prompt_tokens",
        input_details: Details<'a> = "input_tokens_details" | "prompt_tokens_details",
        output: u64 = "output_tokens" | "completion_tokens",
        output_details: Details<'a> = "output_tokens_details" | "completion_tokens_details",
    }
}

open_struct! {
    struct Details<'a> {
        cached: u64 = "cached_tokens",
        written: u64 = "cache_write_tokens",
        reasoning: u64 = "reasoning_tokens",
    }
}

/// What the items so far say about the reply as a whole.
#[derive(Debug, Default)]
pub(in super::super) struct Facts {
    /// Whether one of them waits for the client.
    pub(in super::super) calls: bool,
    pub(in super::super) searches: u64,
    /// How many blocks have been opened.
    pub(in super::super) blocks: u32,
}

impl Facts {
    /// The index of a new block.
    pub(in super::super) fn next(&mut self) -> u32 {
        self.blocks += 1;
        self.blocks - 1
    }
}

/// Reads a whole reply. One that failed is a reply too: with its error in it.
pub(in super::super) fn decode(body: &str) -> Result<Reply, Malformed> {
    let response: Response<'_> = raw::read_body(body, "a response")?;
    if response.output.is_none() && response.error.is_none() {
        return Err(Malformed::new("the body is not a response: it has no `output`"));
    }
    let mut reply = Reply::new(response.start());
    let mut facts = Facts::default();
    for item in response.output.iter().flatten() {
        whole(item, &mut facts, &mut |event| reply.absorb(&event))?;
    }
    reply.usage = response.usage(&facts);
    reply.absorb(&response.ending("", &facts));
    Ok(reply)
}

impl Response<'_> {
    pub(in super::super) fn start(&self) -> Start {
        let text = |member: &Option<Text<'_>>| {
            member.as_ref().map(|text| text.0.clone().into_owned()).unwrap_or_default()
        };
        let id = text(&self.id);
        // Seconds; some send a fraction.
        let created = Duration::try_from_secs_f64(self.created_at.unwrap_or_default());
        Start {
            id: id.strip_prefix("resp_").map(str::to_owned).unwrap_or(id),
            model: text(&self.model),
            created: created.unwrap_or_default().as_secs(),
        }
    }

    pub(in super::super) fn usage(&self, facts: &Facts) -> Usage {
        let wire = self.usage.and_then(|usage| serde_json::from_str(usage.get()).ok());
        let wire: WireUsage<'_> = wire.unwrap_or_default();
        let input = wire.input_details.unwrap_or_default();
        let output = wire.output_details.unwrap_or_default();
        Usage {
            input: wire.input.unwrap_or_default(),
            cache_read: input.cached.unwrap_or_default(),
            cache_write: input.written.unwrap_or_default(),
            output: wire.output.unwrap_or_default(),
            reasoning: output.reasoning.unwrap_or_default(),
            web_searches: facts.searches,
            tier: self.tier.as_ref().and_then(|tier| match &*tier.0 {
                "default" => Some(ServiceTier::Standard),
                "flex" => Some(ServiceTier::Flex),
                "priority" => Some(ServiceTier::Priority),
                "scale" => Some(ServiceTier::Scale),
                "auto" => Some(ServiceTier::Auto),
                _ => None,
            }),
            ..Usage::default()
        }
    }

    /// How the response ended. `event` is the name of the stream's last event: where that says how,
    /// it counts.
    pub(in super::super) fn ending(&self, event: &str, facts: &Facts) -> Event<'static> {
        let status = self.status.as_ref().map_or("", |status| &*status.0);
        let status = match (event, status) {
            (_, "failed" | "incomplete" | "cancelled") => status,
            ("response.incomplete", _) => "incomplete",
            ("response.completed" | "response.done", _) => "completed",
            (_, status) => status,
        };
        match status {
            "failed" => Event::Fault(self.fault()),
            "incomplete" => {
                let reason = self.incomplete.as_ref().and_then(|details| details.reason.as_ref());
                Event::Stop(Stop::from(match reason.map_or("", |reason| &*reason.0) {
                    "content_filter" => StopReason::ContentFilter,
                    _ => StopReason::MaxTokens,
                }))
            }
            "cancelled" | "in_progress" | "queued" => {
                let message = format!("the provider's response is not complete: it is {status}");
                Event::Fault(Fault::new(FaultKind::BadGateway, message))
            }
            _ if self.error.is_some() && self.output.is_none() => Event::Fault(self.fault()),
            _ if facts.calls => Event::Stop(StopReason::ToolCalls.into()),
            _ => Event::Stop(StopReason::End.into()),
        }
    }

    fn fault(&self) -> Fault {
        let error = self.error.map(|error| serde_json::from_str(error.get()).unwrap_or_default());
        fault::read(&error.unwrap_or_default(), None)
    }
}

/// Gives the events of an item that is complete.
pub(in super::super) fn whole(
    json: &RawValue,
    facts: &mut Facts,
    on_event: &mut dyn FnMut(Event<'_>),
) -> Result<(), Malformed> {
    let item: Item<'_> = raw::read(json, "/output")?;
    whole_item(item, json, facts, on_event);
    Ok(())
}

/// The same, of an item that has been read already.
pub(in super::super) fn whole_item(
    mut item: Item<'_>,
    json: &RawValue,
    facts: &mut Facts,
    on_event: &mut dyn FnMut(Event<'_>),
) {
    let kind = item.kind.take().map_or(Cow::Borrowed("message"), |kind| kind.0);
    match &*kind {
        "message" => match item.content {
            Some(Listed::List(parts)) => {
                parts.into_iter().for_each(|part| said(part, facts, on_event));
            }
            Some(Listed::Text(text)) => block(Opening::Text, &text, facts, on_event, |_, _| {}),
            Some(Listed::Other) | None => {}
        },
        "reasoning" => {
            let seal = seal(&mut item);
            let text = shown(item);
            if !text.is_empty() || seal.is_some() {
                block(Opening::Reasoning, &text, facts, on_event, |index, on_event| {
                    if let Some(seal) = seal {
                        on_event(Event::Seal { index, seal: Box::new(seal) });
                    }
                });
            }
        }
        "function_call" | "custom_tool_call" => {
            let arguments = arguments(&item).into_owned();
            if let Some(opening) = call(&kind, item) {
                facts.calls = true;
                block(opening, &arguments, facts, on_event, |_, _| {});
            }
        }
        "image_generation_call" if item.result.is_some() => {
            let format = text(item.output_format).unwrap_or(Cow::Borrowed("png"));
            let opening = Opening::Image { media_type: format!("image/{format}") };
            let image = text(item.result).unwrap_or_default();
            block(opening, &image, facts, on_event, |_, _| {});
        }
        _ => {
            let tool = hosted_item(&kind).unwrap_or(HostedKind::Other);
            facts.searches += u64::from(tool == HostedKind::WebSearch);
            let hosted = Hosted {
                tool,
                id: text(item.id.or(item.call_id)).unwrap_or_default(),
                query: query(json),
                format: FORMAT,
                raw: json.into(),
            };
            let opening = Opening::Hosted(Box::new(hosted.into_owned()));
            block(opening, "", facts, on_event, |_, _| {});
        }
    }
}

/// A block with all its text; `more` gives what else belongs to it.
fn block(
    opening: Opening,
    text: &str,
    facts: &mut Facts,
    on_event: &mut dyn FnMut(Event<'_>),
    more: impl FnOnce(u32, &mut dyn FnMut(Event<'_>)),
) {
    let index = facts.next();
    on_event(Event::Open { index, block: opening });
    if !text.is_empty() {
        on_event(Event::Delta { index, text: Cow::Borrowed(text) });
    }
    more(index, on_event);
    on_event(Event::Close { index });
}

/// A part of a message.
fn said(part: Part<'_>, facts: &mut Facts, on_event: &mut dyn FnMut(Event<'_>)) {
    if let Some(refusal) = part.refusal.filter(|refusal| !refusal.0.is_empty()) {
        block(Opening::Refusal, &refusal.0, facts, on_event, |_, _| {});
        return;
    }
    let text = text(part.text).unwrap_or_default();
    let annotations = part.annotations.unwrap_or_default();
    if text.is_empty() && annotations.is_empty() {
        return;
    }
    block(Opening::Text, &text, facts, on_event, |index, on_event| {
        for annotation in annotations {
            let citation = Box::new(citation(annotation).into_owned());
            on_event(Event::Citation { index, citation });
        }
        if let Some(tokens) = part.logprobs.filter(|tokens| !is_empty_list(tokens.get())) {
            on_event(Event::Logprobs { index, tokens: tokens.into_owned() });
        }
    });
}

/// The encrypted content of a reasoning item, tied to the item's id.
pub(in super::super) fn seal(item: &mut Item<'_>) -> Option<Seal<'static>> {
    let data = text(item.encrypted_content.take()).filter(|data| !data.is_empty())?;
    let item = text(item.id.take());
    Some(Seal { format: FORMAT, kind: SealKind::Encrypted, data, item }.into_owned())
}

/// The text of a reasoning item: its summary, else the reasoning itself, in one.
fn shown(item: Item<'_>) -> String {
    let texts = |parts: Option<Listed<'_, Part<'_>>>| {
        let parts = parts.map(Listed::into_list).unwrap_or_default();
        let texts: Vec<_> = parts.into_iter().filter_map(|part| text(part.text)).collect();
        texts.join("\n\n")
    };
    let summary = texts(item.summary);
    if summary.is_empty() { texts(item.content) } else { summary }
}

/// What a call opens; nothing while its name is not known.
pub(in super::super) fn call(kind: &str, item: Item<'_>) -> Option<Opening> {
    let name = text(item.name).filter(|name| !name.is_empty())?.into_owned();
    let id = text(item.call_id.or(item.id)).unwrap_or_default().into_owned();
    let namespace = text(item.namespace).map(Cow::into_owned);
    Some(if kind == "custom_tool_call" {
        Opening::FreeformCall { id, name, namespace }
    } else {
        Opening::ToolCall { id, name, namespace }
    })
}

/// The arguments of a call, or the input of a freeform one.
pub(in super::super) fn arguments<'a>(item: &Item<'a>) -> Cow<'a, str> {
    string_or_source(item.arguments.or(item.input))
}
