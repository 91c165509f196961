//! A block of a Messages reply, or the beginning of one in a stream → the neutral vocabulary.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::super::words::{FORMAT, citation, hosted_kind, is_hosted_block};
use crate::{
    chat::{Hosted, Json, Opening, ReplyBlock, Seal, SealKind},
    formats::{
        Malformed,
        raw::{self, Text, open_struct},
    },
};

open_struct! {
    pub(in super::super) struct WireBlock<'a> {
        kind: Text<'a> = "type",
        text: Text<'a> = "text",
        citations: Vec<&'a RawValue> = "citations",
        thinking: Text<'a> = "thinking",
        signature: Text<'a> = "signature",
        data: Text<'a> = "data",
        id: Text<'a> = "id" | "tool_use_id",
        name: Text<'a> = "name",
        input: &'a RawValue = "input",
    }
}

open_struct! {
    struct WireInput<'a> {
        query: Text<'a> = "query" | "url" | "code" | "command",
    }
}

/// Reads a block that is there as a whole; no block if it says nothing that anyone has a word for.
pub(super) fn whole(raw: &RawValue, place: &str) -> Result<Option<ReplyBlock>, Malformed> {
    let wire: WireBlock<'_> = raw::read(raw, place)?;
    let Some(opening) = wire.opening(raw) else { return Ok(None) };
    let seal = wire.seal();
    let citations = wire.citations.iter().flatten().map(|raw| citation(raw).into_owned()).collect();
    let text = match &opening {
        Opening::Text => wire.text,
        Opening::Reasoning => wire.thinking,
        Opening::ToolCall { .. } => Some(Text(wire.input.map_or("{}", RawValue::get).into())),
        Opening::Refusal
        | Opening::FreeformCall { .. }
        | Opening::Hosted(_)
        | Opening::Image { .. } => None,
    };
    let text = text.unwrap_or_default().0.into_owned();
    if matches!(opening, Opening::Text) && text.is_empty() {
        return Ok(None);
    }
    Ok(Some(ReplyBlock { citations, seal, ..ReplyBlock::new(opening, text) }))
}

impl WireBlock<'_> {
    /// What the block is; `None` for what nobody has a word for.
    pub(in super::super) fn opening(&self, raw: &RawValue) -> Option<Opening> {
        let text = |text: &Option<Text<'_>>| match text {
            Some(Text(text)) => text.clone().into_owned(),
            None => String::new(),
        };
        match self.kind() {
            "text" => Some(Opening::Text),
            "thinking" | "redacted_thinking" => Some(Opening::Reasoning),
            "tool_use" => Some(Opening::ToolCall {
                id: text(&self.id),
                name: text(&self.name),
                namespace: None,
            }),
            kind if is_hosted_block(kind) => {
                let hosted = hosted(kind, text(&self.id), text(&self.name), raw, self.input);
                Some(Opening::Hosted(Box::new(hosted)))
            }
            _ => None,
        }
    }

    pub(in super::super) fn kind(&self) -> &str {
        self.kind.as_ref().map_or("", |kind| &kind.0)
    }

    /// The seal that the block has from its beginning. An empty signature is none.
    pub(in super::super) fn seal(&self) -> Option<Seal<'static>> {
        let (kind, data) = match self.kind() {
            "thinking" => (SealKind::Signature, self.signature.as_ref()?),
            "redacted_thinking" => (SealKind::Redacted, self.data.as_ref()?),
            _ => return None,
        };
        let data: Cow<'static, str> = Cow::Owned(data.0.clone().into_owned());
        (!data.is_empty()).then_some(Seal { format: FORMAT, kind, data, item: None })
    }
}

/// What a tool of the vendor was asked or found. The name of a tool that the vendor runs says which
/// it is.
fn hosted(
    kind: &str,
    id: String,
    name: String,
    raw: &RawValue,
    input: Option<&RawValue>,
) -> Hosted<'static> {
    let word = if kind == "server_tool_use" { &*name } else { kind };
    let asked = input.and_then(|raw| serde_json::from_str::<WireInput<'_>>(raw.get()).ok());
    let query = asked.and_then(|asked| asked.query).map(|Text(query)| query.into_owned().into());
    let raw = Json::from(raw).into_owned();
    Hosted { tool: hosted_kind(word), id: id.into(), query, format: FORMAT, raw }
}
