//! Files on the wire: which kind of content a type of media is, and which type an address tells of.

use std::borrow::Cow;

use super::wire::{Blob, inner_extras};
use crate::{
    chat::{Block, Content, Document, Extra, Image, Json, Source},
    formats::{raw::Text, seals},
    protocol::Format,
};

/// What media types of which kind addresses end with.
const ENDINGS: &[(&str, &str)] = &[
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("webp", "image/webp"),
    ("gif", "image/gif"),
    ("heic", "image/heic"),
    ("heif", "image/heif"),
    ("pdf", "application/pdf"),
    ("txt", "text/plain"),
    ("md", "text/markdown"),
    ("html", "text/html"),
    ("csv", "text/csv"),
    ("wav", "audio/wav"),
    ("mp3", "audio/mp3"),
    ("ogg", "audio/ogg"),
    ("flac", "audio/flac"),
    ("m4a", "audio/m4a"),
    ("mp4", "video/mp4"),
    ("webm", "video/webm"),
    ("mov", "video/mov"),
];

/// The media type that an address ends like, if it does.
fn guessed(url: &str) -> Option<&'static str> {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let (_, ending) = path.rsplit('/').next().unwrap_or_default().rsplit_once('.')?;
    let known = ENDINGS.iter().find(|(known, _)| ending.eq_ignore_ascii_case(known));
    known.map(|(_, media_type)| *media_type)
}

/// The media type of a file that its client only gave an address of: by the end of the address, if
/// that is of the right kind, else the most common one. Vertex insists on a type.
pub(super) fn type_of(url: &str, kind: Kind) -> &'static str {
    let fits = |media_type: &&str| Kind::of(media_type) == kind;
    guessed(url).filter(fits).unwrap_or(match kind {
        Kind::Image => "image/jpeg",
        Kind::Audio => "audio/wav",
        Kind::Document => "application/pdf",
    })
}

/// Kinds of files that the vocabulary tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Image,
    Audio,
    Document,
}

impl Kind {
    fn of(media_type: &str) -> Self {
        match media_type.split('/').next() {
            Some("image") => Self::Image,
            Some("audio") => Self::Audio,
            Some(_) | None => Self::Document,
        }
    }

    fn content<'a>(self, source: Source<'a>, title: Option<Cow<'a, str>>) -> Content<'a> {
        match self {
            Self::Image => Content::Image(Image { source, detail: None }),
            Self::Audio => Content::Audio(source),
            Self::Document => Content::Document(Document { source, title }),
        }
    }
}

/// The file that a block is, if it is one.
pub(super) fn of<'b, 'a>(content: &'b Content<'a>) -> Option<(Kind, &'b Source<'a>)> {
    match content {
        Content::Image(image) => Some((Kind::Image, &image.source)),
        Content::Audio(source) => Some((Kind::Audio, source)),
        Content::Document(document) => Some((Kind::Document, &document.source)),
        Content::Text { .. }
        | Content::Reasoning(_)
        | Content::ToolCall(_)
        | Content::ToolResult(_)
        | Content::ToolReference(_)
        | Content::Refusal(_)
        | Content::Hosted(_)
        | Content::Opaque { .. } => None,
    }
}

/// What stands in the place of a file that is not there.
pub(super) fn placeholder(kind: Kind) -> &'static str {
    match kind {
        Kind::Image => "[image]",
        Kind::Audio => "[audio]",
        Kind::Document => "[document]",
    }
}

/// Whether the file can be read here: uploads at other vendors cannot.
pub(super) fn is_readable(source: &Source<'_>) -> bool {
    match source {
        Source::File { format, .. } => *format == Format::Gemini,
        Source::Base64 { .. } | Source::Url { .. } | Source::Text(_) => true,
    }
}

/// A file that stands in the body. Plain text is read as such.
pub(super) fn inline<'a>(blob: Blob<'a>) -> Block<'a> {
    let text = |text: Option<Text<'a>>| text.map(|text| text.0);
    let media_type = text(blob.mime).unwrap_or(Cow::Borrowed("application/octet-stream"));
    let data = one_alphabet(text(blob.data).unwrap_or_default());
    let kind = Kind::of(&media_type);
    let plain = (media_type == "text/plain")
        .then(|| seals::from_base64(&data).and_then(|bytes| String::from_utf8(bytes).ok()))
        .flatten()
        // Only what comes back the same.
        .filter(|text| seals::to_base64(text.as_bytes()) == data);
    let source = match plain {
        Some(text) => Source::Text(Cow::Owned(text)),
        None => Source::Base64 { media_type, data },
    };
    let mut block = Block::new(kind.content(source, None));
    name(&mut block, "inlineData", text(blob.name));
    block.extra.extend(inner_extras("inlineData.", blob.extra));
    block
}

/// Base64 in the alphabet that every vendor takes. Google takes that for URLs too, and its Python SDK
/// sends it.
fn one_alphabet(data: Cow<'_, str>) -> Cow<'_, str> {
    if memchr::memchr2(b'-', b'_', data.as_bytes()).is_none() {
        return data;
    }
    Cow::Owned(data.replace('-', "+").replace('_', "/"))
}

/// A file that stands elsewhere: an upload at Google's, or anything on the web.
pub(super) fn file<'a>(blob: Blob<'a>) -> Block<'a> {
    let text = |text: Option<Text<'a>>| text.map(|text| text.0);
    let (url, media_type) = (text(blob.uri).unwrap_or_default(), text(blob.mime));
    let kind = media_type.as_deref().or_else(|| guessed(&url)).map_or(Kind::Document, Kind::of);
    let mut block = if is_upload(&url) {
        let source = Source::File { format: Format::Gemini, id: url };
        let mut block = Block::new(kind.content(source, None));
        block.extra.extend(media_type.map(|media_type| Extra {
            format: Format::Gemini,
            key: Cow::Borrowed("fileData.mimeType"),
            value: Json::of(&media_type),
        }));
        block
    } else {
        Block::new(kind.content(Source::Url { url, media_type }, None))
    };
    name(&mut block, "fileData", text(blob.name));
    block.extra.extend(inner_extras("fileData.", blob.extra));
    block
}

/// The file's name: documents have a word for it.
fn name<'a>(block: &mut Block<'a>, holder: &str, name: Option<Cow<'a, str>>) {
    let Some(name) = name else { return };
    if let Content::Document(document) = &mut block.content {
        document.title = Some(name);
    } else {
        block.extra.push(Extra {
            format: Format::Gemini,
            key: Cow::Owned(format!("{holder}.displayName")),
            value: Json::of(&name),
        });
    }
}

/// Whether only Google can read what stands there (Files API; Cloud Storage).
fn is_upload(url: &str) -> bool {
    url.starts_with("gs://")
        || url.starts_with("files/")
        || (url.starts_with("https://generativelanguage.googleapis.com/")
            && url.contains("/files/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_tells_its_type_if_it_is_of_the_kind() {
        for (url, kind, expected) in [
            ("https://e.com/a.PNG?x=1", Kind::Image, "image/png"),
            ("https://e.com/a", Kind::Image, "image/jpeg"),
            ("https://e.com/a.pdf", Kind::Image, "image/jpeg"),
            ("https://e.com/a.b/c", Kind::Document, "application/pdf"),
            ("https://e.com/talk.mp4", Kind::Document, "video/mp4"),
            ("https://e.com/x.mp3#t", Kind::Audio, "audio/mp3"),
        ] {
            assert_eq!(type_of(url, kind), expected, "{url}");
        }
    }

    #[test]
    fn an_upload_is_nobody_elses() {
        for (url, expected) in [
            ("gs://bucket/a.png", true),
            ("https://generativelanguage.googleapis.com/v1beta/files/a1", true),
            ("https://www.youtube.com/watch?v=9", false),
        ] {
            assert_eq!(is_upload(url), expected, "{url}");
        }
    }
}
