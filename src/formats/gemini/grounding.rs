//! The sources of a reply: `groundingMetadata` and `citationMetadata` ⇄ citations. The API counts
//! bytes of the text, the vocabulary characters.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::value::RawValue;

use super::wire::{Whole, json};
use crate::{
    chat::Citation,
    formats::{
        raw::{Text, open_struct},
        write::{self, Members},
    },
    protocol::Format,
};

/// How much of a reply's text is kept to find places in it.
const MOST_TEXT: usize = 1 << 20;

/// What a reply has said so far, to tell characters from bytes.
#[derive(Debug, Default)]
pub(super) struct Said {
    text: String,
    /// Where the open block begins.
    block: usize,
    full: bool,
}

impl Said {
    pub(super) fn open_block(&mut self) {
        self.block = self.text.len();
    }

    pub(super) fn push(&mut self, text: &str) {
        self.full |= self.text.len() + text.len() > MOST_TEXT;
        if !self.full {
            self.text.push_str(text);
        }
    }

    /// Where the open block begins.
    pub(super) fn block(&self) -> usize {
        self.block
    }
}

/// Every how many bytes the characters are counted.
const STEP: usize = 1024;

/// Places in a text, by bytes and by characters.
struct Places<'t> {
    bytes: &'t [u8],
    /// How many characters begin before each step.
    steps: Vec<usize>,
}

fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count()
}

impl<'t> Places<'t> {
    fn of(said: &'t Said) -> Self {
        let bytes = said.text.as_bytes();
        let mut steps = vec![0];
        let mut count = 0;
        for step in bytes.chunks(STEP) {
            count += characters(step);
            steps.push(count);
        }
        Self { bytes, steps }
    }

    /// How many characters begin before the byte.
    fn characters(&self, byte: usize) -> Option<usize> {
        let rest = self.bytes.get(byte / STEP * STEP..byte)?;
        Some(self.steps.get(byte / STEP)? + characters(rest))
    }

    /// Where the character begins, or the text ends.
    fn byte(&self, character: usize) -> Option<usize> {
        let step = self.steps.partition_point(|count| *count <= character).saturating_sub(1);
        let from = (step * STEP).min(self.bytes.len());
        let begins = |(_, byte): &(usize, &u8)| **byte & 0xC0 != 0x80;
        let rest = self.bytes.get(from..)?.iter().enumerate().filter(begins);
        let ahead = character.checked_sub(self.steps[step])?;
        let found = rest.map(|(at, _)| from + at).nth(ahead);
        found.or_else(|| (self.steps.last() == Some(&character)).then_some(self.bytes.len()))
    }
}

open_struct! {
    pub(super) struct Grounding<'a> {
        chunks: Vec<&'a RawValue> = "groundingChunks",
        supports: Vec<Support<'a>> = "groundingSupports",
        queries: Vec<Text<'a>> = "webSearchQueries",
    }
}

open_struct! {
    pub(super) struct Support<'a> {
        segment: Segment<'a> = "segment",
        chunks: Vec<Whole> = "groundingChunkIndices",
    }
}

open_struct! {
    pub(super) struct Segment<'a> {
        start: Whole = "startIndex",
        end: Whole = "endIndex",
        text: Text<'a> = "text",
    }
}

open_struct! {
    struct Chunk<'a> {
        web: Site<'a> = "web",
        retrieved: Site<'a> = "retrievedContext",
        maps: Site<'a> = "maps",
    }
}

open_struct! {
    struct Site<'a> {
        uri: Text<'a> = "uri",
        title: Text<'a> = "title",
        text: Text<'a> = "text",
    }
}

open_struct! {
    pub(super) struct Recitation<'a> {
        sources: Vec<&'a RawValue> = "citationSources" | "citations",
    }
}

open_struct! {
    struct RecitationSource<'a> {
        start: Whole = "startIndex",
        end: Whole = "endIndex",
        uri: Text<'a> = "uri",
        title: Text<'a> = "title",
    }
}

impl Grounding<'_> {
    /// How many searches were made.
    pub(super) fn searches(&self) -> u64 {
        self.queries.as_ref().map_or(0, |queries| u64::try_from(queries.len()).unwrap_or(0))
    }

    /// A citation for each statement and each of its sources; without statements, one for each
    /// source.
    pub(super) fn citations(&self, said: &Said) -> Vec<Citation<'static>> {
        let places = Places::of(said);
        let chunks: Vec<_> = self.chunks.iter().flatten().copied().collect();
        let Some(supports) = self.supports.as_ref().filter(|supports| !supports.is_empty()) else {
            return chunks.iter().map(|chunk| citation(chunk, None)).collect();
        };
        let mut citations = Vec::new();
        for support in supports {
            let range = support
                .segment
                .as_ref()
                .and_then(|segment| range(&places, said.block, segment.start, segment.end));
            for index in support.chunks.iter().flatten() {
                let chunk = usize::try_from(index.0).ok().and_then(|index| chunks.get(index));
                citations.extend(chunk.map(|chunk| citation(chunk, range)));
            }
        }
        citations
    }
}

impl Recitation<'_> {
    pub(super) fn citations(&self, said: &Said) -> Vec<Citation<'static>> {
        let places = Places::of(said);
        let read = |raw: &RawValue| {
            let source: RecitationSource<'_> = serde_json::from_str(raw.get()).ok()?;
            Some(Citation {
                url: own(source.uri),
                title: own(source.title),
                quote: None,
                range: range(&places, said.block, source.start, source.end),
                format: Format::Gemini,
                raw: crate::chat::Json::from(raw).into_owned(),
            })
        };
        self.sources.iter().flatten().filter_map(|raw| read(raw)).collect()
    }
}

fn own(text: Option<Text<'_>>) -> Option<Cow<'static, str>> {
    text.map(|text| Cow::Owned(text.0.into_owned()))
}

/// The characters of the open block between two bytes of the whole reply; no start is 0.
fn range(
    places: &Places<'_>,
    block: usize,
    start: Option<Whole>,
    end: Option<Whole>,
) -> Option<(u32, u32)> {
    let before = places.characters(block)?;
    let place = |byte: i64| {
        let characters = places.characters(usize::try_from(byte).ok()?)?;
        u32::try_from(characters.checked_sub(before)?).ok()
    };
    Some((place(start.map_or(0, |start| start.0))?, place(end?.0)?))
}

fn citation(raw: &RawValue, range: Option<(u32, u32)>) -> Citation<'static> {
    let chunk: Chunk<'_> = serde_json::from_str(raw.get()).unwrap_or_default();
    let site = chunk.web.or(chunk.retrieved).or(chunk.maps).unwrap_or_default();
    Citation {
        url: own(site.uri),
        title: own(site.title),
        quote: own(site.text),
        range,
        format: Format::Gemini,
        raw: crate::chat::Json::from(raw).into_owned(),
    }
}

/// The sources of a reply under construction, each with the place where its block begins.
pub(super) type Sources = Vec<(Citation<'static>, usize)>;

/// `groundingMetadata` for the sources of a reply that has said this.
pub(super) fn write(sources: &Sources, said: &Said, candidate: &mut Members<'_>) {
    if sources.is_empty() {
        return;
    }
    let places = Places::of(said);
    let mut chunks: Vec<Vec<u8>> = Vec::new();
    let mut numbers: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    let mut supports = Vec::new();
    for (citation, block) in sources {
        let chunk = chunk(citation);
        let number = *numbers.entry(chunk.clone()).or_insert_with(|| {
            chunks.push(chunk);
            chunks.len() - 1
        });
        let before = places.characters(*block);
        let bytes = citation.range.zip(before).and_then(|((from, to), before)| {
            let place = |at: u32| places.byte(before + usize::try_from(at).ok()?);
            Some((place(from)?, place(to)?))
        });
        supports.extend(bytes.map(|(from, to)| (from, to, number)));
    }
    candidate.object("groundingMetadata", |metadata| {
        metadata.array("groundingChunks", |list| {
            for chunk in &chunks {
                list.raw(json(chunk.clone()).get());
            }
        });
        metadata.array("groundingSupports", |list| {
            for (from, to, number) in supports {
                list.object(|support| {
                    support.object("segment", |segment| {
                        segment.value("startIndex", &from);
                        segment.value("endIndex", &to);
                        segment.maybe("text", said.text.get(from..to));
                    });
                    support.array("groundingChunkIndices", |indexes| indexes.value(&number));
                });
            }
        });
    });
}

fn chunk(citation: &Citation<'_>) -> Vec<u8> {
    let mut chunk = Vec::new();
    let is_chunk = |raw: &str| raw.starts_with('{') && !raw.contains("\"startIndex\"");
    if citation.format == Format::Gemini && is_chunk(citation.raw.get()) {
        chunk.extend_from_slice(citation.raw.get().as_bytes());
        return chunk;
    }
    write::object(&mut chunk, |chunk| {
        chunk.object("web", |web| {
            web.maybe("uri", citation.url.as_ref());
            web.maybe("title", citation.title.as_ref());
        });
    });
    chunk
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_characters_are_told_apart() {
        let mut said = Said::default();
        for _ in 0..700 {
            said.push("aä€😀");
        }
        let places = Places::of(&said);
        for (byte, character) in
            [(0, 0), (1, 1), (3, 2), (6, 3), (10, 4), (6990, 2796), (7000, 2800)]
        {
            assert_eq!(places.characters(byte), Some(character), "{byte}");
            assert_eq!(places.byte(character), Some(byte), "{character}");
        }
        assert_eq!(places.characters(7001), None);
        assert_eq!(places.byte(2801), None);
    }

    #[test]
    fn a_text_that_grows_too_long_has_no_places() {
        let mut said = Said::default();
        said.push(&"x".repeat(MOST_TEXT));
        said.push("y");
        assert_eq!(said.text.len(), MOST_TEXT);
    }
}
