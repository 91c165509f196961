//! The wire formats, and what can be asked in each of them.

pub mod quirk;

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names::did_you_mean;

/// A wire format: the language of a request, its reply and its errors.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// OpenAI Chat Completions, with the legacy completions, embeddings and the like
    #[serde(rename = "openai")]
    OpenAi,
    /// OpenAI Responses
    #[serde(rename = "openai-responses")]
    OpenAiResponses,
    /// Anthropic Messages
    Anthropic,
    /// Gemini `generateContent`
    Gemini,
}

impl Format {
    /// Every format, in the order in which they are listed for people.
    pub const ALL: [Self; 4] = [Self::OpenAi, Self::OpenAiResponses, Self::Anthropic, Self::Gemini];

    /// The name used in config, flags, JSON and documents.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::OpenAiResponses => "openai-responses",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
        }
    }

    /// The place of this format in [`Format::ALL`]: an index for tables with a row per format.
    #[must_use]
    pub fn index(self) -> usize {
        match self {
            Self::OpenAi => 0,
            Self::OpenAiResponses => 1,
            Self::Anthropic => 2,
            Self::Gemini => 3,
        }
    }

    /// The other formats, by how much of a request in this one they can say: of a provider that
    /// speaks several, the first is asked. Blocks with reasoning and images in results count for
    /// most: agents live on them.
    #[must_use]
    pub fn nearest(self) -> [Self; 3] {
        match self {
            Self::OpenAi => [Self::OpenAiResponses, Self::Anthropic, Self::Gemini],
            Self::OpenAiResponses => [Self::Anthropic, Self::OpenAi, Self::Gemini],
            Self::Anthropic => [Self::OpenAiResponses, Self::OpenAi, Self::Gemini],
            Self::Gemini => [Self::Anthropic, Self::OpenAiResponses, Self::OpenAi],
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = String;

    /// Reads a format's name; `claude` is the older name of `anthropic`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = if text == "claude" { "anthropic" } else { text };
        Self::ALL.into_iter().find(|format| format.name() == wanted).ok_or_else(|| {
            let names = Self::ALL.map(Self::name);
            let hint = did_you_mean(text, names);
            format!("`{text}` is not a format{hint} (known: {})", names.join(", "))
        })
    }
}

/// What a client asks for. Each operation belongs to one format and has one URL ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
pub enum Operation {
    // Anthropic.
    Messages,
    CountTokens,
    // OpenAI.
    ChatCompletions,
    Completions,
    Embeddings,
    Moderations,
    ImagesGenerations,
    AudioSpeech,
    Rerank,
    // OpenAI Responses.
    Responses,
    ResponsesCompact,
    ResponsesInputTokens,
    // Gemini.
    GenerateContent,
    StreamGenerateContent,
    GeminiCountTokens,
    EmbedContent,
    BatchEmbedContents,
}

impl Operation {
    /// Every operation; [`Operation::index`] is the place in it.
    pub const ALL: [Self; 17] = [
        Self::Messages,
        Self::CountTokens,
        Self::ChatCompletions,
        Self::Completions,
        Self::Embeddings,
        Self::Moderations,
        Self::ImagesGenerations,
        Self::AudioSpeech,
        Self::Rerank,
        Self::Responses,
        Self::ResponsesCompact,
        Self::ResponsesInputTokens,
        Self::GenerateContent,
        Self::StreamGenerateContent,
        Self::GeminiCountTokens,
        Self::EmbedContent,
        Self::BatchEmbedContents,
    ];

    /// The place of this operation in [`Operation::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }

    /// The format in which this operation is asked and answered.
    #[must_use]
    pub fn format(self) -> Format {
        match self {
            Self::Messages | Self::CountTokens => Format::Anthropic,
            Self::ChatCompletions
            | Self::Completions
            | Self::Embeddings
            | Self::Moderations
            | Self::ImagesGenerations
            | Self::AudioSpeech
            | Self::Rerank => Format::OpenAi,
            Self::Responses | Self::ResponsesCompact | Self::ResponsesInputTokens => {
                Format::OpenAiResponses
            }
            Self::GenerateContent
            | Self::StreamGenerateContent
            | Self::GeminiCountTokens
            | Self::EmbedContent
            | Self::BatchEmbedContents => Format::Gemini,
        }
    }

    /// How a URL for this operation ends: the path below the version root, or, for Gemini, the verb
    /// after `models/{model}:`.
    #[must_use]
    pub fn ending(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::CountTokens => "messages/count_tokens",
            Self::ChatCompletions => "chat/completions",
            Self::Completions => "completions",
            Self::Embeddings => "embeddings",
            Self::Moderations => "moderations",
            Self::ImagesGenerations => "images/generations",
            Self::AudioSpeech => "audio/speech",
            Self::Rerank => "rerank",
            Self::Responses => "responses",
            Self::ResponsesCompact => "responses/compact",
            Self::ResponsesInputTokens => "responses/input_tokens",
            Self::GenerateContent => "generateContent",
            Self::StreamGenerateContent => "streamGenerateContent",
            Self::GeminiCountTokens => "countTokens",
            Self::EmbedContent => "embedContent",
            Self::BatchEmbedContents => "batchEmbedContents",
        }
    }

    /// Whether this is a turn of a conversation: what the demo provider answers, what may stream.
    #[must_use]
    pub fn is_chat(self) -> bool {
        matches!(
            self,
            Self::Messages
                | Self::ChatCompletions
                | Self::Responses
                | Self::GenerateContent
                | Self::StreamGenerateContent
        )
    }

    /// The turn of a conversation in `format`; only Gemini asks for streams at another URL.
    #[must_use]
    pub fn chat(format: Format, streams: bool) -> Self {
        match format {
            Format::OpenAi => Self::ChatCompletions,
            Format::OpenAiResponses => Self::Responses,
            Format::Anthropic => Self::Messages,
            Format::Gemini if streams => Self::StreamGenerateContent,
            Format::Gemini => Self::GenerateContent,
        }
    }

    /// The question for the number of tokens of a request in `format`, if it has one.
    #[must_use]
    pub fn token_count(format: Format) -> Option<Self> {
        match format {
            Format::OpenAi => None,
            Format::OpenAiResponses => Some(Self::ResponsesInputTokens),
            Format::Anthropic => Some(Self::CountTokens),
            Format::Gemini => Some(Self::GeminiCountTokens),
        }
    }

    /// Whether this asks how many tokens a request has.
    #[must_use]
    pub fn counts_tokens(self) -> bool {
        matches!(self, Self::CountTokens | Self::ResponsesInputTokens | Self::GeminiCountTokens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_are_places_in_the_lists() {
        for (index, format) in Format::ALL.into_iter().enumerate() {
            assert_eq!(format.index(), index);
            assert_eq!(format.name().parse(), Ok(format));
            assert!(Format::ALL.into_iter().all(|f| f == format || format.nearest().contains(&f)));
        }
        for (index, operation) in Operation::ALL.into_iter().enumerate() {
            assert_eq!(operation.index(), index);
        }
    }

    #[test]
    fn the_older_name_of_anthropic_is_read_and_a_typo_is_explained() {
        assert_eq!("claude".parse(), Ok(Format::Anthropic));
        let error = "opnai".parse::<Format>().unwrap_err();
        assert!(error.contains("did you mean `openai`"), "{error}");
    }
}
