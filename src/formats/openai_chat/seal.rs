//! Seals in Chat: `reasoning_details` of messages (OpenRouter's extension, the only place that the
//! format has for them) and `extra_content` of calls (Google's endpoint of this format).
//!
//! A seal of this format is the whole detail as the provider wrote it. Seals of other formats
//! travel to Chat's clients as details of the type `reasoning.encrypted`: with the id of the call
//! that they belong to, without one if they belong to reasoning or text.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{
    FORMAT,
    wire::{some_text, text},
};
use crate::{
    chat::{Json, Opening, Seal, SealKind},
    formats::{
        raw::{Text, open_struct},
        seals::{self, Attach},
        write::{self, Members},
    },
};

open_struct! {
    /// A piece of reasoning: `reasoning.text`, `reasoning.summary` or `reasoning.encrypted`.
    pub(super) struct Detail<'a> {
        kind: Text<'a> = "type",
        text: &'a RawValue = "text",
        summary: &'a RawValue = "summary",
        data: &'a RawValue = "data",
        signature: &'a RawValue = "signature",
        id: &'a RawValue = "id",
    }
}

impl<'a> Detail<'a> {
    /// What can be read of it.
    pub(super) fn shown(&self) -> Option<Cow<'a, str>> {
        some_text(self.text).or_else(|| some_text(self.summary))
    }

    /// What it belongs to.
    pub(super) fn id(&self) -> Option<Cow<'a, str>> {
        some_text(self.id)
    }

    /// Its seal as a provider issued it, if it has one.
    pub(super) fn issued(&self, raw: &'a RawValue) -> Option<Seal<'a>> {
        let kind = if some_text(self.signature).is_some() {
            SealKind::Signature
        } else {
            some_text(self.data)?;
            SealKind::Encrypted
        };
        Some(Seal { format: FORMAT, kind, data: raw.get().into(), item: None })
    }

    /// Its seal as it comes back from a client: ours, or what was put into an envelope.
    pub(super) fn returned(&self, raw: &'a RawValue) -> Option<(Seal<'a>, Attach<'static>)> {
        let own = self.issued(raw)?;
        let Some(data) = some_text(self.data) else { return Some((own, Attach::Own)) };
        let (seal, attach) = seals::open(data, FORMAT, own.kind);
        // What is no envelope keeps its whole detail.
        Some(if seal.format == FORMAT { (own, attach) } else { (seal, attach) })
    }
}

/// A detail for a client, of the seal on a block of this kind: our own as it was, another vendor's
/// in an envelope. `None` for what only our own format could read, and cannot.
pub(super) fn detail(seal: &Seal<'_>, block: &Opening, number: u32) -> Option<Json<'static>> {
    if seal.format == FORMAT {
        return own_detail(seal).map(Json::into_owned);
    }
    let (attach, call) = match block {
        Opening::Reasoning => (Attach::Own, None),
        Opening::ToolCall { id, .. } | Opening::FreeformCall { id, .. } => (Attach::Next, Some(id)),
        Opening::Text | Opening::Refusal | Opening::Hosted(_) | Opening::Image { .. } => {
            (Attach::Next, None)
        }
    };
    let mut out = Vec::new();
    write::object(&mut out, |detail| {
        detail.value("type", "reasoning.encrypted");
        detail.text("data", &seals::close(seal, attach, FORMAT));
        detail.maybe("id", call);
        detail.value("index", &number);
    });
    Json::parse(&String::from_utf8(out).ok()?).map(Json::into_owned)
}

/// A seal of this format that is a detail of reasoning.
pub(super) fn own_detail<'s>(seal: &'s Seal<'_>) -> Option<Json<'s>> {
    if seal.format != FORMAT {
        return None;
    }
    let json = Json::parse(&seal.data)?;
    let kind = text(json.read::<Detail<'_>>().ok()?.kind)?;
    kind.starts_with("reasoning.").then(|| json.clone())
}

/// A seal of this format that a call carries in `extra_content`.
pub(super) fn own_extra<'s>(seal: &'s Seal<'_>) -> Option<Json<'s>> {
    if seal.format != FORMAT || own_detail(seal).is_some() {
        return None;
    }
    Json::parse(&seal.data)
}

/// Writes a detail as its provider wants it back: a signature with the text that it signs, which
/// streams send apart from it.
pub(super) fn write_back(detail: &Json<'_>, shown: &str, out: &mut Members<'_>) {
    let Ok(read) = detail.read::<Detail<'_>>() else { return };
    out.maybe("type", read.kind.as_ref().map(|kind| &*kind.0));
    match (some_text(read.text), read.signature) {
        (Some(text), _) => out.text("text", &text),
        (None, Some(_)) if !shown.is_empty() => out.text("text", shown),
        (None, _) => {}
    }
    out.maybe("summary", read.summary);
    out.maybe("data", read.data);
    out.maybe("signature", read.signature);
    out.maybe("id", read.id);
    for (key, value) in &read.extra {
        out.raw(key, value.get());
    }
}
