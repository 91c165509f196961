//! OpenAI Responses, tools and their choice → the neutral vocabulary.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::value::RawValue;

use super::super::super::{
    FORMAT,
    wire::{hosted_tool, text},
};
use crate::{
    chat::{Extra, Grammar, HostedKind, Json, Namespace, Place, Tool, ToolChoice, ToolKind},
    formats::{
        Malformed,
        raw::{self, Text, open_struct},
    },
};

open_struct! {
    struct Wire<'a> {
        kind: Text<'a> = "type",
        name: Text<'a> = "name",
        description: Text<'a> = "description",
        parameters: Json<'a> = "parameters",
        strict: bool = "strict",
        format: Format<'a> = "format",
        deferred: bool = "defer_loading",
        tools: Vec<&'a RawValue> = "tools",
        server_label: Text<'a> = "server_label",
        function: &'a RawValue = "function",
    }
}

open_struct! {
    /// The input of a freeform tool: `text`, or a `grammar`.
    struct Format<'a> {
        syntax: Text<'a> = "syntax",
        definition: Text<'a> = "definition",
    }
}

open_struct! {
    struct Choice<'a> {
        kind: Text<'a> = "type",
        name: Text<'a> = "name",
        mode: Text<'a> = "mode",
        tools: Vec<Choice<'a>> = "tools",
        server_label: Text<'a> = "server_label",
        function: Named<'a> = "function",
    }
}

open_struct! {
    struct Named<'a> {
        name: Text<'a> = "name",
    }
}

/// The tools of a request. They stand in the body, and in items of the input: of two with one name
/// the later counts, in the place of the first.
#[derive(Debug, Default)]
pub(super) struct ToolList<'a> {
    tools: Vec<Tool<'a>>,
    /// Where a tool of this namespace and name is.
    known: BTreeMap<(Option<Cow<'a, str>>, Cow<'a, str>), usize>,
}

impl<'a> ToolList<'a> {
    pub(super) fn into_list(self) -> Vec<Tool<'a>> {
        self.tools
    }

    /// Adds the tools of the body.
    pub(super) fn add_all(&mut self, tools: Vec<&'a RawValue>) -> Result<(), Malformed> {
        for (index, tool) in tools.into_iter().enumerate() {
            self.add(tool, Place::new("/tools/#", &[index]), None)?;
        }
        Ok(())
    }

    /// Adds the tools that an item of the input brings (`additional_tools`, `tool_search_output`).
    pub(super) fn add_from_item(
        &mut self,
        tools: &'a RawValue,
        item: usize,
    ) -> Result<(), Malformed> {
        if !raw::is_list(tools) {
            return Ok(());
        }
        let list: Vec<&RawValue> = raw::read(tools, &format!("/input/{item}/tools"))?;
        for (index, tool) in list.into_iter().enumerate() {
            self.add(tool, Place::new("/input/#/tools/#", &[item, index]), None)?;
        }
        Ok(())
    }

    /// Adds a tool. The place of one in a namespace is that of the namespace, which is lost with it.
    fn add(
        &mut self,
        json: &'a RawValue,
        place: Place,
        space: Option<&Namespace<'a>>,
    ) -> Result<(), Malformed> {
        let mut wire: Wire<'a> = raw::read(json, &place.to_string())?;
        let kind = text(wire.kind.take()).unwrap_or(Cow::Borrowed("function"));
        if kind == "namespace" {
            let name = text(wire.name).unwrap_or_default();
            let space = Namespace { name, description: text(wire.description) };
            for tool in wire.tools.unwrap_or_default() {
                self.add(tool, place, Some(&space))?;
            }
            return Ok(());
        }
        // As Chat Completions writes it; some clients do here too.
        if let Some(function) = wire.function.take().filter(|_| wire.name.is_none()) {
            wire = raw::read(function, &place.to_string())?;
        }
        let tool = tool(&kind, wire, json);
        self.push(Tool { namespace: space.cloned(), place, ..tool });
        Ok(())
    }

    fn push(&mut self, tool: Tool<'a>) {
        if tool.is_hosted() {
            self.tools.push(tool);
            return;
        }
        let space = tool.namespace.as_ref().map(|space| space.name.clone());
        let place = *self.known.entry((space, tool.name.clone())).or_insert(self.tools.len());
        match self.tools.get_mut(place) {
            Some(known) => *known = tool,
            None => self.tools.push(tool),
        }
    }
}

fn tool<'a>(kind: &str, wire: Wire<'a>, json: &'a RawValue) -> Tool<'a> {
    let kind_of = match kind {
        "function" => ToolKind::Function { schema: wire.parameters, strict: wire.strict },
        "custom" => ToolKind::Freeform { grammar: wire.format.and_then(grammar) },
        _ => {
            let tool = hosted_tool(kind).unwrap_or(HostedKind::Other);
            let name = text(wire.server_label.or(wire.name));
            let name = name.unwrap_or_else(|| Cow::Owned(kind.to_owned()));
            return Tool::new(name, ToolKind::Hosted { tool, format: FORMAT, raw: json.into() });
        }
    };
    Tool {
        description: text(wire.description),
        deferred: wire.deferred == Some(true),
        extra: Extra::list(FORMAT, wire.extra),
        ..Tool::new(text(wire.name).unwrap_or_default(), kind_of)
    }
}

fn grammar(wire: Format<'_>) -> Option<Grammar<'_>> {
    let definition = text(wire.definition)?;
    Some(Grammar { syntax: text(wire.syntax).unwrap_or(Cow::Borrowed("lark")), definition })
}

/// Reads `tool_choice`: a word, a tool, or several that are allowed.
pub(super) fn choice(json: &RawValue) -> Result<ToolChoice<'_>, Malformed> {
    if let Some(word) = raw::string(json) {
        return Ok(match &*word {
            "none" => ToolChoice::None,
            "required" => ToolChoice::Required,
            _ => ToolChoice::Auto,
        });
    }
    let mut choice: Choice<'_> = raw::read(json, "/tool_choice")?;
    if choice.kind.as_ref().is_some_and(|kind| kind.0 == "allowed_tools") {
        let required = choice.mode.is_some_and(|mode| mode.0 == "required");
        let tools = choice.tools.take().unwrap_or_default();
        let names = tools.into_iter().filter_map(chosen).collect();
        return Ok(ToolChoice::Allowed { names, required });
    }
    Ok(chosen(choice).map_or(ToolChoice::Auto, ToolChoice::Named))
}

/// The name of a tool as [`tool`] gives it.
fn chosen(choice: Choice<'_>) -> Option<Cow<'_, str>> {
    let nested = choice.function.and_then(|function| function.name);
    text(choice.server_label.or(choice.name).or(nested).or(choice.kind))
}
