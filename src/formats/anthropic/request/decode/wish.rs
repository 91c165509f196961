//! What a Messages request wishes of the reply → the neutral vocabulary. An object with a member
//! that has no word here is also carried whole, so that its own vendor gets it as it was.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{super::super::words::FORMAT, text};
use crate::{
    chat::{Effort, Extra, Json, Output, ReasoningMode, Request, Show},
    formats::{
        Malformed,
        raw::{self, Text, open_struct},
    },
};

open_struct! {
    struct WireThinking<'a> {
        kind: Text<'a> = "type",
        budget_tokens: u64 = "budget_tokens",
        display: Text<'a> = "display",
    }
}

pub(super) fn thinking<'a>(raw: &'a RawValue, request: &mut Request<'a>) -> Result<(), Malformed> {
    let wire: WireThinking<'_> = raw::read(raw, "/thinking")?;
    request.reasoning.mode = match &*text(wire.kind) {
        "enabled" => Some(ReasoningMode::On),
        "adaptive" => Some(ReasoningMode::Adaptive),
        "disabled" => Some(ReasoningMode::Off),
        _ => None,
    };
    request.reasoning.budget = wire.budget_tokens;
    request.reasoning.show = wire.display.map(|display| match &*display.0 {
        "omitted" => Show::Nothing,
        _ => Show::Auto,
    });
    carry("thinking", raw, !wire.extra.is_empty(), request);
    Ok(())
}

open_struct! {
    struct WireConfig<'a> {
        effort: Text<'a> = "effort",
        format: &'a RawValue = "format",
    }
}

pub(super) fn output_config<'a>(
    raw: &'a RawValue,
    request: &mut Request<'a>,
) -> Result<(), Malformed> {
    let wire: WireConfig<'_> = raw::read(raw, "/output_config")?;
    let effort = wire.effort.map(|effort| effort.0);
    request.reasoning.effort = effort.as_deref().and_then(Effort::parse);
    if let Some(format) = wire.format {
        request.output = output(format, "/output_config/format")?;
    }
    let unknown = effort.is_some() && request.reasoning.effort.is_none();
    carry("output_config", raw, unknown || !wire.extra.is_empty(), request);
    Ok(())
}

open_struct! {
    struct WireFormat<'a> {
        kind: Text<'a> = "type",
        schema: &'a RawValue = "schema",
    }
}

pub(super) fn output<'a>(raw: &'a RawValue, place: &str) -> Result<Option<Output<'a>>, Malformed> {
    let wire: WireFormat<'_> = raw::read(raw, place)?;
    Ok(wire.schema.map(|schema| Output::JsonSchema {
        name: None,
        description: None,
        schema: Json::from(schema),
        strict: None,
    }))
}

open_struct! {
    struct WireMetadata<'a> {
        user_id: Text<'a> = "user_id",
    }
}

pub(super) fn metadata<'a>(raw: &'a RawValue, request: &mut Request<'a>) -> Result<(), Malformed> {
    let wire: WireMetadata<'_> = raw::read(raw, "/metadata")?;
    request.user.id = wire.user_id.map(|id| id.0);
    carry("metadata", raw, !wire.extra.is_empty(), request);
    Ok(())
}

fn carry<'a>(key: &'static str, raw: &'a RawValue, whole: bool, request: &mut Request<'a>) {
    if whole {
        let key = Cow::Borrowed(key);
        request.extra.push(Extra { format: FORMAT, key, value: Json::from(raw) });
    }
}
