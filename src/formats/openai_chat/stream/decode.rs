//! OpenAI Chat Completions, streamed → the neutral vocabulary. Whole replies are read by the same:
//! they are one chunk with a `message` in the place of a `delta`.

mod chunk;
mod lanes;
mod message;

use std::borrow::Cow;

use serde_json::value::RawValue;

use self::{
    chunk::{Choice, Chunk, error},
    lanes::{Kind, Lanes},
};
use super::super::{
    wire::{elements, is_nothing, some_text},
    words::{self, Finish, finish},
};
use crate::{
    chat::{Event, Fault, FaultKind, ServiceTier, Start, Stop, StopReason, Usage},
    formats::{EventDecoder, Malformed, openai_error, raw, sse},
};

/// The index of a call in the form before `tool_calls`: there is only one.
const LEGACY: u64 = u64::MAX;

/// Reads one reply.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one fact about the reply so far")]
pub(in super::super) struct Decoder {
    begun: bool,
    /// What ids of calls are made from.
    seed: String,
    lanes: Lanes,
    /// How many calls there were.
    calls: u32,
    spoke: bool,
    thought: bool,
    showed: bool,
    finish: Option<(String, Option<String>)>,
    usage: Usage,
    tier: Option<ServiceTier>,
    over: bool,
}

type Emit<'e> = &'e mut dyn FnMut(Event<'_>);

impl EventDecoder for Decoder {
    fn event(&mut self, event: &sse::Event<'_>, on_event: Emit<'_>) -> Result<(), Malformed> {
        let data = event.data.trim();
        if data.is_empty() || self.over {
            return Ok(());
        }
        if data == "[DONE]" {
            self.complete(on_event);
            return Ok(());
        }
        if event.truncated {
            return Err(Malformed::new("an event is too long"));
        }
        let chunk: Chunk<'_> = raw::read_body(data, "a chunk of a completion")?;
        let bare = event.name == "error" || some_text(chunk.object).as_deref() == Some("error");
        let fault = error(&chunk).or_else(|| bare.then_some(data));
        if let Some(fault) = fault {
            self.broken(openai_error::in_stream(fault), on_event);
            return Ok(());
        }
        self.chunk(&chunk, on_event)
    }

    /// A stream without `[DONE]` is complete if its reason to finish came. What waits in one that
    /// broke off is not given: a call that may be cut off must not be run.
    fn end(&mut self, on_event: Emit<'_>) {
        if !self.over && self.finish.is_some() {
            self.done(on_event);
        }
    }
}

/// The reply is not complete, whatever else it says.
fn broken_off(why: &str) -> Fault {
    Fault::new(FaultKind::BadGateway, format!("the provider broke the reply off ({why})"))
}

impl Decoder {
    /// Reads a whole completion.
    pub(in super::super) fn whole(
        &mut self,
        body: &str,
        on_event: Emit<'_>,
    ) -> Result<(), Malformed> {
        let chunk: Chunk<'_> = raw::read_body(body, "a completion")?;
        if let Some(error) = error(&chunk) {
            self.broken(openai_error::in_stream(error), on_event);
            return Ok(());
        }
        if elements(chunk.choices).is_empty() {
            return Err(Malformed::new("the completion has no choices"));
        }
        self.chunk(&chunk, on_event)?;
        self.done(on_event);
        Ok(())
    }

    fn broken(&mut self, fault: Fault, on_event: Emit<'_>) {
        if !self.over {
            self.over = true;
            on_event(Event::Fault(fault));
        }
    }

    fn chunk(&mut self, chunk: &Chunk<'_>, on_event: Emit<'_>) -> Result<(), Malformed> {
        let choices: Vec<Choice<'_>> = match chunk.choices {
            Some(choices) if choices.get() != "null" => raw::read(choices, "/choices")?,
            Some(_) | None => Vec::new(),
        };
        self.start(chunk, !choices.is_empty(), on_event);
        if let Some(tier) = some_text(chunk.tier) {
            self.tier = words::tier(&tier);
        }
        let groq = chunk.groq.as_ref().and_then(|groq| groq.0.as_ref());
        self.used(chunk.usage.or(groq.and_then(|groq| groq.usage)), on_event);
        // More replies than one have no words here.
        for choice in choices.iter().filter(|choice| choice.index.unwrap_or_default().0 == 0) {
            self.choice(choice, on_event)?;
        }
        Ok(())
    }

    /// The first chunk that says something begins the reply; Azure sends one before it that is empty.
    fn start(&mut self, chunk: &Chunk<'_>, says: bool, on_event: Emit<'_>) {
        let id = some_text(chunk.id).unwrap_or_default();
        if self.begun || (id.is_empty() && !says) {
            return;
        }
        self.begun = true;
        let created = chunk.created.unwrap_or_default().0;
        self.seed = if id.is_empty() { created.to_string() } else { (*id).to_owned() };
        let id = id.strip_prefix("chatcmpl-").unwrap_or(&id).to_owned();
        let model = some_text(chunk.model).unwrap_or_default().into_owned();
        on_event(Event::Start(Start { id, model, created }));
    }

    fn used(&mut self, usage: Option<&RawValue>, on_event: Emit<'_>) {
        if let Some(usage) = usage.and_then(words::usage) {
            self.usage = Usage { tier: self.tier, ..usage };
            on_event(Event::Usage(self.usage));
        }
    }

    fn choice(&mut self, choice: &Choice<'_>, on_event: Emit<'_>) -> Result<(), Malformed> {
        self.used(choice.usage, on_event);
        if let Some(error) = choice.error.filter(|error| !is_nothing(error)) {
            self.broken(openai_error::in_stream(error.get()), on_event);
            return Ok(());
        }
        let logprobs = choice.logprobs.as_ref().and_then(|logprobs| logprobs.0.as_ref());
        if let Some(delta) = &choice.delta {
            self.message(delta, logprobs, false, on_event)?;
        }
        if let Some(message) = &choice.message {
            self.message(message, logprobs, true, on_event)?;
        }
        if let Some(text) = some_text(choice.text) {
            self.lanes.words(Kind::Text, &text, on_event)?;
        }
        if let Some(reason) = some_text(choice.finish_reason) {
            let sequence = some_text(choice.stop_reason).map(Cow::into_owned);
            self.finish = Some((reason.into_owned(), sequence));
        }
        Ok(())
    }

    /// The stream says that it is complete. Proxies say so too when the stream behind them was cut:
    /// without a reason to finish, a call that is not whole has broken off.
    fn complete(&mut self, on_event: Emit<'_>) {
        if self.finish.is_none() && self.lanes.end_in_a_call() {
            self.broken(broken_off("within the arguments of a call"), on_event);
        } else {
            self.done(on_event);
        }
    }

    /// The reply is complete, unless its reason to finish says that it is not: then what is open
    /// stays open.
    fn done(&mut self, on_event: Emit<'_>) {
        let (reason, sequence) = self.finish.take().unwrap_or_default();
        let stop = match finish(&reason, self.calls > 0) {
            Finish::Stop(StopReason::End) if sequence.is_some() => {
                Stop { reason: StopReason::StopSequence, sequence }
            }
            Finish::Stop(reason) => reason.into(),
            Finish::Broken => {
                self.broken(broken_off(&format!("`finish_reason`: `{reason}`")), on_event);
                return;
            }
        };
        self.over = true;
        self.lanes.end(on_event);
        if self.usage.tier != self.tier {
            self.usage.tier = self.tier;
            on_event(Event::Usage(self.usage));
        }
        on_event(Event::Stop(stop));
    }
}

#[cfg(test)]
mod tests;
