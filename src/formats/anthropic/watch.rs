//! What the events of a passing Messages stream mean.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    super::{Signal, Watch, sse, write},
    fault::error,
};
use crate::chat::Fault;

#[derive(Default)]
pub(super) struct Watcher {
    complete: bool,
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow, rename = "type", default)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    delta: Option<Delta<'a>>,
    #[serde(borrow)]
    content_block: Option<ContentBlock<'a>>,
    #[serde(borrow)]
    error: Option<Error<'a>>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow)]
    thinking: Option<&'a RawValue>,
    #[serde(borrow)]
    partial_json: Option<&'a RawValue>,
    #[serde(borrow)]
    stop_reason: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct ContentBlock<'a> {
    #[serde(borrow, rename = "type", default)]
    kind: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Error<'a> {
    #[serde(borrow, rename = "type", default)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    message: Cow<'a, str>,
}

impl Watch for Watcher {
    fn see(&mut self, event: &sse::Event<'_>) -> Signal {
        if event.truncated {
            return Signal::Content;
        }
        let Ok(wire) = serde_json::from_str::<Wire<'_>>(event.data) else {
            return Signal::Preamble;
        };
        let kind = if wire.kind.is_empty() { event.name } else { &*wire.kind };
        match kind {
            "content_block_delta" => wire.delta.map_or(Signal::Preamble, |delta| shown(&delta)),
            // A tool call begins: its name is something to act upon.
            "content_block_start" => match wire.content_block.as_ref().map(|block| &*block.kind) {
                Some("text" | "thinking") | None => Signal::Preamble,
                Some(_) => Signal::Content,
            },
            "message_delta" => match wire.delta.and_then(|delta| delta.stop_reason) {
                None => Signal::Preamble,
                Some(reason) => {
                    self.complete = true;
                    // Any other reason tells the client something, even without content.
                    if reason == "end_turn" { Signal::End } else { Signal::Content }
                }
            },
            "message_stop" => {
                self.complete = true;
                Signal::End
            }
            "error" => {
                let error = wire.error.map(|error| format!("{}: {}", error.kind, error.message));
                Signal::Fault(error.unwrap_or_else(|| "error".to_owned()))
            }
            _ => Signal::Preamble,
        }
    }

    fn complete(&self) -> bool {
        self.complete
    }

    fn fail(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        write::event(out, "error", |data| write::value(data, &error(fault)));
    }
}

/// An empty piece of text shows nothing; signatures and citations do not come alone.
fn shown(delta: &Delta<'_>) -> Signal {
    let empty = |raw: &RawValue| raw.get() == "\"\"";
    let texts = [delta.text, delta.thinking, delta.partial_json];
    if texts.into_iter().flatten().all(empty) && texts.iter().any(Option::is_some) {
        Signal::Preamble
    } else {
        Signal::Content
    }
}
