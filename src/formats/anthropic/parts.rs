//! Parts of Messages replies that are written alike, whether whole or streamed.

use std::borrow::Cow;

use super::words::FORMAT;
use crate::{
    chat::{Citation, Seal, SealKind},
    formats::{
        ids::{IdForm, fit},
        seals::{Attach, close},
        write::{Elements, Members},
    },
};

/// A call with its input as JSON source.
pub(super) fn call(id: &str, name: &str, input: &str, out: &mut Members<'_>) {
    out.value("type", "tool_use");
    out.text("id", &call_id(id));
    out.value("name", name);
    out.raw("input", input);
}

/// The id by which a client knows a call.
pub(super) fn call_id(id: &str) -> Cow<'_, str> {
    fit(id, IdForm::Plain)
}

/// Reasoning with its seal, in an envelope if that is another vendor's.
pub(super) fn reasoning(text: &str, seal: Option<&Seal<'_>>, out: &mut Members<'_>) {
    if let Some(seal) = seal.filter(|seal| text.is_empty() && seal.kind == SealKind::Redacted) {
        out.value("type", "redacted_thinking");
        out.text("data", &close(seal, Attach::Own, FORMAT));
        return;
    }
    out.value("type", "thinking");
    out.text("thinking", text);
    let signature = seal.map(|seal| close(seal, Attach::Own, FORMAT)).unwrap_or_default();
    out.text("signature", &signature);
}

/// An empty block that carries the seal of another block which has no place for one.
pub(super) fn carrier(seal: &Seal<'_>, attach: Attach<'_>, out: &mut Members<'_>) {
    out.value("type", "thinking");
    out.text("thinking", "");
    out.text("signature", &close(seal, attach, FORMAT));
}

/// Messages replies have no pictures; that there was one is told.
pub(super) fn image(out: &mut Members<'_>) {
    out.value("type", "text");
    out.text("text", "[image]");
}

/// A citation as it was, or as one of a web search.
pub(super) fn citation(citation: &Citation<'_>, list: &mut Elements<'_>) {
    if citation.format == FORMAT {
        list.raw(citation.raw.get());
    } else {
        list.object(|out| found(citation, out));
    }
}

/// A citation of another vendor's search; members that clients' types require are there.
pub(super) fn found(citation: &Citation<'_>, out: &mut Members<'_>) {
    out.value("type", "web_search_result_location");
    out.text("url", citation.url.as_deref().unwrap_or_default());
    out.value("title", &citation.title);
    out.value("encrypted_index", "");
    out.value("cited_text", citation.quote.as_deref().unwrap_or_default());
}
