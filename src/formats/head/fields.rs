//! The top level of a body, in one skipping pass: the model, the stream switch, and where those things
//! stand that routing may want to look at.

use std::{fmt, ops::Range};

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// Something at the top level of a request, whatever a format calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The conversation.
    Messages,
    /// What stands before the conversation.
    System,
    Tools,
    /// The most tokens that the reply may have.
    MaxTokens,
    /// A name for the prompt's prefix (OpenAI).
    PromptCacheKey,
    Metadata,
    /// Whether and how much the model is to think.
    Thinking,
    /// In which form the reply is wanted.
    OutputFormat,
    /// Gemini keeps limits and forms here.
    GenerationConfig,
}

const COUNT: usize = 9;

impl Field {
    fn named(key: &str) -> Option<Self> {
        Some(match key {
            "messages" | "input" | "contents" => Self::Messages,
            "system" | "instructions" | "systemInstruction" | "system_instruction" => Self::System,
            "tools" => Self::Tools,
            "max_tokens" | "max_completion_tokens" | "max_output_tokens" => Self::MaxTokens,
            "prompt_cache_key" => Self::PromptCacheKey,
            "metadata" => Self::Metadata,
            "thinking" | "reasoning" | "reasoning_effort" => Self::Thinking,
            "response_format" | "text" | "output_config" | "output_format" => Self::OutputFormat,
            "generationConfig" | "generation_config" => Self::GenerationConfig,
            _ => return None,
        })
    }
}

/// Where the fields of a body stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places([Option<Range<usize>>; COUNT]);

impl Places {
    /// The JSON of a field, if `body` is the one that was read.
    #[must_use]
    pub fn get<'b>(&self, field: Field, body: &'b [u8]) -> Option<&'b str> {
        let range = self.0[field as usize].clone()?;
        std::str::from_utf8(body.get(range)?).ok()
    }
}

/// What one pass finds. A second `model` or `stream`, however it is spelled, is refused, so that no
/// provider can see another model than the one that was routed.
#[derive(Default)]
pub(super) struct Fields<'a> {
    pub(super) model: Option<&'a RawValue>,
    pub(super) stream: Option<&'a RawValue>,
    others: [Option<&'a RawValue>; COUNT],
}

impl Fields<'_> {
    pub(super) fn places(&self, text: &str) -> Places {
        Places(self.others.map(|raw| raw.map(|raw| place(raw, text))))
    }
}

/// Where a value stands in the text that it was read from.
pub(super) fn place(raw: &RawValue, text: &str) -> Range<usize> {
    let start = raw.get().as_ptr() as usize - text.as_ptr() as usize;
    start..start + raw.get().len()
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TopLevel)
    }
}

struct TopLevel;

impl<'de> Visitor<'de> for TopLevel {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
        let mut fields = Fields::default();
        while let Some(key) = map.next_key()? {
            let slot = match key {
                Key::Model => &mut fields.model,
                Key::Stream => &mut fields.stream,
                Key::Other(field) => {
                    fields.others[field as usize] = Some(map.next_value()?);
                    continue;
                }
                Key::Unknown => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            if slot.is_some() {
                let name = if matches!(key, Key::Model) { "model" } else { "stream" };
                return Err(A::Error::duplicate_field(name));
            }
            *slot = Some(map.next_value()?);
        }
        Ok(fields)
    }
}

/// A key, recognized without being copied.
enum Key {
    Model,
    Stream,
    Other(Field),
    Unknown,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_identifier(KeyVisitor)
    }
}

struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Key, E> {
        Ok(match key {
            "model" => Key::Model,
            "stream" => Key::Stream,
            _ => Field::named(key).map_or(Key::Unknown, Key::Other),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    #[test]
    fn fields_are_found_under_the_names_of_all_formats() {
        use Field as F;
        for (body, field, expected) in [
            (r#"{"messages": [1] }"#, F::Messages, Some("[1]")),
            (r#"{"contents":[2],"model":"m"}"#, F::Messages, Some("[2]")),
            (r#"{"max_output_tokens":7}"#, F::MaxTokens, Some("7")),
            (r#"{"a":{"tools":[]}}"#, F::Tools, None),
            (r#"{"tools":1,"tools":2}"#, F::Tools, Some("2")),
            (r#"{"prompt_cache_key":"k"}"#, F::PromptCacheKey, Some("\"k\"")),
        ] {
            let head = read(body.as_bytes()).unwrap();
            assert_eq!(head.places.get(field, body.as_bytes()), expected, "{body}");
        }
    }
}
