//! Blocks → Anthropic Messages.

use std::borrow::Cow;

use super::{super::super::words::FORMAT, Writer, marks};
use crate::{
    chat::{
        Block, Citation, Content, Document, Image, Json, Role, Seal, SealKind, Source, ToolCall,
        ToolResult,
    },
    formats::{
        dropped::Losses,
        names::to_arguments,
        seals::from_base64,
        write::{Elements, Members},
    },
    protocol::Format,
};

/// What stands where the client told no result. Always the same: it is a part of the prompt.
const NO_RESULT: &str = "[No result: the tool call did not finish.]";

/// Whether a block can be said by `role`; if not, its loss is told.
pub(super) fn takes(block: &Block<'_>, role: Role, losses: &mut Losses) -> bool {
    let why: Cow<'static, str> = match &block.content {
        Content::Text { text, .. } if text.trim().is_empty() => {
            losses.hint(block.place, "Anthropic takes no text of white space alone");
            return false;
        }
        Content::Text { .. } => return true,
        Content::Refusal(text) => {
            losses.reworded(block.place, "a refusal becomes text");
            return !text.trim().is_empty();
        }
        Content::Reasoning(_) => {
            match &block.seal {
                Some(seal) if seal.format == FORMAT => return true,
                Some(seal) => losses.hint(block.place, format!("sealed by {}", seal.format)),
                None => {
                    let why = "Anthropic takes no reasoning without its signature";
                    losses.hint(block.place, why);
                }
            }
            return false;
        }
        Content::Hosted(hosted) if hosted.format == FORMAT => return true,
        Content::Opaque { format, .. } if *format == FORMAT => return true,
        Content::Hosted(hosted) => format!("only {} has it", hosted.format).into(),
        Content::Opaque { format, kind, .. } => {
            losses.opaque(block.place, *format, kind);
            return false;
        }
        Content::Audio(_) => "Anthropic takes no sound".into(),
        Content::Image(_) | Content::Document(_) if role != Role::User => {
            "Anthropic takes files from the user only".into()
        }
        Content::Image(image) => match refused_image(&image.source) {
            Some(why) => why,
            None => return true,
        },
        Content::Document(document) => match refused_document(&document.source) {
            Some(why) => why,
            None => return true,
        },
        Content::ToolReference(_) => return true,
        Content::ToolCall(_) | Content::ToolResult(_) => "Anthropic has no such block here".into(),
    };
    losses.whole(block.place, why);
    false
}

fn refused_image(source: &Source<'_>) -> Option<Cow<'static, str>> {
    match source {
        Source::Base64 { media_type, .. } => match image_type(media_type) {
            Some(_) => None,
            None => Some(format!("Anthropic takes no {media_type}").into()),
        },
        Source::Url { .. } => None,
        Source::File { format, .. } if *format == FORMAT => None,
        Source::File { format, .. } => Some(format!("only {format} holds the file").into()),
        Source::Text(_) => Some("text is no image".into()),
    }
}

/// The media types that Anthropic takes, in its spelling ("Vision").
fn image_type(media_type: &str) -> Option<&'static str> {
    match media_type.to_ascii_lowercase().as_str() {
        "image/jpeg" | "image/jpg" => Some("image/jpeg"),
        "image/png" => Some("image/png"),
        "image/gif" => Some("image/gif"),
        "image/webp" => Some("image/webp"),
        _ => None,
    }
}

fn refused_document(source: &Source<'_>) -> Option<Cow<'static, str>> {
    match source {
        Source::Base64 { media_type, data } => {
            let readable = media_type == "application/pdf" || plain(media_type, data).is_some();
            (!readable).then(|| format!("Anthropic takes no {media_type}").into())
        }
        Source::Url { .. } | Source::Text(_) => None,
        Source::File { format, .. } if *format == FORMAT => None,
        Source::File { format, .. } => Some(format!("only {format} holds the file").into()),
    }
}

/// The text of a file that is text.
fn plain(media_type: &str, data: &str) -> Option<String> {
    let text = media_type.starts_with("text/") || media_type.starts_with("application/json");
    text.then(|| from_base64(data)).flatten().and_then(|bytes| String::from_utf8(bytes).ok())
}

/// Writes a text of our own.
pub(super) fn text(text: &str, list: &mut Elements<'_>) {
    list.object(|block| {
        block.value("type", "text");
        block.text("text", text);
    });
}

/// Writes a result that nobody told.
pub(super) fn missing(id: &str, list: &mut Elements<'_>) {
    list.object(|block| {
        block.value("type", "tool_result");
        block.value("tool_use_id", id);
        block.array("content", |content| text(NO_RESULT, content));
        block.value("is_error", &true);
    });
}

impl<'r> Writer<'r> {
    /// Writes a block that [`takes`] lets pass.
    pub(super) fn block(&mut self, block: &'r Block<'r>, in_result: bool, list: &mut Elements<'_>) {
        self.foreign_seal(block);
        match &block.content {
            Content::Text { text, citations } => list.object(|out| {
                out.value("type", "text");
                out.text("text", text);
                self.citations(block, citations, out);
                self.members(block, out);
            }),
            Content::Refusal(words) => text(words, list),
            Content::ToolReference(name) if in_result => list.object(|out| {
                out.value("type", "tool_reference");
                out.value("tool_name", &self.reference(name));
                self.members(block, out);
            }),
            Content::ToolReference(name) => text(name, list),
            Content::Image(image) => list.object(|out| {
                out.value("type", "image");
                self.image(block, image, out);
                self.members(block, out);
            }),
            Content::Document(document) => list.object(|out| self.document(block, document, out)),
            Content::Reasoning(reasoning) => {
                if let Some(seal) = &block.seal {
                    list.object(|out| thinking(&reasoning.shown(), seal, out));
                }
                if block.cache.is_some() {
                    let why = "Anthropic takes no mark on thinking";
                    self.losses.member(block.place, "cache_control", why);
                }
            }
            Content::Hosted(hosted) => self.raw(block, &hosted.raw, list),
            Content::Opaque { raw, .. } => self.raw(block, raw, list),
            Content::Audio(_) | Content::ToolCall(_) | Content::ToolResult(_) => {}
        }
    }

    /// The name of a tool that a result refers to. What is not offered has no other name: what the
    /// model calls later must not change what was said before.
    fn reference<'n>(&self, name: &'n str) -> Cow<'n, str> {
        let offered = self.request.tools.iter().any(|tool| tool.name == name);
        if offered { self.names.wire_of_any(self.request, name) } else { Cow::Borrowed(name) }
    }

    fn raw(&mut self, block: &Block<'_>, raw: &Json<'_>, list: &mut Elements<'_>) {
        self.marks.count(block.cache);
        list.raw(raw.get());
    }

    /// Seals that are not of a thinking block have no place here.
    fn foreign_seal(&mut self, block: &Block<'_>) {
        let Some(seal) = &block.seal else { return };
        if matches!(block.content, Content::Reasoning(_)) {
            return;
        }
        let key = match seal.format {
            Format::Gemini => "thoughtSignature",
            Format::Anthropic => "signature",
            Format::OpenAi | Format::OpenAiResponses => "encrypted_content",
        };
        self.losses.member(block.place, key, format!("sealed by {}", seal.format));
    }

    /// The members that any block may have.
    fn members(&mut self, block: &'r Block<'r>, out: &mut Members<'_>) {
        if let Some(mark) = self.marks.take(block.cache, block.place, &mut self.losses) {
            marks::write(mark, out);
        }
        self.losses.extras(&block.extra, block.place, FORMAT, &mut |extra| {
            out.value(&extra.key, &extra.value);
        });
    }

    fn citations(&mut self, block: &Block<'_>, all: &[Citation<'_>], out: &mut Members<'_>) {
        if all.iter().any(|citation| citation.format != FORMAT) {
            let why = "sources of another vendor's tools";
            self.losses.member(block.place, "annotations", why);
        }
        let own: Vec<_> = all.iter().filter(|citation| citation.format == FORMAT).collect();
        if !own.is_empty() {
            out.array("citations", |list| {
                for citation in own {
                    list.raw(citation.raw.get());
                }
            });
        }
    }

    fn image(&mut self, block: &Block<'_>, image: &Image<'_>, out: &mut Members<'_>) {
        if image.detail.is_some() {
            self.losses.member(block.place, "detail", "Anthropic has one size of images");
        }
        out.object("source", |out| match &image.source {
            Source::Base64 { media_type, data } => {
                base64(image_type(media_type).unwrap_or(media_type), data, out);
            }
            Source::Url { url, .. } => link(url, out),
            Source::File { id, .. } => file(id, out),
            Source::Text(_) => {}
        });
    }

    fn document(
        &mut self,
        block: &'r Block<'r>,
        document: &'r Document<'r>,
        out: &mut Members<'_>,
    ) {
        let own = |key: &str| block.extra.iter().any(|e| e.format == FORMAT && e.key == key);
        if let (Source::Text(words), true) = (&document.source, own("source")) {
            // The `source` of a search result is among the extras.
            out.value("type", "search_result");
            out.maybe("title", document.title.as_ref());
            out.array("content", |list| text(words, list));
            return self.members(block, out);
        }
        out.value("type", "document");
        out.object("source", |out| match &document.source {
            Source::Base64 { media_type, data } => match plain(media_type, data) {
                Some(text) => words(&text, out),
                None => base64(media_type, data, out),
            },
            Source::Url { url, .. } => link(url, out),
            Source::File { id, .. } => file(id, out),
            Source::Text(text) => words(text, out),
        });
        out.maybe("title", document.title.as_ref());
        self.members(block, out);
    }

    /// Writes a call.
    pub(super) fn call(
        &mut self,
        block: &'r Block<'r>,
        call: &'r ToolCall<'r>,
        id: &str,
        list: &mut Elements<'_>,
    ) {
        self.foreign_seal(block);
        if call.namespace.is_some() {
            let why = "a namespace becomes a part of the name";
            self.losses.member(block.place, "namespace", why);
        }
        if call.freeform {
            self.losses.reworded(block.place, "becomes a call with one text argument");
        }
        list.object(|out| {
            out.value("type", "tool_use");
            out.value("id", id);
            out.value("name", &self.names.wire(call.namespace.as_deref(), &call.name));
            let source = call.arguments.trim();
            if call.freeform {
                out.raw("input", &to_arguments(&call.arguments));
            } else if source.is_empty() || source == "null" {
                out.raw("input", "{}");
            } else if source.starts_with('{') && Json::parse(source).is_some() {
                out.raw("input", source);
            } else {
                let why = "its arguments are no JSON object: become text in one";
                self.losses.reworded(block.place, why);
                out.object("input", |input| input.text("arguments", &call.arguments));
            }
            self.members(block, out);
        });
    }

    /// Writes a result.
    pub(super) fn result(
        &mut self,
        block: &'r Block<'r>,
        result: &'r ToolResult<'r>,
        id: &str,
        list: &mut Elements<'_>,
    ) {
        self.foreign_seal(block);
        if result.freeform {
            self.losses.reworded(block.place, "becomes the result of a function");
        }
        list.object(|out| {
            out.value("type", "tool_result");
            out.value("tool_use_id", id);
            out.array("content", |list| {
                for inner in &result.blocks {
                    if takes(inner, Role::User, &mut self.losses) {
                        self.block(inner, true, list);
                    }
                }
            });
            // That it is none goes without saying, here and elsewhere.
            out.maybe("is_error", result.is_error.filter(|is| *is).as_ref());
            self.members(block, out);
        });
    }
}

fn thinking(shown: &str, seal: &Seal<'_>, out: &mut Members<'_>) {
    if seal.kind == SealKind::Redacted {
        out.value("type", "redacted_thinking");
        out.text("data", &seal.data);
    } else {
        out.value("type", "thinking");
        out.text("thinking", shown);
        out.text("signature", &seal.data);
    }
}

fn base64(media_type: &str, data: &str, out: &mut Members<'_>) {
    out.value("type", "base64");
    out.value("media_type", media_type);
    out.text("data", data);
}

fn words(text: &str, out: &mut Members<'_>) {
    out.value("type", "text");
    out.value("media_type", "text/plain");
    out.text("data", text);
}

fn link(url: &str, out: &mut Members<'_>) {
    out.value("type", "url");
    out.text("url", url);
}

fn file(id: &str, out: &mut Members<'_>) {
    out.value("type", "file");
    out.value("file_id", id);
}
