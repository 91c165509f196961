//! What the events of a passing Responses stream mean.

use std::{borrow::Cow, time::Duration};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    super::{Signal, Watch, sse},
    reply::encode::{Ending, Output, response},
    stream::encode::event,
};
use crate::chat::{Fault, Start};

/// Remembers who the response is and how far it has come, so that an end can be put to it.
#[derive(Default)]
pub(super) struct Watcher {
    complete: bool,
    id: String,
    model: String,
    created: u64,
    next_sequence: u64,
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow, rename = "type", default)]
    kind: Cow<'a, str>,
    sequence_number: Option<u64>,
    #[serde(borrow)]
    delta: Option<&'a RawValue>,
    #[serde(borrow)]
    item: Option<Item<'a>>,
    #[serde(borrow)]
    response: Option<Response<'a>>,
    #[serde(borrow)]
    message: Option<Cow<'a, str>>,
    #[serde(borrow)]
    error: Option<Error<'a>>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow, rename = "type", default)]
    kind: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Response<'a> {
    #[serde(borrow, default)]
    id: Cow<'a, str>,
    #[serde(borrow, default)]
    model: Cow<'a, str>,
    created_at: Option<f64>,
    #[serde(borrow)]
    error: Option<Error<'a>>,
}

#[derive(Deserialize)]
struct Error<'a> {
    #[serde(borrow)]
    code: Option<Cow<'a, str>>,
    #[serde(borrow)]
    message: Option<Cow<'a, str>>,
}

impl Watch for Watcher {
    fn see(&mut self, event: &sse::Event<'_>) -> Signal {
        if event.truncated {
            // Only the last event echoes so much.
            self.complete |= event.name == "response.completed";
            return Signal::Content;
        }
        if event.data.trim() == "[DONE]" {
            return if self.complete { Signal::End } else { Signal::Preamble };
        }
        let Ok(wire) = serde_json::from_str::<Wire<'_>>(event.data) else {
            return Signal::Preamble;
        };
        if let Some(sequence) = wire.sequence_number {
            self.next_sequence = sequence + 1;
        }
        if let Some(response) = wire.response.as_ref().filter(|_| self.id.is_empty()) {
            self.id = response.id.trim_start_matches("resp_").to_owned();
            self.model = response.model.clone().into_owned();
            // Seconds; some send a fraction.
            let created = Duration::try_from_secs_f64(response.created_at.unwrap_or_default());
            self.created = created.unwrap_or_default().as_secs();
        }
        let kind = if wire.kind.is_empty() { event.name } else { &*wire.kind };
        match kind {
            "response.created"
            | "response.in_progress"
            | "response.queued"
            | "response.content_part.added"
            | "response.reasoning_summary_part.added"
            | "keepalive" => Signal::Preamble,
            // A message or reasoning begins with nothing to show; any other item is an act.
            "response.output_item.added" => match wire.item.as_ref().map(|item| &*item.kind) {
                Some("message" | "reasoning") | None => Signal::Preamble,
                Some(_) => Signal::Content,
            },
            "response.completed" => {
                self.complete = true;
                Signal::End
            }
            "response.incomplete" => {
                self.complete = true;
                Signal::Content
            }
            "response.failed" | "error" => Signal::Fault(fault_message(&wire)),
            _ if kind.ends_with(".delta") => match wire.delta {
                Some(delta) if delta.get() != "\"\"" => Signal::Content,
                Some(_) | None => Signal::Preamble,
            },
            _ if kind.starts_with("response.") => Signal::Content,
            _ => Signal::Preamble,
        }
    }

    fn complete(&self) -> bool {
        self.complete
    }

    fn fail(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        let id = if self.id.is_empty() { fault.request_id.clone() } else { self.id.clone() };
        let start = Start { id, model: self.model.clone(), created: self.created };
        event(out, "response.failed", self.next_sequence, |event| {
            event.object("response", |object| {
                response(object, &start, &Output::default(), Ending::Failed(fault), None);
            });
        });
    }
}

fn fault_message(wire: &Wire<'_>) -> String {
    let inner = wire.response.as_ref().and_then(|response| response.error.as_ref());
    match inner.or(wire.error.as_ref()) {
        Some(Error { code, message }) => {
            let words = [code.as_deref(), message.as_deref()];
            words.into_iter().flatten().collect::<Vec<_>>().join(": ")
        }
        None => wire.message.as_deref().unwrap_or("the response failed").to_owned(),
    }
}
