//! Tools of Messages requests and their choice → the neutral vocabulary.

use serde_json::value::RawValue;

use super::{
    super::super::words::{FORMAT, cache_mark, hosted_kind},
    text,
};
use crate::{
    chat::{Extra, Json, Place, Tool, ToolChoice, ToolKind},
    formats::{
        Malformed,
        raw::{self, Text, open_struct},
    },
};

open_struct! {
    struct WireTool<'a> {
        kind: Text<'a> = "type",
        name: Text<'a> = "name" | "mcp_server_name",
        description: Text<'a> = "description",
        input_schema: &'a RawValue = "input_schema",
        strict: bool = "strict",
        defer_loading: bool = "defer_loading",
        cache_control: &'a RawValue = "cache_control",
    }
}

/// Tools with a schema are the client's, whatever their type says; the rest is the vendor's.
pub(super) fn tool(raw: &RawValue, index: usize) -> Result<Tool<'_>, Malformed> {
    let place = Place::new("/tools/#", &[index]);
    let wire: WireTool<'_> = raw::read(raw, &place.to_string())?;
    let kind = text(wire.kind);
    let own = wire.input_schema.is_some() || matches!(&*kind, "" | "custom");
    let mut extra = Vec::new();
    let kind = if own {
        extra = Extra::list(FORMAT, wire.extra);
        ToolKind::Function { schema: wire.input_schema.map(Json::from), strict: wire.strict }
    } else {
        ToolKind::Hosted { tool: hosted_kind(&kind), format: FORMAT, raw: Json::from(raw) }
    };
    Ok(Tool {
        description: wire.description.map(|text| text.0),
        deferred: wire.defer_loading == Some(true),
        cache: wire.cache_control.map(cache_mark),
        extra,
        place,
        ..Tool::new(text(wire.name), kind)
    })
}

open_struct! {
    struct WireChoice<'a> {
        kind: Text<'a> = "type",
        name: Text<'a> = "name",
        disable_parallel_tool_use: bool = "disable_parallel_tool_use",
    }
}

/// The choice, and whether several tools may be called at once.
pub(super) fn choice(raw: &RawValue) -> Result<(ToolChoice<'_>, Option<bool>), Malformed> {
    let wire: WireChoice<'_> = raw::read(raw, "/tool_choice")?;
    let choice = match (&*text(wire.kind), wire.name) {
        ("any", _) => ToolChoice::Required,
        ("none", _) => ToolChoice::None,
        ("tool", Some(name)) => ToolChoice::Named(name.0),
        _ => ToolChoice::Auto,
    };
    Ok((choice, wire.disable_parallel_tool_use.map(|disabled| !disabled)))
}
