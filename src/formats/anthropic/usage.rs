//! Token counts of Anthropic Messages ⇄ the neutral vocabulary. Anthropic counts what came from or
//! went to the cache apart from `input_tokens`; the neutral input is the sum.

use super::words::tier;
use crate::{
    chat::{ServiceTier, Usage},
    formats::{
        raw::{Text, open_struct},
        write::Members,
    },
};

open_struct! {
    pub(super) struct WireUsage<'a> {
        input: u64 = "input_tokens",
        cache_write: u64 = "cache_creation_input_tokens",
        cache_read: u64 = "cache_read_input_tokens",
        cache_creation: CacheCreation<'a> = "cache_creation",
        output: u64 = "output_tokens",
        output_details: OutputDetails<'a> = "output_tokens_details",
        server_tool_use: ServerToolUse<'a> = "server_tool_use",
        service_tier: Text<'a> = "service_tier",
    }
}

open_struct! {
    pub(super) struct CacheCreation<'a> {
        minutes: u64 = "ephemeral_5m_input_tokens",
        hour: u64 = "ephemeral_1h_input_tokens",
    }
}

open_struct! {
    pub(super) struct OutputDetails<'a> {
        thinking: u64 = "thinking_tokens" | "reasoning_tokens",
    }
}

open_struct! {
    pub(super) struct ServerToolUse<'a> {
        web_searches: u64 = "web_search_requests",
    }
}

/// Counts as they come in. Each is cumulative, and some providers leave out later what they have
/// told, or tell 0: the highest one counts.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    fresh: u64,
    written: u64,
    written_hour: u64,
    read: u64,
    output: u64,
    thinking: u64,
    searches: u64,
    tier: Option<ServiceTier>,
}

impl Counts {
    pub(super) fn take(&mut self, wire: &WireUsage<'_>) {
        let raise = |count: &mut u64, told: Option<u64>| *count = told.unwrap_or(0).max(*count);
        raise(&mut self.fresh, wire.input);
        let parts = wire.cache_creation.as_ref();
        let minutes = parts.and_then(|parts| parts.minutes).unwrap_or(0);
        let hour = parts.and_then(|parts| parts.hour);
        raise(&mut self.written_hour, hour);
        raise(&mut self.written, wire.cache_write);
        raise(&mut self.written, Some(minutes.saturating_add(hour.unwrap_or(0))));
        raise(&mut self.read, wire.cache_read);
        raise(&mut self.output, wire.output);
        raise(&mut self.thinking, wire.output_details.as_ref().and_then(|all| all.thinking));
        raise(&mut self.searches, wire.server_tool_use.as_ref().and_then(|all| all.web_searches));
        let told = wire.service_tier.as_ref().and_then(|name| tier(&name.0));
        self.tier = told.or(self.tier);
    }

    pub(super) fn usage(&self) -> Usage {
        Usage {
            input: self.fresh.saturating_add(self.written).saturating_add(self.read),
            cache_read: self.read,
            cache_write: self.written,
            cache_write_hour: self.written_hour,
            output: self.output,
            reasoning: self.thinking,
            web_searches: self.searches,
            tier: self.tier,
        }
    }
}

/// Writes the members of `usage`. Claude Code refuses a stream whose first usage has no cache
/// counts: they are always there.
pub(super) fn write(usage: &Usage, out: &mut Members<'_>) {
    let cached = usage.cache_read.saturating_add(usage.cache_write);
    out.value("input_tokens", &usage.input.saturating_sub(cached));
    out.value("cache_creation_input_tokens", &usage.cache_write);
    out.value("cache_read_input_tokens", &usage.cache_read);
    out.object("cache_creation", |out| {
        let hour = usage.cache_write_hour;
        out.value("ephemeral_5m_input_tokens", &usage.cache_write.saturating_sub(hour));
        out.value("ephemeral_1h_input_tokens", &hour);
    });
    out.value("output_tokens", &usage.output);
    if usage.reasoning > 0 {
        out.object("output_tokens_details", |out| out.value("thinking_tokens", &usage.reasoning));
    }
    if usage.web_searches > 0 {
        out.object("server_tool_use", |out| {
            out.value("web_search_requests", &usage.web_searches);
        });
    }
    let tier = usage.tier.and_then(|tier| match tier {
        ServiceTier::Standard => Some("standard"),
        ServiceTier::Priority => Some("priority"),
        ServiceTier::Batch => Some("batch"),
        ServiceTier::Auto | ServiceTier::Flex | ServiceTier::Scale => None,
    });
    out.maybe("service_tier", tier);
}
