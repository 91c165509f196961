//! How many tokens a request has, where nobody can be asked: an estimate that errs high.

use memchr::memmem;
use serde::Deserialize;

use super::{call::Call, question};
use crate::{
    formats::{codec, head::Field, write},
    protocol::Format,
};

/// A conversation that is smaller says little about a model: what its provider adds to every
/// request weighs too much in it.
const TELLING: usize = 2048;

/// The estimate, before it is corrected by what is known of the model. A byte of ASCII is a third
/// of a token, which is more than prose (a quarter) and code have; a byte of anything else two
/// thirds, as two tokens for a character of three bytes.
#[must_use]
pub(super) fn estimate(call: &Call) -> u64 {
    let conversation = call.places.get(Field::Messages, &call.body).unwrap_or_default();
    let (attached, attachments) = question::attachments(conversation);
    of_text(&call.body, attached).saturating_add(attachments.saturating_mul(question::PER_IMAGE))
}

/// The same for learning from what the provider counts; `None` where it would teach nonsense.
#[must_use]
pub(super) fn estimate_to_compare(call: &Call) -> Option<u64> {
    let telling = call.body.len() >= TELLING
        && memmem::find(&call.body, b"base64").is_none()
        && memmem::find(&call.body, b"inlineData").is_none()
        && call.operation.is_chat();
    telling.then(|| of_text(&call.body, 0))
}

fn of_text(body: &[u8], attached: usize) -> u64 {
    // In sums of bytes, which the compiler makes a few instructions per thirty-two of them.
    let wide: usize = body
        .chunks(usize::from(u8::MAX))
        .map(|chunk| usize::from(chunk.iter().map(|byte| byte >> 7).sum::<u8>()))
        .sum();
    let thirds = (body.len() - attached.min(body.len())) + wide;
    u64::try_from(thirds.div_ceil(3)).unwrap_or(u64::MAX).max(1)
}

/// The members of a request that its vendor takes in the question for its size.
const ASKED_ABOUT: [(Format, &[&str]); 3] = [
    (
        Format::Anthropic,
        &["model", "messages", "system", "tools", "tool_choice", "thinking", "output_config"],
    ),
    (
        Format::OpenAiResponses,
        &[
            "model",
            "input",
            "instructions",
            "tools",
            "tool_choice",
            "parallel_tool_calls",
            "reasoning",
            "text",
        ],
    ),
    (Format::Gemini, &["contents", "systemInstruction", "tools", "toolConfig", "generationConfig"]),
];

/// A request of `format` as the question for its size; `None` if there is none in that format.
#[must_use]
pub(super) fn question(format: Format, model: &str, body: &[u8]) -> Option<Vec<u8>> {
    let (_, wanted) = ASKED_ABOUT.iter().find(|(known, _)| *known == format)?;
    let members: indexmap::IndexMap<&str, &serde_json::value::RawValue> =
        serde_json::from_slice(body).ok()?;
    let mut asked = Vec::with_capacity(body.len() + 64);
    write::object(&mut asked, |object| {
        let about = |object: &mut write::Members<'_>| {
            for (key, value) in members.iter().filter(|(key, _)| wanted.contains(key)) {
                object.raw(key, value.get());
            }
        };
        if format == Format::Gemini {
            // The plain form takes `contents` alone.
            object.object("generateContentRequest", |inner| {
                let model = format!("models/{}", model.trim_start_matches("models/"));
                inner.value("model", &model);
                about(inner);
            });
        } else {
            about(object);
        }
    });
    Some(asked)
}

/// The number in a vendor's answer to such a question.
#[must_use]
pub(super) fn answer(body: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Answer {
        input_tokens: Option<u64>,
        #[serde(rename = "totalTokens")]
        total: Option<u64>,
    }
    let answer: Answer = serde_json::from_slice(body).ok()?;
    answer.input_tokens.or(answer.total)
}

/// A number of tokens for a client of `format`.
#[must_use]
pub(super) fn tell(format: Format, tokens: u64) -> Vec<u8> {
    codec(format).encode_token_count(tokens)
}
