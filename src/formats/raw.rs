//! Raw JSON that is read only as far as needed.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Malformed;

/// A JSON string, borrowed from the body where it has no escapes.
#[derive(Debug, Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// The text of a JSON string; `None` for anything else.
pub(super) fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    if !raw.get().starts_with('"') {
        return None;
    }
    serde_json::from_str::<Text<'_>>(raw.get()).ok().map(|text| text.0)
}

/// Whether this is a JSON array.
pub(super) fn is_list(raw: &RawValue) -> bool {
    raw.get().starts_with('[')
}

/// Reads a part of a body.
pub(super) fn read<'a, T: Deserialize<'a>>(raw: &'a RawValue, place: &str) -> Result<T, Malformed> {
    serde_json::from_str(raw.get()).map_err(|error| Malformed {
        message: format!("`{}` is not what it must be: {error}", place.trim_start_matches('/')),
        pointer: Some(place.to_owned()),
    })
}

/// Reads a whole body.
pub(super) fn read_body<'a, T: Deserialize<'a>>(body: &'a str, what: &str) -> Result<T, Malformed> {
    serde_json::from_str(body).map_err(|error| Malformed {
        message: format!("the body is not {what}: {error}"),
        pointer: None,
    })
}

/// Joins texts of blocks.
pub(super) fn join<'a>(texts: impl Iterator<Item = Cow<'a, str>>) -> Cow<'a, str> {
    texts.reduce(|joined, text| Cow::Owned(format!("{joined}\n{text}"))).unwrap_or_default()
}

/// Appends a server-sent event; without a name only its data.
pub(super) fn write_event(out: &mut Vec<u8>, name: &str, data: &serde_json::Value) {
    if !name.is_empty() {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(name.as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(data.to_string().as_bytes());
    out.extend_from_slice(b"\n\n");
}
