//! A message or a piece of one → events.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{
    super::super::{
        FORMAT, seal,
        wire::{Count, citation, data_url, elements, is_nothing, some_text, string_or_source},
    },
    Decoder, Emit, LEGACY,
    chunk::{Function, Logprobs, Message, Part, Picture, WireCall, names_a_call},
    lanes::{Call, Kind, Piece},
};
use crate::{
    chat::{Json, Seal, SealKind},
    formats::{Malformed, ids, raw},
};

impl Decoder {
    /// Reads a message, or a piece of one. Some providers send the whole message at the end of a
    /// stream again: only what did not come before is taken from it.
    pub(super) fn message(
        &mut self,
        message: &Message<'_>,
        logprobs: Option<&Logprobs<'_>>,
        whole: bool,
        on_event: Emit<'_>,
    ) -> Result<(), Malformed> {
        let [spoke, thought, showed] =
            [self.spoke, self.thought, self.showed].map(|it| it && whole);
        let calls = calls_of(message, whole && self.calls > 0)?;
        let (of_calls, details): (Vec<_>, Vec<_>) =
            elements(message.details).into_iter().partition(|raw| names_a_call(raw, &calls));
        if !thought {
            self.reasoning(message, &details, on_event)?;
        }
        if !spoke {
            self.spoken(message, logprobs, on_event)?;
        }
        if !showed {
            self.images(message, on_event)?;
        }
        for call in &calls {
            self.call(call, whole, on_event)?;
        }
        for raw in of_calls {
            self.detail(raw, on_event)?;
        }
        Ok(())
    }

    /// What the model says, with its sources and probabilities: they belong to the text at the end.
    fn spoken(
        &mut self,
        message: &Message<'_>,
        logprobs: Option<&Logprobs<'_>>,
        on_event: Emit<'_>,
    ) -> Result<(), Malformed> {
        self.content(message.content, on_event)?;
        let audio = message.audio.as_ref().and_then(|audio| audio.0.as_ref());
        if let Some(text) = some_text(audio.and_then(|audio| audio.transcript)) {
            self.spoke = true;
            self.lanes.words(Kind::Text, &text, on_event)?;
        }
        for annotation in elements(message.annotations) {
            let citation = citation(annotation).into_owned();
            self.lanes.attach(&Kind::Text, Piece::Citation(Box::new(citation)), on_event)?;
        }
        self.tokens(&Kind::Text, logprobs.and_then(|logprobs| logprobs.content), on_event)?;
        if let Some(text) = some_text(message.refusal) {
            self.spoke = true;
            self.lanes.words(Kind::Refusal, &text, on_event)?;
        }
        self.tokens(&Kind::Refusal, logprobs.and_then(|logprobs| logprobs.refusal), on_event)
    }

    fn tokens(
        &mut self,
        kind: &Kind,
        tokens: Option<&RawValue>,
        on_event: Emit<'_>,
    ) -> Result<(), Malformed> {
        match tokens.filter(|tokens| raw::is_list(tokens) && !is_nothing(tokens)) {
            Some(tokens) => {
                let piece = Piece::Logprobs(Json::from(tokens).into_owned());
                self.lanes.attach(kind, piece, on_event)
            }
            None => Ok(()),
        }
    }

    /// A text; at some providers a list of parts.
    fn content(&mut self, content: Option<&RawValue>, on_event: Emit<'_>) -> Result<(), Malformed> {
        if let Some(text) = some_text(content) {
            self.spoke = true;
            return self.lanes.words(Kind::Text, &text, on_event);
        }
        for raw in elements(content) {
            if let Some(text) = raw::string(raw) {
                self.spoke = true;
                self.lanes.words(Kind::Text, &text, on_event)?;
                continue;
            }
            let part: Part<'_> = serde_json::from_str(raw.get()).unwrap_or_default();
            if some_text(part.kind).as_deref() == Some("thinking") {
                self.thought = true;
                self.thinking(part.thinking, on_event)?;
            } else if let Some(text) = some_text(part.text) {
                self.spoke = true;
                self.lanes.words(Kind::Text, &text, on_event)?;
            }
        }
        Ok(())
    }

    fn thinking(
        &mut self,
        thinking: Option<&RawValue>,
        on_event: Emit<'_>,
    ) -> Result<(), Malformed> {
        if let Some(text) = some_text(thinking) {
            return self.lanes.words(Kind::Reasoning, &text, on_event);
        }
        for raw in elements(thinking) {
            let part: Part<'_> = serde_json::from_str(raw.get()).unwrap_or_default();
            let text = some_text(part.text).unwrap_or_default();
            self.lanes.words(Kind::Reasoning, &text, on_event)?;
        }
        Ok(())
    }

    /// Reasoning stands in one of three members, or the same in several of them. Details have their
    /// seals besides: if they have the words too, they tell which seal belongs to which.
    fn reasoning(
        &mut self,
        message: &Message<'_>,
        details: &[&RawValue],
        on_event: Emit<'_>,
    ) -> Result<(), Malformed> {
        let told = details.iter().any(|raw| {
            let detail = serde_json::from_str::<seal::Detail<'_>>(raw.get()).unwrap_or_default();
            detail.shown().is_some()
        });
        let text = some_text(message.reasoning_content).or_else(|| some_text(message.reasoning));
        if let Some(text) = text.filter(|_| !told) {
            self.thought = true;
            self.lanes.words(Kind::Reasoning, &text, on_event)?;
        }
        for raw in details {
            self.detail(raw, on_event)?;
        }
        Ok(())
    }

    fn detail(&mut self, raw: &RawValue, on_event: Emit<'_>) -> Result<(), Malformed> {
        let Ok(detail) = serde_json::from_str::<seal::Detail<'_>>(raw.get()) else { return Ok(()) };
        if let Some(text) = detail.shown() {
            self.thought = true;
            self.lanes.words(Kind::Reasoning, &text, on_event)?;
        }
        match detail.issued(raw) {
            Some(seal) => {
                self.thought = true;
                self.lanes.seal(seal.into_owned(), detail.id().as_deref(), on_event)
            }
            None => Ok(()),
        }
    }

    fn images(&mut self, message: &Message<'_>, on_event: Emit<'_>) -> Result<(), Malformed> {
        for raw in elements(message.images) {
            let picture: Picture<'_> = serde_json::from_str(raw.get()).unwrap_or_default();
            let image = picture.image.and_then(|image| image.0).unwrap_or_default();
            let url = some_text(image.url).unwrap_or_default();
            if let Some((media_type, data)) = data_url(&url) {
                self.showed = true;
                self.lanes.image(media_type, data, on_event)?;
            }
        }
        Ok(())
    }

    fn call(
        &mut self,
        wire: &WireCall<'_>,
        whole: bool,
        on_event: Emit<'_>,
    ) -> Result<(), Malformed> {
        let freeform = wire.custom.is_some()
            || some_text(wire.kind).as_deref() == Some("custom") && wire.function.is_none();
        let function = wire.custom.as_ref().or(wire.function.as_ref());
        let text = |member: Option<&RawValue>| some_text(member).unwrap_or_default().into_owned();
        let piece = Call {
            wire: wire.index.map(|index| index.0),
            id: text(wire.id),
            name: text(function.and_then(|function| function.name)),
            freeform,
        };
        let at = if whole {
            let call = Call { freeform, wire: piece.wire, ..Call::default() };
            Some(self.lanes.add_call(call, on_event))
        } else {
            self.lanes.find_call(&piece, on_event)
        };
        let Some(at) = at else { return Ok(()) };
        let number = self.calls;
        if !piece.name.is_empty() {
            self.calls += 1;
        }
        self.lanes.name_call(at, &piece, || ids::made(&self.seed, number), on_event);
        let arguments = string_or_source(function.and_then(|function| function.arguments));
        let seal = wire.carried.filter(|carried| !is_nothing(carried)).map(|carried| Seal {
            format: FORMAT,
            kind: SealKind::Signature,
            data: Cow::Owned(carried.get().to_owned()),
            item: None,
        });
        self.lanes.fill_call(at, &arguments, seal, on_event)
    }
}

/// The calls in a message, the one of the older form included; none if they were `seen`.
fn calls_of<'a>(message: &Message<'a>, seen: bool) -> Result<Vec<WireCall<'a>>, Malformed> {
    let list = message.calls.filter(|calls| !seen && raw::is_list(calls));
    let mut calls: Vec<WireCall<'a>> = match list {
        Some(list) => raw::read(list, "/choices/0/delta/tool_calls")?,
        None => Vec::new(),
    };
    if let Some(function) = message.function.as_ref().filter(|_| !seen) {
        let function =
            Function { name: function.name, arguments: function.arguments, extra: Vec::new() };
        let index = Some(Count(LEGACY));
        calls.push(WireCall { index, function: Some(function), ..WireCall::default() });
    }
    Ok(calls)
}
