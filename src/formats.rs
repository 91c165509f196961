//! The wire formats: one [`Codec`] each, against the neutral vocabulary of [`crate::chat`].
//!
//! Where client and provider speak the same format no codec translates anything: the bytes pass,
//! and a [`Watch`] only looks at them.

pub mod anthropic;
pub mod gemini;
pub mod head;
pub mod openai_chat;
mod openai_error;
pub mod openai_responses;
mod raw;
pub mod sse;

use thiserror::Error;

use crate::{
    chat::{Event, Fault, Reply, Request},
    protocol::Format,
};

/// A body that is not what its format says.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct Malformed {
    /// What is wrong, with the place in words.
    pub message: String,
    /// A JSON pointer to the place, if it is known.
    pub pointer: Option<String>,
}

/// How a streamed reply is laid out in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events.
    Sse,
    /// One JSON array whose elements arrive one by one (Gemini without `alt=sse`).
    JsonArray,
}

/// One wire format, both ways. Pure; a new format is one implementation of this.
pub trait Codec: Sync {
    /// Reads a request. `body` is valid JSON.
    ///
    /// # Errors
    /// If a part that must be understood is not what the format says.
    fn decode_request<'a>(&self, body: &'a str) -> Result<Request<'a>, Malformed>;

    /// Writes a whole reply.
    fn encode_reply(&self, reply: &Reply) -> Vec<u8>;

    /// Writes the answer to a question for the number of input tokens.
    fn encode_token_count(&self, tokens: u64) -> Vec<u8>;

    /// Writes an error as the body of a reply that is not a stream.
    fn encode_fault(&self, fault: &Fault) -> Vec<u8>;

    /// A writer for one streamed reply. `usage_wanted` is [`Request::stream_usage`].
    fn stream_encoder(&self, framing: Framing, usage_wanted: bool) -> Box<dyn StreamEncoder>;

    /// An observer for one streamed reply that passes through as server-sent events.
    fn watch(&self) -> Box<dyn Watch>;

    /// What may be sent between two events of a stream to show that it is alive, such that this
    /// format's clients ignore it.
    fn keep_alive(&self) -> &'static [u8];
}

/// Writes one streamed reply, event by event.
pub trait StreamEncoder: Send {
    /// Appends what `event` is in this format; may be nothing.
    fn encode(&mut self, event: &Event<'_>, out: &mut Vec<u8>);

    /// Appends the end of a stream that broke: an error where this format has one, never an ending
    /// that looks normal.
    fn fail(&mut self, fault: &Fault, out: &mut Vec<u8>);
}

/// Looks at the events of a stream that passes through unchanged.
pub trait Watch: Send {
    /// What `event` means for the life of the stream.
    fn see(&mut self, event: &sse::Event<'_>) -> Signal;

    /// Whether the stream has said that it is complete.
    fn complete(&self) -> bool;

    /// Appends the end of a stream that broke, as [`StreamEncoder::fail`] does.
    fn fail(&mut self, fault: &Fault, out: &mut Vec<u8>);
}

/// What an event of a passing stream means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    /// Nothing that the user would see yet: starts, pings, empty deltas, usage.
    Preamble,
    /// Something that the user sees, or an ending that tells something (a refusal, a token limit)
    /// although nothing came before it. The stream has begun for good.
    Content,
    /// The stream is complete. After this, the end of the bytes is not a truncation. If no
    /// [`Signal::Content`] came before it, the reply was empty.
    End,
    /// The provider reports an error inside the stream: its message, as far as it can be read.
    Fault(String),
}

/// The codec of `format`.
#[must_use]
pub fn codec(format: Format) -> &'static dyn Codec {
    match format {
        Format::OpenAi => &openai_chat::OpenAiChat,
        Format::OpenAiResponses => &openai_responses::OpenAiResponses,
        Format::Anthropic => &anthropic::Anthropic,
        Format::Gemini => &gemini::Gemini,
    }
}
