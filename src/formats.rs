//! The wire formats: one [`Codec`] each, against the neutral vocabulary of [`crate::chat`].
//!
//! Where client and provider speak the same format no codec translates anything: the bytes pass,
//! and a [`Watch`] only looks at them.

pub mod anthropic;
pub mod dropped;
pub mod effort;
mod fault;
pub mod gemini;
pub mod head;
pub mod hints;
pub mod ids;
pub mod names;
mod openai;
pub mod openai_chat;
mod openai_error;
pub mod openai_responses;
pub mod order;
mod raw;
pub mod repair;
pub mod seals;
pub mod sse;
mod summary;
pub mod write;

use http::StatusCode;
use thiserror::Error;

use self::{dropped::Dropped, hints::Hints, names::Names};
use crate::{
    chat::{Event, Fault, FaultKind, Reply, Request},
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

impl Malformed {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), pointer: None }
    }
}

/// A request as a provider gets it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Encoded {
    pub body: Vec<u8>,
    /// What the format cannot say.
    pub dropped: Vec<Dropped>,
    /// What has to be undone in the reply.
    pub names: Names,
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

    /// Writes a request for the target that `hints` tell of. The same request and hints give the
    /// same bytes, and a longer conversation gives an extension of the bytes of a shorter one, so
    /// that providers' prompt caches hold. What only the vendor has ([`Request::state`]) is refused
    /// by [`refuse_state`] before.
    ///
    /// # Errors
    /// If the request makes no sense in this format at all.
    fn encode_request(
        &self,
        request: &Request<'_>,
        hints: &Hints<'_>,
    ) -> Result<Encoded, Malformed>;

    /// Reads a whole reply of a provider.
    ///
    /// # Errors
    /// If it is not what the format says.
    fn decode_reply(&self, body: &str) -> Result<Reply, Malformed>;

    /// Reads an error of a provider, whatever it looks like. The message keeps the provider's
    /// words: clients act on them.
    fn decode_fault(&self, status: StatusCode, body: &[u8]) -> Fault;

    /// A reader for one streamed reply of a provider.
    fn stream_decoder(&self, framing: Framing) -> Box<dyn StreamDecoder>;

    /// Writes a whole reply.
    fn encode_reply(&self, reply: &Reply) -> Vec<u8>;

    /// Writes the answer to a question for the number of input tokens.
    fn encode_token_count(&self, tokens: u64) -> Vec<u8>;

    /// Writes an error as the body of a reply that is not a stream.
    fn encode_fault(&self, fault: &Fault) -> Vec<u8>;

    /// The status that goes with it: the vendor's own, for SDKs tell errors apart by it.
    fn status(&self, kind: FaultKind) -> StatusCode {
        kind.status()
    }

    /// A writer for one streamed reply. `usage_wanted` is [`Request::stream_usage`].
    fn stream_encoder(&self, framing: Framing, usage_wanted: bool) -> Box<dyn StreamEncoder>;

    /// An observer for one streamed reply that passes through as server-sent events.
    fn watch(&self) -> Box<dyn Watch>;

    /// What may be sent between two events of a stream to show that it is alive, such that this
    /// format's clients ignore it.
    fn keep_alive(&self) -> &'static [u8];
}

/// Reads one streamed reply, in pieces of any size. What comes out is in order: one start, blocks
/// that never overlap, one end, which is [`Event::Stop`] or [`Event::Fault`].
pub trait StreamDecoder: Send {
    /// Takes a piece of the stream and gives the events that it completes.
    fn feed(&mut self, chunk: &[u8], on_event: &mut dyn FnMut(Event<'_>));

    /// The stream has ended: gives what is left. If the reply was not complete, that is a fault.
    fn finish(&mut self, on_event: &mut dyn FnMut(Event<'_>));
}

/// Reads the server-sent events of one reply; [`order::SseDecoder`] makes a [`StreamDecoder`] of
/// it. It need not close blocks that the next one or the end closes, nor care for truncation.
pub trait EventDecoder: Send {
    /// Gives what `event` says.
    ///
    /// # Errors
    /// If it is not what the format says: the reply ends with that.
    fn event(
        &mut self,
        event: &sse::Event<'_>,
        on_event: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Malformed>;

    /// The stream has ended: gives what was held back.
    fn end(&mut self, _on_event: &mut dyn FnMut(Event<'_>)) {}
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

pub use fault::refuse_state;

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
