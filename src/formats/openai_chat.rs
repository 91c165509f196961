//! OpenAI Chat Completions.

mod reply;
mod request;
mod stream;
mod watch;

use http::StatusCode;
use serde_json::{Value, json};

use super::{
    Codec, Encoded, Framing, Malformed, StreamDecoder, StreamEncoder, Watch, hints::Hints,
    openai_error, order::SseDecoder,
};
use crate::chat::{Fault, Opening, Reply, Request, StopReason, Usage};

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
        request::encode::encode(request, hints)
    }

    fn decode_reply(&self, body: &str) -> Result<Reply, Malformed> {
        reply::decode(body)
    }

    fn decode_fault(&self, status: StatusCode, body: &[u8]) -> Fault {
        openai_error::decode(status, body)
    }

    fn stream_decoder(&self, _: Framing) -> Box<dyn StreamDecoder> {
        Box::new(SseDecoder::new(stream::decode::Decoder))
    }

    fn encode_reply(&self, reply: &Reply) -> Vec<u8> {
        let texts = |wanted: &Opening| -> Option<String> {
            let texts: Vec<&str> = reply
                .blocks
                .iter()
                .filter(|block| block.opening == *wanted)
                .map(|block| block.text.as_str())
                .collect();
            (!texts.is_empty()).then(|| texts.concat())
        };
        let mut message = json!({
            "role": "assistant", "content": texts(&Opening::Text), "refusal": texts(&Opening::Refusal),
        });
        if let Some(reasoning) = texts(&Opening::Reasoning) {
            message["reasoning_content"] = reasoning.into();
        }
        let calls: Vec<Value> =
            reply.blocks.iter().filter_map(|block| call(&block.opening, &block.text)).collect();
        if !calls.is_empty() {
            message["tool_calls"] = calls.into();
        }
        let completion = json!({
            "id": format!("chatcmpl-{}", reply.start.id),
            "object": "chat.completion",
            "created": reply.start.created,
            "model": reply.start.model,
            "choices": [{
                "index": 0,
                "message": message,
                "logprobs": null,
                "finish_reason": reply.stop.as_ref().map(|stop| finish_reason(stop.reason)),
            }],
            "usage": usage(&reply.usage),
        });
        completion.to_string().into_bytes()
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

/// A call as a whole; `None` for blocks that are none.
fn call(opening: &Opening, text: &str) -> Option<Value> {
    match opening {
        Opening::ToolCall { id, name, .. } => {
            let arguments = if text.is_empty() { "{}" } else { text };
            Some(json!({
                "id": id, "type": "function", "function": { "name": name, "arguments": arguments },
            }))
        }
        // OpenAI, custom tools in Chat Completions.
        Opening::FreeformCall { id, name } => {
            Some(json!({ "id": id, "type": "custom", "custom": { "name": name, "input": text } }))
        }
        Opening::Text
        | Opening::Reasoning
        | Opening::Refusal
        | Opening::Hosted(_)
        | Opening::Image { .. } => None,
    }
}

fn finish_reason(reason: StopReason) -> &'static str {
    match reason {
        StopReason::End | StopReason::StopSequence | StopReason::Pause => "stop",
        StopReason::ToolCalls => "tool_calls",
        StopReason::MaxTokens | StopReason::ContextFull => "length",
        StopReason::Refusal | StopReason::ContentFilter => "content_filter",
    }
}

fn usage(usage: &Usage) -> Value {
    json!({
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": { "cached_tokens": usage.cache_read },
        "completion_tokens_details": { "reasoning_tokens": usage.reasoning },
    })
}
