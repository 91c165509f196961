//! What a client asks for: a conversation, tools, and wishes about the reply.

use std::borrow::Cow;

use super::{
    Block, CacheWish, Extra, Output, Place, ReasoningWish, Sampling, ServerState, ServiceTier,
    Tool, ToolChoice, User, Verbosity,
};
use crate::protocol::Format;

/// One turn of a conversation that a model is asked to continue.
#[derive(Debug, Clone, PartialEq)]
pub struct Request<'a> {
    /// The format that it was read from; places and extras are in its terms.
    pub format: Format,
    /// The model's name as the client wrote it; empty if the format carries it elsewhere.
    pub model: Cow<'a, str>,
    /// The conversation, system and developer messages in their places. What stands outside of the
    /// list (`system`, `instructions`, `systemInstruction`) comes first.
    pub messages: Vec<Message<'a>>,
    pub tools: Vec<Tool<'a>>,
    pub tool_choice: ToolChoice<'a>,
    /// Whether the model may call several tools at once.
    pub parallel_tools: Option<bool>,
    /// The most tokens that the reply may have.
    pub max_tokens: Option<u64>,
    /// Whether the reply is wanted as a stream.
    pub stream: bool,
    /// OpenAI Chat, `stream_options.include_usage`: whether a stream ends with a usage chunk.
    pub stream_usage: bool,
    pub sampling: Sampling,
    /// Texts at which the reply stops.
    pub stop: Vec<Cow<'a, str>>,
    /// The form that the reply's text must have.
    pub output: Option<Output<'a>>,
    pub reasoning: ReasoningWish,
    pub verbosity: Option<Verbosity>,
    /// What the reply may consist of: `text`, `audio`, `image`. Empty means the default.
    pub modalities: Vec<Cow<'a, str>>,
    pub cache: CacheWish<'a>,
    pub tier: Option<ServiceTier>,
    pub user: User<'a>,
    /// Whether the vendor may keep the reply to be asked for later.
    pub store: Option<bool>,
    /// A part of the conversation that only the vendor has.
    pub state: Option<ServerState<'a>>,
    /// Members of the body that have no word here.
    pub extra: Vec<Extra<'a>>,
}

impl<'a> Request<'a> {
    /// A request of `format` that says nothing yet.
    #[must_use]
    pub fn new(format: Format) -> Self {
        Self {
            format,
            model: Cow::Borrowed(""),
            messages: Vec::new(),
            tools: Vec::new(),
            tool_choice: ToolChoice::Auto,
            parallel_tools: None,
            max_tokens: None,
            stream: false,
            stream_usage: true,
            sampling: Sampling::default(),
            stop: Vec::new(),
            output: None,
            reasoning: ReasoningWish::default(),
            verbosity: None,
            modalities: Vec::new(),
            cache: CacheWish::default(),
            tier: None,
            user: User::default(),
            store: None,
            state: None,
            extra: Vec::new(),
        }
    }

    /// The name of the tool that the call `id` was for.
    #[must_use]
    pub fn call_name(&self, id: &str) -> Option<&Cow<'a, str>> {
        let blocks = self.messages.iter().rev().flat_map(|message| message.blocks.iter().rev());
        let mut calls = blocks.filter_map(Block::call);
        calls.find(|call| call.id == id).map(|call| &call.name)
    }

    /// Whether anything in it carries a mark for the provider's cache.
    #[must_use]
    pub fn has_cache_marks(&self) -> bool {
        self.cache.mark.is_some()
            || self.tools.iter().any(|tool| tool.cache.is_some())
            || self.messages.iter().flat_map(|message| &message.blocks).any(|b| b.cache.is_some())
    }
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

/// What one speaker says. A message of nothing but tool results has the role [`Role::Tool`];
/// results that share a message with other things stand in one of [`Role::User`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message<'a> {
    pub role: Role,
    pub blocks: Vec<Block<'a>>,
    /// The name of the one who speaks, if there are several of the role (OpenAI Chat).
    pub name: Option<Cow<'a, str>>,
    /// Members of the message that have no word here.
    pub extra: Vec<Extra<'a>>,
    pub place: Place,
}

impl<'a> Message<'a> {
    /// A message without marks.
    #[must_use]
    pub fn new(role: Role, blocks: Vec<Block<'a>>) -> Self {
        Self { role, blocks, name: None, extra: Vec::new(), place: Place::default() }
    }

    /// The same at its place.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = place;
        self
    }
}
