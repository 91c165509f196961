//! What a client wishes about the reply, apart from its content.

use std::borrow::Cow;

use super::{CacheMark, Json, Place};

/// How the next token is chosen, and what is told about it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sampling {
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub top_k: Option<u64>,
    pub presence_penalty: Option<f64>,
    pub frequency_penalty: Option<f64>,
    pub seed: Option<i64>,
    /// How many replies. Events have no word for more than one: more are only had where the format
    /// stays the same.
    pub n: Option<u32>,
    /// Whether the probabilities of tokens are wanted.
    pub logprobs: Option<bool>,
    /// How many alternatives to each token are wanted.
    pub top_logprobs: Option<u32>,
}

/// The form that a reply's text must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output<'a> {
    Text,
    /// Any JSON object.
    JsonObject,
    JsonSchema {
        name: Option<Cow<'a, str>>,
        description: Option<Cow<'a, str>>,
        /// Always JSON Schema.
        schema: Json<'a>,
        strict: Option<bool>,
    },
}

/// What is wished about the model's reasoning. All `None`: the model's default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReasoningWish {
    pub mode: Option<ReasoningMode>,
    pub effort: Option<Effort>,
    /// The most tokens for it.
    pub budget: Option<u64>,
    pub show: Option<Show>,
}

/// Whether the model reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReasoningMode {
    Off,
    On,
    /// As the model thinks fit (Anthropic, `adaptive`; Gemini, a budget of -1).
    Adaptive,
}

/// How much the model reasons, from nothing to all it can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    None,
    Minimal,
    Low,
    Medium,
    High,
    XHigh,
    Max,
}

impl Effort {
    /// Every effort, in rising order.
    pub const ALL: [Self; 7] =
        [Self::None, Self::Minimal, Self::Low, Self::Medium, Self::High, Self::XHigh, Self::Max];

    /// The name that the formats share.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::XHigh => "xhigh",
            Self::Max => "max",
        }
    }

    /// Reads a name, in any case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|effort| effort.name().eq_ignore_ascii_case(name))
    }
}

/// How much of the reasoning the client wants to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// Nothing (Anthropic, `omitted`; Gemini, no `includeThoughts`).
    Nothing,
    /// What the vendor thinks fit.
    Auto,
    Concise,
    Detailed,
}

/// How long the reply's text should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    Low,
    Medium,
    High,
}

/// What is wished of the provider's prompt cache, apart from marks on blocks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CacheWish<'a> {
    /// Requests with one key share a cache (OpenAI, `prompt_cache_key`).
    pub key: Option<Cow<'a, str>>,
    pub retention: Option<Retention>,
    /// A mark on the whole request (Anthropic, `cache_control` of the body).
    pub mark: Option<CacheMark>,
}

/// How long a provider should keep prompts (OpenAI, `prompt_cache_retention`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retention {
    InMemory,
    Day,
}

/// The lane that a request takes at the provider's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceTier {
    Auto,
    /// OpenAI, `default`; Anthropic, `standard_only` in requests and `standard` in replies.
    Standard,
    Flex,
    Priority,
    Scale,
    Batch,
}

/// On whose behalf the client asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct User<'a> {
    /// OpenAI, `user`; Anthropic, `metadata.user_id`.
    pub id: Option<Cow<'a, str>>,
    /// OpenAI, `safety_identifier`.
    pub safety_id: Option<Cow<'a, str>>,
    /// OpenAI, `metadata`: an object of strings, for the vendor's records.
    pub metadata: Option<Json<'a>>,
}

/// A part of the conversation that only the vendor has. Whoever does not keep such state must
/// refuse the request: without it the question has lost its context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerState<'a> {
    /// OpenAI Responses, `previous_response_id`.
    PreviousResponse(Cow<'a, str>),
    /// OpenAI Responses, `conversation`.
    Conversation(Json<'a>),
    /// Anthropic, `thread`.
    Thread(Json<'a>),
    /// Gemini, `cachedContent`: the name of a stored prompt.
    CachedContent(Cow<'a, str>),
    /// OpenAI Responses, `prompt`: a stored prompt with its variables.
    StoredPrompt(Json<'a>),
    /// OpenAI Responses, `item_reference`: an item of the history that stands at the vendor's. Where
    /// the reference stands; it is carried there.
    Item(Place),
    /// OpenAI Responses, `compaction`: what was said before, in a form that only the vendor reads.
    /// Where it stands; it is carried there.
    Compacted(Place),
}
