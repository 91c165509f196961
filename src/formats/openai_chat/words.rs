//! What the format calls things: roles, lanes, endings, token counts. For requests and replies
//! alike.

use serde_json::value::RawValue;

use super::wire::{Count, Loose};
use crate::{
    chat::{ServiceTier, StopReason, Usage},
    formats::{raw::open_struct, write::Members},
};

/// OpenAI, `service_tier`.
pub(super) fn tier_name(tier: ServiceTier) -> Option<&'static str> {
    match tier {
        ServiceTier::Auto => Some("auto"),
        ServiceTier::Standard => Some("default"),
        ServiceTier::Flex => Some("flex"),
        ServiceTier::Priority => Some("priority"),
        ServiceTier::Scale => Some("scale"),
        ServiceTier::Batch => None,
    }
}

/// Reads a lane; the vendors of this format call the ordinary one by several names.
pub(super) fn tier(name: &str) -> Option<ServiceTier> {
    Some(match name {
        "auto" => ServiceTier::Auto,
        "default" | "standard" | "on_demand" => ServiceTier::Standard,
        "flex" => ServiceTier::Flex,
        "priority" => ServiceTier::Priority,
        "scale" => ServiceTier::Scale,
        _ => return None,
    })
}

/// OpenAI, `finish_reason`.
pub(super) fn finish_reason(reason: StopReason) -> &'static str {
    match reason {
        StopReason::End | StopReason::StopSequence | StopReason::Pause => "stop",
        StopReason::ToolCalls => "tool_calls",
        StopReason::MaxTokens | StopReason::ContextFull => "length",
        StopReason::Refusal | StopReason::ContentFilter => "content_filter",
    }
}

/// How a provider ended a reply.
pub(super) enum Finish {
    Stop(StopReason),
    /// It broke off: `error` at OpenRouter's, at `DeepSeek`'s `insufficient_system_resource`.
    Broken,
}

/// Reads `finish_reason`. Those who only speak the format have words of their own.
pub(super) fn finish(reason: &str, called: bool) -> Finish {
    let end = if called { StopReason::ToolCalls } else { StopReason::End };
    Finish::Stop(match reason.to_ascii_lowercase().as_str() {
        "length" | "max_tokens" | "model_length" => StopReason::MaxTokens,
        "content_filter" | "safety" | "recitation" => StopReason::ContentFilter,
        "error" | "insufficient_system_resource" => return Finish::Broken,
        // `stop` with calls, and `tool_calls` without any, are told from what came.
        _ => end,
    })
}

open_struct! {
    /// `usage`, with what others than OpenAI put there.
    pub(super) struct Tokens<'a> {
        prompt: Count = "prompt_tokens",
        completion: Count = "completion_tokens",
        total: Count = "total_tokens",
        prompt_details: Loose<PromptDetails<'a>> = "prompt_tokens_details",
        completion_details: Loose<CompletionDetails<'a>> = "completion_tokens_details",
        // DeepSeek.
        hit: Count = "prompt_cache_hit_tokens",
        // Moonshot; Anthropic's words at gateways.
        cached: Count = "cached_tokens" | "cache_read_input_tokens",
        written: Count = "cache_creation_input_tokens",
        // OpenRouter.
        server: Loose<ServerTools<'a>> = "server_tool_use",
    }
}

open_struct! {
    pub(super) struct PromptDetails<'a> {
        cached: Count = "cached_tokens",
        // OpenRouter.
        written: Count = "cache_write_tokens" | "cache_creation_tokens",
    }
}

open_struct! {
    pub(super) struct CompletionDetails<'a> {
        reasoning: Count = "reasoning_tokens",
    }
}

open_struct! {
    pub(super) struct ServerTools<'a> {
        searches: Count = "web_search_requests",
    }
}

/// Reads `usage`; `None` if it is `null` or no object.
pub(super) fn usage(raw: &RawValue) -> Option<Usage> {
    let tokens: Tokens<'_> = serde_json::from_str(raw.get()).ok()?;
    let count = |count: Option<Count>| count.unwrap_or_default().0;
    let prompt = tokens.prompt_details.and_then(|details| details.0).unwrap_or_default();
    let completion = tokens.completion_details.and_then(|details| details.0).unwrap_or_default();
    let server = tokens.server.and_then(|server| server.0).unwrap_or_default();
    let (input, said) = (count(tokens.prompt), count(tokens.completion));
    let reasoning = count(completion.reasoning);
    // xAI and Google count reasoning beside the completion; the total tells.
    let beside = reasoning > 0 && count(tokens.total) == input + said + reasoning;
    Some(Usage {
        input,
        cache_read: count(prompt.cached).max(count(tokens.hit)).max(count(tokens.cached)),
        cache_write: count(prompt.written).max(count(tokens.written)),
        cache_write_hour: 0,
        output: if beside { said + reasoning } else { said },
        reasoning,
        web_searches: count(server.searches),
        tier: None,
    })
}

/// Writes `usage`. What OpenAI does not count is only written where it is counted.
pub(super) fn write_usage(usage: &Usage, out: &mut Members<'_>) {
    out.object("usage", |out| {
        out.value("prompt_tokens", &usage.input);
        out.value("completion_tokens", &usage.output);
        out.value("total_tokens", &usage.input.saturating_add(usage.output));
        out.object("prompt_tokens_details", |details| {
            details.value("cached_tokens", &usage.cache_read);
            if usage.cache_write > 0 {
                details.value("cache_write_tokens", &usage.cache_write);
            }
        });
        out.object("completion_tokens_details", |details| {
            details.value("reasoning_tokens", &usage.reasoning);
        });
        if usage.web_searches > 0 {
            out.object("server_tool_use", |used| {
                used.value("web_search_requests", &usage.web_searches);
            });
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_counted_alike_however_a_provider_counts() {
        let rows: [(&str, [u64; 5]); 7] = [
            (
                r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,
                    "prompt_tokens_details":{"cached_tokens":4},
                    "completion_tokens_details":{"reasoning_tokens":3}}"#,
                [10, 4, 0, 5, 3],
            ),
            // DeepSeek.
            (
                r#"{"prompt_tokens":10,"completion_tokens":5,"prompt_cache_hit_tokens":8}"#,
                [10, 8, 0, 5, 0],
            ),
            // Moonshot.
            (r#"{"prompt_tokens":10,"completion_tokens":5,"cached_tokens":7}"#, [10, 7, 0, 5, 0]),
            // OpenRouter.
            (
                r#"{"prompt_tokens":10,"completion_tokens":5,"cost":0.1,
                    "prompt_tokens_details":{"cached_tokens":0,"cache_write_tokens":9}}"#,
                [10, 0, 9, 5, 0],
            ),
            // xAI: reasoning is not part of the completion.
            (
                r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":22,
                    "completion_tokens_details":{"reasoning_tokens":7}}"#,
                [10, 0, 0, 12, 7],
            ),
            (r#"{"prompt_tokens":10.0,"completion_tokens":null}"#, [10, 0, 0, 0, 0]),
            (r#"{"prompt_tokens":1,"prompt_tokens_details":[]}"#, [1, 0, 0, 0, 0]),
        ];
        for (body, expected) in rows {
            let raw: &RawValue = serde_json::from_str(body).unwrap();
            let read = usage(raw).unwrap();
            let got = [read.input, read.cache_read, read.cache_write, read.output, read.reasoning];
            assert_eq!(got, expected, "{body}");
        }
        assert!(usage(serde_json::from_str("null").unwrap()).is_none());
    }
}
