//! What an answer that passes through says it cost. Only the few bytes that tell are read, from a
//! copy: nothing that goes wrong here can touch the answer.

use memchr::memmem::FinderRev;
use serde::Deserialize;

use crate::chat::Usage;

/// Tokens as a provider counted them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// All input, cached or not.
    pub input: u64,
    pub output: u64,
}

impl From<Usage> for Counted {
    fn from(usage: Usage) -> Self {
        Self { input: usage.input, output: usage.output }
    }
}

/// The names that the four formats have for the same.
#[derive(Deserialize)]
struct Wire {
    #[serde(alias = "prompt_tokens", alias = "promptTokenCount")]
    input_tokens: Option<u64>,
    // Anthropic counts these apart from `input_tokens`; nobody else names them.
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    #[serde(alias = "completion_tokens", alias = "candidatesTokenCount")]
    output_tokens: Option<u64>,
    #[serde(rename = "thoughtsTokenCount")]
    thoughts: Option<u64>,
}

/// Collects what the events of a stream, or a whole reply, tell.
pub struct Tap {
    finder: FinderRev<'static>,
    told: Option<Counted>,
}

impl Default for Tap {
    fn default() -> Self {
        Self { finder: FinderRev::new(b"\"usage"), told: None }
    }
}

impl Tap {
    /// Looks at JSON text that may end with a report. A later report replaces an earlier one, but
    /// what it leaves out.
    pub fn see(&mut self, text: &[u8]) {
        let mut rest = text;
        while let Some(place) = self.finder.rfind(rest) {
            if let Some(wire) = read(&text[place + 1..]) {
                let told = self.told.get_or_insert_default();
                let cached = wire.cache_creation_input_tokens.unwrap_or(0)
                    + wire.cache_read_input_tokens.unwrap_or(0);
                let input = wire.input_tokens.unwrap_or(0).saturating_add(cached);
                told.input = if input > 0 { input } else { told.input };
                let output = wire.output_tokens.map(|said| said + wire.thoughts.unwrap_or(0));
                told.output = output.unwrap_or(told.output);
                return;
            }
            rest = &rest[..place];
        }
    }

    /// What was told, if anything.
    #[must_use]
    pub fn told(&self) -> Option<Counted> {
        self.told
    }
}

/// The value behind `usage":` or `usageMetadata":`. Inside of a text the quote would be escaped.
fn read(text: &[u8]) -> Option<Wire> {
    let text = text.strip_prefix(b"usage")?;
    let text = text.strip_prefix(b"Metadata").unwrap_or(text);
    let text = text.strip_prefix(b"\"")?.trim_ascii_start().strip_prefix(b":")?;
    let wire = serde_json::Deserializer::from_slice(text).into_iter::<Option<Wire>>().next()?;
    wire.ok().flatten().filter(|wire| wire.input_tokens.or(wire.output_tokens).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_understood() {
        for (pieces, expected) in [
            (
                &[
                    r#"{"message":{"usage":{"input_tokens":5,"cache_read_input_tokens":100,"output_tokens":1}}}"#,
                    r#"{"delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":7}}"#,
                ][..],
                Some((105, 7)),
            ),
            (
                &[
                    r#"{"choices":[],"usage":null}"#,
                    r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":2}}}"#,
                ],
                Some((3, 4)),
            ),
            (
                &[
                    r#"{"type":"response.completed","response":{"output":[{"text":"\"usage\":{}"}],"usage" : {"input_tokens":9,"output_tokens":8}}}"#,
                ],
                Some((9, 8)),
            ),
            (
                &[
                    r#"{"candidates":[],"usageMetadata":{"promptTokenCount":2,"candidatesTokenCount":3,"thoughtsTokenCount":4}}"#,
                ],
                Some((2, 7)),
            ),
            (&[r#"{"usage":"yes"}"#, r#"{"usage":{"total":1}}"#, r#"{"a":"usage"#], None),
            (&[""], None),
        ] {
            let mut tap = Tap::default();
            for piece in pieces {
                tap.see(piece.as_bytes());
            }
            let told = tap.told().map(|told| (told.input, told.output));
            assert_eq!(told, expected, "{pieces:?}");
        }
    }
}
