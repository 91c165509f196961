//! OpenAI Chat Completions, wishes about the reply → the neutral vocabulary.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{
    super::super::{
        FORMAT,
        wire::{Count, text},
        words::tier,
    },
    Body,
};
use crate::{
    chat::{
        Effort, Extra, Json, Output, ReasoningMode, ReasoningWish, Request, Retention, Sampling,
        Show, Verbosity,
    },
    formats::{
        Malformed,
        raw::{self, Text, open_struct},
    },
};

open_struct! {
    /// OpenRouter, "Reasoning Tokens".
    pub(super) struct Reasoning<'a> {
        effort: Text<'a> = "effort",
        budget: Count = "max_tokens",
        enabled: bool = "enabled",
        exclude: bool = "exclude",
        summary: Text<'a> = "summary",
    }
}

open_struct! {
    struct Form<'a> {
        kind: Text<'a> = "type",
        inner: Schema<'a> = "json_schema",
    }
}

open_struct! {
    struct Schema<'a> {
        name: Text<'a> = "name",
        description: Text<'a> = "description",
        schema: Json<'a> = "schema",
        strict: bool = "strict",
    }
}

/// Reads the wishes of `body`.
pub(super) fn read<'a>(body: &mut Body<'a>, request: &mut Request<'a>) -> Result<(), Malformed> {
    request.sampling = Sampling {
        temperature: body.temperature,
        top_p: body.top_p,
        top_k: body.top_k.map(|count| count.0),
        presence_penalty: body.presence_penalty,
        frequency_penalty: body.frequency_penalty,
        seed: body.seed.map(|seed| seed.0),
        n: body.n,
        logprobs: body.logprobs,
        top_logprobs: body.top_logprobs,
    };
    request.stop = body.stop.map(stop).transpose()?.unwrap_or_default();
    if let Some(form) = body.response_format {
        match output(form)? {
            Some(output) => request.output = Some(output),
            None => request.extra.push(extra("response_format", form.into())),
        }
    }
    request.reasoning = reasoning(body, request);
    let verbosity = text(body.verbosity.take());
    request.verbosity = verbosity.as_deref().and_then(|word| match word {
        "low" => Some(Verbosity::Low),
        "medium" => Some(Verbosity::Medium),
        "high" => Some(Verbosity::High),
        _ => None,
    });
    // A newer word than we know.
    if let Some(word) = verbosity.filter(|_| request.verbosity.is_none()) {
        request.extra.push(extra("verbosity", Json::of(&word)));
    }
    request.modalities =
        body.modalities.take().into_iter().flatten().map(|modality| modality.0).collect();
    if let Some(name) = text(body.tier.take()) {
        request.tier = tier(&name);
        if request.tier.is_none() {
            request.extra.push(extra("service_tier", Json::of(&name)));
        }
    }
    Ok(())
}

fn extra<'a>(key: &'static str, value: Json<'a>) -> Extra<'a> {
    Extra { format: FORMAT, key: Cow::Borrowed(key), value }
}

/// One text, or several.
fn stop(json: &RawValue) -> Result<Vec<Cow<'_, str>>, Malformed> {
    if let Some(one) = raw::string(json) {
        return Ok(vec![one]);
    }
    let several: Vec<Text<'_>> = raw::read(json, "/stop")?;
    Ok(several.into_iter().map(|text| text.0).collect())
}

/// `None` if it is a form that nobody here knows.
fn output(json: &RawValue) -> Result<Option<Output<'_>>, Malformed> {
    let form: Form<'_> = raw::read(json, "/response_format")?;
    let kind = text(form.kind).unwrap_or_default();
    Ok(Some(match (&*kind, form.inner) {
        ("text", _) => Output::Text,
        ("json_object", _) => Output::JsonObject,
        ("json_schema", Some(inner)) => match inner.schema {
            Some(schema) => Output::JsonSchema {
                name: text(inner.name),
                description: text(inner.description),
                schema,
                strict: inner.strict,
            },
            None => Output::JsonObject,
        },
        _ => return Ok(None),
    }))
}

fn reasoning<'a>(body: &mut Body<'a>, request: &mut Request<'a>) -> ReasoningWish {
    let wish = body.reasoning.take().unwrap_or_default();
    let word = text(body.effort.take()).or_else(|| text(wish.effort));
    let effort = word.as_deref().and_then(Effort::parse);
    if let Some(word) = word.filter(|_| effort.is_none()) {
        request.extra.push(extra("reasoning_effort", Json::of(&word)));
    }
    let mode = wish.enabled.map(|on| if on { ReasoningMode::On } else { ReasoningMode::Off });
    let summary = wish.summary.map(|summary| match &*summary.0 {
        "concise" => Show::Concise,
        "detailed" => Show::Detailed,
        _ => Show::Auto,
    });
    let show = summary.or(match wish.exclude {
        Some(true) => Some(Show::Nothing),
        Some(false) => Some(Show::Auto),
        None => None,
    });
    ReasoningWish { mode, effort, budget: wish.budget.map(|count| count.0), show }
}

/// How long prompts are kept; other words are carried as they are.
pub(super) fn retention<'a>(
    word: Option<Text<'a>>,
    extras: &mut Vec<Extra<'a>>,
) -> Option<Retention> {
    let word = text(word)?;
    match &*word {
        "24h" => Some(Retention::Day),
        "in_memory" | "in-memory" => Some(Retention::InMemory),
        _ => {
            extras.push(extra("prompt_cache_retention", Json::of(&word)));
            None
        }
    }
}
