//! OpenAI Chat Completions, the parts of messages → blocks.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::super::super::{
    FORMAT,
    wire::{source, string_or_source, text},
};
use crate::{
    chat::{Block, CacheMark, CacheTtl, Content, Document, Extra, Image, Place, Role, Source},
    formats::{
        Malformed,
        raw::{self, Text, open_struct},
    },
};

open_struct! {
    struct Part<'a> {
        kind: Text<'a> = "type",
        text: Text<'a> = "text",
        refusal: Text<'a> = "refusal",
        image: &'a RawValue = "image_url",
        audio: Audio<'a> = "input_audio",
        file: File<'a> = "file",
        cache_control: &'a RawValue = "cache_control",
    }
}

open_struct! {
    struct ImageUrl<'a> {
        url: Text<'a> = "url",
        detail: Text<'a> = "detail",
    }
}

open_struct! {
    struct Audio<'a> {
        data: Text<'a> = "data",
        format: Text<'a> = "format",
    }
}

open_struct! {
    struct File<'a> {
        data: Text<'a> = "file_data",
        id: Text<'a> = "file_id",
        name: Text<'a> = "filename",
    }
}

open_struct! {
    struct Mark<'a> {
        ttl: Text<'a> = "ttl",
    }
}

/// How the format says that a tool failed: it has no flag for it.
pub(in super::super) const ERROR: &str = "Error: ";

/// Reads `content`: a text, or parts. Empty texts are nothing: the format writes them where it has
/// to write something.
pub(super) fn content(
    content: Option<&RawValue>,
    message: usize,
    role: Role,
) -> Result<Vec<Block<'_>>, Malformed> {
    let Some(content) = content.filter(|content| content.get() != "null") else {
        return Ok(Vec::new());
    };
    if !raw::is_list(content) {
        let text = string_or_source(Some(content));
        let place = Place::new("/messages/#/content", &[message]);
        return Ok(if text.is_empty() { Vec::new() } else { vec![Block::plain(text).at(place)] });
    }
    let list: Vec<&RawValue> = raw::read(content, &format!("/messages/{message}/content"))?;
    let mut blocks = Vec::with_capacity(list.len());
    for (number, json) in list.into_iter().enumerate() {
        let place = Place::new("/messages/#/content/#", &[message, number]);
        if let Some(text) = raw::string(json) {
            blocks.push(Block::plain(text).at(place));
            continue;
        }
        let part: Part<'_> = raw::read(json, &place.to_string())?;
        blocks.extend(block(part, json, role).map(|block| block.at(place)));
    }
    Ok(blocks)
}

fn block<'a>(part: Part<'a>, json: &'a RawValue, role: Role) -> Option<Block<'a>> {
    let cache = part.cache_control.and_then(mark);
    let kind = text(part.kind).unwrap_or(Cow::Borrowed("text"));
    let content = match &*kind {
        // Some clients send the parts of Responses.
        "text" | "input_text" | "output_text" => {
            let text = text(part.text).unwrap_or_default();
            if text.is_empty() {
                return None;
            }
            Content::Text { text, citations: Vec::new() }
        }
        "refusal" => match text(part.refusal).filter(|text| !text.is_empty())? {
            text if role == Role::Assistant => Content::Refusal(text),
            text => Content::Text { text, citations: Vec::new() },
        },
        "image_url" => image(part.image?),
        "input_audio" => {
            let audio = part.audio.unwrap_or_default();
            let format = text(audio.format).unwrap_or(Cow::Borrowed("wav"));
            Content::Audio(Source::Base64 {
                media_type: media_type(&format),
                data: text(audio.data).unwrap_or_default(),
            })
        }
        "file" => document(part.file.unwrap_or_default()),
        _ => {
            return Some(Block::new(Content::Opaque { format: FORMAT, kind, raw: json.into() }));
        }
    };
    Some(Block { cache, extra: Extra::list(FORMAT, part.extra), ..Block::new(content) })
}

/// An object with `url` and `detail`; some clients write the URL alone.
fn image(json: &RawValue) -> Content<'_> {
    let wire = match raw::string(json) {
        Some(url) => ImageUrl { url: Some(Text(url)), ..ImageUrl::default() },
        None => serde_json::from_str(json.get()).unwrap_or_default(),
    };
    let url = text(wire.url).unwrap_or_default();
    Content::Image(Image { source: source(url), detail: text(wire.detail) })
}

fn document(file: File<'_>) -> Content<'_> {
    let source = match (text(file.data), text(file.id)) {
        (Some(data), _) => match source(data) {
            // Bare base64 is taken for a PDF, the only kind that OpenAI's Chat takes.
            Source::Url { url, .. } if !url.contains("://") => {
                Source::Base64 { media_type: "application/pdf".into(), data: url }
            }
            source @ (Source::Base64 { .. }
            | Source::Url { .. }
            | Source::File { .. }
            | Source::Text(_)) => source,
        },
        (None, id) => Source::File { format: FORMAT, id: id.unwrap_or_default() },
    };
    Content::Document(Document { source, title: text(file.name) })
}

/// OpenAI names the format of a sound, the others its media type.
fn media_type(format: &str) -> Cow<'static, str> {
    match format {
        "wav" => Cow::Borrowed("audio/wav"),
        "mp3" => Cow::Borrowed("audio/mpeg"),
        other => Cow::Owned(format!("audio/{other}")),
    }
}

/// Reads `cache_control`, an extension for Anthropic's models (OpenRouter).
pub(super) fn mark(json: &RawValue) -> Option<CacheMark> {
    let mark: Mark<'_> = serde_json::from_str(json.get()).ok()?;
    let ttl = match mark.ttl.as_ref().map(|ttl| &*ttl.0) {
        Some("1h") => Some(CacheTtl::OneHour),
        Some("5m") => Some(CacheTtl::FiveMinutes),
        Some(_) | None => None,
    };
    Some(CacheMark { ttl })
}

/// Takes the mark of an error off the text that it stands in front of.
pub(super) fn take_error(blocks: &mut Vec<Block<'_>>) -> bool {
    let Some(Content::Text { text, .. }) = blocks.first_mut().map(|block| &mut block.content)
    else {
        return false;
    };
    let Some(rest) = text.strip_prefix(ERROR) else { return false };
    if rest.is_empty() {
        blocks.remove(0);
    } else {
        *text = match std::mem::take(text) {
            Cow::Borrowed(text) => Cow::Borrowed(&text[ERROR.len()..]),
            Cow::Owned(mut text) => Cow::Owned(text.split_off(ERROR.len())),
        };
    }
    true
}
