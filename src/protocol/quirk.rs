//! How providers differ from the vendor of the format that they speak.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names::did_you_mean;

/// A way in which a provider differs from the vendor of the format that it speaks
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Quirk {
    /// Chat: does not know the role `developer`; it gets `system`
    NoDeveloperRole,
    /// Chat: does not know `stream_options`
    NoStreamOptions,
    /// Does not know the switch for parallel tool calls
    NoParallelSwitch,
    /// Does not know `strict` of tools
    NoStrict,
    /// Does not know structured output with a schema
    NoJsonSchema,
    /// Takes no images by URL
    NoImageUrls,
    /// Takes system messages only in front (Anthropic before mid-conversation messages)
    NoSystemInside,
    /// Does not know freeform tools, although the format has them
    NoFreeform,
    /// Does not know namespaces of tools, although the format has them
    NoNamespaces,
    /// Does not know prompt-cache keys, although the format has them
    NoCacheKey,
    /// Takes `cache_control` although the format has none (Chat at `OpenRouter`)
    CacheMarks,
    /// Wants the reasoning of earlier turns back in `reasoning_content` (Chat at `DeepSeek`)
    ReasoningBack,
    /// Wants ids of calls to be nine letters and digits (Mistral)
    NineLetterIds,
    /// Keeps replies, so that `previous_response_id` means something to it
    KeepsState,
    /// Does not want reasoning to be asked for at all
    NoReasoning,
    /// Cannot be asked how many tokens a request has, although the format has that question
    NoTokenCount,
}

impl Quirk {
    /// Every quirk, in the order of their declaration.
    pub const ALL: [Self; 16] = [
        Self::NoDeveloperRole,
        Self::NoStreamOptions,
        Self::NoParallelSwitch,
        Self::NoStrict,
        Self::NoJsonSchema,
        Self::NoImageUrls,
        Self::NoSystemInside,
        Self::NoFreeform,
        Self::NoNamespaces,
        Self::NoCacheKey,
        Self::CacheMarks,
        Self::ReasoningBack,
        Self::NineLetterIds,
        Self::KeepsState,
        Self::NoReasoning,
        Self::NoTokenCount,
    ];

    /// The name used in config and documents.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoDeveloperRole => "no-developer-role",
            Self::NoStreamOptions => "no-stream-options",
            Self::NoParallelSwitch => "no-parallel-switch",
            Self::NoStrict => "no-strict",
            Self::NoJsonSchema => "no-json-schema",
            Self::NoImageUrls => "no-image-urls",
            Self::NoSystemInside => "no-system-inside",
            Self::NoFreeform => "no-freeform",
            Self::NoNamespaces => "no-namespaces",
            Self::NoCacheKey => "no-cache-key",
            Self::CacheMarks => "cache-marks",
            Self::ReasoningBack => "reasoning-back",
            Self::NineLetterIds => "nine-letter-ids",
            Self::KeepsState => "keeps-state",
            Self::NoReasoning => "no-reasoning",
            Self::NoTokenCount => "no-token-count",
        }
    }
}

impl fmt::Display for Quirk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Quirk {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|quirk| quirk.name() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::name);
            let hint = did_you_mean(text, names);
            format!("`{text}` is not a quirk{hint} (known: {})", names.join(", "))
        })
    }
}

/// A set of quirks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quirks(u32);

impl Quirks {
    /// The set with `quirk` in it.
    #[must_use]
    pub const fn with(self, quirk: Quirk) -> Self {
        Self(self.0 | 1 << quirk as u32)
    }

    /// Whether `quirk` is in it.
    #[must_use]
    pub const fn has(self, quirk: Quirk) -> bool {
        self.0 & 1 << quirk as u32 != 0
    }
}

impl FromIterator<Quirk> for Quirks {
    fn from_iter<T: IntoIterator<Item = Quirk>>(quirks: T) -> Self {
        quirks.into_iter().fold(Self::default(), Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quirks_are_a_set() {
        let quirks = Quirks::default().with(Quirk::NoStrict).with(Quirk::KeepsState);
        assert!(quirks.has(Quirk::NoStrict) && quirks.has(Quirk::KeepsState));
        assert!(!quirks.has(Quirk::CacheMarks));
        let all: Quirks = Quirk::ALL.into_iter().collect();
        assert!(Quirk::ALL.into_iter().all(|quirk| all.has(quirk)));
    }

    #[test]
    fn names_are_read_back_and_a_typo_is_explained() {
        for (place, quirk) in Quirk::ALL.into_iter().enumerate() {
            assert_eq!(quirk as usize, place);
            assert_eq!(quirk.name().parse(), Ok(quirk));
            assert_eq!(serde_json::to_value(quirk).unwrap(), quirk.name());
        }
        let error = "no-strickt".parse::<Quirk>().unwrap_err();
        assert!(error.contains("did you mean `no-strict`"), "{error}");
    }
}
