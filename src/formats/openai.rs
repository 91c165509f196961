//! What both formats of OpenAI say alike in requests: wishes, and words about blocks. Where they
//! stand in the body is the formats' own.

use std::borrow::Cow;

use super::{
    dropped::{Field, Losses},
    effort::How,
    hints::{Hints, Quirk},
    ids,
    write::Members,
};
use crate::{
    chat::{
        Block, Content, Document, Effort, Json, Place, ReasoningMode, Request, Retention, Role,
        Source, Verbosity,
    },
    protocol::Format,
};

/// OpenAI refuses smaller limits: agents ask for one token to see whether a model is there.
pub(super) const LEAST_LIMIT: u64 = 16;

/// The longest `user`, `safety_identifier` and `prompt_cache_key`.
const LONGEST: usize = 64;

/// The token limit that the client asks for, between the least and the most that is accepted.
pub(super) fn limit(
    request: &Request<'_>,
    hints: &Hints<'_>,
    least: u64,
    losses: &mut Losses,
) -> Option<u64> {
    let wanted = request.max_tokens?;
    let limit = hints.limit(Some(wanted)).unwrap_or(wanted).max(least);
    if limit > wanted {
        losses.field(request, Field::MaxTokens, "raised to the least that is accepted");
    } else if limit < wanted {
        losses.field(request, Field::MaxTokens, "lowered to the most that the model can say");
    }
    Some(limit)
}

/// Whether anything may be said about reasoning.
pub(super) fn reasons(hints: &Hints<'_>) -> bool {
    hints.reasoning.how != How::Not && !hints.quirks.has(Quirk::NoReasoning)
}

/// The effort in the words of a model that reasons. What is rounded on the way is reported.
pub(super) fn effort(
    request: &Request<'_>,
    hints: &Hints<'_>,
    losses: &mut Losses,
) -> Option<Effort> {
    let wish = request.reasoning;
    let effort = hints.reasoning.effort(&wish, request.max_tokens);
    let wanted = match wish.mode {
        Some(ReasoningMode::Off) => Some(Effort::None),
        Some(ReasoningMode::On | ReasoningMode::Adaptive) | None => wish.effort,
    };
    if wish.budget.is_some() && wish.effort.is_none() {
        losses.field(request, Field::ReasoningBudget, "becomes an effort");
    } else if let (Some(effort), Some(wanted)) = (effort, wanted)
        && effort != wanted
    {
        let reason = format!("becomes `{}`, the nearest that the model knows", effort.name());
        if request.format == Format::Anthropic && wish.effort.is_some() {
            losses.member(Place::new("/output_config", &[]), "effort", reason);
        } else {
            losses.field(request, Field::Reasoning, reason);
        }
    }
    effort
}

pub(super) fn verbosity(verbosity: Verbosity) -> &'static str {
    match verbosity {
        Verbosity::Low => "low",
        Verbosity::Medium => "medium",
        Verbosity::High => "high",
    }
}

/// Writes `prompt_cache_key` and `prompt_cache_retention` for a target of `format`. Where the
/// client has marks instead of a key, one is made.
pub(super) fn cache(
    request: &Request<'_>,
    (hints, format): (&Hints<'_>, Format),
    losses: &mut Losses,
    body: &mut Members<'_>,
) {
    let wish = &request.cache;
    if !hints.takes_cache_key(format) {
        if wish.key.is_some() {
            losses.field(request, Field::CacheKey, "the provider does not know it");
        }
        if wish.retention.is_some() {
            losses.field(request, Field::CacheRetention, "the provider does not know it");
        }
        return;
    }
    let made = (wish.key.is_none() && request.has_cache_marks()).then(|| cache_key(request));
    let key = wish.key.as_deref().map(short).or(made.map(Cow::Owned));
    body.maybe("prompt_cache_key", key.as_ref());
    let retention = wish.retention.map(|retention| match retention {
        Retention::InMemory => "in_memory",
        Retention::Day => "24h",
    });
    body.maybe("prompt_cache_retention", retention);
}

/// A key for the conversation: the same in each of its turns, for it comes from what does not
/// change in it.
fn cache_key(request: &Request<'_>) -> String {
    let mut digests = Vec::new();
    let mut add = |text: &str| digests.extend(ids::hash(text.as_bytes()).to_le_bytes());
    let left_out = attribution(request).map(std::ptr::from_ref);
    let leading = request.messages.iter();
    let leading = leading.take_while(|m| matches!(m.role, Role::System | Role::Developer));
    for block in leading.flat_map(|message| &message.blocks) {
        if left_out != Some(std::ptr::from_ref(block)) {
            add(block.text().unwrap_or_default());
        }
    }
    for tool in &request.tools {
        add(&tool.name);
        add(tool.description.as_deref().unwrap_or_default());
        add(tool.schema().map(Json::get).unwrap_or_default());
    }
    let user = request.messages.iter().find(|message| message.role == Role::User);
    let said = user.and_then(|message| message.blocks.iter().find_map(Block::text));
    add(said.unwrap_or_default());
    format!("llm-router:{:016x}", ids::hash(&digests))
}

/// The block by which Claude Code tells Anthropic which client it is. Elsewhere it means nothing,
/// and it must not disturb caches.
pub(super) fn attribution<'m, 'a>(request: &'m Request<'a>) -> Option<&'m Block<'a>> {
    let first = request.messages.first().filter(|message| message.role == Role::System)?;
    let block = first.blocks.first()?;
    block.text()?.starts_with("x-anthropic-billing-header:").then_some(block)
}

/// Writes `user` and `safety_identifier`.
pub(super) fn user(request: &Request<'_>, body: &mut Members<'_>) {
    body.maybe("user", request.user.id.as_deref().map(short).as_ref());
    body.maybe("safety_identifier", request.user.safety_id.as_deref().map(short).as_ref());
}

/// The text, or its hash if it is too long.
fn short(text: &str) -> Cow<'_, str> {
    if text.chars().count() <= LONGEST {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{:016x}", ids::hash(text.as_bytes())))
}

/// The text that a block becomes where it has no form of its own.
pub(super) fn words<'m>(content: &'m Content<'_>) -> Cow<'m, str> {
    match content {
        Content::Text { text, .. } | Content::Refusal(text) | Content::ToolReference(text) => {
            Cow::Borrowed(text)
        }
        Content::Document(Document { source: Source::Text(text), title }) => match title {
            Some(title) => Cow::Owned(format!("{title}:\n{text}")),
            None => Cow::Borrowed(text),
        },
        Content::Document(Document { source: Source::Url { url, .. }, .. }) => {
            Cow::Owned(format!("[document: {url}]"))
        }
        Content::Document(_)
        | Content::Image(_)
        | Content::Audio(_)
        | Content::Reasoning(_)
        | Content::ToolCall(_)
        | Content::ToolResult(_)
        | Content::Hosted(_)
        | Content::Opaque { .. } => Cow::Borrowed(""),
    }
}

/// What a block is, in a word.
pub(super) fn noun<'m>(content: &'m Content<'_>) -> &'m str {
    match content {
        Content::Text { .. } => "text",
        Content::Image(_) => "image",
        Content::Document(_) => "document",
        Content::Audio(_) => "audio",
        Content::Reasoning(_) => "reasoning",
        Content::ToolCall(_) => "call",
        Content::ToolResult(_) => "result",
        Content::ToolReference(_) => "tool",
        Content::Refusal(_) => "refusal",
        Content::Hosted(_) => "activity",
        Content::Opaque { kind, .. } => kind,
    }
}

/// Uploads are the same in both formats.
pub(super) fn is_openai(format: Format) -> bool {
    matches!(format, Format::OpenAi | Format::OpenAiResponses)
}

/// What a client of `format` calls the name of a file.
pub(super) fn title_key(format: Format) -> &'static str {
    match format {
        Format::OpenAi | Format::OpenAiResponses => "filename",
        Format::Anthropic => "title",
        Format::Gemini => "displayName",
    }
}
