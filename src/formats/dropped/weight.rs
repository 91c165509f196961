//! What a loss means: the one table that `onLoss: refuse` goes by. Whether something is lost is not
//! decided here.

use super::Field;
use crate::chat::Request;

/// What a loss means for the answer, from the least to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weight {
    /// A hint to the vendor about cost, speed, records, looks or effort: the model is asked the
    /// same, and its answer means the same.
    Hint,
    /// It arrives, in other words or with the nearest value that there is.
    Wording,
    /// A part of what was said, or a wish that changes the answer, does not arrive.
    Content,
}

/// Members that are hints, by their names in any format.
const HINTS: &[&str] = &[
    // Of prompt caches, and of contexts that vendors keep short by themselves.
    "cache_control",
    "context_management",
    "reasoning.context",
    // About the client, for the vendor's records and checks.
    "client_metadata",
    "internal_chat_message_metadata_passthrough",
    "labels",
    "safeguards",
    "safetySettings",
    // How a stream is cut, and what else it tells.
    "eager_input_streaming",
    "include",
    "stream_options",
    // Proofs of another vendor for what arrives without them.
    "encrypted_content",
    "extra_content",
    "signature",
    "thoughtSignature",
    // How closely a schema or a picture is looked at.
    "detail",
    "strict",
    // Searches of vendors that have one go out to the net without being asked.
    "external_web_access",
    "search_context_size",
];

/// Members that arrive in another form.
const WORDINGS: &[&str] =
    &["arguments", "call_id", "defer_loading", "effort", "is_error", "namespace", "type"];

/// Items and blocks whose meaning is taken from them before.
const UNDERSTOOD: &[&str] = &["configuration_update"];

impl Weight {
    /// Its name, for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hint => "hint",
            Self::Wording => "wording",
            Self::Content => "content",
        }
    }

    /// The weight of an item or a block of a kind that the target's format does not have.
    pub(super) fn of_kind(kind: &str) -> Self {
        if UNDERSTOOD.contains(&kind) { Self::Wording } else { Self::Content }
    }

    /// The weight of a member that has no place in the target's format.
    #[must_use]
    pub fn of_member(key: &str) -> Self {
        match key {
            _ if HINTS.contains(&key) => Self::Hint,
            _ if WORDINGS.contains(&key) => Self::Wording,
            _ => Self::Content,
        }
    }

    /// The weight of a wish of `request`.
    pub(super) fn of_field(field: Field, request: &Request<'_>) -> Self {
        let is_one = |value: Option<f64>| value.is_some_and(|value| (value - 1.0).abs() < 1e-9);
        match field {
            Field::CacheKey
            | Field::CacheRetention
            | Field::CacheMark
            | Field::Tier
            | Field::UserId
            | Field::SafetyId
            | Field::Metadata
            | Field::Store
            | Field::Verbosity
            | Field::Reasoning
            | Field::ReasoningBudget
            | Field::ReasoningShow => Self::Hint,
            // Never forgotten, but fitted to what the model takes.
            Field::MaxTokens => Self::Wording,
            // What all models do anyway.
            Field::ParallelTools if request.parallel_tools == Some(true) => Self::Hint,
            Field::Temperature if is_one(request.sampling.temperature) => Self::Hint,
            Field::TopP if is_one(request.sampling.top_p) => Self::Hint,
            Field::ParallelTools
            | Field::Temperature
            | Field::TopP
            | Field::ToolChoice
            | Field::TopK
            | Field::PresencePenalty
            | Field::FrequencyPenalty
            | Field::Seed
            | Field::N
            | Field::Logprobs
            | Field::TopLogprobs
            | Field::Stop
            | Field::Output
            | Field::Modalities
            | Field::State => Self::Content,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Format;

    #[test]
    fn what_every_model_does_anyway_is_a_hint() {
        let mut request = Request::new(Format::OpenAi);
        for (parallel, temperature, expected) in
            [(Some(true), Some(1.0), Weight::Hint), (Some(false), Some(0.2), Weight::Content)]
        {
            request.parallel_tools = parallel;
            request.sampling.temperature = temperature;
            request.sampling.top_p = temperature;
            for field in [Field::ParallelTools, Field::Temperature, Field::TopP] {
                assert_eq!(Weight::of_field(field, &request), expected, "{field:?}");
            }
        }
    }

    #[test]
    fn what_nobody_has_a_word_for_is_content() {
        for (key, expected) in [
            ("cache_control", Weight::Hint),
            ("reasoning.context", Weight::Hint),
            ("defer_loading", Weight::Wording),
            ("inference_geo", Weight::Content),
            ("", Weight::Content),
        ] {
            assert_eq!(Weight::of_member(key), expected, "{key}");
        }
    }
}
