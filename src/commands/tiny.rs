//! The smallest request that a model answers, in every format: what tests and probes send.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::network::Arrivals;
use crate::{
    formats::{Signal, codec, sse},
    protocol::{Format, Operation},
};

/// At most this many tokens come back: fewer are refused in the format `openai-responses`.
pub const OUTPUT_TOKENS: u64 = 16;
const PROMPT: &str = "Reply with the word ok.";

/// Which name the limit of output tokens has in the format `openai`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// `max_tokens`, which nearly everybody knows.
    MaxTokens,
    /// `max_completion_tokens`, which some models insist on.
    MaxCompletionTokens,
}

/// The body.
#[must_use]
pub fn body(format: Format, model: &str, stream: bool, limit: Limit) -> Bytes {
    let message = json!([{ "role": "user", "content": PROMPT }]);
    let mut body = match format {
        Format::OpenAi => {
            let limit = match limit {
                Limit::MaxTokens => "max_tokens",
                Limit::MaxCompletionTokens => "max_completion_tokens",
            };
            json!({ "model": model, "messages": message, limit: OUTPUT_TOKENS })
        }
        Format::OpenAiResponses => json!({
            "model": model, "input": PROMPT, "max_output_tokens": OUTPUT_TOKENS, "store": false,
        }),
        Format::Anthropic => {
            json!({ "model": model, "max_tokens": OUTPUT_TOKENS, "messages": message })
        }
        Format::Gemini => json!({
            "contents": [{ "role": "user", "parts": [{ "text": PROMPT }] }],
            "generationConfig": { "maxOutputTokens": OUTPUT_TOKENS },
        }),
    };
    if stream && format != Format::Gemini {
        body["stream"] = Value::Bool(true);
    }
    body.to_string().into()
}

/// What is asked for.
#[must_use]
pub fn operation(format: Format, stream: bool) -> Operation {
    match format {
        Format::OpenAi => Operation::ChatCompletions,
        Format::OpenAiResponses => Operation::Responses,
        Format::Anthropic => Operation::Messages,
        Format::Gemini if stream => Operation::StreamGenerateContent,
        Format::Gemini => Operation::GenerateContent,
    }
}

/// Whether an error says that the limit wants its other name.
#[must_use]
pub fn wants_other_limit(format: Format, body: &[u8]) -> bool {
    format == Format::OpenAi && String::from_utf8_lossy(body).contains("max_completion_tokens")
}

/// When the first token of a streamed answer was there; the error that it broke with otherwise.
///
/// # Errors
/// The fault in the stream, or that it is empty.
pub fn first_token(format: Format, body: &[u8], arrivals: &Arrivals) -> Result<Duration, String> {
    let (mut parser, mut watch) = (sse::Reader::default(), codec(format).watch());
    let mut first = None;
    let mut fault = None;
    let mut start = 0;
    let whole = [(body.len(), arrivals.end())];
    let pieces = if arrivals.pieces.is_empty() { &whole[..] } else { &arrivals.pieces };
    for (end, when) in pieces {
        let piece = body.get(start..*end).unwrap_or_default();
        parser.feed(piece, &mut |event, _| match watch.see(&event) {
            Signal::Content => first = first.or(Some(*when)),
            Signal::Fault(message) => fault = Some(message),
            Signal::Preamble | Signal::End => {}
        });
        start = *end;
    }
    match (fault, first) {
        (Some(fault), _) => Err(fault),
        (None, Some(_)) if !watch.complete() => Err("the stream broke off".to_owned()),
        (None, Some(first)) => Ok(first),
        (None, None) => Err("the stream was empty".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_token_is_timed_by_the_piece_that_holds_it() {
        let parts = [
            "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\n",
            "data: {\"choices\":[{\"delta\":{\"content\":\"ok\"}}]}\n\n",
            "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
        ];
        let mut arrivals = Arrivals { head: Duration::from_millis(1), pieces: Vec::new() };
        let mut end = 0;
        for (part, when) in parts.iter().zip([10, 20, 30]) {
            end += part.len();
            arrivals.pieces.push((end, Duration::from_millis(when)));
        }
        let whole = parts.concat();
        let first = first_token(Format::OpenAi, whole.as_bytes(), &arrivals);
        assert_eq!(first, Ok(Duration::from_millis(20)));
        let broken = first_token(Format::OpenAi, parts[0].as_bytes(), &Arrivals::default());
        assert_eq!(broken, Err("the stream was empty".to_owned()));
        let cut = parts[..2].concat();
        let cut = first_token(Format::OpenAi, cut.as_bytes(), &Arrivals::default());
        assert_eq!(cut, Err("the stream broke off".to_owned()));
    }

    #[test]
    fn every_format_limits_what_comes_back() {
        for format in Format::ALL {
            for limit in [Limit::MaxTokens, Limit::MaxCompletionTokens] {
                let body = body(format, "m", true, limit);
                let text = String::from_utf8_lossy(&body).into_owned();
                assert!(text.contains(":16"), "{text}");
            }
        }
    }
}
