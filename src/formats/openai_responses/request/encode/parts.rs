//! Blocks → the parts of messages and of results.

use super::{super::super::FORMAT, Writer, input::text_kind};
use crate::{
    chat::{Block, Citation, Content, Document, Image, Place, Role, Source},
    formats::{
        hints::Quirk,
        openai::{is_openai, noun, title_key, words},
        write::{self, Elements, Members},
    },
};

impl<'a> Writer<'_, 'a> {
    /// Writes a part of a message, if it can be said; `prefix` stands in front of its text.
    pub(super) fn part(
        &mut self,
        block: &Block<'a>,
        role: Role,
        prefix: &str,
        content: &mut Elements<'_>,
    ) {
        self.lost_seal(block);
        match &block.content {
            Content::Text { text, citations } => {
                content.object(|part| {
                    part.value("type", text_kind(role));
                    prefixed(part, prefix, text);
                    if role == Role::Assistant {
                        self.citations(block.place, citations, part);
                    }
                    self.extra(block, part);
                });
            }
            Content::Refusal(text) if role == Role::Assistant => content.object(|part| {
                part.value("type", "refusal");
                part.value("refusal", text);
                self.extra(block, part);
            }),
            Content::Refusal(text) => plain(role, prefix, text, content),
            Content::ToolReference(name) => {
                self.losses.reworded(block.place, "becomes text");
                plain(role, prefix, name, content);
            }
            Content::Image(image) if role != Role::Assistant => self.image(block, image, content),
            Content::Document(file) if role != Role::Assistant => {
                self.file(block, file, prefix, content);
            }
            Content::Opaque { format, raw, .. } if *format == FORMAT => content.raw(raw.get()),
            Content::Image(_) | Content::Document(_) | Content::Audio(_) => {
                let what = noun(&block.content);
                self.losses.whole(block.place, format!("the format has no place for this {what}"));
            }
            Content::Opaque { format, kind, .. } => {
                self.losses.opaque(block.place, *format, kind);
            }
            Content::Reasoning(_)
            | Content::ToolCall(_)
            | Content::ToolResult(_)
            | Content::Hosted(_) => {}
        }
    }

    /// Writes the annotations of a text; those of other vendors have no meaning to this one.
    fn citations(&mut self, place: Place, citations: &[Citation<'a>], part: &mut Members<'_>) {
        if citations.iter().any(|citation| citation.format != FORMAT) {
            self.losses.member(place, "citations", "citations of another vendor");
        }
        let own: Vec<_> = citations.iter().filter(|citation| citation.format == FORMAT).collect();
        if !own.is_empty() {
            part.array("annotations", |list| {
                own.iter().for_each(|citation| list.raw(citation.raw.get()));
            });
        }
    }

    fn image(&mut self, block: &Block<'a>, image: &Image<'a>, content: &mut Elements<'_>) {
        let url = match &image.source {
            Source::Base64 { media_type, data } => Ok(format!("data:{media_type};base64,{data}")),
            Source::Url { url, .. } if !self.hints.quirks.has(Quirk::NoImageUrls) => {
                Ok(url.clone().into_owned())
            }
            Source::File { format, id } if is_openai(*format) => Err(id),
            Source::Url { .. } => {
                self.losses.whole(block.place, "the provider takes no images by URL");
                return;
            }
            Source::File { format, .. } => {
                self.losses.whole(block.place, format!("only {format} has this file"));
                return;
            }
            Source::Text(_) => return,
        };
        content.object(|part| {
            part.value("type", "input_image");
            match &url {
                Ok(url) => part.text("image_url", url),
                Err(id) => part.value("file_id", id),
            }
            part.maybe("detail", image.detail.as_deref());
            self.extra(block, part);
        });
    }

    fn file(
        &mut self,
        block: &Block<'a>,
        file: &Document<'a>,
        prefix: &str,
        content: &mut Elements<'_>,
    ) {
        let (key, value) = match &file.source {
            Source::Base64 { media_type, data } => {
                ("file_data", format!("data:{media_type};base64,{data}"))
            }
            Source::Url { url, .. } => ("file_url", url.clone().into_owned()),
            Source::File { format, id } if is_openai(*format) => {
                ("file_id", id.clone().into_owned())
            }
            Source::File { format, .. } => {
                self.losses.whole(block.place, format!("only {format} has this file"));
                return;
            }
            Source::Text(_) => {
                self.losses.reworded(block.place, "a document of plain text becomes text");
                plain(Role::User, prefix, &words(&block.content), content);
                return;
            }
        };
        // Data needs a name, a name goes with nothing else.
        let made = (key == "file_data").then_some("file.pdf");
        let named = file.title.as_deref().filter(|_| key == "file_data");
        if file.title.is_some() && named.is_none() {
            self.losses.member(block.place, title_key(self.request.format), "only data has a name");
        }
        content.object(|part| {
            part.value("type", "input_file");
            part.maybe("filename", named.or(made));
            part.value(key, &value);
            self.extra(block, part);
        });
    }

    /// Whether a part can be made of a block that is not the model's.
    pub(super) fn can_say(&self, block: &Block<'_>) -> bool {
        match &block.content {
            Content::Text { text, .. } | Content::Refusal(text) => !text.is_empty(),
            Content::ToolReference(_) => true,
            Content::Image(image) => match &image.source {
                Source::Base64 { .. } => true,
                Source::Url { .. } => !self.hints.quirks.has(Quirk::NoImageUrls),
                Source::File { format, .. } => is_openai(*format),
                Source::Text(_) => false,
            },
            Content::Document(file) => match &file.source {
                Source::Base64 { .. } | Source::Url { .. } | Source::Text(_) => true,
                Source::File { format, .. } => is_openai(*format),
            },
            Content::Opaque { format, .. } => *format == FORMAT,
            Content::Audio(_)
            | Content::Reasoning(_)
            | Content::ToolCall(_)
            | Content::ToolResult(_)
            | Content::Hosted(_) => false,
        }
    }

    /// Reports what is lost of a block: by writing it to nowhere.
    pub(super) fn report(&mut self, block: &Block<'a>) {
        self.marks(block);
        let mut nowhere = Vec::new();
        write::array(&mut nowhere, |content| self.part(block, Role::User, "", content));
    }
}

/// Whether a block becomes plain text.
pub(super) fn is_words(content: &Content<'_>) -> bool {
    match content {
        Content::Text { .. } | Content::Refusal(_) | Content::ToolReference(_) => true,
        Content::Document(file) => matches!(file.source, Source::Text(_)),
        Content::Image(_)
        | Content::Audio(_)
        | Content::Reasoning(_)
        | Content::ToolCall(_)
        | Content::ToolResult(_)
        | Content::Hosted(_)
        | Content::Opaque { .. } => false,
    }
}

/// Writes a part of plain text.
pub(super) fn plain(role: Role, prefix: &str, text: &str, content: &mut Elements<'_>) {
    content.object(|part| {
        part.value("type", text_kind(role));
        prefixed(part, prefix, text);
    });
}

fn prefixed(part: &mut Members<'_>, prefix: &str, text: &str) {
    if prefix.is_empty() {
        part.text("text", text);
    } else {
        part.text("text", &format!("{prefix}{text}"));
    }
}
