//! The tools of a request, and which of them may be called → the neutral vocabulary.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::super::super::wire::{inner_extras, json};
use super::json_schema;
use crate::{
    chat::{Extra, HostedKind, Place, Request, Tool, ToolChoice, ToolKind},
    formats::{
        raw::{Text, open_struct},
        write,
    },
    protocol::Format,
};

open_struct! {
    /// Functions, or tools of Google's, each a member of its own.
    pub(super) struct Group<'a> {
        functions: Vec<Function<'a>> = "functionDeclarations" | "function_declarations",
    }
}

open_struct! {
    pub(super) struct Function<'a> {
        name: Text<'a> = "name",
        description: Text<'a> = "description",
        parameters: &'a RawValue = "parameters",
        json_schema: &'a RawValue = "parametersJsonSchema" | "parameters_json_schema",
    }
}

open_struct! {
    pub(super) struct Config<'a> {
        calling: Calling<'a> = "functionCallingConfig" | "function_calling_config",
    }
}

open_struct! {
    pub(super) struct Calling<'a> {
        mode: Text<'a> = "mode",
        allowed: Vec<Text<'a>> = "allowedFunctionNames" | "allowed_function_names",
    }
}

pub(super) fn decode(groups: Vec<Group<'_>>) -> Vec<Tool<'_>> {
    let mut tools = Vec::new();
    for (index, group) in groups.into_iter().enumerate() {
        for (number, function) in group.functions.into_iter().flatten().enumerate() {
            let place = Place::new("/tools/#/functionDeclarations/#", &[index, number]);
            tools.push(decode_function(function, place));
        }
        for (key, value) in group.extra {
            tools.push(decode_hosted(key, value, Place::new("/tools/#", &[index])));
        }
    }
    tools
}

fn decode_function(function: Function<'_>, place: Place) -> Tool<'_> {
    let schema = function.json_schema.or(function.parameters).map(json_schema);
    let name = function.name.map(|name| name.0).unwrap_or_default();
    Tool {
        description: function.description.map(|text| text.0),
        extra: Extra::list(Format::Gemini, function.extra),
        place,
        ..Tool::new(name, ToolKind::Function { schema, strict: None })
    }
}

/// A tool of Google's: its name with its settings.
fn decode_hosted<'a>(key: Cow<'a, str>, settings: &'a RawValue, place: Place) -> Tool<'a> {
    let tool = match &*key {
        "googleSearch"
        | "google_search"
        | "googleSearchRetrieval"
        | "google_search_retrieval"
        | "enterpriseWebSearch"
        | "enterprise_web_search" => HostedKind::WebSearch,
        "urlContext" | "url_context" => HostedKind::WebFetch,
        "codeExecution" | "code_execution" => HostedKind::CodeExecution,
        "fileSearch" | "file_search" => HostedKind::FileSearch,
        "computerUse" | "computer_use" => HostedKind::ComputerUse,
        "mcpServers" | "mcp_servers" => HostedKind::Mcp,
        _ => HostedKind::Other,
    };
    let mut raw = Vec::new();
    write::object(&mut raw, |raw| raw.raw(&key, settings.get()));
    let kind = ToolKind::Hosted { tool, format: Format::Gemini, raw: json(raw) };
    Tool { place, ..Tool::new(key, kind) }
}

/// Which tools may be called. `VALIDATED` leaves the choice to the model, as `AUTO` does, but may
/// narrow it.
pub(super) fn choice<'a>(config: Config<'a>, request: &mut Request<'a>) {
    request.extra.extend(inner_extras("toolConfig.", config.extra));
    let Some(calling) = config.calling else { return };
    let inner = "toolConfig.functionCallingConfig.";
    request.extra.extend(inner_extras(inner, calling.extra));
    let mode = calling.mode.map(|mode| mode.0.to_ascii_uppercase()).unwrap_or_default();
    let mut names: Vec<_> = calling.allowed.into_iter().flatten().map(|name| name.0).collect();
    request.tool_choice = match (&*mode, names.len()) {
        ("NONE", _) => ToolChoice::None,
        ("ANY", 0) => ToolChoice::Required,
        ("ANY", 1) => ToolChoice::Named(names.remove(0)),
        ("ANY", _) => ToolChoice::Allowed { names, required: true },
        ("VALIDATED", 1..) => ToolChoice::Allowed { names, required: false },
        _ => ToolChoice::Auto,
    };
}
