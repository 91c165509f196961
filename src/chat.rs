//! The neutral chat vocabulary: what every wire format is translated to and from.
//!
//! Block-structured, because that is the richest of the four formats. A [`Request`] borrows from
//! the body that it was read from: what is only carried (schemas, tool arguments) stays raw JSON. A
//! reply is the fold of its stream: [`Reply::absorb`] takes one [`Event`] after the other, so that
//! nothing is written twice for streamed and whole replies.

use std::borrow::Cow;

use serde_json::value::RawValue;

/// One turn of a conversation that a model is asked to continue.
#[derive(Debug, Clone, Default)]
pub struct Request<'a> {
    /// The model's name as the client wrote it; empty if the format carries it elsewhere.
    pub model: Cow<'a, str>,
    /// The conversation, system and developer messages in their places.
    pub messages: Vec<Message<'a>>,
    /// The tools that the model may call.
    pub tools: Vec<Tool<'a>>,
    /// Which of the tools it may or must call.
    pub tool_choice: ToolChoice<'a>,
    /// The most tokens that the reply may have.
    pub max_tokens: Option<u64>,
    /// Whether the reply is wanted as a stream.
    pub stream: bool,
    /// OpenAI Chat, `stream_options.include_usage`: whether a stream ends with a usage chunk.
    pub stream_usage: bool,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    System,
    Developer,
    User,
    Assistant,
    /// The result of a tool call.
    Tool,
}

impl Role {
    /// The role's name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Developer => "developer",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }
}

/// What one speaker says.
#[derive(Debug, Clone)]
pub struct Message<'a> {
    pub role: Role,
    pub blocks: Vec<Block<'a>>,
}

/// A piece of a message.
#[derive(Debug, Clone)]
pub enum Block<'a> {
    Text(Cow<'a, str>),
    Image,
    Document,
    Audio,
    /// The model's own reasoning, shown or sealed.
    Reasoning,
    ToolCall {
        id: Cow<'a, str>,
        name: Cow<'a, str>,
    },
    ToolResult {
        /// The id of the call that this answers.
        call: Cow<'a, str>,
        /// The result's text, its blocks joined.
        text: Cow<'a, str>,
    },
    /// Something that this vocabulary has no word for, by the name that its format gives it.
    Other(Cow<'a, str>),
}

impl Block<'_> {
    /// The text, if this is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

/// A tool that the client offers.
#[derive(Debug, Clone)]
pub struct Tool<'a> {
    pub name: Cow<'a, str>,
    pub description: Option<Cow<'a, str>>,
    /// The JSON Schema of its arguments, as written; `None` for freeform and hosted tools.
    pub schema: Option<&'a RawValue>,
    pub kind: ToolKind,
}

/// What a tool takes, and who runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolKind {
    /// The client runs it; arguments are a JSON object.
    Function,
    /// The client runs it; the input is free text (OpenAI Responses, `custom`).
    Freeform,
    /// The provider runs it (search, code execution).
    Hosted,
}

/// Which tool the model may or must call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ToolChoice<'a> {
    #[default]
    Auto,
    None,
    Required,
    Named(Cow<'a, str>),
}

/// What a stream begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// Unique and stable; formats put their own prefix in front of it.
    pub id: String,
    /// The model's name as the client knows it.
    pub model: String,
    /// Seconds since the epoch.
    pub created: u64,
}

/// A piece of a streamed reply. Blocks are opened, filled and closed one after the other: they
/// never overlap, and their indexes count up from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'a> {
    Start(Start),
    /// A block begins.
    Open {
        index: u32,
        block: Opening,
    },
    /// More of the open block: text, reasoning, or tool arguments as JSON source.
    Delta {
        index: u32,
        text: Cow<'a, str>,
    },
    /// The open block is complete.
    Close {
        index: u32,
    },
    /// Token counts, cumulative: a later one replaces an earlier one.
    Usage(Usage),
    /// The reply is complete. The last event of a stream that ends well.
    Stop(StopReason),
}

/// What kind of block a reply opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    Text,
    Reasoning,
    ToolCall {
        id: String,
        name: String,
    },
    /// A call of a freeform tool: its deltas are plain text, not JSON.
    FreeformCall {
        id: String,
        name: String,
    },
}

/// Token counts of one exchange.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// All input, tokens read from and written to a cache included.
    pub input: u64,
    /// The part of `input` that was read from the provider's cache.
    pub cache_read: u64,
    /// The part of `input` that was written to the provider's cache.
    pub cache_write: u64,
    /// All output, reasoning included.
    pub output: u64,
    /// The part of `output` that was reasoning.
    pub reasoning: u64,
}

/// Why a reply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// The model had nothing to add.
    End,
    /// The model waits for the results of its tool calls.
    ToolCalls,
    /// The limit of output tokens was reached.
    MaxTokens,
    /// A stop sequence came up.
    StopSequence,
    /// The model or its provider refused.
    Refusal,
}

/// A whole reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub start: Start,
    pub blocks: Vec<ReplyBlock>,
    pub usage: Usage,
    /// `None` while the reply is incomplete.
    pub stop: Option<StopReason>,
}

/// A complete block of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyBlock {
    pub opening: Opening,
    /// The block's deltas, joined.
    pub text: String,
}

impl Reply {
    /// A reply of which nothing but the start is known.
    #[must_use]
    pub fn new(start: Start) -> Self {
        Self { start, blocks: Vec::new(), usage: Usage::default(), stop: None }
    }

    /// Adds one event. Deltas of a block that was never opened are ignored: a decoder that emits
    /// them is broken, and its laws say so.
    pub fn absorb(&mut self, event: &Event<'_>) {
        match event {
            Event::Start(start) => self.start = start.clone(),
            Event::Open { block, .. } => {
                self.blocks.push(ReplyBlock { opening: block.clone(), text: String::new() });
            }
            Event::Delta { index, text } => {
                let place = usize::try_from(*index).ok();
                if let Some(block) = place.and_then(|index| self.blocks.get_mut(index)) {
                    block.text.push_str(text);
                }
            }
            Event::Close { .. } => {}
            Event::Usage(usage) => self.usage = *usage,
            Event::Stop(reason) => self.stop = Some(*reason),
        }
    }
}

/// What went wrong, in words that every format has. Formats turn it into their error objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub kind: FaultKind,
    /// For the client to read: what is wrong, where, and what to do.
    pub message: String,
    /// The id of the request, which the logs name too.
    pub request_id: String,
    /// A JSON pointer into the request body, or the name of a parameter, if one is at fault.
    pub param: Option<String>,
}

/// The classes of errors that all formats can tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultKind {
    /// The request itself is wrong (400).
    InvalidRequest,
    /// No key, or a wrong one (401).
    Authentication,
    /// Not allowed from here (403).
    Permission,
    /// No such path (404).
    NotFound,
    /// No such model (404).
    ModelNotFound,
    /// Another method is needed (405).
    MethodNotAllowed,
    /// The body is larger than the limit (413).
    TooLarge,
    /// The body is not declared as JSON, or is compressed in an unknown way (415).
    UnsupportedMediaType,
    /// A websocket or another protocol is needed or refused (426).
    UpgradeRequired,
    /// Too many requests (429).
    RateLimit,
    /// Something broke in the gateway (500).
    Internal,
    /// What is asked for is not built (501).
    NotImplemented,
    /// The provider answered with nothing usable (502).
    BadGateway,
    /// No provider can take the request now (503).
    Overloaded,
    /// The provider did not answer in time (504).
    Timeout,
}

impl FaultKind {
    /// Every kind, for tables and tests.
    pub const ALL: [Self; 15] = [
        Self::InvalidRequest,
        Self::Authentication,
        Self::Permission,
        Self::NotFound,
        Self::ModelNotFound,
        Self::MethodNotAllowed,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::UpgradeRequired,
        Self::RateLimit,
        Self::Internal,
        Self::NotImplemented,
        Self::BadGateway,
        Self::Overloaded,
        Self::Timeout,
    ];

    /// The HTTP status that goes with it.
    #[must_use]
    pub fn status(self) -> http::StatusCode {
        use http::StatusCode;
        match self {
            Self::InvalidRequest => StatusCode::BAD_REQUEST,
            Self::Authentication => StatusCode::UNAUTHORIZED,
            Self::Permission => StatusCode::FORBIDDEN,
            Self::NotFound | Self::ModelNotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::UpgradeRequired => StatusCode::UPGRADE_REQUIRED,
            Self::RateLimit => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::NotImplemented => StatusCode::NOT_IMPLEMENTED,
            Self::BadGateway => StatusCode::BAD_GATEWAY,
            Self::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }
    /// The kind that a status stands for, as near as there is one.
    #[must_use]
    pub fn from_status(status: http::StatusCode) -> Self {
        match status.as_u16() {
            401 => Self::Authentication,
            403 => Self::Permission,
            404 => Self::NotFound,
            413 => Self::TooLarge,
            429 => Self::RateLimit,
            400..=499 => Self::InvalidRequest,
            503 | 529 => Self::Overloaded,
            504 => Self::Timeout,
            _ => Self::BadGateway,
        }
    }
}
