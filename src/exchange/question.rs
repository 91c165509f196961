//! A call → what routing wants to know of it: which conversation it belongs to, and what it needs.
//! Only what can matter for the route is looked at.

use std::borrow::Cow;

use memchr::memmem;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::call::Call;
use crate::{
    formats::head::Field,
    routing::{decide::Question, fit::Needs, plan::Plan, state::affinity::AffinityKey},
};

/// What is to be decided about `call` on a route with this plan.
#[must_use]
pub fn read(call: &Call, plan: &Plan) -> Question {
    Question {
        operation: call.operation,
        needs: needs(call, plan),
        affinity: if plan.affine { affinity(call) } else { None },
    }
}

/// Headers in which clients name their conversation, most telling first: Claude Code, Amp, Codex,
/// OpenCode.
const SESSION_HEADERS: [&str; 7] = [
    "x-claude-code-session-id",
    "x-amp-thread-id",
    "session-id",
    "session_id",
    "thread-id",
    "x-session-affinity",
    "x-session-id",
];

fn affinity(call: &Call) -> Option<AffinityKey> {
    let header = SESSION_HEADERS.into_iter().find_map(|name| {
        let value = call.headers.get(name)?.as_bytes().trim_ascii();
        (!value.is_empty()).then(|| AffinityKey::new(name, value))
    });
    header.or_else(|| by_field(call)).or_else(|| by_beginning(call))
}

/// `prompt_cache_key`, else the session inside `metadata.user_id`.
fn by_field(call: &Call) -> Option<AffinityKey> {
    if let Some(key) = field(call, Field::PromptCacheKey).and_then(text).filter(|k| !k.is_empty()) {
        return Some(AffinityKey::new("prompt_cache_key", key.as_bytes()));
    }
    #[derive(Deserialize)]
    struct Metadata<'a> {
        #[serde(borrow)]
        user_id: Option<Cow<'a, str>>,
    }
    let metadata: Metadata<'_> = serde_json::from_str(field(call, Field::Metadata)?).ok()?;
    let user = metadata.user_id?;
    Some(AffinityKey::new("metadata.user_id", session_of(&user)?.as_bytes()))
}

/// Claude Code writes its session into `metadata.user_id`: older releases behind `_session_`, newer
/// ones as a member of a JSON object. A bare user id tells no conversations apart.
fn session_of(user: &str) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Inner<'a> {
        #[serde(borrow)]
        session_id: Option<Cow<'a, str>>,
    }
    if let Some((_, session)) = user.rsplit_once("_session_") {
        return Some(Cow::Borrowed(session)).filter(|session| !session.is_empty());
    }
    let inner: Inner<'_> = serde_json::from_str(user).ok()?;
    inner.session_id.filter(|session| !session.is_empty())
}

/// As much of a text as tells it from others.
const TELLING: usize = 4096;

/// The system prompt and the first user turn, which a conversation keeps to its end.
fn by_beginning(call: &Call) -> Option<AffinityKey> {
    let first = first_user_turn(field(call, Field::Messages)?)?;
    let system = field(call, Field::System).unwrap_or_default();
    let mut beginning = Vec::with_capacity(2 * TELLING + 16);
    for text in [system, first] {
        beginning.extend_from_slice(&text.len().to_le_bytes());
        beginning.extend_from_slice(&text.as_bytes()[..text.len().min(TELLING)]);
    }
    Some(AffinityKey::new("first turn", &beginning))
}

/// The JSON of what the user said first: a string, or the content of the first message of a user.
fn first_user_turn(messages: &str) -> Option<&str> {
    #[derive(Deserialize)]
    struct Turn<'a> {
        #[serde(borrow)]
        role: Option<Cow<'a, str>>,
        #[serde(borrow)]
        content: Option<&'a RawValue>,
        #[serde(borrow)]
        parts: Option<&'a RawValue>,
    }
    if messages.starts_with('"') {
        return Some(messages);
    }
    // Element by element, so that a long conversation is not read to its end.
    let mut rest = messages.trim_start().strip_prefix('[')?;
    loop {
        let mut turns = serde_json::Deserializer::from_str(rest).into_iter::<Turn<'_>>();
        let turn = turns.next()?.ok()?;
        if turn.role.as_deref().is_none_or(|role| role == "user") {
            let said = turn.content.or(turn.parts)?;
            return Some(said.get());
        }
        rest = rest.get(turns.byte_offset()..)?.trim_start().strip_prefix(',')?;
    }
}

/// Bytes of text per token, in sevenths: 3.5 errs high for prose and code.
const BYTES_PER_TOKEN: (u64, u64) = (7, 2);
/// What an image, whatever its size in bytes, stands for at the most.
pub(super) const PER_IMAGE: u64 = 1600;
/// The reply that a client expects which names no limit.
const USUAL_REPLY: u64 = 1024;

fn needs(call: &Call, plan: &Plan) -> Needs {
    if plan.smallest_window.is_none() && !plan.lacking {
        return Needs::default();
    }
    let conversation = field(call, Field::Messages).unwrap_or_default();
    let form = field(call, Field::OutputFormat).unwrap_or_default();
    let config = field(call, Field::GenerationConfig).unwrap_or_default();
    let tools = field(call, Field::Tools).unwrap_or_default();
    Needs {
        tokens: tokens(call, plan, conversation),
        tools: plan.lacking && !matches!(tools, "" | "[]" | "null"),
        images: plan.lacking && has_images(conversation),
        thinking: plan.lacking && thinks(call, config),
        structured_output: plan.lacking
            && (form.contains("\"json_schema\"")
                || form.contains("\"json_object\"")
                || config.contains("\"responseSchema\"")
                || config.contains("\"responseJsonSchema\"")),
    }
}

/// Input and output together. 0 if no limit is near.
fn tokens(call: &Call, plan: &Plan, conversation: &str) -> u64 {
    let Some(smallest) = plan.smallest_window else { return 0 };
    let reply = max_tokens(call).unwrap_or(USUAL_REPLY);
    let of_bytes = |bytes: usize| {
        let (bytes_per, tokens) = BYTES_PER_TOKEN;
        u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(tokens).div_ceil(bytes_per)
    };
    let most = of_bytes(call.body.len()).saturating_add(reply);
    if most <= smallest {
        return 0;
    }
    let (attached, attachments) = attachments(conversation);
    of_bytes(call.body.len() - attached)
        .saturating_add(attachments.saturating_mul(PER_IMAGE))
        .saturating_add(reply)
}

fn max_tokens(call: &Call) -> Option<u64> {
    #[derive(Deserialize)]
    struct Config {
        #[serde(rename = "maxOutputTokens")]
        max_output_tokens: Option<u64>,
    }
    if let Some(limit) = field(call, Field::MaxTokens) {
        return limit.parse().ok();
    }
    let config: Config = serde_json::from_str(field(call, Field::GenerationConfig)?).ok()?;
    config.max_output_tokens
}

/// The words behind which encoded images and files stand: `data:image/png;base64,...`,
/// `"type":"base64",...,"data":"..."`, `"inlineData":{...,"data":"..."}`.
const ATTACHED: [&str; 3] = ["base64", "inlineData", "inline_data"];

/// How many bytes of a conversation are encoded images and files, and how many of these there are.
pub(super) fn attachments(conversation: &str) -> (usize, u64) {
    let text = conversation.as_bytes();
    let (mut bytes, mut count) = (0, 0);
    for word in ATTACHED {
        let finder = memmem::Finder::new(word);
        let mut place = 0;
        while let Some(found) = finder.find(&text[place..]) {
            let behind = place + found + word.len();
            let start = behind + before_last_run(&text[behind..text.len().min(behind + 200)]);
            let end = start + text[start..].iter().take_while(|byte| is_base64(**byte)).count();
            if end - start > 200 {
                bytes += end - start;
                count += 1;
            }
            place = end;
        }
    }
    (bytes, count)
}

/// Where the run of base64 begins that reaches the end of a piece; the end if none does.
fn before_last_run(piece: &[u8]) -> usize {
    piece.len() - piece.iter().rev().take_while(|byte| is_base64(**byte)).count()
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_')
}

/// Whether some message holds an image, in the words of any format. A quote inside of a text is
/// escaped, so that talk about images is not taken for one.
fn has_images(conversation: &str) -> bool {
    const WORDS: [&str; 5] =
        ["\"image\"", "\"image_url\"", "\"input_image\"", "\"inlineData\"", "\"inline_data\""];
    WORDS.iter().any(|word| {
        memmem::find_iter(conversation.as_bytes(), word)
            .any(|place| place == 0 || conversation.as_bytes()[place - 1] != b'\\')
    })
}

fn thinks(call: &Call, config: &str) -> bool {
    let wish = field(call, Field::Thinking).unwrap_or_default();
    let off = ["", "null", "\"none\""].contains(&wish) || wish.contains("\"disabled\"");
    !off || config.contains("\"thinkingConfig\"")
}

fn field(call: &Call, field: Field) -> Option<&str> {
    call.places.get(field, &call.body)
}

fn text(json: &str) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    serde_json::from_str::<Text<'_>>(json).ok().map(|Text(text)| text)
}
