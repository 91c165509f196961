//! Anthropic Messages.

mod closed;
mod fault;
mod parts;
mod reply;
mod request;
mod stream;
mod usage;
mod watch;
mod words;

use http::StatusCode;
use serde_json::json;

use super::{
    Codec, Encoded, Framing, Malformed, StreamDecoder, StreamEncoder, Watch, hints::Hints,
    order::SseDecoder,
};
use crate::chat::{Fault, FaultKind, Reply, Request};

/// The codec of Anthropic Messages.
#[derive(Debug)]
pub struct Anthropic;

impl Codec for Anthropic {
    fn decode_request<'a>(&self, body: &'a str) -> Result<Request<'a>, Malformed> {
        request::decode::decode(body)
    }

    fn encode_request(
        &self,
        request: &Request<'_>,
        hints: &Hints<'_>,
    ) -> Result<Encoded, Malformed> {
        request::encode::encode(request, hints)
    }

    fn decode_reply(&self, body: &str) -> Result<Reply, Malformed> {
        reply::decode(body)
    }

    fn decode_fault(&self, status: StatusCode, body: &[u8]) -> Fault {
        fault::decode(status, body)
    }

    fn stream_decoder(&self, _: Framing) -> Box<dyn StreamDecoder> {
        Box::new(SseDecoder::new(stream::decode::Decoder::default()))
    }

    fn encode_reply(&self, reply: &Reply) -> Vec<u8> {
        reply::encode(reply)
    }

    fn encode_token_count(&self, tokens: u64) -> Vec<u8> {
        json!({ "input_tokens": tokens }).to_string().into_bytes()
    }

    fn encode_fault(&self, fault: &Fault) -> Vec<u8> {
        fault::error(fault).to_string().into_bytes()
    }

    /// Anthropic, "Errors": 529 `overloaded_error`. SDKs have a class for it, and Claude Code turns to
    /// its fallback model after three of them.
    fn status(&self, kind: FaultKind) -> StatusCode {
        match (kind, StatusCode::from_u16(529)) {
            (FaultKind::Overloaded, Ok(overloaded)) => overloaded,
            (kind, _) => kind.status(),
        }
    }

    fn stream_encoder(&self, _: Framing, _: bool) -> Box<dyn StreamEncoder> {
        Box::new(stream::encode::Encoder::default())
    }

    fn watch(&self) -> Box<dyn Watch> {
        Box::new(watch::Watcher::default())
    }

    /// Anthropic, "Streaming messages": any number of `ping` events may come anywhere.
    fn keep_alive(&self) -> &'static [u8] {
        b"event: ping\ndata: {\"type\": \"ping\"}\n\n"
    }
}
