//! What a provider's 400 asks for: another spelling, or the same request without something. Tried
//! once, and remembered for the model.

use crate::chat::{Fault, FaultKind, Request};

use super::{
    Dropped,
    dropped::{Field, Losses},
    hints::{Hints, MaxTokensName, Quirk},
};

/// A change that may make a refused request acceptable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repair {
    /// Without seals: they are not of this provider, or too old.
    WithoutSeals,
    /// With the other spelling of the token limit.
    MaxTokensName(MaxTokensName),
    /// Without this wish.
    Without(Field),
    /// With this quirk taken into account.
    Quirk(Quirk),
}

/// Names of parameters in complaints of providers, and what to do.
const PARAMETERS: &[(&str, Repair)] = &[
    ("max_completion_tokens", Repair::MaxTokensName(MaxTokensName::MaxTokens)),
    ("max_tokens", Repair::MaxTokensName(MaxTokensName::MaxCompletionTokens)),
    ("stream_options", Repair::Quirk(Quirk::NoStreamOptions)),
    ("parallel_tool_calls", Repair::Quirk(Quirk::NoParallelSwitch)),
    ("reasoning_effort", Repair::Quirk(Quirk::NoReasoning)),
    ("reasoning.effort", Repair::Quirk(Quirk::NoReasoning)),
    ("thinking", Repair::Quirk(Quirk::NoReasoning)),
    ("reasoning", Repair::Quirk(Quirk::NoReasoning)),
    ("temperature", Repair::Without(Field::Temperature)),
    ("top_p", Repair::Without(Field::TopP)),
    ("top_k", Repair::Without(Field::TopK)),
    ("presence_penalty", Repair::Without(Field::PresencePenalty)),
    ("frequency_penalty", Repair::Without(Field::FrequencyPenalty)),
    ("seed", Repair::Without(Field::Seed)),
    ("logprobs", Repair::Without(Field::Logprobs)),
    ("stop", Repair::Without(Field::Stop)),
    ("verbosity", Repair::Without(Field::Verbosity)),
    ("service_tier", Repair::Without(Field::Tier)),
    ("prompt_cache_key", Repair::Quirk(Quirk::NoCacheKey)),
    ("prompt_cache_retention", Repair::Without(Field::CacheRetention)),
    ("safety_identifier", Repair::Without(Field::SafetyId)),
    ("metadata", Repair::Without(Field::Metadata)),
    ("store", Repair::Without(Field::Store)),
    ("user", Repair::Without(Field::UserId)),
    ("strict", Repair::Quirk(Quirk::NoStrict)),
    ("developer", Repair::Quirk(Quirk::NoDeveloperRole)),
];

/// How providers say that they do not take a parameter.
const COMPLAINTS: &[&str] = &[
    "unsupported parameter",
    "unsupported value",
    "unsupported_parameter",
    "unknown parameter",
    "unrecognized request argument",
    "unrecognized parameter",
    "unexpected keyword",
    "not supported",
    "not support",
    "unknown name",
    "unknown field",
    "extra inputs are not permitted",
    "is deprecated",
    "cannot both be specified",
    "not one of",
    "invalid role",
];

impl Repair {
    /// What `fault`, the answer to a translated request, asks for.
    #[must_use]
    pub fn of(fault: &Fault) -> Option<Self> {
        if fault.kind != FaultKind::InvalidRequest {
            return None;
        }
        let message = fault.message.to_lowercase();
        let code = fault.code.as_deref().unwrap_or_default();
        if ["signature", "thought_signature", "encrypted content", "encrypted_content"]
            .iter()
            .any(|word| message.contains(word))
            || code == "invalid_encrypted_content"
        {
            return Some(Self::WithoutSeals);
        }
        if !COMPLAINTS.iter().any(|words| message.contains(words) || code == *words) {
            return None;
        }
        let param = fault.param.as_deref().map(|param| param.trim_start_matches('/'));
        let named = param.and_then(|param| PARAMETERS.iter().find(|(name, _)| *name == param));
        // The first that is named is the one that is not liked; what stands behind it is advice.
        let found = || {
            let places = PARAMETERS.iter().filter_map(|row| Some((word_in(&message, row.0)?, row)));
            places.min_by_key(|(place, _)| *place).map(|(_, row)| row)
        };
        named.or_else(found).map(|(_, repair)| *repair)
    }

    /// Changes what is about to be written. What the client loses by it is reported.
    #[must_use]
    pub fn apply(self, request: &mut Request<'_>, hints: &mut Hints<'_>) -> Vec<Dropped> {
        let mut losses = Losses::default();
        match self {
            Self::WithoutSeals => {
                for block in request.messages.iter_mut().flat_map(|message| &mut message.blocks) {
                    if block.seal.take().is_some() {
                        losses.hint(block.place, "the provider refused the signature");
                    }
                }
            }
            Self::MaxTokensName(name) => hints.max_tokens_name = name,
            Self::Quirk(quirk) => hints.quirks = hints.quirks.with(quirk),
            Self::Without(field) => {
                if clear(request, field) {
                    losses.field(request, field, "the provider refused it");
                }
            }
        }
        losses.into_list()
    }
}

/// Where `name` stands in `text` as a word of its own.
fn word_in(text: &str, name: &str) -> Option<usize> {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let mut places = text.match_indices(name).map(|(at, _)| at);
    places.find(|&at| {
        !part(text[..at].chars().next_back()) && !part(text[at + name.len()..].chars().next())
    })
}

/// Forgets a wish; true if there was one.
fn clear(request: &mut Request<'_>, field: Field) -> bool {
    let sampling = &mut request.sampling;
    match field {
        Field::Temperature => sampling.temperature.take().is_some(),
        Field::TopP => sampling.top_p.take().is_some(),
        Field::TopK => sampling.top_k.take().is_some(),
        Field::PresencePenalty => sampling.presence_penalty.take().is_some(),
        Field::FrequencyPenalty => sampling.frequency_penalty.take().is_some(),
        Field::Seed => sampling.seed.take().is_some(),
        Field::N => sampling.n.take().is_some(),
        Field::Logprobs | Field::TopLogprobs => {
            sampling.logprobs.take().is_some() | sampling.top_logprobs.take().is_some()
        }
        Field::MaxTokens => request.max_tokens.take().is_some(),
        Field::ToolChoice => {
            !matches!(std::mem::take(&mut request.tool_choice), crate::chat::ToolChoice::Auto)
        }
        Field::ParallelTools => request.parallel_tools.take().is_some(),
        Field::Stop => !std::mem::take(&mut request.stop).is_empty(),
        Field::Output => request.output.take().is_some(),
        Field::Reasoning => {
            request.reasoning.mode.take().is_some() | request.reasoning.effort.take().is_some()
        }
        Field::ReasoningBudget => request.reasoning.budget.take().is_some(),
        Field::ReasoningShow => request.reasoning.show.take().is_some(),
        Field::Verbosity => request.verbosity.take().is_some(),
        Field::Modalities => !std::mem::take(&mut request.modalities).is_empty(),
        Field::CacheKey => request.cache.key.take().is_some(),
        Field::CacheRetention => request.cache.retention.take().is_some(),
        Field::CacheMark => request.cache.mark.take().is_some(),
        Field::Tier => request.tier.take().is_some(),
        Field::UserId => request.user.id.take().is_some(),
        Field::SafetyId => request.user.safety_id.take().is_some(),
        Field::Metadata => request.user.metadata.take().is_some(),
        Field::Store => request.store.take().is_some(),
        // Without it the question has lost its context.
        Field::State => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_says_what_to_change() {
        for (message, expected) in [
            (
                "Unsupported parameter: 'max_tokens' is not supported with this model. Use \
                 'max_completion_tokens' instead.",
                Some(Repair::MaxTokensName(MaxTokensName::MaxCompletionTokens)),
            ),
            (
                "Unrecognized request argument supplied: max_completion_tokens",
                Some(Repair::MaxTokensName(MaxTokensName::MaxTokens)),
            ),
            (
                "messages.1.content.0: Invalid `signature` in `thinking` block",
                Some(Repair::WithoutSeals),
            ),
            (
                "The encrypted content for item rs_1 could not be verified.",
                Some(Repair::WithoutSeals),
            ),
            (
                "Unsupported value: 'temperature' does not support 0.2 with this model.",
                Some(Repair::Without(Field::Temperature)),
            ),
            ("prompt is too long: 210000 tokens > 200000 maximum", None),
            ("temperature: must be at most 1", None),
        ] {
            let param = message
                .split('\'')
                .nth(1)
                .filter(|_| message.starts_with("Unsupported"))
                .map(str::to_owned);
            let fault = Fault { param, ..Fault::new(FaultKind::InvalidRequest, message) };
            assert_eq!(Repair::of(&fault), expected, "{message}");
            let unnamed = Fault { param: None, ..fault };
            assert_eq!(Repair::of(&unnamed), expected, "{message}");
        }
    }
}
