//! `generationConfig` → the neutral vocabulary.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::super::super::wire::{Whole, inner_extras};
use super::json_schema;
use crate::{
    chat::{Effort, Extra, Json, Output, ReasoningMode, Request, Show},
    formats::raw::{Text, open_struct},
    protocol::Format,
};

open_struct! {
    pub(super) struct Generation<'a> {
        max_tokens: Whole = "maxOutputTokens" | "max_output_tokens",
        temperature: f64 = "temperature",
        top_p: f64 = "topP" | "top_p",
        top_k: Whole = "topK" | "top_k",
        presence: f64 = "presencePenalty" | "presence_penalty",
        frequency: f64 = "frequencyPenalty" | "frequency_penalty",
        seed: Whole = "seed",
        count: Whole = "candidateCount" | "candidate_count",
        logprobs: bool = "responseLogprobs" | "response_logprobs",
        top_logprobs: Whole = "logprobs",
        stop: Vec<Text<'a>> = "stopSequences" | "stop_sequences",
        mime: Text<'a> = "responseMimeType" | "response_mime_type",
        schema: &'a RawValue = "responseSchema" | "response_schema",
        json_schema: &'a RawValue = "responseJsonSchema" | "response_json_schema",
        modalities: Vec<Text<'a>> = "responseModalities" | "response_modalities",
        thinking: Thinking<'a> = "thinkingConfig" | "thinking_config",
    }
}

open_struct! {
    pub(super) struct Thinking<'a> {
        include: bool = "includeThoughts" | "include_thoughts",
        budget: Whole = "thinkingBudget" | "thinking_budget",
        level: Text<'a> = "thinkingLevel" | "thinking_level",
    }
}

pub(super) fn decode<'a>(generation: Generation<'a>, request: &mut Request<'a>) {
    let narrow = |whole: Option<Whole>| whole.and_then(|whole| u32::try_from(whole.0).ok());
    request.max_tokens = generation.max_tokens.and_then(Whole::count);
    let sampling = &mut request.sampling;
    sampling.temperature = generation.temperature;
    sampling.top_p = generation.top_p;
    sampling.top_k = generation.top_k.and_then(Whole::count);
    sampling.presence_penalty = generation.presence;
    sampling.frequency_penalty = generation.frequency;
    sampling.seed = generation.seed.map(|seed| seed.0);
    sampling.n = narrow(generation.count);
    sampling.logprobs = generation.logprobs;
    sampling.top_logprobs = narrow(generation.top_logprobs);
    request.stop = generation.stop.into_iter().flatten().map(|text| text.0).collect();
    let modality = |Text(word): Text<'a>| Cow::Owned(word.to_ascii_lowercase());
    request.modalities = generation.modalities.into_iter().flatten().map(modality).collect();
    if let Some(thinking) = generation.thinking {
        decode_thinking(thinking, request);
    }
    let schema = generation.json_schema.or(generation.schema);
    decode_output(generation.mime.map(|mime| mime.0), schema, request);
    request.extra.extend(inner_extras("generationConfig.", generation.extra));
}

/// A budget of -1 leaves the amount to the model, 0 turns reasoning off.
fn decode_thinking<'a>(thinking: Thinking<'a>, request: &mut Request<'a>) {
    let wish = &mut request.reasoning;
    match thinking.budget {
        Some(Whole(0)) => wish.mode = Some(ReasoningMode::Off),
        Some(Whole(..0)) => wish.mode = Some(ReasoningMode::Adaptive),
        Some(Whole(budget)) => {
            wish.mode = Some(ReasoningMode::On);
            wish.budget = u64::try_from(budget).ok();
        }
        None => {}
    }
    wish.effort = thinking.level.and_then(|level| Effort::parse(&level.0));
    if wish.effort == Some(Effort::Minimal) && thinking.include == Some(false) {
        // As near to nothing as models that always think come.
        (wish.mode, wish.effort) = (Some(ReasoningMode::Off), None);
    }
    wish.show = thinking.include.map(|show| if show { Show::Auto } else { Show::Nothing });
    request.extra.extend(inner_extras("generationConfig.thinkingConfig.", thinking.extra));
}

fn decode_output<'a>(
    mime: Option<Cow<'a, str>>,
    schema: Option<&'a RawValue>,
    request: &mut Request<'a>,
) {
    request.output = match (mime.as_deref(), schema) {
        (Some("application/json") | None, Some(schema)) => Some(Output::JsonSchema {
            name: None,
            description: None,
            schema: json_schema(schema),
            strict: None,
        }),
        (Some("application/json"), None) => Some(Output::JsonObject),
        (Some("text/plain"), _) => Some(Output::Text),
        (None, None) => None,
        // `text/x.enum`: one word of a list.
        (Some(_), schema) => {
            let mut keep = |key: &'static str, value: Json<'a>| {
                let key = Cow::Borrowed(key);
                request.extra.push(Extra { format: Format::Gemini, key, value });
            };
            keep("generationConfig.responseMimeType", Json::of(&mime));
            if let Some(schema) = schema {
                keep("generationConfig.responseSchema", schema.into());
            }
            None
        }
    };
}
