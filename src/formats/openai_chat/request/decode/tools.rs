//! OpenAI Chat Completions, tools and their choice → the neutral vocabulary.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::super::super::{FORMAT, wire::text};
use crate::{
    chat::{Extra, Grammar, HostedKind, Json, Place, Tool, ToolChoice, ToolKind},
    formats::{
        Malformed,
        raw::{self, Text, open_struct},
    },
};

open_struct! {
    struct Wire<'a> {
        kind: Text<'a> = "type",
        function: &'a RawValue = "function",
        custom: &'a RawValue = "custom",
        name: Text<'a> = "name",
        cache_control: &'a RawValue = "cache_control",
        deferred: bool = "defer_loading",
    }
}

open_struct! {
    /// A function or a freeform tool. Some clients write the members flat, as Responses has them.
    struct Named<'a> {
        kind: Text<'a> = "type",
        name: Text<'a> = "name",
        description: Text<'a> = "description",
        parameters: Json<'a> = "parameters",
        strict: bool = "strict",
        format: Format<'a> = "format",
        cache_control: &'a RawValue = "cache_control",
        deferred: bool = "defer_loading",
    }
}

open_struct! {
    /// The input of a freeform tool: `text`, or a `grammar`.
    struct Format<'a> {
        grammar: Rules<'a> = "grammar",
        syntax: Text<'a> = "syntax",
        definition: Text<'a> = "definition",
    }
}

open_struct! {
    struct Rules<'a> {
        syntax: Text<'a> = "syntax",
        definition: Text<'a> = "definition",
    }
}

open_struct! {
    struct Choice<'a> {
        kind: Text<'a> = "type",
        name: Text<'a> = "name",
        function: Chosen<'a> = "function" | "custom",
        allowed: Allowed<'a> = "allowed_tools",
    }
}

open_struct! {
    struct Chosen<'a> {
        name: Text<'a> = "name",
    }
}

open_struct! {
    struct Allowed<'a> {
        mode: Text<'a> = "mode",
        tools: Vec<Choice<'a>> = "tools",
    }
}

/// The name that the search of the vendor has here: the format gives it none.
pub(in super::super) const WEB_SEARCH: &str = "web_search";

/// Reads `tools`, `functions` (their form before) and `web_search_options`.
pub(super) fn all<'a>(
    tools: Option<Vec<&'a RawValue>>,
    functions: Option<Vec<&'a RawValue>>,
    search: Option<&'a RawValue>,
) -> Result<Vec<Tool<'a>>, Malformed> {
    let mut all = Vec::new();
    for (index, json) in tools.into_iter().flatten().enumerate() {
        all.push(tool(json, index)?);
    }
    for (index, json) in functions.into_iter().flatten().enumerate() {
        let place = Place::new("/functions/#", &[index]);
        all.push(function(raw::read(json, &place.to_string())?, place));
    }
    if let Some(search) = search {
        let kind =
            ToolKind::Hosted { tool: HostedKind::WebSearch, format: FORMAT, raw: search.into() };
        let place = Place::new("/web_search_options", &[]);
        all.push(Tool { place, ..Tool::new(WEB_SEARCH, kind) });
    }
    Ok(all)
}

fn tool(json: &RawValue, index: usize) -> Result<Tool<'_>, Malformed> {
    let place = Place::new("/tools/#", &[index]);
    let wire: Wire<'_> = raw::read(json, &place.to_string())?;
    let kind = text(wire.kind).unwrap_or(Cow::Borrowed("function"));
    let mut tool = match (&*kind, wire.function, wire.custom) {
        ("function", Some(inner), _) => {
            // Where the members stand that may be lost.
            let place = Place::new("/tools/#/function", &[index]);
            function(raw::read(inner, &place.to_string())?, place)
        }
        ("custom", _, Some(inner)) => freeform(raw::read(inner, &place.to_string())?, place),
        ("function", None, _) => {
            return Ok(function(raw::read(json, &place.to_string())?, place));
        }
        ("custom", _, None) => {
            return Ok(freeform(raw::read(json, &place.to_string())?, place));
        }
        (kind, ..) => {
            let hosted = ToolKind::Hosted { tool: hosted(kind), format: FORMAT, raw: json.into() };
            let name = text(wire.name).unwrap_or_else(|| Cow::Owned(kind.to_owned()));
            return Ok(Tool { place, ..Tool::new(name, hosted) });
        }
    };
    tool.cache = tool.cache.or(wire.cache_control.and_then(super::parts::mark));
    tool.deferred |= wire.deferred == Some(true);
    tool.extra.extend(Extra::list(FORMAT, wire.extra));
    Ok(tool)
}

fn function(wire: Named<'_>, place: Place) -> Tool<'_> {
    let kind = ToolKind::Function { schema: wire.parameters, strict: wire.strict };
    Tool {
        description: text(wire.description),
        deferred: wire.deferred == Some(true),
        cache: wire.cache_control.and_then(super::parts::mark),
        extra: Extra::list(FORMAT, wire.extra),
        place,
        ..Tool::new(text(wire.name).unwrap_or_default(), kind)
    }
}

fn freeform(mut wire: Named<'_>, place: Place) -> Tool<'_> {
    let grammar = wire.format.take().and_then(|format| {
        let rules = format.grammar.unwrap_or_default();
        let definition = text(rules.definition.or(format.definition))?;
        let syntax = text(rules.syntax.or(format.syntax)).unwrap_or(Cow::Borrowed("lark"));
        Some(Grammar { syntax, definition })
    });
    Tool { kind: ToolKind::Freeform { grammar }, ..function(wire, place) }
}

/// Tools of vendors that speak the format: OpenRouter's and those of Responses.
fn hosted(kind: &str) -> HostedKind {
    match kind.rsplit(':').next().unwrap_or_default() {
        kind if kind.starts_with("web_search") => HostedKind::WebSearch,
        "web_fetch" => HostedKind::WebFetch,
        "code_interpreter" | "code_execution" => HostedKind::CodeExecution,
        "image_generation" => HostedKind::ImageGeneration,
        "file_search" => HostedKind::FileSearch,
        "mcp" => HostedKind::Mcp,
        _ => HostedKind::Other,
    }
}

/// Reads `tool_choice`, or `function_call`: a word, a tool, or several that are allowed.
pub(super) fn choice(json: &RawValue) -> Result<ToolChoice<'_>, Malformed> {
    if let Some(word) = raw::string(json) {
        return Ok(match &*word {
            "none" => ToolChoice::None,
            "required" | "any" => ToolChoice::Required,
            _ => ToolChoice::Auto,
        });
    }
    let choice: Choice<'_> = raw::read(json, "/tool_choice")?;
    if let Some(allowed) = choice.allowed {
        let required = allowed.mode.is_some_and(|mode| mode.0 == "required");
        let names = allowed.tools.unwrap_or_default().into_iter().filter_map(chosen).collect();
        return Ok(ToolChoice::Allowed { names, required });
    }
    Ok(chosen(choice).map_or(ToolChoice::Auto, ToolChoice::Named))
}

fn chosen(choice: Choice<'_>) -> Option<Cow<'_, str>> {
    let nested = choice.function.and_then(|function| function.name);
    text(nested.or(choice.name).or(choice.kind))
}
