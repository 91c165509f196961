//! Names of tools, in the form that a target takes, and back. Injective within a request, the same
//! in every turn; nothing is random.
//!
//! Freeform tools become functions with one argument `input` where the target has none, and
//! namespaces become a part of the name. [`Restore`] undoes both in the reply.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use serde_json::{Value, json};

use super::ids::{is_plain, shortened};
use crate::chat::{Block, Event, Opening, Reply, Request, ToolChoice, ToolKind};

/// What a target takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Namespaces as they are; else they become a part of the name.
    pub namespaces: bool,
    /// Freeform tools as they are; else they become functions.
    pub freeform: bool,
    /// Whether a name must begin with a letter or `_` (Gemini).
    pub letter_first: bool,
}

/// A tool's name at the client's: its namespace, if any, and the name.
type Full = (Option<String>, String);

/// The names of one request's tools at its target. Only what differs is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    wire: BTreeMap<Full, String>,
    client: BTreeMap<String, Full>,
    /// Names at the target of tools that are freeform at the client's and functions there.
    emulated: BTreeSet<String>,
}

/// The longest name that all four formats take.
const LONGEST: usize = 64;

impl Names {
    /// The names for all tools that `request` mentions anywhere: offered, chosen, or called in its
    /// history.
    #[must_use]
    pub fn of(request: &Request<'_>, rules: Rules) -> Self {
        let mut names = Self::default();
        let all = mentioned(request);
        let fits = |(namespace, name): &(Option<&str>, &str)| {
            (namespace.is_none() || rules.namespaces) && takes(name, rules)
        };
        // Names that fit keep themselves; no other name may become one of them.
        let mut taken: BTreeSet<String> =
            all.iter().filter(|full| fits(full)).map(|(_, name)| (*name).to_owned()).collect();
        for (namespace, name) in all.into_iter().filter(|full| !fits(full)) {
            let full = (namespace.map(str::to_owned), name.to_owned());
            if names.wire.contains_key(&full) {
                continue;
            }
            let inside = namespace.filter(|_| !rules.namespaces);
            let joined = inside.map_or_else(|| name.to_owned(), |space| format!("{space}__{name}"));
            let wire = free_name(&joined, rules, &taken);
            taken.insert(wire.clone());
            names.client.insert(wire.clone(), full.clone());
            names.wire.insert(full, wire);
        }
        if !rules.freeform {
            for tool in &request.tools {
                if matches!(tool.kind, ToolKind::Freeform { .. }) {
                    let space = tool.namespace.as_ref().map(|space| &*space.name);
                    names.emulated.insert(names.wire(space, &tool.name).into_owned());
                }
            }
        }
        names
    }

    /// The name at the target.
    #[must_use]
    pub fn wire<'n>(&self, namespace: Option<&str>, name: &'n str) -> Cow<'n, str> {
        if self.wire.is_empty() {
            return Cow::Borrowed(name);
        }
        let full = (namespace.map(str::to_owned), name.to_owned());
        self.wire.get(&full).map_or(Cow::Borrowed(name), |wire| Cow::Owned(wire.clone()))
    }

    /// The name at the target of a tool that is only known by its name, as in a forced choice: one
    /// without a namespace, else the first in any.
    #[must_use]
    pub fn wire_of_any<'n>(&self, request: &Request<'_>, name: &'n str) -> Cow<'n, str> {
        let mut spaces = request.tools.iter().filter(|tool| tool.name == name);
        let first = spaces.clone().find(|tool| tool.namespace.is_none()).or_else(|| spaces.next());
        let space = first.and_then(|tool| tool.namespace.as_ref()).map(|space| &*space.name);
        self.wire(space, name)
    }

    /// Whether the target's tool of this name is freeform at the client's.
    #[must_use]
    pub fn is_emulated(&self, wire: &str) -> bool {
        self.emulated.contains(wire)
    }

    /// Whether nothing has to be undone in a reply.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        self.client.is_empty() && self.emulated.is_empty()
    }

    /// The names that differ: at the client's (without their namespace), and at the target's.
    pub fn changed(&self) -> impl Iterator<Item = (&str, &str)> {
        self.wire.iter().map(|((_, client), wire)| (&**client, &**wire))
    }

    /// A block that a provider opened, as the client knows the tool.
    fn restored(&self, opening: Opening) -> Opening {
        let (id, name, namespace, freeform) = match opening {
            Opening::ToolCall { id, name, namespace } => {
                let emulated = namespace.is_none() && self.is_emulated(&name);
                (id, name, namespace, emulated)
            }
            Opening::FreeformCall { id, name, namespace } => (id, name, namespace, true),
            Opening::Text
            | Opening::Reasoning
            | Opening::Refusal
            | Opening::Hosted(_)
            | Opening::Image { .. } => return opening,
        };
        // A namespace that the target says itself is one that it was given.
        let known = self.client.get(&name);
        let known = known.filter(|(space, _)| namespace.is_none() || *space == namespace);
        let (namespace, name) = known.cloned().unwrap_or((namespace, name));
        if freeform {
            Opening::FreeformCall { id, name, namespace }
        } else {
            Opening::ToolCall { id, name, namespace }
        }
    }

    /// Undoes the translation of names in a whole reply.
    #[must_use]
    pub fn restore(&self, mut reply: Reply) -> Reply {
        for block in &mut reply.blocks {
            let emulated = self.emulates(&block.opening);
            block.opening = self.restored(block.opening.clone());
            if emulated {
                block.text = from_arguments(&block.text);
            }
        }
        reply
    }

    fn emulates(&self, opening: &Opening) -> bool {
        matches!(opening, Opening::ToolCall { name, .. } if self.is_emulated(name))
    }
}

/// Undoes the translation of names in a stream.
#[derive(Debug)]
pub struct Restore {
    names: Names,
    /// The arguments so far, while an emulated freeform call is open.
    held: Option<String>,
}

impl Restore {
    /// For replies to a request that was sent with these names.
    #[must_use]
    pub fn new(names: Names) -> Self {
        Self { names, held: None }
    }

    /// Passes `event` on as the client knows it. The input of an emulated freeform call comes as a
    /// whole at its end: only then is it known.
    pub fn event(&mut self, event: Event<'_>, on_event: &mut dyn FnMut(Event<'_>)) {
        match event {
            Event::Open { index, block } => {
                self.held = self.names.emulates(&block).then(String::new);
                on_event(Event::Open { index, block: self.names.restored(block) });
            }
            Event::Delta { index, text } => match &mut self.held {
                Some(held) => held.push_str(&text),
                None => on_event(Event::Delta { index, text }),
            },
            Event::Close { index } => {
                if let Some(held) = self.held.take() {
                    on_event(Event::Delta { index, text: from_arguments(&held).into() });
                }
                on_event(Event::Close { index });
            }
            Event::Start(_)
            | Event::Citation { .. }
            | Event::Seal { .. }
            | Event::Logprobs { .. }
            | Event::Usage(_)
            | Event::Stop(_)
            | Event::Fault(_) => on_event(event),
        }
    }
}

/// The input of a freeform call as arguments of the function that stands in for it.
#[must_use]
pub fn to_arguments(input: &str) -> String {
    json!({ "input": input }).to_string()
}

/// The schema of the function that stands in for a freeform tool.
pub const FREEFORM_SCHEMA: &str = r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"],"additionalProperties":false}"#;

/// The input in such arguments; what is not of this form is the input itself.
fn from_arguments(arguments: &str) -> String {
    match serde_json::from_str(arguments) {
        Ok(Value::Object(mut object)) if object.len() == 1 => match object.remove("input") {
            Some(Value::String(input)) => input,
            Some(_) | None => arguments.to_owned(),
        },
        Ok(_) | Err(_) => arguments.to_owned(),
    }
}

fn takes(name: &str, rules: Rules) -> bool {
    is_plain(name, LONGEST)
        && !(rules.letter_first && name.starts_with(|c: char| c.is_ascii_digit() || c == '-'))
}

/// A name that fits and that no other tool has: as near to `name` as possible.
fn free_name(name: &str, rules: Rules, taken: &BTreeSet<String>) -> String {
    let prefix = if takes(name, rules) || !rules.letter_first { "" } else { "_" };
    let plain = format!("{prefix}{name}");
    if takes(&plain, rules) && !taken.contains(&plain) {
        return plain;
    }
    let numbered = (0u32..).map(|number| match number {
        0 => format!("{prefix}{}", shortened(name, LONGEST - prefix.len())),
        number => format!("{prefix}{}", shortened(&format!("{name} {number}"), LONGEST - 1)),
    });
    numbered.into_iter().find(|name| !taken.contains(name)).unwrap_or_default()
}

/// Every tool that a request mentions, in the order in which it does.
fn mentioned<'r>(request: &'r Request<'_>) -> Vec<(Option<&'r str>, &'r str)> {
    let offered = request.tools.iter().filter(|tool| !tool.is_hosted()).map(|tool| {
        let space = tool.namespace.as_ref().map(|space| &*space.name);
        (space, &*tool.name)
    });
    let blocks = request.messages.iter().flat_map(|message| &message.blocks);
    let calls = blocks.filter_map(Block::call);
    let called = calls.map(|call| (call.namespace.as_deref(), &*call.name));
    let chosen: Vec<&str> = match &request.tool_choice {
        ToolChoice::Named(name) => vec![name],
        ToolChoice::Allowed { names, .. } => names.iter().map(|name| &**name).collect(),
        ToolChoice::Auto | ToolChoice::None | ToolChoice::Required => Vec::new(),
    };
    let mut all: Vec<_> = offered.chain(called).collect();
    let known: BTreeSet<&str> = all.iter().map(|(_, name)| *name).collect();
    let unknown = chosen.into_iter().filter(|name| !known.contains(name));
    let unknown: Vec<_> = unknown.map(|name| (None, name)).collect();
    all.extend(unknown);
    all
}

#[cfg(test)]
mod tests;
