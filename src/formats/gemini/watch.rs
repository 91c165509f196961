//! What the events of a passing `streamGenerateContent` mean.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    super::{Signal, Watch, sse, write},
    error,
};
use crate::chat::Fault;

#[derive(Default)]
pub(super) struct Watcher {
    complete: bool,
}

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow)]
    candidates: Option<Vec<Candidate<'a>>>,
    #[serde(borrow, rename = "promptFeedback")]
    feedback: Option<Feedback<'a>>,
    #[serde(borrow)]
    error: Option<Error<'a>>,
}

#[derive(Deserialize)]
struct Candidate<'a> {
    #[serde(borrow)]
    content: Option<Content<'a>>,
    #[serde(borrow, rename = "finishReason")]
    finish_reason: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Content<'a> {
    #[serde(borrow)]
    parts: Option<Vec<Part<'a>>>,
}

/// An empty text shows nothing, whatever is sealed beside it; a part without text is an act.
#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow)]
    text: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Feedback<'a> {
    #[serde(borrow, rename = "blockReason")]
    block_reason: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Error<'a> {
    #[serde(borrow, default)]
    status: Cow<'a, str>,
    #[serde(borrow, default)]
    message: Cow<'a, str>,
}

impl Watch for Watcher {
    fn see(&mut self, event: &sse::Event<'_>) -> Signal {
        if event.truncated {
            // The reason may stand in what was cut off.
            self.complete = true;
            return Signal::Content;
        }
        let Ok(chunk) = serde_json::from_str::<Chunk<'_>>(event.data) else {
            return Signal::Preamble;
        };
        if let Some(Error { status, message }) = chunk.error {
            return Signal::Fault(format!("{status}: {message}"));
        }
        let candidates = chunk.candidates.unwrap_or_default();
        let reason = candidates.iter().find_map(|candidate| candidate.finish_reason.as_deref());
        let blocked = chunk.feedback.is_some_and(|feedback| feedback.block_reason.is_some());
        self.complete |= reason.is_some() || blocked;
        if blocked || candidates.iter().any(shows) {
            return Signal::Content;
        }
        match reason {
            None => Signal::Preamble,
            Some("STOP") => Signal::End,
            // A limit or a filter tells the client something, even without content.
            Some(_) => Signal::Content,
        }
    }

    fn complete(&self) -> bool {
        self.complete
    }

    fn fail(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        write::event(out, "", |data| write::value(data, &error(fault)));
    }
}

fn shows(candidate: &Candidate<'_>) -> bool {
    let parts = candidate.content.iter().flat_map(|content| content.parts.iter().flatten());
    parts.into_iter().any(|part| part.text.is_none_or(|text| text.get() != "\"\""))
}
