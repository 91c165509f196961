//! The tools that a client offers, and which of them the model may call.

use std::borrow::Cow;

use super::{CacheMark, Extra, HostedKind, Json, Place};
use crate::protocol::Format;

/// A tool that the client offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool<'a> {
    pub name: Cow<'a, str>,
    pub description: Option<Cow<'a, str>>,
    pub kind: ToolKind<'a>,
    /// The group that it belongs to (OpenAI Responses): its full name is namespace and name.
    pub namespace: Option<Namespace<'a>>,
    /// Whether the model only learns of it through a search (Anthropic and OpenAI,
    /// `defer_loading`).
    pub deferred: bool,
    pub cache: Option<CacheMark>,
    /// Members of the tool that have no word here.
    pub extra: Vec<Extra<'a>>,
    pub place: Place,
}

impl<'a> Tool<'a> {
    /// A tool without marks.
    #[must_use]
    pub fn new(name: impl Into<Cow<'a, str>>, kind: ToolKind<'a>) -> Self {
        Self {
            name: name.into(),
            description: None,
            kind,
            namespace: None,
            deferred: false,
            cache: None,
            extra: Vec::new(),
            place: Place::default(),
        }
    }

    /// Whether the vendor defines it.
    #[must_use]
    pub fn is_hosted(&self) -> bool {
        matches!(self.kind, ToolKind::Hosted { .. })
    }

    /// The JSON Schema of its arguments, if it has one.
    #[must_use]
    pub fn schema(&self) -> Option<&Json<'a>> {
        if let ToolKind::Function { schema, .. } = &self.kind { schema.as_ref() } else { None }
    }
}

/// What a tool takes, and who runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolKind<'a> {
    /// The client runs it; arguments are a JSON object.
    Function {
        /// Always JSON Schema: decoders translate where their format has another language.
        schema: Option<Json<'a>>,
        strict: Option<bool>,
    },
    /// The client runs it; the input is free text (OpenAI, `custom`).
    Freeform { grammar: Option<Grammar<'a>> },
    /// The vendor defines it, and mostly runs it.
    Hosted {
        tool: HostedKind,
        format: Format,
        /// The whole tool as its format writes it.
        raw: Json<'a>,
    },
}

/// What the input of a freeform tool looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grammar<'a> {
    /// `lark` or `regex`.
    pub syntax: Cow<'a, str>,
    pub definition: Cow<'a, str>,
}

/// A group of tools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace<'a> {
    pub name: Cow<'a, str>,
    pub description: Option<Cow<'a, str>>,
}

/// Which tool the model may or must call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ToolChoice<'a> {
    #[default]
    Auto,
    None,
    Required,
    /// This one must be called. It may be a hosted one.
    Named(Cow<'a, str>),
    /// Only these may be called; with `required`, one of them must.
    Allowed {
        names: Vec<Cow<'a, str>>,
        required: bool,
    },
}
