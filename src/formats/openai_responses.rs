//! OpenAI Responses.

mod fault;
mod reply;
mod request;
mod stream;
mod watch;
mod wire;

use http::StatusCode;
use serde_json::json;

use super::{
    Codec, Encoded, Framing, Malformed, StreamDecoder, StreamEncoder, Watch, hints::Hints,
    openai_error, order::SseDecoder,
};
use crate::{
    chat::{Fault, Reply, Request, ServiceTier},
    protocol::Format,
};

const FORMAT: Format = Format::OpenAiResponses;

/// The codec of OpenAI Responses.
#[derive(Debug)]
pub struct OpenAiResponses;

impl Codec for OpenAiResponses {
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
        reply::decode::decode(body)
    }

    fn decode_fault(&self, status: StatusCode, body: &[u8]) -> Fault {
        openai_error::decode(status, body)
    }

    fn stream_decoder(&self, _: Framing) -> Box<dyn StreamDecoder> {
        Box::new(SseDecoder::new(stream::decode::Decoder::default()))
    }

    fn encode_reply(&self, reply: &Reply) -> Vec<u8> {
        reply::encode::encode(reply)
    }

    /// OpenAI, `POST /v1/responses/input_tokens`.
    fn encode_token_count(&self, tokens: u64) -> Vec<u8> {
        json!({ "object": "response.input_tokens", "input_tokens": tokens })
            .to_string()
            .into_bytes()
    }

    fn encode_fault(&self, fault: &Fault) -> Vec<u8> {
        openai_error::encode(fault)
    }

    fn stream_encoder(&self, _: Framing, _: bool) -> Box<dyn StreamEncoder> {
        Box::new(stream::encode::Encoder::default())
    }

    fn watch(&self) -> Box<dyn Watch> {
        Box::new(watch::Watcher::default())
    }

    /// A comment line without a blank line behind it, as for Chat Completions.
    fn keep_alive(&self) -> &'static [u8] {
        b": keep-alive\n"
    }
}

/// The name of a lane; OpenAI has none for batches here.
fn tier_name(tier: ServiceTier) -> Option<&'static str> {
    match tier {
        ServiceTier::Auto => Some("auto"),
        ServiceTier::Standard => Some("default"),
        ServiceTier::Flex => Some("flex"),
        ServiceTier::Priority => Some("priority"),
        ServiceTier::Scale => Some("scale"),
        ServiceTier::Batch => None,
    }
}
