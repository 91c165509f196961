//! Anthropic Messages.

mod fault;
mod reply;
mod request;
mod stream;
mod watch;
mod words;

use http::StatusCode;
use serde_json::{Value, json};

use super::{
    Codec, Encoded, Framing, Malformed, StreamDecoder, StreamEncoder, Watch, hints::Hints,
    order::SseDecoder,
};
use crate::chat::{Fault, FaultKind, Opening, Reply, ReplyBlock, Request, StopReason, Usage};

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
        Box::new(SseDecoder::new(stream::decode::Decoder))
    }

    fn encode_reply(&self, reply: &Reply) -> Vec<u8> {
        let content: Vec<Value> = reply.blocks.iter().map(block).collect();
        let message = json!({
            "id": format!("msg_{}", reply.start.id),
            "type": "message",
            "role": "assistant",
            "model": reply.start.model,
            "content": content,
            "stop_reason": reply.stop.as_ref().map(|stop| stop_reason(stop.reason)),
            "stop_sequence": reply.stop.as_ref().and_then(|stop| stop.sequence.as_deref()),
            "usage": usage(&reply.usage),
        });
        message.to_string().into_bytes()
    }

    fn encode_token_count(&self, tokens: u64) -> Vec<u8> {
        json!({ "input_tokens": tokens }).to_string().into_bytes()
    }

    fn encode_fault(&self, fault: &Fault) -> Vec<u8> {
        error(fault).to_string().into_bytes()
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

/// `{"type":"error","error":{"type","message"},"request_id"}` (Anthropic, "Errors").
fn error(fault: &Fault) -> Value {
    json!({
        "type": "error",
        "error": { "type": error_type(fault.kind), "message": fault.message },
        "request_id": fault.request_id,
    })
}

fn error_type(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::InvalidRequest
        | FaultKind::ContextTooLong
        | FaultKind::MethodNotAllowed
        | FaultKind::UnsupportedMediaType
        | FaultKind::UpgradeRequired
        | FaultKind::NotImplemented => "invalid_request_error",
        FaultKind::Authentication => "authentication_error",
        FaultKind::Permission => "permission_error",
        FaultKind::NotFound | FaultKind::ModelNotFound => "not_found_error",
        FaultKind::TooLarge => "request_too_large",
        FaultKind::RateLimit => "rate_limit_error",
        FaultKind::Internal | FaultKind::BadGateway => "api_error",
        FaultKind::Overloaded => "overloaded_error",
        FaultKind::Timeout => "timeout_error",
    }
}

fn block(block: &ReplyBlock) -> Value {
    match &block.opening {
        Opening::Text | Opening::Refusal => json!({ "type": "text", "text": block.text }),
        Opening::Hosted(_) | Opening::Image { .. } => json!({ "type": "text", "text": "" }),
        Opening::Reasoning => {
            json!({ "type": "thinking", "thinking": block.text, "signature": "" })
        }
        Opening::ToolCall { id, name, .. } => {
            let input = serde_json::from_str(&block.text).unwrap_or_else(|_| json!({}));
            tool_use(id, name, &input)
        }
        // Messages has no freeform tools: the text travels as the one argument.
        Opening::FreeformCall { id, name } => tool_use(id, name, &json!({ "input": block.text })),
    }
}

fn tool_use(id: &str, name: &str, input: &Value) -> Value {
    json!({ "type": "tool_use", "id": id, "name": name, "input": input })
}

fn stop_reason(reason: StopReason) -> &'static str {
    match reason {
        StopReason::End => "end_turn",
        StopReason::Pause => "pause_turn",
        StopReason::ContextFull => "model_context_window_exceeded",
        StopReason::ToolCalls => "tool_use",
        StopReason::MaxTokens => "max_tokens",
        StopReason::StopSequence => "stop_sequence",
        StopReason::Refusal | StopReason::ContentFilter => "refusal",
    }
}

/// Anthropic counts what came from or went to the cache apart from `input_tokens`.
fn usage(usage: &Usage) -> Value {
    json!({
        "input_tokens": usage.input.saturating_sub(usage.cache_read + usage.cache_write),
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
        "output_tokens": usage.output,
    })
}
