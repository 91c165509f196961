//! Words of Anthropic Messages that both directions share: kinds of vendor tools and blocks, tiers,
//! cache marks, citations.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::{
    chat::{CacheMark, CacheTtl, Citation, HostedKind, Json, ServiceTier, Stop, StopReason},
    formats::raw::{Text, open_struct},
    protocol::Format,
};

pub(super) const FORMAT: Format = Format::Anthropic;

/// Tools of the vendor by how their dated type begins (Anthropic, "Tool use", "Server tools").
const TOOLS: &[(&str, HostedKind)] = &[
    ("web_search", HostedKind::WebSearch),
    ("web_fetch", HostedKind::WebFetch),
    ("code_execution", HostedKind::CodeExecution),
    ("bash_code_execution", HostedKind::CodeExecution),
    ("text_editor_code_execution", HostedKind::CodeExecution),
    ("tool_search_tool", HostedKind::ToolSearch),
    ("mcp_", HostedKind::Mcp),
    ("computer", HostedKind::ComputerUse),
    ("bash", HostedKind::Shell),
    ("text_editor", HostedKind::TextEditor),
    ("str_replace", HostedKind::TextEditor),
    ("memory", HostedKind::Memory),
];

/// What the vendor's tool of this type or name is for.
pub(super) fn hosted_kind(word: &str) -> HostedKind {
    let found = TOOLS.iter().find(|(begin, _)| word.starts_with(begin));
    found.map_or(HostedKind::Other, |(_, kind)| *kind)
}

/// Blocks in which the vendor's tools say what they were asked and what they found. The client must
/// send them back as they are.
pub(super) fn is_hosted_block(kind: &str) -> bool {
    matches!(kind, "server_tool_use" | "mcp_tool_use" | "mcp_tool_result")
        || (kind.ends_with("_tool_result") && kind != "tool_result")
}

open_struct! {
    struct WireMark<'a> {
        ttl: Text<'a> = "ttl",
    }
}

/// `{"type":"ephemeral","ttl":"5m"|"1h"}`. What else it may say changes nothing about it being one.
pub(super) fn cache_mark(raw: &RawValue) -> CacheMark {
    let wire = serde_json::from_str::<WireMark<'_>>(raw.get()).unwrap_or_default();
    let ttl = wire.ttl.and_then(|ttl| match &*ttl.0 {
        "1h" => Some(CacheTtl::OneHour),
        "5m" => Some(CacheTtl::FiveMinutes),
        _ => None,
    });
    CacheMark { ttl }
}

/// The tier of a reply. Requests have `standard_only` instead of `standard`.
pub(super) fn tier(name: &str) -> Option<ServiceTier> {
    match name {
        "auto" => Some(ServiceTier::Auto),
        "standard" | "standard_only" => Some(ServiceTier::Standard),
        "priority" => Some(ServiceTier::Priority),
        "batch" => Some(ServiceTier::Batch),
        _ => None,
    }
}

open_struct! {
    /// One struct for the five kinds of citations, which differ in what they point at.
    struct WireCitation<'a> {
        url: Text<'a> = "url",
        title: Text<'a> = "title" | "document_title",
        quote: Text<'a> = "cited_text",
        source: Text<'a> = "source",
    }
}

/// A citation. Its range, if it has one, is in the document and not in the text: none is read.
pub(super) fn citation(raw: &RawValue) -> Citation<'_> {
    let wire = serde_json::from_str::<WireCitation<'_>>(raw.get()).unwrap_or_default();
    let text = |text: Option<Text<'_>>| text.map(|text| Cow::Owned(text.0.into_owned()));
    Citation {
        url: text(wire.url.or(wire.source)),
        title: text(wire.title),
        quote: text(wire.quote),
        range: None,
        format: FORMAT,
        raw: Json::from(raw),
    }
}

/// How a reply ended. Words that are not known, or none, are an end like any other; calls are
/// waited for even where a provider forgets to say so.
pub(super) fn read_stop(reason: &str, sequence: Option<String>, calls: bool) -> Stop {
    let reason = match reason {
        "tool_use" => StopReason::ToolCalls,
        "max_tokens" => StopReason::MaxTokens,
        "model_context_window_exceeded" => StopReason::ContextFull,
        "stop_sequence" => StopReason::StopSequence,
        "refusal" => StopReason::Refusal,
        "pause_turn" => StopReason::Pause,
        _ if calls => StopReason::ToolCalls,
        _ => StopReason::End,
    };
    Stop { reason, sequence }
}

/// The word for how a reply ended. A model that refuses in words of its own refuses as well.
pub(super) fn stop_reason(reason: StopReason, refused: bool) -> &'static str {
    match reason {
        StopReason::End if refused => "refusal",
        StopReason::End => "end_turn",
        StopReason::Pause => "pause_turn",
        StopReason::ContextFull => "model_context_window_exceeded",
        StopReason::ToolCalls => "tool_use",
        StopReason::MaxTokens => "max_tokens",
        StopReason::StopSequence => "stop_sequence",
        StopReason::Refusal | StopReason::ContentFilter => "refusal",
    }
}
