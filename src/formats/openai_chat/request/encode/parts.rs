//! Blocks → the parts of messages.

use std::borrow::Cow;

use super::{super::super::FORMAT, Writer};
use crate::{
    chat::{Block, Content, Document, Image, Role, Source},
    formats::{
        hints::Quirk,
        openai::{is_openai, noun, title_key, words},
        write::{Elements, Members},
    },
};

impl<'a> Writer<'_, 'a> {
    /// The one text that blocks become: if there is only one, or if the target takes no lists of
    /// texts, joined by `between`.
    pub(super) fn one_text<'b>(
        &mut self,
        blocks: &[&'b Block<'a>],
        role: Role,
        between: &str,
    ) -> Option<Cow<'b, str>> {
        let marks = self.hints.takes_cache_marks(FORMAT);
        let plain = |block: &&Block<'a>| {
            let kept = block.extra.iter().any(|extra| extra.format == FORMAT);
            let bare = !(kept || marks && block.cache.is_some());
            bare && is_words(&block.content) && !self.is_refusal(block, role)
        };
        if blocks.is_empty() || !blocks.iter().all(plain) || (blocks.len() > 1 && !self.flat) {
            return None;
        }
        for block in blocks {
            self.lost_mark(block);
            self.lost_seal(block);
            self.lost_citations(block);
            self.losses.extras(&block.extra, block.place, FORMAT, &mut |_| {});
            self.reword(block, role);
        }
        let mut texts = blocks.iter().map(|block| words(&block.content));
        let first = texts.next()?;
        Some(texts.fold(first, |all, text| Cow::Owned(format!("{all}{between}{text}"))))
    }

    /// Reports that a block becomes plain text, if it was something else.
    pub(super) fn reword(&mut self, block: &Block<'a>, role: Role) {
        match &block.content {
            Content::Text { .. } => {}
            // The words are what matters of it; only a genuine target has a place for more.
            Content::Refusal(_) if role == Role::Assistant => {}
            Content::Document(Document { source: Source::Url { .. }, .. }) => {
                self.losses.whole(block.place, "only its address is told");
            }
            Content::Refusal(_)
            | Content::ToolReference(_)
            | Content::Document(_)
            | Content::Image(_)
            | Content::Audio(_)
            | Content::Reasoning(_)
            | Content::ToolCall(_)
            | Content::ToolResult(_)
            | Content::Hosted(_)
            | Content::Opaque { .. } => self.losses.reworded(block.place, "becomes text"),
        }
    }

    /// Writes a part, if it can be said, else reports why not.
    pub(super) fn part(&mut self, block: &Block<'a>, role: Role, list: &mut Elements<'_>) {
        self.lost_seal(block);
        match &block.content {
            Content::Refusal(text) if self.is_refusal(block, role) => list.object(|part| {
                part.value("type", "refusal");
                part.value("refusal", text);
                self.members(block, part);
            }),
            content if is_words(content) => {
                self.reword(block, role);
                self.lost_citations(block);
                list.object(|part| {
                    part.value("type", "text");
                    part.text("text", &words(content));
                    self.members(block, part);
                });
            }
            Content::Image(image) if role != Role::Assistant => self.image(block, image, list),
            Content::Document(file) if role != Role::Assistant => self.file(block, file, list),
            Content::Audio(source) if role != Role::Assistant => self.audio(block, source, list),
            Content::Opaque { format, raw, .. } if *format == FORMAT => list.raw(raw.get()),
            Content::Opaque { format, kind, .. } => {
                self.losses.opaque(block.place, *format, kind);
            }
            Content::Image(_)
            | Content::Document(_)
            | Content::Audio(_)
            | Content::Text { .. }
            | Content::Refusal(_)
            | Content::ToolReference(_)
            | Content::Reasoning(_)
            | Content::ToolCall(_)
            | Content::ToolResult(_)
            | Content::Hosted(_) => {
                let what = noun(&block.content);
                self.losses.whole(block.place, format!("the format has no place for this {what}"));
            }
        }
    }

    /// Whether a block is written as a refusal: those who only speak the format get its words.
    fn is_refusal(&self, block: &Block<'a>, role: Role) -> bool {
        let refused = matches!(block.content, Content::Refusal(_));
        refused && role == Role::Assistant && self.hints.genuine
    }

    /// Whether a part can be made of a block.
    pub(super) fn can_say(&self, block: &Block<'a>, role: Role) -> bool {
        match &block.content {
            content if is_words(content) => true,
            Content::Opaque { format, .. } => *format == FORMAT,
            Content::Image(image) => role != Role::Assistant && self.image_url(image).is_some(),
            Content::Audio(source) => {
                role != Role::Assistant && matches!(source, Source::Base64 { .. })
            }
            Content::Document(file) => match &file.source {
                _ if role == Role::Assistant => false,
                Source::File { format, .. } => is_openai(*format),
                Source::Base64 { .. } | Source::Url { .. } | Source::Text(_) => true,
            },
            Content::Text { .. }
            | Content::Refusal(_)
            | Content::ToolReference(_)
            | Content::Reasoning(_)
            | Content::ToolCall(_)
            | Content::ToolResult(_)
            | Content::Hosted(_) => false,
        }
    }

    fn members(&mut self, block: &Block<'a>, part: &mut Members<'_>) {
        self.mark(block, part);
        self.extra(block, part);
    }

    /// Sources of texts in the history: the format takes none back.
    fn lost_citations(&mut self, block: &Block<'a>) {
        if let Content::Text { citations, .. } = &block.content
            && !citations.is_empty()
        {
            self.losses.member(block.place, "citations", "the format takes none back");
        }
    }

    fn image(&mut self, block: &Block<'a>, image: &Image<'a>, list: &mut Elements<'_>) {
        let Some(url) = self.image_url(image) else {
            self.losses.whole(block.place, why_not(image));
            self.lost_mark(block);
            return;
        };
        list.object(|part| {
            part.value("type", "image_url");
            part.object("image_url", |inner| {
                inner.text("url", &url);
                inner.maybe("detail", image.detail.as_deref());
            });
            self.members(block, part);
        });
    }

    /// The URL of an image; `None` if the target cannot have it.
    pub(super) fn image_url<'b>(&self, image: &'b Image<'a>) -> Option<Cow<'b, str>> {
        match &image.source {
            Source::Base64 { media_type, data } => {
                Some(Cow::Owned(format!("data:{media_type};base64,{data}")))
            }
            Source::Url { url, .. } if !self.hints.quirks.has(Quirk::NoImageUrls) => {
                Some(Cow::Borrowed(url))
            }
            Source::Url { .. } | Source::File { .. } | Source::Text(_) => None,
        }
    }

    fn file(&mut self, block: &Block<'a>, file: &Document<'a>, list: &mut Elements<'_>) {
        let (data, id) = match &file.source {
            Source::Base64 { media_type, data } => {
                (Some(format!("data:{media_type};base64,{data}")), None)
            }
            Source::File { format, id } if is_openai(*format) => (None, Some(id)),
            Source::File { format, .. } => {
                self.losses.whole(block.place, format!("only {format} has this file"));
                self.lost_mark(block);
                return;
            }
            Source::Url { .. } | Source::Text(_) => return,
        };
        // Data needs a name, a name goes with nothing else.
        let title = file.title.as_deref();
        let name = data.is_some().then_some(title.unwrap_or("file.pdf"));
        if data.is_none() && title.is_some() {
            self.losses.member(block.place, title_key(self.request.format), "only data has a name");
        }
        list.object(|part| {
            part.value("type", "file");
            part.object("file", |inner| {
                inner.maybe("filename", name);
                inner.maybe("file_data", data.as_ref());
                inner.maybe("file_id", id);
            });
            self.members(block, part);
        });
    }

    fn audio(&mut self, block: &Block<'a>, source: &Source<'a>, list: &mut Elements<'_>) {
        let Source::Base64 { media_type, data } = source else {
            self.losses.whole(block.place, "the format takes sound only as data");
            self.lost_mark(block);
            return;
        };
        list.object(|part| {
            part.value("type", "input_audio");
            part.object("input_audio", |inner| {
                inner.text("data", data);
                inner.value("format", sound(media_type));
            });
            self.members(block, part);
        });
    }
}

/// Why the target cannot have an image.
fn why_not(image: &Image<'_>) -> String {
    match &image.source {
        Source::File { format, .. } if is_openai(*format) => {
            "the format takes no uploaded images".to_owned()
        }
        Source::File { format, .. } => format!("only {format} has this file"),
        Source::Url { .. } | Source::Base64 { .. } | Source::Text(_) => {
            "the provider takes no images by URL".to_owned()
        }
    }
}

/// OpenAI names the format of a sound, the others its media type.
fn sound(media_type: &str) -> &str {
    match media_type.strip_prefix("audio/").unwrap_or(media_type) {
        "wave" | "x-wav" | "vnd.wave" => "wav",
        "mpeg" | "mpga" => "mp3",
        other => other,
    }
}

/// Whether a block becomes plain text.
pub(super) fn is_words(content: &Content<'_>) -> bool {
    match content {
        Content::Text { .. } | Content::Refusal(_) | Content::ToolReference(_) => true,
        // The format has no documents behind URLs: the model at least learns where they are.
        Content::Document(file) => matches!(file.source, Source::Text(_) | Source::Url { .. }),
        Content::Image(_)
        | Content::Audio(_)
        | Content::Reasoning(_)
        | Content::ToolCall(_)
        | Content::ToolResult(_)
        | Content::Hosted(_)
        | Content::Opaque { .. } => false,
    }
}
