//! Gemini `generateContent`.

mod fault;
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
    order::SseDecoder,
};
use crate::chat::{Fault, FaultKind, Opening, Reply, Request, Start, StopReason, Usage};

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
        request::encode::encode(request, hints)
    }

    fn decode_reply(&self, body: &str) -> Result<Reply, Malformed> {
        reply::decode(body)
    }

    fn decode_fault(&self, status: StatusCode, body: &[u8]) -> Fault {
        fault::decode(status, body)
    }

    fn stream_decoder(&self, _: Framing) -> Box<dyn StreamDecoder> {
        Box::new(SseDecoder::new(stream::decode::Decoder))
    }

    fn encode_reply(&self, reply: &Reply) -> Vec<u8> {
        let parts: Vec<Value> =
            reply.blocks.iter().map(|block| part(&block.opening, &block.text)).collect();
        chunk(&reply.start, parts, reply.stop.as_ref().map(|stop| stop.reason), Some(&reply.usage))
            .to_string()
            .into_bytes()
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
            "status": status(fault.kind),
        },
    })
}

fn status(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::InvalidRequest
        | FaultKind::ContextTooLong
        | FaultKind::TooLarge
        | FaultKind::MethodNotAllowed
        | FaultKind::UnsupportedMediaType
        | FaultKind::UpgradeRequired => "INVALID_ARGUMENT",
        FaultKind::Authentication => "UNAUTHENTICATED",
        FaultKind::Permission => "PERMISSION_DENIED",
        FaultKind::NotFound | FaultKind::ModelNotFound => "NOT_FOUND",
        FaultKind::RateLimit => "RESOURCE_EXHAUSTED",
        FaultKind::NotImplemented => "UNIMPLEMENTED",
        FaultKind::Internal => "INTERNAL",
        FaultKind::BadGateway | FaultKind::Overloaded => "UNAVAILABLE",
        FaultKind::Timeout => "DEADLINE_EXCEEDED",
    }
}

fn part(opening: &Opening, text: &str) -> Value {
    match opening {
        Opening::Text | Opening::Refusal => json!({ "text": text }),
        Opening::Reasoning => json!({ "text": text, "thought": true }),
        Opening::ToolCall { id, name, .. } => {
            let args: Value = serde_json::from_str(text).unwrap_or_else(|_| json!({}));
            json!({ "functionCall": { "id": id, "name": name, "args": args } })
        }
        Opening::Hosted(_) | Opening::Image { .. } => json!({ "text": "" }),
        // Gemini has no freeform tools: the text travels as the one argument.
        Opening::FreeformCall { id, name } => {
            json!({ "functionCall": { "id": id, "name": name, "args": { "input": text } } })
        }
    }
}

/// A whole reply, or a piece of a stream: both have the same form.
fn chunk(
    start: &Start,
    parts: Vec<Value>,
    stop: Option<StopReason>,
    used: Option<&Usage>,
) -> Value {
    let mut candidate = json!({ "content": { "role": "model", "parts": parts }, "index": 0 });
    if let Some(reason) = stop {
        candidate["finishReason"] = finish_reason(reason).into();
    }
    let mut chunk = json!({
        "candidates": [candidate], "modelVersion": start.model, "responseId": start.id,
    });
    if let Some(used) = used {
        chunk["usageMetadata"] = usage(used);
    }
    chunk
}

fn finish_reason(reason: StopReason) -> &'static str {
    match reason {
        StopReason::End | StopReason::ToolCalls | StopReason::StopSequence | StopReason::Pause => {
            "STOP"
        }
        StopReason::MaxTokens | StopReason::ContextFull => "MAX_TOKENS",
        StopReason::Refusal | StopReason::ContentFilter => "SAFETY",
    }
}

/// Gemini counts thoughts apart from the candidates.
fn usage(usage: &Usage) -> Value {
    let mut counts = json!({
        "promptTokenCount": usage.input,
        "candidatesTokenCount": usage.output.saturating_sub(usage.reasoning),
        "totalTokenCount": usage.input + usage.output,
    });
    if usage.cache_read > 0 {
        counts["cachedContentTokenCount"] = usage.cache_read.into();
    }
    if usage.reasoning > 0 {
        counts["thoughtsTokenCount"] = usage.reasoning.into();
    }
    counts
}
