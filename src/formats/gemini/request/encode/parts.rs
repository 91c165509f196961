//! Blocks → parts.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::value::RawValue;

use super::{
    super::super::{
        media,
        wire::{self, NO_SIGNATURE},
    },
    Context, inner, own,
};
use crate::{
    chat::{Block, Content, Hosted, Seal, Source, ToolCall},
    formats::{
        ids::{self, IdForm},
        names,
        seals::to_base64,
        write::{Elements, Members},
    },
    protocol::Format,
};

/// Writes a block that something is left of. `called` tells, within the turn of the model, whether
/// a call has been written.
pub(super) fn write(
    context: Context<'_, '_>,
    block: &Block<'_>,
    called: Option<&mut bool>,
    out: &mut Elements<'_>,
) {
    if let Content::Hosted(Hosted { raw, .. }) | Content::Opaque { raw, .. } = &block.content
        && block.seal.is_none()
        && block.extra.is_empty()
    {
        out.raw(raw.get());
        return;
    }
    out.object(|part| {
        content(context, block, part);
        let seal = block.seal.as_ref().filter(|seal| seal.format == Format::Gemini);
        let signature = seal.map(|seal: &Seal<'_>| &*seal.data).or_else(|| {
            // Of calls at once, the first has the signature.
            let first = called.as_ref().is_some_and(|called| !**called);
            (first && context.is_third() && block.call().is_some()).then_some(NO_SIGNATURE)
        });
        part.maybe("thoughtSignature", signature);
        for extra in own(&block.extra) {
            part.value(&extra.key, &extra.value);
        }
    });
    if let Some(called) = called {
        *called |= block.call().is_some();
    }
}

fn content(context: Context<'_, '_>, block: &Block<'_>, part: &mut Members<'_>) {
    match &block.content {
        Content::Text { text, .. } | Content::Refusal(text) | Content::ToolReference(text) => {
            part.text("text", text);
        }
        Content::Image(_) | Content::Audio(_) | Content::Document(_) => {
            source(context, block, part);
        }
        Content::Reasoning(reasoning) => {
            part.text("text", &reasoning.shown());
            part.value("thought", &true);
        }
        Content::ToolCall(call) => self::call(context, block, call, part),
        // Results stand behind their calls.
        Content::ToolResult(_) => {}
        Content::Hosted(Hosted { raw, .. }) | Content::Opaque { raw, .. } => {
            let members: BTreeMap<Cow<'_, str>, &RawValue> = raw.read().unwrap_or_default();
            for (key, value) in members {
                part.raw(&key, value.get());
            }
        }
    }
}

/// A file, in the body or elsewhere. The API takes plain text as one, too.
pub(super) fn source(context: Context<'_, '_>, block: &Block<'_>, part: &mut Members<'_>) {
    let Some((kind, source)) = media::of(&block.content) else { return };
    if !media::is_readable(source) {
        part.text("text", media::placeholder(kind));
        return;
    }
    // Only a client of this format has given it a name that the provider may know.
    let title = if let Content::Document(document) = &block.content {
        document.title.as_deref().filter(|_| context.is_own())
    } else {
        None
    };
    let rest = |holder: &'static str, blob: &mut Members<'_>| {
        blob.maybe("displayName", title);
        for (key, extra) in inner(&block.extra, holder) {
            blob.value(key, &extra.value);
        }
    };
    match source {
        Source::Base64 { media_type, data } => part.object("inlineData", |blob| {
            blob.value("mimeType", media_type);
            blob.text("data", data);
            rest("inlineData", blob);
        }),
        Source::Text(text) => part.object("inlineData", |blob| {
            blob.value("mimeType", "text/plain");
            blob.text("data", &to_base64(text.as_bytes()));
            rest("inlineData", blob);
        }),
        Source::Url { url, media_type } => part.object("fileData", |blob| {
            let media_type = media_type.as_deref();
            blob.value("mimeType", media_type.unwrap_or_else(|| media::type_of(url, kind)));
            blob.value("fileUri", url);
            rest("fileData", blob);
        }),
        Source::File { id, .. } => part.object("fileData", |blob| {
            blob.value("fileUri", id);
            rest("fileData", blob);
        }),
    }
}

fn call(context: Context<'_, '_>, block: &Block<'_>, call: &ToolCall<'_>, part: &mut Members<'_>) {
    part.object("functionCall", |function| {
        function.value("id", &ids::fit(&call.id, IdForm::Plain));
        function.value("name", &context.names.wire(call.namespace.as_deref(), &call.name));
        function.raw("args", &arguments(call));
        for (key, extra) in inner(&block.extra, "functionCall") {
            function.value(key, &extra.value);
        }
    });
}

/// The arguments as a JSON object.
fn arguments<'c>(call: &'c ToolCall<'_>) -> Cow<'c, str> {
    if call.freeform {
        return Cow::Owned(names::to_arguments(&call.arguments));
    }
    wire::object(&call.arguments)
}
