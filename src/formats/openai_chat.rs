//! OpenAI Chat Completions.

mod reply;
mod request;
mod seal;
mod stream;
mod watch;
mod wire;
mod words;

use http::StatusCode;
use serde_json::json;

use super::{
    Codec, Encoded, Framing, Malformed, StreamDecoder, StreamEncoder, Watch, hints::Hints,
    openai_error, order::SseDecoder, summary,
};
use crate::{
    chat::{Fault, Reply, Request},
    protocol::Format,
};

const FORMAT: Format = Format::OpenAi;

/// The codec of OpenAI Chat Completions.
#[derive(Debug)]
pub struct OpenAiChat;

impl Codec for OpenAiChat {
    fn decode_request<'a>(&self, body: &'a str) -> Result<Request<'a>, Malformed> {
        request::decode::decode(body)
    }

    fn encode_request(
        &self,
        request: &Request<'_>,
        hints: &Hints<'_>,
    ) -> Result<Encoded, Malformed> {
        summary::spelled_out(request, |request| request::encode::encode(request, hints))
    }

    fn decode_reply(&self, body: &str) -> Result<Reply, Malformed> {
        reply::decode(body)
    }

    fn decode_fault(&self, status: StatusCode, body: &[u8]) -> Fault {
        openai_error::decode(status, body)
    }

    fn stream_decoder(&self, _: Framing) -> Box<dyn StreamDecoder> {
        Box::new(SseDecoder::new(stream::decode::Decoder::default()))
    }

    fn encode_reply(&self, reply: &Reply) -> Vec<u8> {
        reply::encode(reply)
    }

    /// OpenAI has no such question for Chat; this is the shape of its answer for Responses.
    fn encode_token_count(&self, tokens: u64) -> Vec<u8> {
        json!({ "input_tokens": tokens }).to_string().into_bytes()
    }

    fn encode_fault(&self, fault: &Fault) -> Vec<u8> {
        openai_error::encode(fault)
    }

    fn stream_encoder(&self, _: Framing, usage_wanted: bool) -> Box<dyn StreamEncoder> {
        Box::new(stream::encode::Encoder::new(usage_wanted))
    }

    fn watch(&self) -> Box<dyn Watch> {
        Box::new(watch::Watcher::default())
    }

    /// A comment line without a blank line behind it: some clients take a blank line for the end of
    /// an event, and an event without data for broken JSON.
    fn keep_alive(&self) -> &'static [u8] {
        b": keep-alive\n"
    }
}
