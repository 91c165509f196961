//! Wishes about the reply → `generationConfig`.

use super::{super::super::schema, Context, inner};
use crate::{
    chat::{Effort, Output, Place, ReasoningMode, ReasoningWish, Show},
    formats::{
        dropped::{Field, Losses},
        effort::{How, Reasoning, from_budget},
        hints::Quirk,
        write::{self, Members},
    },
    protocol::Format,
};

/// The most stop sequences (Google, `GenerationConfig`).
const MOST_STOPS: usize = 5;

pub(super) fn write(context: Context<'_, '_>, body: &mut Members<'_>, losses: &mut Losses) {
    let mut config = Vec::new();
    write::object(&mut config, |config| {
        limits(context, config, losses);
        sampling(context, config, losses);
        output(context, config, losses);
        let modalities = context.request.modalities.iter().map(|word| word.to_ascii_uppercase());
        let modalities: Vec<String> = modalities.collect();
        if !modalities.is_empty() {
            config.value("responseModalities", &modalities);
        }
        let mut thinking = Vec::new();
        write::object(&mut thinking, |thinking| reasoning(context, thinking, losses));
        if let Some(thinking) = filled(&thinking) {
            config.raw("thinkingConfig", thinking);
        }
        for (key, extra) in inner(&context.request.extra, "generationConfig") {
            config.value(key, &extra.value);
        }
    });
    if let Some(config) = filled(&config) {
        body.raw("generationConfig", config);
    }
}

/// An object that has members, as text.
fn filled(object: &[u8]) -> Option<&str> {
    std::str::from_utf8(object).ok().filter(|object| *object != "{}")
}

fn limits(context: Context<'_, '_>, config: &mut Members<'_>, losses: &mut Losses) {
    let request = context.request;
    let limit = context.hints.limit(request.max_tokens);
    if limit != request.max_tokens {
        losses.field(request, Field::MaxTokens, "more than the model can say");
    }
    config.maybe("maxOutputTokens", limit.as_ref());
    let stops = &request.stop[..request.stop.len().min(MOST_STOPS)];
    if stops.len() < request.stop.len() {
        losses.field(request, Field::Stop, "only five stop sequences are taken");
    }
    if !stops.is_empty() {
        config.value("stopSequences", stops);
    }
}

fn sampling(context: Context<'_, '_>, config: &mut Members<'_>, losses: &mut Losses) {
    let request = context.request;
    let sampling = &request.sampling;
    config.maybe("temperature", sampling.temperature.as_ref());
    config.maybe("topP", sampling.top_p.as_ref());
    config.maybe("topK", sampling.top_k.as_ref());
    config.maybe("presencePenalty", sampling.presence_penalty.as_ref());
    config.maybe("frequencyPenalty", sampling.frequency_penalty.as_ref());
    let seed = sampling.seed.and_then(|seed| i32::try_from(seed).ok());
    if seed.is_none() && sampling.seed.is_some() {
        losses.field(request, Field::Seed, "a seed has 32 bits");
    }
    config.maybe("seed", seed.as_ref());
    match sampling.n {
        Some(n) if n > 1 && !context.is_own() => {
            losses.field(request, Field::N, "one reply can be translated");
        }
        Some(n) => config.value("candidateCount", &n),
        None => {}
    }
    config.maybe("responseLogprobs", sampling.logprobs.as_ref());
    config.maybe("logprobs", sampling.top_logprobs.as_ref());
}

fn output(context: Context<'_, '_>, config: &mut Members<'_>, losses: &mut Losses) {
    let request = context.request;
    let Some(output) = &request.output else { return };
    if *output == Output::Text {
        config.value("responseMimeType", "text/plain");
        return;
    }
    if !request.tools.is_empty() && !context.is_third() && !context.is_own() {
        losses.field(request, Field::Output, "this model takes no form beside tools");
        return;
    }
    config.value("responseMimeType", "application/json");
    let Output::JsonSchema { name, description, schema, strict } = output else { return };
    for (told, key) in [
        (name.is_some(), "name"),
        (description.is_some(), "description"),
        (strict.is_some(), "strict"),
    ] {
        if told {
            losses.member(form(request.format), key, "a form has a schema only");
        }
    }
    if context.hints.genuine {
        config.value("responseJsonSchema", schema);
        return;
    }
    if context.hints.quirks.has(Quirk::NoJsonSchema) {
        losses.field(request, Field::Output, "the provider takes no schemas");
        return;
    }
    let converted = schema::from_json_schema(schema);
    if !converted.lost.is_empty() {
        let lost = converted.lost.join(", ");
        losses.field(request, Field::Output, format!("its schema goes without: {lost}"));
    }
    config.maybe("responseSchema", converted.schema.as_ref());
}

/// Where a client says more about the form than its schema.
fn form(format: Format) -> Place {
    Place::new(
        match format {
            Format::OpenAi => "/response_format/json_schema",
            Format::OpenAiResponses => "/text/format",
            Format::Anthropic => "/output_config/format",
            Format::Gemini => "/generationConfig",
        },
        &[],
    )
}

/// `thinkingConfig`, in the words of the model's generation.
fn reasoning(context: Context<'_, '_>, thinking: &mut Members<'_>, losses: &mut Losses) {
    let request = context.request;
    let wish = &request.reasoning;
    let says_how = wish.mode.is_some() || wish.effort.is_some() || wish.budget.is_some();
    let reasoning = &context.hints.reasoning;
    let silent = context.hints.quirks.has(Quirk::NoReasoning) || reasoning.how == How::Not;
    if silent && !context.is_own() {
        if says_how {
            lose_effort(context, "the model takes no wish about it", losses);
        }
        if wish.show.is_some() {
            losses.field(request, Field::ReasoningShow, "the model takes no wish about it");
        }
        return;
    }
    // Who asks for reasoning elsewhere sees it, unless it is told otherwise.
    let asked = matches!(wish.mode, Some(ReasoningMode::On | ReasoningMode::Adaptive));
    let show = match wish.show {
        Some(show) => Some(show != Show::Nothing),
        // Where thinking cannot be turned off, it is at least not shown.
        None if is_off(wish) && reasoning.how == How::Level => Some(false),
        None => (asked && !context.is_own()).then_some(true),
    };
    if matches!(wish.show, Some(Show::Concise | Show::Detailed)) {
        losses.field(request, Field::ReasoningShow, "thoughts are shown in one way only");
    }
    match reasoning.how {
        How::Tokens { .. } => budget(context, reasoning, thinking, losses),
        How::Level | How::Effort | How::Adaptive | How::Budget | How::Not => {
            level(context, reasoning, thinking, losses);
        }
    }
    thinking.maybe("includeThoughts", show.as_ref());
    for (key, extra) in inner(&request.extra, "generationConfig.thinkingConfig") {
        thinking.value(key, &extra.value);
    }
}

fn is_off(wish: &ReasoningWish) -> bool {
    wish.mode == Some(ReasoningMode::Off) || wish.effort == Some(Effort::None)
}

/// Models before the third generation take a number of tokens; -1 leaves it to them.
fn budget(
    context: Context<'_, '_>,
    reasoning: &Reasoning,
    thinking: &mut Members<'_>,
    losses: &mut Losses,
) {
    let wish = &context.request.reasoning;
    if wish.mode == Some(ReasoningMode::Adaptive) && wish.effort.is_none() {
        thinking.value("thinkingBudget", &-1);
        return;
    }
    let Some(tokens) = reasoning.tokens(wish) else { return };
    thinking.value("thinkingBudget", &tokens);
    let off = is_off(wish);
    if off && tokens > 0 {
        lose_effort(context, "the model cannot do without", losses);
    } else if wish.budget.is_some_and(|budget| budget != tokens) && !off {
        let why = format!("out of the model's range: becomes {tokens}");
        losses.field(context.request, Field::ReasoningBudget, why);
    }
}

/// Models of the third generation take a level.
fn level(
    context: Context<'_, '_>,
    reasoning: &Reasoning,
    thinking: &mut Members<'_>,
    losses: &mut Losses,
) {
    let request = context.request;
    let wish = &request.reasoning;
    // Their budgets are still taken from who writes them in this format.
    if context.is_own() && wish.effort.is_none() {
        match (wish.mode, wish.budget) {
            (_, Some(budget)) => thinking.value("thinkingBudget", &budget),
            (Some(ReasoningMode::Adaptive), None) => thinking.value("thinkingBudget", &-1),
            (Some(_) | None, None) => {}
        }
        if wish.mode != Some(ReasoningMode::Off) {
            return;
        }
    }
    let wanted = match (wish.mode, wish.effort, wish.budget) {
        (Some(ReasoningMode::Off), ..) => Effort::None,
        (_, Some(effort), _) => effort,
        (_, None, Some(budget)) => from_budget(budget, request.max_tokens),
        // They think by themselves.
        (_, None, None) => return,
    };
    let as_it_is = context.is_own() && wanted != Effort::None;
    let level = if as_it_is { Some(wanted) } else { reasoning.fit(wanted) };
    let Some(level) = level else { return };
    thinking.value("thinkingLevel", &level.name().to_ascii_uppercase());
    if context.is_own() {
        return;
    }
    if level != wanted {
        let why = if wanted == Effort::None {
            "the model cannot do without".to_owned()
        } else {
            format!("the model does not know it: becomes {}", level.name())
        };
        lose_effort(context, &why, losses);
    } else if wish.effort.is_none() {
        let why = format!("becomes the level {}", level.name());
        losses.field(request, Field::ReasoningBudget, why);
    } else if wish.budget.is_some() {
        losses.field(request, Field::ReasoningBudget, "the level says it");
    }
}

/// Reports the wish about the amount of reasoning; Anthropic has mode and effort in two places.
fn lose_effort(context: Context<'_, '_>, why: &str, losses: &mut Losses) {
    let request = context.request;
    if request.format == Format::Anthropic && request.reasoning.effort.is_some() {
        losses.member(Place::new("/output_config", &[]), "effort", why.to_owned());
    }
    if request.format != Format::Anthropic
        || request.reasoning.mode.is_some()
        || request.reasoning.budget.is_some()
    {
        losses.field(request, Field::Reasoning, why.to_owned());
    }
}
