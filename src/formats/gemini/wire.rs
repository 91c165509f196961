//! The parts of contents as they stand on the wire, alike in requests and replies. Keys come in
//! camel and in snake case: the API takes both, and SDKs send both.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

use crate::{
    chat::{Extra, Hosted, HostedKind, Json, Seal, SealKind},
    formats::{
        raw::{Text, open_struct},
        seals, write,
    },
    protocol::Format,
};

open_struct! {
    pub(super) struct Content<'a> {
        role: Text<'a> = "role",
        parts: Vec<Part<'a>> = "parts",
    }
}

open_struct! {
    pub(super) struct Part<'a> {
        text: Text<'a> = "text",
        thought: bool = "thought",
        signature: Text<'a> = "thoughtSignature" | "thought_signature",
        inline: Blob<'a> = "inlineData" | "inline_data",
        file: Blob<'a> = "fileData" | "file_data",
        call: Call<'a> = "functionCall" | "function_call",
        response: Response<'a> = "functionResponse" | "function_response",
        code: &'a RawValue = "executableCode" | "executable_code",
        outcome: &'a RawValue = "codeExecutionResult" | "code_execution_result",
        tool_call: &'a RawValue = "toolCall" | "tool_call",
        tool_response: &'a RawValue = "toolResponse" | "tool_response",
    }
}

open_struct! {
    /// A file, inside or by its address.
    pub(super) struct Blob<'a> {
        mime: Text<'a> = "mimeType" | "mime_type",
        data: Text<'a> = "data",
        uri: Text<'a> = "fileUri" | "file_uri",
        name: Text<'a> = "displayName" | "display_name",
    }
}

open_struct! {
    pub(super) struct Call<'a> {
        id: Text<'a> = "id",
        name: Text<'a> = "name",
        args: &'a RawValue = "args",
    }
}

open_struct! {
    pub(super) struct Response<'a> {
        id: Text<'a> = "id",
        name: Text<'a> = "name",
        response: &'a RawValue = "response",
        parts: Vec<Part<'a>> = "parts",
    }
}

/// How a result refers to the files beside it, where their order matters: they have no names.
pub(super) const PART: &str = "#/parts/";

/// What stands for a signature that there is none of: models that insist on one accept this (Google,
/// "Thought signatures", on histories of other models).
pub(super) const NO_SIGNATURE: &str = "skip_thought_signature_validator";

/// The same, as the documentation also spells it.
const NO_SIGNATURE_EITHER: &str = "context_engineering_is_the_way_to_go";

/// The seal in a `thoughtSignature`.
pub(super) fn seal(signature: Option<Text<'_>>) -> Option<Seal<'_>> {
    let data = signature?.0;
    if data.is_empty() || data == NO_SIGNATURE || data == NO_SIGNATURE_EITHER {
        return None;
    }
    Some(seals::open(data, Format::Gemini, SealKind::Signature).0)
}

/// What one of Google's own tools was asked or found, if the part is that.
pub(super) fn hosted<'a>(part: &Part<'a>) -> Option<Hosted<'a>> {
    let (key, raw) = [
        ("executableCode", part.code),
        ("codeExecutionResult", part.outcome),
        ("toolCall", part.tool_call),
        ("toolResponse", part.tool_response),
    ]
    .into_iter()
    .find_map(|(key, raw)| raw.map(|raw| (key, raw)))?;
    let about: About<'a> = serde_json::from_str(raw.get()).unwrap_or_default();
    let text = |text: Option<Text<'a>>| text.map(|text| text.0);
    let tool = match text(about.tool).as_deref() {
        Some("GOOGLE_SEARCH_WEB" | "GOOGLE_SEARCH") => HostedKind::WebSearch,
        Some("URL_CONTEXT") => HostedKind::WebFetch,
        Some("FILE_SEARCH") => HostedKind::FileSearch,
        Some(_) => HostedKind::Other,
        None => HostedKind::CodeExecution,
    };
    let mut whole = Vec::new();
    write::object(&mut whole, |whole| whole.raw(key, raw.get()));
    Some(Hosted {
        tool,
        id: text(about.id).unwrap_or_default(),
        query: text(about.code),
        format: Format::Gemini,
        raw: json(whole),
    })
}

open_struct! {
    struct About<'a> {
        id: Text<'a> = "id",
        code: Text<'a> = "code",
        tool: Text<'a> = "toolType" | "tool_type",
    }
}

/// Whether `text` is a JSON object.
pub(super) fn is_object(text: &str) -> bool {
    let text = text.trim();
    text.starts_with('{') && text.ends_with('}') && Json::parse(text).is_some()
}

/// Arguments as a model wrote them, as a JSON object: text that is none becomes its one member.
pub(super) fn object(arguments: &str) -> Cow<'_, str> {
    if arguments.trim().is_empty() {
        return Cow::Borrowed("{}");
    }
    if is_object(arguments) {
        return Cow::Borrowed(arguments.trim());
    }
    Cow::Owned(serde_json::json!({ "arguments": arguments }).to_string())
}

/// JSON that this module has written itself.
pub(super) fn json(bytes: Vec<u8>) -> Json<'static> {
    let text = String::from_utf8(bytes).unwrap_or_default();
    Json::parse(&text).map_or_else(|| Json::of(&()), Json::into_owned)
}

/// The members without a word of an object inside of another: their keys begin with that object's,
/// so that the encoder finds their place.
pub(super) fn inner_extras<'a>(
    prefix: &str,
    rest: Vec<(Cow<'a, str>, &'a RawValue)>,
) -> impl Iterator<Item = Extra<'a>> {
    rest.into_iter().map(move |(key, value)| Extra {
        format: Format::Gemini,
        key: Cow::Owned(format!("{prefix}{key}")),
        value: value.into(),
    })
}

/// A whole number. The JSON of protocol buffers allows it to be written as `40`, `40.0` and `"40"`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whole(pub(super) i64);

impl Whole {
    /// The number, if it is not negative.
    pub(super) fn count(self) -> Option<u64> {
        u64::try_from(self.0).ok()
    }
}

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Whole;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a whole number")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Whole, E> {
                Ok(Whole(number))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Whole, E> {
                Ok(Whole(i64::try_from(number).unwrap_or(i64::MAX)))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Whole, E> {
                if number.fract() == 0.0 && number.abs() < 9e15 {
                    #[expect(clippy::cast_possible_truncation, reason = "checked above")]
                    return Ok(Whole(number as i64));
                }
                Err(E::invalid_value(de::Unexpected::Float(number), &self))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Whole, E> {
                let wrong = |_| E::invalid_value(de::Unexpected::Str(text), &self);
                text.parse().map(Whole).map_err(wrong)
            }
        }

        source.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_may_be_written_in_three_ways() {
        for (json, expected) in [("40", Some(40)), ("40.0", Some(40)), ("\"-1\"", Some(-1))] {
            let number: Option<Whole> = serde_json::from_str(json).ok();
            assert_eq!(number.map(|number| number.0), expected, "{json}");
        }
        for json in ["40.5", "\"x\"", "1e300", "{}"] {
            assert!(serde_json::from_str::<Whole>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn the_documented_word_for_no_signature_is_none() {
        for (data, is_some) in
            [("CsgB", true), ("", false), (NO_SIGNATURE, false), (NO_SIGNATURE_EITHER, false)]
        {
            assert_eq!(seal(Some(Text(data.into()))).is_some(), is_some, "{data}");
        }
    }
}
