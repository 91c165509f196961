//! What the events of a passing Chat Completions stream mean. Legacy completions are the same but
//! that their choices have a `text`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{json, value::RawValue};

use super::super::{Signal, Watch, openai_error, sse, write};
use crate::chat::Fault;

#[derive(Default)]
pub(super) struct Watcher {
    complete: bool,
}

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow)]
    choices: Option<Vec<Choice<'a>>>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    delta: Option<Delta<'a>>,
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow)]
    finish_reason: Option<Cow<'a, str>>,
}

/// All that a delta may show. `role` and vendors' own keys show nothing.
#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    refusal: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning_content: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning_details: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_calls: Option<&'a RawValue>,
    #[serde(borrow)]
    function_call: Option<&'a RawValue>,
    #[serde(borrow)]
    audio: Option<&'a RawValue>,
    #[serde(borrow)]
    images: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Error<'a> {
    #[serde(borrow)]
    message: Option<Cow<'a, str>>,
}

impl Watch for Watcher {
    fn see(&mut self, event: &sse::Event<'_>) -> Signal {
        if event.truncated {
            return Signal::Content;
        }
        if event.data.trim() == "[DONE]" {
            self.complete = true;
            return Signal::End;
        }
        let Ok(chunk) = serde_json::from_str::<Chunk<'_>>(event.data) else {
            return Signal::Preamble;
        };
        if let Some(error) = chunk.error.filter(|error| error.get() != "null") {
            return Signal::Fault(message(error));
        }
        if event.name == "error" {
            return Signal::Fault(event.data.chars().take(300).collect());
        }
        let choices = chunk.choices.unwrap_or_default();
        let reason = choices.iter().find_map(|choice| choice.finish_reason.as_deref());
        self.complete |= reason.is_some();
        if choices.iter().any(shows) {
            return Signal::Content;
        }
        match reason {
            None => Signal::Preamble,
            Some("stop") => Signal::End,
            // A limit or a filter tells the client something, even without content.
            Some(_) => Signal::Content,
        }
    }

    fn complete(&self) -> bool {
        self.complete
    }

    fn fail(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        let error = json!({ "error": openai_error::object(fault) });
        write::event(out, "", |data| write::value(data, &error));
    }
}

fn shows(choice: &Choice<'_>) -> bool {
    let something = |raw: &RawValue| !matches!(raw.get(), "\"\"" | "null" | "[]" | "{}");
    let delta = choice.delta.iter().flat_map(|delta| {
        [
            delta.content,
            delta.refusal,
            delta.reasoning,
            delta.reasoning_content,
            delta.reasoning_details,
            delta.tool_calls,
            delta.function_call,
            delta.audio,
            delta.images,
        ]
    });
    delta.chain([choice.text]).flatten().any(something)
}

fn message(error: &RawValue) -> String {
    let message = serde_json::from_str::<Error<'_>>(error.get()).ok().and_then(|e| e.message);
    message.map_or_else(|| error.get().chars().take(300).collect(), Cow::into_owned)
}
