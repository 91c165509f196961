//! What an encoder must know of the target that it writes for. Facts about models and providers
//! come from the config, its presets and what earlier answers taught; this module only has words
//! for them.

pub use crate::protocol::quirk::{Quirk, Quirks};

use crate::protocol::Format;

use super::{effort::Reasoning, names::Rules};

/// The target of a translated request.
#[derive(Debug, Clone)]
pub struct Hints<'a> {
    /// The model's name as the provider knows it.
    pub model: &'a str,
    /// Whether the provider is asked for a stream. It may differ from the client's wish.
    pub stream: bool,
    /// Whether the provider is the vendor of the format, rather than one that speaks it too.
    pub genuine: bool,
    /// The most tokens that the model can say at once, if known.
    pub max_output: Option<u64>,
    /// The model's context window, if known.
    pub context: Option<u64>,
    /// How the model is told to reason.
    pub reasoning: Reasoning,
    /// The spelling of the token limit (OpenAI Chat).
    pub max_tokens_name: MaxTokensName,
    /// What the provider does differently.
    pub quirks: Quirks,
}

/// How OpenAI Chat spells the limit of output tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MaxTokensName {
    /// `max_completion_tokens` at the vendor's, `max_tokens` at others.
    #[default]
    ByVendor,
    MaxTokens,
    MaxCompletionTokens,
}

impl<'a> Hints<'a> {
    /// What can be told from the model's name alone.
    #[must_use]
    pub fn of_model(model: &'a str) -> Self {
        Self {
            model,
            stream: false,
            genuine: false,
            max_output: None,
            context: None,
            reasoning: Reasoning::of_model(model),
            max_tokens_name: MaxTokensName::default(),
            quirks: Quirks::default(),
        }
    }

    /// The spelling of the token limit that is to be used.
    #[must_use]
    pub fn completion_limit(&self) -> &'static str {
        match (self.max_tokens_name, self.genuine) {
            (MaxTokensName::MaxCompletionTokens, _) | (MaxTokensName::ByVendor, true) => {
                "max_completion_tokens"
            }
            (MaxTokensName::MaxTokens, _) | (MaxTokensName::ByVendor, false) => "max_tokens",
        }
    }

    /// The token limit for a format that requires one: the client's, else the model's, else
    /// 32,000; never more than the model's. Never invented low: that cuts replies off silently.
    #[must_use]
    pub fn required_limit(&self, wanted: Option<u64>) -> u64 {
        let most = self.max_output.unwrap_or(u64::MAX);
        wanted.or(self.max_output).unwrap_or(32_000).min(most)
    }

    /// The token limit for a format that can do without: the client's, clamped to the model's.
    #[must_use]
    pub fn limit(&self, wanted: Option<u64>) -> Option<u64> {
        wanted.map(|wanted| wanted.min(self.max_output.unwrap_or(u64::MAX)))
    }
}

impl Hints<'_> {
    /// Whether a target of `format` takes freeform tools as they are.
    #[must_use]
    pub fn takes_freeform(&self, format: Format) -> bool {
        match format {
            Format::OpenAi | Format::OpenAiResponses => {
                self.genuine && !self.quirks.has(Quirk::NoFreeform)
            }
            Format::Anthropic | Format::Gemini => false,
        }
    }

    /// Whether a target of `format` takes namespaces of tools as they are.
    #[must_use]
    pub fn takes_namespaces(&self, format: Format) -> bool {
        match format {
            Format::OpenAiResponses => self.genuine && !self.quirks.has(Quirk::NoNamespaces),
            Format::OpenAi | Format::Anthropic | Format::Gemini => false,
        }
    }

    /// What a target of `format` takes of tools' names and kinds.
    #[must_use]
    pub fn rules(&self, format: Format) -> Rules {
        Rules {
            namespaces: self.takes_namespaces(format),
            freeform: self.takes_freeform(format),
            letter_first: format == Format::Gemini,
        }
    }

    /// Whether a target of `format` takes a prompt-cache key.
    #[must_use]
    pub fn takes_cache_key(&self, format: Format) -> bool {
        match format {
            Format::OpenAi | Format::OpenAiResponses => {
                self.genuine && !self.quirks.has(Quirk::NoCacheKey)
            }
            Format::Anthropic | Format::Gemini => false,
        }
    }

    /// Whether a target of `format` takes marks for its cache on blocks.
    #[must_use]
    pub fn takes_cache_marks(&self, format: Format) -> bool {
        match format {
            Format::Anthropic => true,
            Format::OpenAi => self.quirks.has(Quirk::CacheMarks),
            Format::OpenAiResponses | Format::Gemini => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_never_invented_low() {
        let mut hints = Hints::of_model("m");
        assert_eq!(hints.required_limit(None), 32_000);
        assert_eq!(hints.limit(None), None);
        hints.max_output = Some(8_192);
        assert_eq!(hints.required_limit(None), 8_192);
        assert_eq!(hints.required_limit(Some(100_000)), 8_192);
        assert_eq!(hints.limit(Some(5)), Some(5));
    }
}
