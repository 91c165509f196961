//! The head of a request body: the few things that a gateway must know of it. One skipping pass,
//! no document in memory; the rest of the body is bytes.

mod detect;
mod fields;
mod spliced;

pub use detect::detect;
pub use fields::{Field, Places};
pub use spliced::{Spliced, replace_model};

use std::{borrow::Cow, ops::Range};

use serde::Deserialize;
use serde_json::value::RawValue;

use fields::Fields;

/// What is read of a body.
#[derive(Debug)]
pub struct Head<'a> {
    /// The model that is asked for, unescaped; `None` if it is absent, null or empty.
    pub model: Option<Cow<'a, str>>,
    /// Where the model stands.
    pub span: Span,
    /// Whether the reply is wanted as a stream.
    pub stream: bool,
    /// Where other things stand that may be looked at later.
    pub places: Places,
    /// The whole body.
    pub text: &'a str,
}

/// Where the model stands in a body, so that it can be replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Span {
    /// The bytes of the JSON value, quotes included.
    At(Range<usize>),
    /// There is none: one goes behind the opening brace.
    Absent {
        /// The place behind the opening brace.
        behind_brace: usize,
        /// Whether the object has no members, so that no comma is needed.
        empty: bool,
    },
}

/// Why a body cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadBody {
    /// What is wrong and what to send instead.
    pub message: String,
    /// A JSON pointer to the place, if it has one.
    pub pointer: Option<String>,
}

impl BadBody {
    fn new(message: impl Into<String>, pointer: Option<&str>) -> Self {
        Self { message: message.into(), pointer: pointer.map(str::to_owned) }
    }
}

/// Reads the head of a body.
///
/// # Errors
/// If it is not a JSON object, or `model` or `stream` is not what it must be.
pub fn read(body: &[u8]) -> Result<Head<'_>, BadBody> {
    let text = std::str::from_utf8(body).map_err(|error| {
        let message = format!("the body is not UTF-8 at byte {}", error.valid_up_to());
        BadBody::new(message, None)
    })?;
    check_object(text)?;
    let fields: Fields<'_> = serde_json::from_str(text).map_err(|error| explain(&error))?;
    let model = match fields.model {
        None => None,
        Some(raw) => read_model(raw)?,
    };
    let span = match fields.model {
        Some(raw) => Span::At(fields::place(raw, text)),
        None => absent(text),
    };
    let places = fields.places(text);
    Ok(Head { model, span, stream: read_stream(fields.stream)?, places, text })
}

/// A derived `Deserialize` takes arrays too, so what is no object is refused before it.
fn check_object(text: &str) -> Result<(), BadBody> {
    let found = match text.trim_start().as_bytes().first() {
        Some(b'{') => return Ok(()),
        None => "empty",
        Some(b'[') => "an array",
        Some(b'"') => "a string",
        Some(b'0'..=b'9' | b'-') => "a number",
        Some(b't' | b'f' | b'n') => "a literal",
        Some(_) => "not JSON",
    };
    Err(BadBody::new(format!("the body is {found}; send a JSON object"), None))
}

/// `serde_json`'s words, which name line and column, with what to do about it.
fn explain(error: &serde_json::Error) -> BadBody {
    let text = error.to_string();
    let duplicate = ["model", "stream"]
        .into_iter()
        .find(|field| text.starts_with(&format!("duplicate field `{field}`")));
    if let Some(field) = duplicate {
        let message = format!("the body has `{field}` twice; send it once");
        return BadBody::new(message, Some(&format!("/{field}")));
    }
    let message = if error.is_eof() {
        format!("the body ends too early: {text}")
    } else {
        format!("the body is not valid JSON: {text}")
    };
    BadBody::new(message, None)
}

fn read_model(raw: &RawValue) -> Result<Option<Cow<'_, str>>, BadBody> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    let text = raw.get();
    if text == "null" {
        return Ok(None);
    }
    // Without an escape the name is what stands between the quotes.
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    let name = match inner {
        Some(inner) if !inner.contains('\\') => Cow::Borrowed(inner),
        Some(_) => match serde_json::from_str::<Text<'_>>(text) {
            Ok(Text(name)) => name,
            Err(error) => {
                let message = format!("`model` is not a valid JSON string: {error}");
                return Err(BadBody::new(message, Some("/model")));
            }
        },
        None => {
            let shown: String = text.chars().take(40).collect();
            let message = format!("`model` must be a string, not {shown}");
            return Err(BadBody::new(message, Some("/model")));
        }
    };
    Ok(Some(name).filter(|name| !name.trim().is_empty()))
}

fn read_stream(raw: Option<&RawValue>) -> Result<bool, BadBody> {
    match raw.map(RawValue::get) {
        Some("true") => Ok(true),
        None | Some("false" | "null") => Ok(false),
        Some(other) => {
            let shown: String = other.chars().take(40).collect();
            let message = format!("`stream` must be true or false, not {shown}");
            Err(BadBody::new(message, Some("/stream")))
        }
    }
}

fn absent(text: &str) -> Span {
    let behind_brace = text.find('{').map_or(0, |place| place + 1);
    let empty = text[behind_brace..].trim_start().starts_with('}');
    Span::Absent { behind_brace, empty }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &[u8]) -> String {
        match read(body) {
            Ok(head) => format!("{:?} stream={}", head.model, head.stream),
            Err(bad) => format!("{} {}", bad.pointer.unwrap_or_default(), bad.message),
        }
    }

    #[test]
    fn heads_are_read() {
        for (body, expected) in [
            (r#"{"model":"m"}"#, r#"Some("m") stream=false"#),
            (r#" { "stream" : true , "model" : "a/b" } "#, r#"Some("a/b") stream=true"#),
            (r#"{"model":"gpt\u002d4","x":1}"#, r#"Some("gpt-4") stream=false"#),
            (r#"{"mod\u0065l":"m"}"#, r#"Some("m") stream=false"#),
            (r#"{"model":null}"#, "None stream=false"),
            (r#"{"model":""}"#, "None stream=false"),
            ("{}", "None stream=false"),
            (r#"{"messages":[{"model":"inner"}],"stream":false}"#, "None stream=false"),
        ] {
            assert_eq!(check(body.as_bytes()), expected, "{body}");
        }
    }

    #[test]
    fn bad_bodies_are_explained() {
        for (body, expected) in [
            (&b""[..], " the body is empty; send a JSON object"),
            (b"  ", " the body is empty; send a JSON object"),
            (b"[]", " the body is an array; send a JSON object"),
            (b"\"m\"", " the body is a string; send a JSON object"),
            (b"7", " the body is a number; send a JSON object"),
            (b"hello", " the body is not JSON; send a JSON object"),
            (b"{\"model\":7}", "/model `model` must be a string, not 7"),
            (
                b"{\"model\":\"a\",\"model\":\"b\"}",
                "/model the body has `model` twice; send it once",
            ),
            (
                b"{\"model\":\"a\",\"mod\\u0065l\":\"b\"}",
                "/model the body has `model` twice; send it once",
            ),
            (b"{\"stream\":1}", "/stream `stream` must be true or false, not 1"),
            (
                b"{\"model\":\"m\"",
                " the body ends too early: EOF while parsing an object at line 1 column 12",
            ),
            (
                b"{\"model\":\"m\"} x",
                " the body is not valid JSON: trailing characters at line 1 column 15",
            ),
            (b"{\"model\":\"\xff\"}", " the body is not UTF-8 at byte 10"),
            (
                b"{\"model\":\"\\ud800\"}",
                "/model `model` is not a valid JSON string: unexpected end of hex escape at line 1 column 8",
            ),
        ] {
            assert_eq!(check(body), expected, "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn depth_does_not_matter() {
        let deep = format!(r#"{{"model":"m","x":{}{}}}"#, "[".repeat(1 << 20), "]".repeat(1 << 20));
        assert_eq!(check(deep.as_bytes()), r#"Some("m") stream=false"#);
        let open = format!(r#"{{"model":"m","x":{}"#, "[".repeat(1 << 20));
        assert!(check(open.as_bytes()).contains("ends too early"));
    }
}
