//! OpenAI Responses, the parts of messages and of results → blocks.

use std::borrow::Cow;

use super::super::super::{
    FORMAT,
    wire::{Listed, Part, citation, source, text},
};
use crate::chat::{Block, Content, Document, Extra, Image, Place, Source};

/// The blocks of a content or an output: of a text at the place of the `whole`.
pub(super) fn blocks<'a>(
    content: Listed<'a, Part<'a>>,
    whole: Place,
    place: &mut dyn FnMut(usize) -> Place,
) -> Vec<Block<'a>> {
    match content {
        Listed::Text(text) if text.is_empty() => Vec::new(),
        Listed::Text(text) => vec![Block::plain(text).at(whole)],
        Listed::List(parts) => parts
            .into_iter()
            .enumerate()
            .filter_map(|(index, part)| block(part).map(|block| block.at(place(index))))
            .collect(),
        Listed::Other => Vec::new(),
    }
}

/// A part of a message or of a result; nothing for an empty text.
fn block(mut part: Part<'_>) -> Option<Block<'_>> {
    let kind = part.kind.take().map_or(Cow::Borrowed("input_text"), |kind| kind.0);
    let content = match &*kind {
        "input_text" | "output_text" | "text" | "summary_text" => {
            let text = text(part.text).filter(|text| !text.is_empty())?;
            let citations = part.annotations.unwrap_or_default();
            Content::Text { text, citations: citations.into_iter().map(citation).collect() }
        }
        "refusal" => Content::Refusal(text(part.refusal).filter(|text| !text.is_empty())?),
        "input_image" => {
            let file = part.file_id.map(|id| Source::File { format: FORMAT, id: id.0 });
            let url = part.image_url.map(|url| source(url.0));
            Content::Image(Image { source: url.or(file)?, detail: text(part.detail) })
        }
        "input_file" => {
            let file = part.file_id.map(|id| Source::File { format: FORMAT, id: id.0 });
            let url = part.file_url.map(|url| Source::Url { url: url.0, media_type: None });
            let data = part.file_data.map(|data| file_data(data.0));
            let title = text(part.filename);
            Content::Document(Document { source: data.or(url).or(file)?, title })
        }
        "input_audio" => {
            let audio = part.input_audio.unwrap_or_default();
            let format = text(audio.format).unwrap_or(Cow::Borrowed("wav"));
            let media_type = Cow::Owned(format!("audio/{format}"));
            Content::Audio(Source::Base64 { media_type, data: text(audio.data)? })
        }
        _ => {
            let raw = part.rebuilt(&kind);
            let block = Block::new(Content::Opaque { format: FORMAT, kind, raw });
            return Some(block);
        }
    };
    let mut block = Block::new(content);
    block.extra = Extra::list(FORMAT, part.extra);
    Some(block)
}

/// The bytes of a file: a data URL, at some clients bare base64.
fn file_data(data: Cow<'_, str>) -> Source<'_> {
    match source(data) {
        Source::Url { url, .. } => {
            Source::Base64 { media_type: Cow::Borrowed("application/pdf"), data: url }
        }
        inside @ (Source::Base64 { .. } | Source::File { .. } | Source::Text(_)) => inside,
    }
}
