//! The pieces of the wire that requests, replies and streams share: numbers that providers write as
//! they like, texts in several shapes, URLs that hold bytes. Knows nothing of messages.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Deserializer, de::Visitor};
use serde_json::value::RawValue;

use super::FORMAT;
use crate::{
    chat::{Citation, Json, Source},
    formats::raw::{self, Text, open_struct},
};

/// A number of things. Providers write floats and strings too; what is no number is 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count(pub(super) u64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(source)?;
        let text = raw.get().trim_matches('"');
        let whole = text.split(['.', 'e', 'E']).next().unwrap_or_default();
        let exact = text.parse().ok();
        Ok(Self(exact.or_else(|| whole.parse().ok()).unwrap_or_default()))
    }
}

/// A member that is read if it is what it should be, and ignored otherwise: nothing that the reply
/// depends on.
#[derive(Debug)]
pub(super) struct Loose<T>(pub(super) Option<T>);

impl<T> Default for Loose<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Loose<T> {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(source)?;
        Ok(Self(serde_json::from_str(raw.get()).ok()))
    }
}

/// A whole number that may be negative, as `seed`; clients in some languages write floats.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whole(pub(super) i64);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Whole;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }

            fn visit_i64<E>(self, number: i64) -> Result<Whole, E> {
                Ok(Whole(number))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Whole, E> {
                Ok(Whole(i64::try_from(number).unwrap_or(i64::MAX)))
            }

            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Whole, E> {
                let text = format!("{number:.0}");
                text.parse().map(Whole).map_err(E::custom)
            }
        }
        source.deserialize_any(Reader)
    }
}

/// The text in an optional member.
pub(super) fn text(member: Option<Text<'_>>) -> Option<Cow<'_, str>> {
    member.map(|text| text.0)
}

/// The text of an optional member that may be anything; empty texts are none.
pub(super) fn some_text(member: Option<&RawValue>) -> Option<Cow<'_, str>> {
    member.and_then(raw::string).filter(|text| !text.is_empty())
}

/// The text of a JSON string, and JSON that is no string as it stands: some providers and clients
/// write arguments as an object where they must be text.
pub(super) fn string_or_source(json: Option<&RawValue>) -> Cow<'_, str> {
    match json {
        Some(json) => match raw::string(json) {
            Some(text) => text,
            None if json.get() == "null" => Cow::Borrowed(""),
            None => Cow::Borrowed(json.get()),
        },
        None => Cow::Borrowed(""),
    }
}

/// Whether a member says nothing: SDKs send messages back with all their members.
pub(super) fn is_nothing(json: &RawValue) -> bool {
    matches!(json.get(), "null" | "[]" | "{}" | "\"\"")
}

/// Where the bytes behind a URL are: in it, if it is a data URL.
pub(super) fn source(url: Cow<'_, str>) -> Source<'_> {
    match url {
        Cow::Borrowed(url) => match data_url(url) {
            Some((media_type, data)) => {
                Source::Base64 { media_type: media_type.into(), data: data.into() }
            }
            None => Source::Url { url: url.into(), media_type: None },
        },
        Cow::Owned(url) => match data_url(&url) {
            Some((media_type, data)) => Source::Base64 {
                media_type: Cow::Owned(media_type.to_owned()),
                data: Cow::Owned(data.to_owned()),
            },
            None => Source::Url { url: url.into(), media_type: None },
        },
    }
}

/// Media type and base64 of a data URL (RFC 2397); parameters of the type are left out.
pub(super) fn data_url(url: &str) -> Option<(&str, &str)> {
    let (head, data) = url.strip_prefix("data:")?.split_once(',')?;
    let media_type = head.strip_suffix(";base64")?;
    Some((media_type.split(';').next().unwrap_or_default(), data))
}

open_struct! {
    struct Annotation<'a> {
        inner: Cited<'a> = "url_citation",
    }
}

open_struct! {
    struct Cited<'a> {
        url: Text<'a> = "url",
        title: Text<'a> = "title",
        quote: Text<'a> = "content",
        start: u32 = "start_index",
        end: u32 = "end_index",
    }
}

/// An annotation of a text: `{"type":"url_citation","url_citation":{...}}`. OpenRouter adds the
/// `content` that is cited.
pub(super) fn citation(raw: &RawValue) -> Citation<'_> {
    let annotation: Annotation<'_> = serde_json::from_str(raw.get()).unwrap_or_default();
    let read = annotation.inner.unwrap_or_default();
    Citation {
        url: text(read.url),
        title: text(read.title),
        quote: text(read.quote),
        range: read.start.zip(read.end),
        format: FORMAT,
        raw: raw.into(),
    }
}

/// The elements of a list that may be anything.
pub(super) fn elements(list: Option<&RawValue>) -> Vec<&RawValue> {
    list.and_then(|list| serde_json::from_str(list.get()).ok()).unwrap_or_default()
}

/// The elements of an array of token probabilities.
pub(super) fn tokens<'j>(array: &'j Json<'_>) -> Vec<&'j RawValue> {
    array.read().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_however_they_are_written() {
        for (json, expected) in
            [("7", 7), ("7.0", 7), ("\"7\"", 7), ("-1", 0), ("{}", 0), ("true", 0)]
        {
            assert_eq!(serde_json::from_str::<Count>(json).unwrap(), Count(expected), "{json}");
        }
    }

    #[test]
    fn bytes_in_a_url_are_told_from_bytes_behind_it() {
        for (url, expected) in [
            ("data:image/png;base64,AAAA", Some(("image/png", "AAAA"))),
            ("data:text/plain;charset=utf-8;base64,QQ==", Some(("text/plain", "QQ=="))),
            ("data:text/plain,hello", None),
            ("https://example.com/a,b", None),
        ] {
            assert_eq!(data_url(url), expected, "{url}");
        }
    }
}
