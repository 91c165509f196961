//! What a model answers: a stream of events, and the reply that is their fold.

use std::borrow::Cow;

use super::{Citation, Fault, Hosted, Json, Seal, ServiceTier};

/// What a stream begins with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Start {
    /// Unique and stable; formats put their own prefix in front of it, and take it off again.
    pub id: String,
    /// The model's name as the client knows it.
    pub model: String,
    /// Seconds since the epoch; 0 where the provider's format does not say.
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
    /// More of the open block: text, reasoning, a refusal, tool arguments as JSON source, freeform
    /// input, the base64 of an image.
    Delta {
        index: u32,
        text: Cow<'a, str>,
    },
    /// The source of something in the open text.
    Citation {
        index: u32,
        citation: Box<Citation<'static>>,
    },
    /// The seal of the open block. At most one for each block.
    Seal {
        index: u32,
        seal: Box<Seal<'static>>,
    },
    /// Probabilities of tokens of the open text: a JSON array as OpenAI writes it.
    Logprobs {
        index: u32,
        tokens: Json<'static>,
    },
    /// The open block is complete.
    Close {
        index: u32,
    },
    /// Token counts, cumulative: a later one replaces an earlier one.
    Usage(Usage),
    /// The reply is complete. The last event of a stream that ends well.
    Stop(Stop),
    /// The reply broke. The last event of a stream that does not end well. A block that is open
    /// then stays open: it broke off, and nobody may take it for whole (a client would run a call).
    Fault(Fault),
}

/// What kind of block a reply opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    Text,
    Reasoning,
    Refusal,
    ToolCall {
        id: String,
        name: String,
        /// The namespace of the tool, if the client gave it one.
        namespace: Option<String>,
    },
    /// A call of a freeform tool: its deltas are plain text, not JSON.
    FreeformCall {
        id: String,
        name: String,
        /// As that of a [`Opening::ToolCall`].
        namespace: Option<String>,
    },
    /// What a tool of the vendor did, as a whole: it has no deltas.
    Hosted(Box<Hosted<'static>>),
    /// A picture: its deltas are base64.
    Image {
        media_type: String,
    },
}

/// Token counts of one exchange, and what else is paid for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// All input, tokens read from and written to a cache included.
    pub input: u64,
    /// The part of `input` that was read from the provider's cache.
    pub cache_read: u64,
    /// The part of `input` that was written to the provider's cache.
    pub cache_write: u64,
    /// The part of `cache_write` that is kept for an hour (Anthropic).
    pub cache_write_hour: u64,
    /// All output, reasoning included.
    pub output: u64,
    /// The part of `output` that was reasoning.
    pub reasoning: u64,
    /// Searches by the vendor's own tool.
    pub web_searches: u64,
    /// The lane that the request took in the end.
    pub tier: Option<ServiceTier>,
}

/// How a reply ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    pub reason: StopReason,
    /// The stop sequence that came up.
    pub sequence: Option<String>,
}

impl From<StopReason> for Stop {
    fn from(reason: StopReason) -> Self {
        Self { reason, sequence: None }
    }
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
    /// The model's context window is full.
    ContextFull,
    /// A stop sequence came up.
    StopSequence,
    /// The model refused.
    Refusal,
    /// A filter of the provider cut the reply off.
    ContentFilter,
    /// The turn of the vendor's own tools takes long; the client may ask to go on (Anthropic).
    Pause,
}

/// A whole reply.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    pub start: Start,
    pub blocks: Vec<ReplyBlock>,
    pub usage: Usage,
    /// `None` while the reply is incomplete.
    pub stop: Option<Stop>,
    /// What broke it, if it broke.
    pub fault: Option<Fault>,
}

/// A complete block of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyBlock {
    pub opening: Opening,
    /// The block's deltas, joined.
    pub text: String,
    pub citations: Vec<Citation<'static>>,
    pub seal: Option<Seal<'static>>,
    /// Arrays of token probabilities, one behind the other.
    pub logprobs: Vec<Json<'static>>,
}

impl ReplyBlock {
    /// A block of which nothing but the kind is known, or one of plain text.
    #[must_use]
    pub fn new(opening: Opening, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { opening, text, citations: Vec::new(), seal: None, logprobs: Vec::new() }
    }
}

impl Reply {
    /// A reply of which nothing but the start is known.
    #[must_use]
    pub fn new(start: Start) -> Self {
        Self { start, ..Self::default() }
    }

    /// Adds one event. Pieces of a block that was never opened are ignored: a decoder that emits
    /// them is broken, and its laws say so.
    pub fn absorb(&mut self, event: &Event<'_>) {
        match event {
            Event::Start(start) => self.start = start.clone(),
            Event::Open { block, .. } => {
                self.blocks.push(ReplyBlock::new(block.clone(), String::new()));
            }
            Event::Delta { index, text } => self.at(*index, |block| block.text.push_str(text)),
            Event::Citation { index, citation } => {
                self.at(*index, |block| block.citations.push((**citation).clone()));
            }
            Event::Seal { index, seal } => {
                self.at(*index, |block| block.seal = Some((**seal).clone()));
            }
            Event::Logprobs { index, tokens } => {
                self.at(*index, |block| block.logprobs.push(tokens.clone()));
            }
            Event::Close { .. } => {}
            Event::Usage(usage) => self.usage = *usage,
            Event::Stop(stop) => self.stop = Some(stop.clone()),
            Event::Fault(fault) => self.fault = Some(fault.clone()),
        }
    }

    fn at(&mut self, index: u32, change: impl FnOnce(&mut ReplyBlock)) {
        let place = usize::try_from(index).ok();
        if let Some(block) = place.and_then(|index| self.blocks.get_mut(index)) {
            change(block);
        }
    }

    /// The events that fold to this reply: what a client gets that asked for a stream where there
    /// is none.
    pub fn unfold(&self, on_event: &mut dyn FnMut(Event<'_>)) {
        on_event(Event::Start(self.start.clone()));
        for (block, index) in self.blocks.iter().zip(0..) {
            on_event(Event::Open { index, block: block.opening.clone() });
            if !block.text.is_empty() {
                on_event(Event::Delta { index, text: Cow::Borrowed(&block.text) });
            }
            for citation in &block.citations {
                on_event(Event::Citation { index, citation: Box::new(citation.clone()) });
            }
            for tokens in &block.logprobs {
                on_event(Event::Logprobs { index, tokens: tokens.clone() });
            }
            if let Some(seal) = &block.seal {
                on_event(Event::Seal { index, seal: Box::new(seal.clone()) });
            }
            on_event(Event::Close { index });
        }
        on_event(Event::Usage(self.usage));
        match (&self.fault, &self.stop) {
            (Some(fault), _) => on_event(Event::Fault(fault.clone())),
            (None, Some(stop)) => on_event(Event::Stop(stop.clone())),
            (None, None) => {}
        }
    }
}
