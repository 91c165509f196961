//! Reasoning that nobody asked for. Anthropic's replies hold it only where the request switches it
//! on, and clients rely on that: they take the first block for the text, or for the call that they
//! forced. Other vendors' models reason anyway; such a client gets the rest. With the reasoning goes
//! what seals it, which this format has no other place for. Agents keep both: where the model may call
//! tools or not, a client has to look at what each block is, and Gemini wants its seals back.

use crate::{
    chat::{Event, Opening, ReasoningMode, Request, ToolChoice},
    protocol::Format,
};

/// Whether the client's reply must not hold reasoning of another vendor.
pub(super) fn is_unasked(request: &Request<'_>) -> bool {
    request.format == Format::Anthropic
        && match request.reasoning.mode {
            None | Some(ReasoningMode::Off) => !is_agent(request),
            Some(ReasoningMode::On | ReasoningMode::Adaptive) => false,
        }
}

/// Whether the reply may be text, calls or both.
fn is_agent(request: &Request<'_>) -> bool {
    !request.tools.is_empty() && request.tool_choice == ToolChoice::Auto
}

/// Takes reasoning out of a reply.
#[derive(Debug, Default)]
pub(super) struct Without {
    /// How many blocks have been taken out.
    hidden: u32,
    /// Whether the block at hand is one of them.
    hiding: bool,
}

impl Without {
    /// The event, if it is for the client, with the number that its block has now.
    pub(super) fn pass<'e>(&mut self, mut event: Event<'e>) -> Option<Event<'e>> {
        match &mut event {
            Event::Open { index, block } => {
                self.hiding = *block == Opening::Reasoning;
                self.hidden += u32::from(self.hiding);
                *index = index.saturating_sub(self.hidden);
                (!self.hiding).then_some(event)
            }
            Event::Seal { .. } => None,
            Event::Delta { index, .. }
            | Event::Citation { index, .. }
            | Event::Logprobs { index, .. }
            | Event::Close { index } => {
                *index = index.saturating_sub(self.hidden);
                (!self.hiding).then_some(event)
            }
            Event::Start(_) | Event::Usage(_) | Event::Stop(_) | Event::Fault(_) => Some(event),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::codec;

    #[test]
    fn only_a_client_of_anthropic_must_ask() {
        for (format, body, expected) in [
            (Format::Anthropic, r#"{"model":"m","messages":[]}"#, true),
            (
                Format::Anthropic,
                r#"{"model":"m","messages":[],"thinking":{"type":"disabled"}}"#,
                true,
            ),
            (
                Format::Anthropic,
                r#"{"model":"m","messages":[],"tools":[{"name":"t","input_schema":{}}]}"#,
                false,
            ),
            (
                Format::Anthropic,
                r#"{"model":"m","messages":[],"tools":[{"name":"t","input_schema":{}}],"tool_choice":{"type":"tool","name":"t"}}"#,
                true,
            ),
            (
                Format::Anthropic,
                r#"{"model":"m","messages":[],"thinking":{"type":"enabled","budget_tokens":2000}}"#,
                false,
            ),
            (
                Format::Anthropic,
                r#"{"model":"m","messages":[],"thinking":{"type":"adaptive"}}"#,
                false,
            ),
            (Format::OpenAi, r#"{"model":"m","messages":[]}"#, false),
            (Format::OpenAiResponses, r#"{"model":"m","input":"x"}"#, false),
            (Format::Gemini, r#"{"contents":[]}"#, false),
        ] {
            let request = codec(format).decode_request(body).unwrap();
            assert_eq!(is_unasked(&request), expected, "{body}");
        }
    }

    #[test]
    fn blocks_behind_reasoning_move_up() {
        let text = |index| Event::Delta { index, text: "t".into() };
        let open = |index, block| Event::Open { index, block };
        let events = [
            open(0, Opening::Reasoning),
            text(0),
            Event::Close { index: 0 },
            open(1, Opening::Text),
            text(1),
            Event::Close { index: 1 },
            open(2, Opening::Reasoning),
            Event::Close { index: 2 },
            open(3, Opening::Refusal),
            text(3),
            Event::Close { index: 3 },
        ];
        let mut without = Without::default();
        let passed: Vec<_> = events.into_iter().filter_map(|it| without.pass(it)).collect();
        assert_eq!(
            passed,
            [
                open(0, Opening::Text),
                text(0),
                Event::Close { index: 0 },
                open(1, Opening::Refusal),
                text(1),
                Event::Close { index: 1 },
            ]
        );
    }
}
