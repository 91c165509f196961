//! OpenAI Chat Completions, messages → the neutral vocabulary.

use std::{
    borrow::Cow,
    collections::{BTreeSet, VecDeque},
};

use serde_json::value::RawValue;

use super::{
    super::super::{
        FORMAT, seal,
        wire::{citation, elements, is_nothing, some_text, string_or_source, text},
    },
    parts,
};
use crate::{
    chat::{
        Block, Content, Extra, Message, Place, Reasoning, Role, Seal, SealKind, ToolCall,
        ToolResult,
    },
    formats::{
        Malformed, ids,
        raw::{self, Text, open_struct},
        seals::Attach,
    },
};

open_struct! {
    /// A message. Assistant messages come back as providers wrote them, with all their members.
    struct Wire<'a> {
        role: Text<'a> = "role",
        content: &'a RawValue = "content",
        name: Text<'a> = "name",
        refusal: &'a RawValue = "refusal",
        calls: Vec<Call<'a>> = "tool_calls",
        function: Function<'a> = "function_call",
        answers: Text<'a> = "tool_call_id",
        reasoning_content: &'a RawValue = "reasoning_content",
        reasoning: &'a RawValue = "reasoning",
        details: &'a RawValue = "reasoning_details",
        annotations: &'a RawValue = "annotations",
        cache_control: &'a RawValue = "cache_control",
    }
}

open_struct! {
    struct Call<'a> {
        kind: Text<'a> = "type",
        id: Text<'a> = "id",
        index: &'a RawValue = "index",
        function: Function<'a> = "function",
        custom: Function<'a> = "custom",
        carried: &'a RawValue = "extra_content",
    }
}

open_struct! {
    struct Function<'a> {
        name: Text<'a> = "name",
        arguments: &'a RawValue = "arguments" | "input",
    }
}

/// What has to be known of earlier messages.
#[derive(Default)]
struct History<'a> {
    /// Ids of freeform calls.
    freeform: BTreeSet<Cow<'a, str>>,
    /// Calls of the form before `tool_calls`, which have no ids: name and the id made for it.
    legacy: VecDeque<(Cow<'a, str>, String)>,
    /// How many ids have been made.
    made: u32,
}

/// Reads all messages.
pub(super) fn all(list: Vec<&RawValue>) -> Result<Vec<Message<'_>>, Malformed> {
    let mut history = History::default();
    let mut messages = Vec::with_capacity(list.len());
    for (index, raw) in list.into_iter().enumerate() {
        let wire: Wire<'_> = raw::read(raw, &format!("/messages/{index}"))?;
        messages.push(history.message(wire, index)?);
    }
    Ok(messages)
}

impl<'a> History<'a> {
    fn message(&mut self, mut wire: Wire<'a>, index: usize) -> Result<Message<'a>, Malformed> {
        let role = match wire.role.as_ref().map(|role| &*role.0) {
            Some("system") => Role::System,
            Some("developer") => Role::Developer,
            Some("assistant") => Role::Assistant,
            Some("tool" | "function") => Role::Tool,
            Some(_) | None => Role::User,
        };
        let mut blocks = parts::content(wire.content.take(), index, role)?;
        let mark = wire.cache_control.take().and_then(parts::mark);
        if let Some(last) = blocks.last_mut().filter(|_| mark.is_some()) {
            last.cache = mark;
        }
        let extra = Extra::list(FORMAT, std::mem::take(&mut wire.extra));
        let mut message = Message::new(role, Vec::new()).at(Place::new("/messages/#", &[index]));
        match role {
            Role::Tool => {
                message.blocks = vec![self.result(&mut wire, blocks, extra).at(message.place)];
                return Ok(message);
            }
            Role::Assistant => self.answer(&mut wire, &mut blocks, index),
            Role::System | Role::Developer | Role::User => {}
        }
        message.name = text(wire.name);
        // An unheard reply that only the vendor has, as `audio`: null if there is none.
        message.extra = extra.into_iter().filter(|extra| extra.value.get() != "null").collect();
        message.blocks = blocks;
        Ok(message)
    }

    /// Adds what only the model's messages have: reasoning in front, refusal and calls behind.
    fn answer(&mut self, wire: &mut Wire<'a>, blocks: &mut Vec<Block<'a>>, index: usize) {
        if let Some(refusal) = some_text(wire.refusal) {
            let place = Place::new("/messages/#/refusal", &[index]);
            blocks.push(Block::new(Content::Refusal(refusal)).at(place));
        }
        annotate(wire.annotations, blocks);
        for (number, call) in wire.calls.take().unwrap_or_default().into_iter().enumerate() {
            let place = Place::new("/messages/#/tool_calls/#", &[index, number]);
            blocks.push(self.call(call).at(place));
        }
        if let Some(function) = wire.function.take() {
            let name = text(function.name).unwrap_or_default();
            let id = ids::made(&name, self.made);
            self.made += 1;
            self.legacy.push_back((name.clone(), id.clone()));
            let arguments = string_or_source(function.arguments);
            let call =
                ToolCall { id: id.into(), name, namespace: None, arguments, freeform: false };
            let place = Place::new("/messages/#/function_call", &[index]);
            blocks.push(Block::new(Content::ToolCall(call)).at(place));
        }
        reasoning(wire, blocks, index);
    }

    fn call(&mut self, call: Call<'a>) -> Block<'a> {
        let custom = call.kind.is_some_and(|kind| kind.0 == "custom");
        let freeform = custom || (call.function.is_none() && call.custom.is_some());
        let function = call.custom.or(call.function).unwrap_or_default();
        let id = match text(call.id).filter(|id| !id.is_empty()) {
            Some(id) => id,
            None => {
                self.made += 1;
                Cow::Owned(ids::made("", self.made))
            }
        };
        if freeform {
            self.freeform.insert(id.clone());
        }
        let mut block = Block::new(Content::ToolCall(ToolCall {
            id,
            name: text(function.name).unwrap_or_default(),
            namespace: None,
            arguments: string_or_source(function.arguments),
            freeform,
        }));
        block.seal = call.carried.filter(|carried| !is_nothing(carried)).map(|carried| Seal {
            format: FORMAT,
            kind: SealKind::Signature,
            data: carried.get().into(),
            item: None,
        });
        block.extra = Extra::list(FORMAT, call.extra);
        block
    }

    /// A tool's message. Those of the older form name the function, not the call.
    fn result(
        &mut self,
        wire: &mut Wire<'a>,
        mut blocks: Vec<Block<'a>>,
        extra: Vec<Extra<'a>>,
    ) -> Block<'a> {
        let name = text(wire.name.take());
        let call = text(wire.answers.take()).unwrap_or_else(|| {
            let same = |(called, _): &(Cow<'a, str>, String)| Some(called) == name.as_ref();
            let at = self.legacy.iter().position(same);
            let id = at.and_then(|at| self.legacy.remove(at)).map(|(_, id)| id);
            Cow::Owned(id.unwrap_or_default())
        });
        // The whole message is the result: a mark on its last part is one on it.
        let cache = blocks.last_mut().and_then(|last| last.cache.take());
        let is_error = parts::take_error(&mut blocks).then_some(true);
        let freeform = self.freeform.contains(&call);
        let mut block =
            Block::new(Content::ToolResult(ToolResult { call, name, blocks, is_error, freeform }));
        block.cache = cache;
        block.extra = extra;
        block
    }
}

/// Puts the message's annotations on its first text.
fn annotate<'a>(annotations: Option<&'a RawValue>, blocks: &mut [Block<'a>]) {
    for block in blocks {
        if let Content::Text { citations, .. } = &mut block.content {
            citations.extend(elements(annotations).into_iter().map(citation));
            return;
        }
    }
}

/// Puts the reasoning in front, and seals where they belong.
fn reasoning<'a>(wire: &Wire<'a>, blocks: &mut Vec<Block<'a>>, index: usize) {
    let content = some_text(wire.reasoning_content);
    let (mut shown, key) = match content {
        Some(text) => (Some(text), "/messages/#/reasoning_content"),
        None => (some_text(wire.reasoning), "/messages/#/reasoning"),
    };
    let details = elements(wire.details);
    let mut thoughts: Vec<Block<'a>> = Vec::new();
    let mut read = String::new();
    for (number, raw) in details.into_iter().enumerate() {
        let Ok(detail) = serde_json::from_str::<seal::Detail<'a>>(raw.get()) else { continue };
        read.push_str(&detail.shown().unwrap_or_default());
        let Some((seal, attach)) = detail.returned(raw) else { continue };
        let place = Place::new("/messages/#/reasoning_details/#", &[index, number]);
        if attach != Attach::Own {
            give(seal, detail.id().as_deref(), blocks);
            continue;
        }
        let text = match seal.kind {
            SealKind::Signature | SealKind::Encrypted => {
                let own = (!read.is_empty()).then(|| Cow::Owned(std::mem::take(&mut read)));
                own.or_else(|| shown.take()).unwrap_or_default()
            }
            SealKind::Redacted => Cow::Borrowed(""),
        };
        // Another's text would not fit its signature.
        shown = shown.filter(|_| text.is_empty());
        let content = match seal.kind {
            SealKind::Encrypted if !text.is_empty() => {
                Reasoning { text: Cow::Borrowed(""), summary: vec![text] }
            }
            SealKind::Signature | SealKind::Encrypted | SealKind::Redacted => {
                Reasoning { text, summary: Vec::new() }
            }
        };
        let mut block = Block::new(Content::Reasoning(content)).at(place);
        block.seal = Some(seal);
        thoughts.push(block);
    }
    let shown = shown.or_else(|| (!read.is_empty()).then_some(Cow::Owned(read)));
    if let Some(text) = shown {
        let content = Content::Reasoning(Reasoning { text, summary: Vec::new() });
        thoughts.insert(0, Block::new(content).at(Place::new(key, &[index])));
    }
    blocks.splice(0..0, thoughts);
}

/// Gives a seal to the call that it names, else to the first text.
fn give<'a>(seal: Seal<'a>, call: Option<&str>, blocks: &mut [Block<'a>]) {
    let named = |block: &Block<'a>| match (call, block.call()) {
        (Some(id), Some(call)) => call.id == id,
        (None, None) => block.text().is_some(),
        (Some(_), None) | (None, Some(_)) => false,
    };
    if let Some(block) = blocks.iter_mut().find(|block| named(block)) {
        block.seal = Some(seal);
    }
}
