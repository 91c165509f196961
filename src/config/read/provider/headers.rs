//! `providers[].headers`, and other text that travels in headers.

use http::{HeaderName, HeaderValue};
use indexmap::IndexMap;
use serde_json::Value;

use super::super::super::{
    HeaderSetting,
    fields::{Fields, members},
    problem::Problem,
    secret::SecretSource,
};

/// What is wrong with a value that `http` does not take.
pub(super) const UNFIT: &str = "holds characters that no header may hold";

/// Headers that belong to a connection, or that follow from the body.
const NEVER_SENT: [&str; 9] = [
    "connection",
    "content-length",
    "host",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Whether a header is left out of every request, whatever the config says.
pub(super) fn is_never_sent(name: &str) -> bool {
    NEVER_SENT.contains(&name.to_ascii_lowercase().as_str())
}

/// Reads the section.
pub(super) fn read(fields: &mut Fields<'_, '_>) -> IndexMap<String, HeaderSetting> {
    let mut headers = IndexMap::new();
    let Some(found) = fields.find(&["headers"]) else { return headers };
    for (name, found) in members(&found, fields.problems) {
        let valid = HeaderName::try_from(name.to_ascii_lowercase());
        if valid.is_err() {
            fields.problems.push(Problem::error(found.pointer, "is not a header's name"));
            continue;
        }
        if is_never_sent(name) {
            let message = "is never sent: it belongs to the connection";
            fields.problems.push(Problem::warning(found.pointer, message));
            continue;
        }
        if headers.keys().any(|other: &String| other.eq_ignore_ascii_case(name)) {
            let message = "is the same header as one above, which is used";
            fields.problems.push(Problem::warning(found.pointer, message));
            continue;
        }
        match read_header(found.value) {
            Ok(setting) => drop(headers.insert(name.to_owned(), setting)),
            // The value is not repeated: it may be a secret.
            Err((message, hint)) => {
                fields.problems.push(Problem::error(found.pointer, message).hint(hint));
            }
        }
    }
    headers
}

/// A header's value; what is wrong with it, and what to do, if there is none.
fn read_header(value: &Value) -> Result<HeaderSetting, (&'static str, &'static str)> {
    let text = match value {
        Value::Null | Value::Bool(false) => return Ok(HeaderSetting::Suppress),
        Value::String(text) if text.trim().is_empty() => return Ok(HeaderSetting::Suppress),
        Value::String(text) => text.clone(),
        Value::Bool(true) => "true".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Array(_) | Value::Object(_) => {
            return Err(("must be a string, or false to suppress the header", ""));
        }
    };
    if HeaderValue::from_str(&text).is_err() {
        return Err((UNFIT, ""));
    }
    SecretSource::checked(&text).map(HeaderSetting::Value)
}

/// Text that becomes a header's value.
pub(super) fn read_text(fields: &mut Fields<'_, '_>, spellings: &[&'static str]) -> Option<String> {
    let text = fields.text(spellings)?;
    if HeaderValue::from_str(&text).is_ok() {
        return Some(text);
    }
    let problem = Problem::error(fields.place(spellings), UNFIT);
    fields.problems.push(problem);
    None
}
