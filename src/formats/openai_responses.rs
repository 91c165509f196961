//! OpenAI Responses.

mod reply;
mod request;
mod stream;
mod watch;
mod wire;

use http::StatusCode;
use serde_json::{Value, json};

use super::{
    Codec, Encoded, Framing, Malformed, StreamDecoder, StreamEncoder, Watch, hints::Hints,
    openai_error, order::SseDecoder,
};
use crate::{
    chat::{Fault, Opening, Reply, ReplyBlock, Request, ServiceTier, Start, StopReason, Usage},
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
        reply::decode(body)
    }

    fn decode_fault(&self, status: StatusCode, body: &[u8]) -> Fault {
        openai_error::decode(status, body)
    }

    fn stream_decoder(&self, _: Framing) -> Box<dyn StreamDecoder> {
        Box::new(SseDecoder::new(stream::decode::Decoder))
    }

    fn encode_reply(&self, reply: &Reply) -> Vec<u8> {
        let output: Vec<Value> = reply
            .blocks
            .iter()
            .zip(0..)
            .map(|(block, index)| item(&reply.start, index, block, "completed"))
            .collect();
        let ending = match &reply.stop {
            Some(stop) => Ending::Stopped(stop.reason),
            None => Ending::InProgress,
        };
        response(&reply.start, output, ending, Some(&reply.usage)).to_string().into_bytes()
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

/// How far a response has come.
#[derive(Clone, Copy)]
enum Ending<'a> {
    InProgress,
    Stopped(StopReason),
    Failed(&'a Fault),
}

/// The whole response object (OpenAI, "The response object"). The keys that only repeat the request
/// have the defaults that SDKs accept.
fn response(start: &Start, output: Vec<Value>, ending: Ending<'_>, used: Option<&Usage>) -> Value {
    let (status, incomplete, error) = match ending {
        Ending::InProgress => ("in_progress", None, Value::Null),
        Ending::Stopped(StopReason::MaxTokens | StopReason::ContextFull) => {
            ("incomplete", Some("max_output_tokens"), Value::Null)
        }
        Ending::Stopped(StopReason::Refusal | StopReason::ContentFilter) => {
            ("incomplete", Some("content_filter"), Value::Null)
        }
        Ending::Stopped(
            StopReason::End | StopReason::ToolCalls | StopReason::StopSequence | StopReason::Pause,
        ) => ("completed", None, Value::Null),
        Ending::Failed(fault) => ("failed", None, failure(fault)),
    };
    json!({
        "id": format!("resp_{}", start.id),
        "object": "response",
        "created_at": start.created,
        "status": status,
        "error": error,
        "incomplete_details": incomplete.map(|reason| json!({ "reason": reason })),
        "instructions": null,
        "metadata": {},
        "model": start.model,
        "output": output,
        "parallel_tool_calls": true,
        "previous_response_id": null,
        "temperature": null,
        "tool_choice": "auto",
        "tools": [],
        "top_p": null,
        "usage": used.map(usage),
    })
}

/// `response.error`: a code and a message.
fn failure(fault: &Fault) -> Value {
    let (kind, code) = openai_error::words(fault.kind);
    json!({ "code": code.unwrap_or(kind), "message": fault.message })
}

/// The id of the output item at `index`: of the form that its kind has, the same in every event.
fn item_id(start: &Start, index: u32, opening: &Opening) -> String {
    let prefix = match opening {
        Opening::Text | Opening::Refusal | Opening::Hosted(_) | Opening::Image { .. } => "msg",
        Opening::Reasoning => "rs",
        Opening::ToolCall { .. } => "fc",
        Opening::FreeformCall { .. } => "ctc",
    };
    format!("{prefix}_{}_{index}", start.id)
}

/// One item of the output. `status` is `in_progress` or `completed`.
fn item(start: &Start, index: u32, block: &ReplyBlock, status: &str) -> Value {
    let id = item_id(start, index, &block.opening);
    let text = &block.text;
    let done = status == "completed";
    match &block.opening {
        Opening::Text | Opening::Refusal | Opening::Hosted(_) | Opening::Image { .. } => {
            let content = if done { vec![text_part(text)] } else { Vec::new() };
            json!({
                "id": id, "type": "message", "role": "assistant", "status": status, "content": content,
            })
        }
        Opening::Reasoning => {
            let summary = if done { vec![summary_part(text)] } else { Vec::new() };
            json!({ "id": id, "type": "reasoning", "summary": summary })
        }
        Opening::ToolCall { id: call, name, .. } => {
            let arguments = if done && text.is_empty() { "{}" } else { text };
            json!({
                "id": id, "type": "function_call", "status": status, "call_id": call, "name": name,
                "arguments": arguments,
            })
        }
        Opening::FreeformCall { id: call, name } => json!({
            "id": id, "type": "custom_tool_call", "status": status, "call_id": call, "name": name,
            "input": text,
        }),
    }
}

fn text_part(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] })
}

fn summary_part(text: &str) -> Value {
    json!({ "type": "summary_text", "text": text })
}

fn usage(usage: &Usage) -> Value {
    json!({
        "input_tokens": usage.input,
        "input_tokens_details": { "cached_tokens": usage.cache_read },
        "output_tokens": usage.output,
        "output_tokens_details": { "reasoning_tokens": usage.reasoning },
        "total_tokens": usage.input + usage.output,
    })
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
