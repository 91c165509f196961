//! Gemini `generateContent`.

mod answer;
mod fault;
mod grounding;
mod logprobs;
mod media;
mod reply;
mod request;
mod schema;
mod stream;
mod watch;
mod wire;

use http::StatusCode;
use serde_json::{Value, json};

use super::{
    Codec, Encoded, Framing, Malformed, StreamDecoder, StreamEncoder, Watch, hints::Hints,
    order::SseDecoder, summary,
};
use crate::chat::{Fault, Reply, Request};

/// The codec of Gemini `generateContent`.
#[derive(Debug)]
pub struct Gemini;

impl Codec for Gemini {
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
        fault::decode(status, body)
    }

    fn stream_decoder(&self, framing: Framing) -> Box<dyn StreamDecoder> {
        match framing {
            Framing::Sse => Box::new(SseDecoder::new(stream::decode::Decoder::default())),
            Framing::JsonArray => Box::new(stream::array::ArrayDecoder::default()),
        }
    }

    fn encode_reply(&self, reply: &Reply) -> Vec<u8> {
        reply::encode(reply)
    }

    fn encode_token_count(&self, tokens: u64) -> Vec<u8> {
        json!({ "totalTokens": tokens }).to_string().into_bytes()
    }

    fn encode_fault(&self, fault: &Fault) -> Vec<u8> {
        error(fault).to_string().into_bytes()
    }

    fn stream_encoder(&self, framing: Framing, _: bool) -> Box<dyn StreamEncoder> {
        Box::new(stream::encode::Encoder::new(framing))
    }

    fn watch(&self) -> Box<dyn Watch> {
        Box::new(watch::Watcher::default())
    }

    /// Nothing: the SDKs of this format read a stream line by line, and not all of them skip
    /// comments.
    fn keep_alive(&self) -> &'static [u8] {
        b""
    }
}

/// `{"error":{"code","message","status"}}` (`google.rpc.Status`).
fn error(fault: &Fault) -> Value {
    json!({
        "error": {
            "code": fault.kind.status().as_u16(),
            "message": fault.message,
            "status": fault::status(fault.kind),
        },
    })
}
