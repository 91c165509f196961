//! What a translation could not say, with the place in the client's body. Nothing is lost silently.

use std::borrow::Cow;

use crate::{
    chat::{Extra, Place, Request},
    protocol::Format,
};

mod weight;

pub use weight::Weight;

/// A part of the client's request that the target's format cannot say, or not in the same way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dropped {
    /// A JSON pointer into the client's body.
    pub path: String,
    /// Why, in a few words.
    pub reason: Cow<'static, str>,
    pub weight: Weight,
}

/// Losses as they come up while a request is written.
#[derive(Debug, Default)]
pub struct Losses(Vec<Dropped>);

impl Losses {
    /// All of them, in the order in which they came up.
    #[must_use]
    pub fn into_list(self) -> Vec<Dropped> {
        self.0
    }

    /// A wish of the request is lost.
    pub fn field(
        &mut self,
        request: &Request<'_>,
        field: Field,
        reason: impl Into<Cow<'static, str>>,
    ) {
        self.push(
            field.pointer(request.format).to_owned(),
            reason,
            Weight::of_field(field, request),
        );
    }

    /// A wish of the request is granted in another way.
    pub fn reworded_field(
        &mut self,
        request: &Request<'_>,
        field: Field,
        reason: impl Into<Cow<'static, str>>,
    ) {
        self.push(field.pointer(request.format).to_owned(), reason, Weight::Wording);
    }

    /// The whole of what stands at `place` is lost.
    pub fn whole(&mut self, place: Place, reason: impl Into<Cow<'static, str>>) {
        self.push(place.to_string(), reason, Weight::Content);
    }

    /// What stands at `place` is said in another way.
    pub fn reworded(&mut self, place: Place, reason: impl Into<Cow<'static, str>>) {
        self.push(place.to_string(), reason, Weight::Wording);
    }

    /// What stands at `place` is no part of what is asked.
    pub fn hint(&mut self, place: Place, reason: impl Into<Cow<'static, str>>) {
        self.push(place.to_string(), reason, Weight::Hint);
    }

    /// What stands at `place`, of a kind that only `format` has, is lost.
    pub fn opaque(&mut self, place: Place, format: Format, kind: &str) {
        let reason = format!("only {format} has `{kind}`");
        self.push(place.to_string(), reason, Weight::of_kind(kind));
    }

    /// A member of what stands at `place` is lost.
    pub fn member(&mut self, place: Place, key: &str, reason: impl Into<Cow<'static, str>>) {
        self.push(place.member(key), reason, Weight::of_member(key));
    }

    fn push(&mut self, path: String, reason: impl Into<Cow<'static, str>>, weight: Weight) {
        self.0.push(Dropped { path, reason: reason.into(), weight });
    }

    /// Members without a word, of what stands at `place`. Of the target's own format they are given
    /// to `keep`; the rest is lost.
    pub fn extras<'e, 'a>(
        &mut self,
        extras: &'e [Extra<'a>],
        place: Place,
        target: Format,
        keep: &mut dyn FnMut(&'e Extra<'a>),
    ) {
        for extra in extras {
            if extra.format == target {
                keep(extra);
            } else {
                // Members of objects of the body are carried with the object's name in front.
                let inside = extra.key.split('.').map(|key| Place::default().member(key));
                let path = format!("{place}{}", inside.collect::<String>());
                let weight = Weight::of_member(&extra.key);
                self.push(path, format!("only {} has it", extra.format), weight);
            }
        }
    }
}

/// A wish that stands in the body itself. Each format has its own spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    MaxTokens,
    ToolChoice,
    ParallelTools,
    Temperature,
    TopP,
    TopK,
    PresencePenalty,
    FrequencyPenalty,
    Seed,
    N,
    Logprobs,
    TopLogprobs,
    Stop,
    Output,
    /// Mode and effort.
    Reasoning,
    ReasoningBudget,
    ReasoningShow,
    Verbosity,
    Modalities,
    CacheKey,
    CacheRetention,
    CacheMark,
    Tier,
    UserId,
    SafetyId,
    Metadata,
    Store,
    State,
}

impl Field {
    /// Where a client of `format` wrote it. Where a format has no such field, the name that the
    /// others use.
    #[must_use]
    pub fn pointer(self, format: Format) -> &'static str {
        let [chat, responses, anthropic, gemini] = self.pointers();
        match format {
            Format::OpenAi => chat,
            Format::OpenAiResponses => responses,
            Format::Anthropic => anthropic,
            Format::Gemini => gemini,
        }
    }

    /// In the order of [`Format::ALL`].
    #[rustfmt::skip]
    fn pointers(self) -> [&'static str; 4] {
        match self {
            Self::MaxTokens => ["/max_completion_tokens", "/max_output_tokens", "/max_tokens", "/generationConfig/maxOutputTokens"],
            Self::ToolChoice => ["/tool_choice", "/tool_choice", "/tool_choice", "/toolConfig/functionCallingConfig"],
            Self::ParallelTools => ["/parallel_tool_calls", "/parallel_tool_calls", "/tool_choice/disable_parallel_tool_use", "/parallel_tool_calls"],
            Self::Temperature => ["/temperature", "/temperature", "/temperature", "/generationConfig/temperature"],
            Self::TopP => ["/top_p", "/top_p", "/top_p", "/generationConfig/topP"],
            Self::TopK => ["/top_k", "/top_k", "/top_k", "/generationConfig/topK"],
            Self::PresencePenalty => ["/presence_penalty", "/presence_penalty", "/presence_penalty", "/generationConfig/presencePenalty"],
            Self::FrequencyPenalty => ["/frequency_penalty", "/frequency_penalty", "/frequency_penalty", "/generationConfig/frequencyPenalty"],
            Self::Seed => ["/seed", "/seed", "/seed", "/generationConfig/seed"],
            Self::N => ["/n", "/n", "/n", "/generationConfig/candidateCount"],
            Self::Logprobs => ["/logprobs", "/include", "/logprobs", "/generationConfig/responseLogprobs"],
            Self::TopLogprobs => ["/top_logprobs", "/top_logprobs", "/top_logprobs", "/generationConfig/logprobs"],
            Self::Stop => ["/stop", "/stop", "/stop_sequences", "/generationConfig/stopSequences"],
            Self::Output => ["/response_format", "/text/format", "/output_config/format", "/generationConfig/responseMimeType"],
            Self::Reasoning => ["/reasoning_effort", "/reasoning", "/thinking", "/generationConfig/thinkingConfig"],
            Self::ReasoningBudget => ["/reasoning/max_tokens", "/reasoning/max_tokens", "/thinking/budget_tokens", "/generationConfig/thinkingConfig/thinkingBudget"],
            Self::ReasoningShow => ["/reasoning/summary", "/reasoning/summary", "/thinking/display", "/generationConfig/thinkingConfig/includeThoughts"],
            Self::Verbosity => ["/verbosity", "/text/verbosity", "/verbosity", "/verbosity"],
            Self::Modalities => ["/modalities", "/modalities", "/modalities", "/generationConfig/responseModalities"],
            Self::CacheKey => ["/prompt_cache_key", "/prompt_cache_key", "/prompt_cache_key", "/prompt_cache_key"],
            Self::CacheRetention => ["/prompt_cache_retention", "/prompt_cache_retention", "/prompt_cache_retention", "/prompt_cache_retention"],
            Self::CacheMark => ["/cache_control", "/cache_control", "/cache_control", "/cache_control"],
            Self::Tier => ["/service_tier", "/service_tier", "/service_tier", "/serviceTier"],
            Self::UserId => ["/user", "/user", "/metadata/user_id", "/labels"],
            Self::SafetyId => ["/safety_identifier", "/safety_identifier", "/safety_identifier", "/safety_identifier"],
            Self::Metadata => ["/metadata", "/metadata", "/metadata", "/labels"],
            Self::Store => ["/store", "/store", "/store", "/store"],
            Self::State => ["/previous_response_id", "/previous_response_id", "/thread", "/cachedContent"],
        }
    }
}
