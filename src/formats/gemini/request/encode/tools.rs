//! Tools, and which of them may be called → `tools` and `toolConfig`.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::value::RawValue;

use super::{super::super::schema, Context, inner, own};
use crate::{
    chat::{HostedKind, Json, Tool, ToolChoice, ToolKind},
    formats::{
        dropped::{Field, Losses, Weight},
        names,
        write::{Elements, Members},
    },
    protocol::Format,
};

pub(super) fn write(context: Context<'_, '_>, body: &mut Members<'_>, losses: &mut Losses) {
    let request = context.request;
    let functions: Vec<&Tool<'_>> = request.tools.iter().filter(|tool| !tool.is_hosted()).collect();
    let mut hosted = Vec::new();
    for tool in request.tools.iter().filter(|tool| tool.is_hosted()) {
        report_marks(tool, losses);
        hosted.extend(hosted_tool(context, tool, !functions.is_empty(), losses));
    }
    if !functions.is_empty() || !hosted.is_empty() {
        body.array("tools", |groups| {
            if !functions.is_empty() {
                groups.object(|group| {
                    group.array("functionDeclarations", |list| {
                        for tool in &functions {
                            function(context, tool, list, losses);
                        }
                    });
                });
            }
            for raw in &hosted {
                groups.raw(raw);
            }
        });
    }
    let both = !functions.is_empty() && !hosted.is_empty() && context.is_third();
    config(context, both, body, losses);
}

fn report_marks(tool: &Tool<'_>, losses: &mut Losses) {
    if tool.cache.is_some() {
        losses.member(tool.place, "cache_control", "the provider caches by itself");
    }
    if tool.deferred {
        losses.member(tool.place, "defer_loading", "all tools are loaded at once");
    }
    losses.extras(&tool.extra, tool.place, Format::Gemini, &mut |_| {});
}

fn function(
    context: Context<'_, '_>,
    tool: &Tool<'_>,
    list: &mut Elements<'_>,
    losses: &mut Losses,
) {
    report_marks(tool, losses);
    let space = tool.namespace.as_ref().map(|space| &*space.name);
    if space.is_some() {
        losses.reworded(tool.place, "its namespace becomes a part of its name");
    }
    list.object(|function| {
        function.value("name", &context.names.wire(space, &tool.name));
        function.maybe("description", tool.description.as_ref());
        match &tool.kind {
            ToolKind::Function { schema, strict } => {
                if strict.is_some() {
                    losses.member(tool.place, "strict", "nothing is promised of arguments");
                }
                if let Some(schema) = schema {
                    parameters(context, tool, schema, function, losses);
                }
            }
            ToolKind::Freeform { .. } => {
                losses.reworded(tool.place, "becomes a function with one text argument");
                let schema = Json::parse(names::FREEFORM_SCHEMA);
                if let Some(schema) = schema {
                    parameters(context, tool, &schema, function, losses);
                }
            }
            ToolKind::Hosted { .. } => {}
        }
        for extra in own(&tool.extra) {
            function.value(&extra.key, &extra.value);
        }
    });
}

/// The vendor takes JSON Schema as it is; others that speak the format may only know Google's own
/// language.
fn parameters(
    context: Context<'_, '_>,
    tool: &Tool<'_>,
    json_schema: &Json<'_>,
    function: &mut Members<'_>,
    losses: &mut Losses,
) {
    if context.hints.genuine {
        function.value("parametersJsonSchema", json_schema);
        return;
    }
    let converted = schema::from_json_schema(json_schema);
    if !converted.lost.is_empty() {
        let lost = converted.lost.join(", ");
        losses.whole(tool.place, format!("its schema goes without: {lost}"));
    }
    function.maybe("parameters", converted.schema.as_ref());
}

/// The group of a tool of a vendor's: Google's own as it stands, others' by what they do.
fn hosted_tool<'t>(
    context: Context<'_, '_>,
    tool: &'t Tool<'_>,
    beside_functions: bool,
    losses: &mut Losses,
) -> Option<&'t str> {
    let ToolKind::Hosted { tool: kind, format, raw } = &tool.kind else { return None };
    if *format == Format::Gemini {
        return Some(raw.get());
    }
    let group = match kind {
        HostedKind::WebSearch => r#"{"googleSearch":{}}"#,
        HostedKind::WebFetch => r#"{"urlContext":{}}"#,
        HostedKind::CodeExecution => r#"{"codeExecution":{}}"#,
        HostedKind::FileSearch
        | HostedKind::ImageGeneration
        | HostedKind::Mcp
        | HostedKind::ToolSearch
        | HostedKind::ComputerUse
        | HostedKind::Shell
        | HostedKind::TextEditor
        | HostedKind::Memory
        | HostedKind::Other => {
            losses.whole(tool.place, format!("a tool of {format}"));
            return None;
        }
    };
    if !context.hints.genuine {
        losses.whole(tool.place, "the provider may not have such a tool");
        return None;
    }
    if beside_functions && !context.is_third() {
        losses.whole(tool.place, "this model takes no such tool beside functions");
        return None;
    }
    let members: BTreeMap<Cow<'_, str>, &RawValue> = raw.read().unwrap_or_default();
    let settings = || members.keys().filter(|key| !["type", "name"].contains(&&***key));
    if settings().any(|key| Weight::of_member(key) == Weight::Content) {
        losses.whole(tool.place, "becomes Google's tool, without its settings");
    } else if settings().next().is_some() {
        losses.reworded(tool.place, "becomes Google's tool, without its settings");
    }
    Some(group)
}

/// `toolConfig`. Tools of Google's beside functions need a switch (Google, "Tool combination").
fn config(context: Context<'_, '_>, both: bool, body: &mut Members<'_>, losses: &mut Losses) {
    let request = context.request;
    if request.parallel_tools.is_some() {
        let why = "the model may always call several tools at once";
        // Anthropic says it within its choice, which may say nothing else.
        match (request.format, &request.tool_choice) {
            (Format::Anthropic, ToolChoice::Auto) => losses.field(request, Field::ToolChoice, why),
            _ => losses.field(request, Field::ParallelTools, why),
        }
    }
    let wire = |name: &str| context.names.wire_of_any(request, name).into_owned();
    let (mode, names) = match &request.tool_choice {
        ToolChoice::Auto => (None, Vec::new()),
        ToolChoice::None => (Some("NONE"), Vec::new()),
        ToolChoice::Required => (Some("ANY"), Vec::new()),
        ToolChoice::Named(name) if is_hosted(request, name) => {
            losses.field(request, Field::ToolChoice, "only functions can be forced");
            (None, Vec::new())
        }
        ToolChoice::Named(name) => {
            if is_freeform(request, name) {
                losses.reworded_field(request, Field::ToolChoice, "the tool becomes a function");
            }
            (Some("ANY"), vec![wire(name)])
        }
        ToolChoice::Allowed { names, required } => {
            if *required && names.len() == 1 {
                let why = "one tool that must be called is a forced one";
                losses.reworded_field(request, Field::ToolChoice, why);
            } else if names.iter().any(|name| is_freeform(request, name)) {
                let why = "freeform tools become functions";
                losses.reworded_field(request, Field::ToolChoice, why);
            }
            let functions = names.iter().filter(|name| !is_hosted(request, name));
            let mode = if *required { "ANY" } else { "VALIDATED" };
            (Some(mode), functions.map(|name| wire(name)).collect())
        }
    };
    let calling: Vec<_> = inner(&request.extra, "toolConfig.functionCallingConfig").collect();
    let others: Vec<_> = inner(&request.extra, "toolConfig").collect();
    let told = others.iter().any(|(key, _)| key.starts_with("include"));
    if mode.is_none() && calling.is_empty() && others.is_empty() && !both {
        return;
    }
    body.object("toolConfig", |config| {
        if mode.is_some() || !calling.is_empty() {
            config.object("functionCallingConfig", |function| {
                function.maybe("mode", mode);
                if !names.is_empty() {
                    function.value("allowedFunctionNames", &names);
                }
                for (key, extra) in &calling {
                    function.value(key, &extra.value);
                }
            });
        }
        if both && !told {
            config.value("includeServerSideToolInvocations", &true);
        }
        for (key, extra) in &others {
            config.value(key, &extra.value);
        }
    });
}

fn is_hosted(request: &crate::chat::Request<'_>, name: &str) -> bool {
    let mut named = request.tools.iter().filter(|tool| tool.name == name).peekable();
    named.peek().is_some() && named.all(Tool::is_hosted)
}

/// Whether a choice of `name` is one of a tool that becomes a function.
fn is_freeform(request: &crate::chat::Request<'_>, name: &str) -> bool {
    let freeform = |tool: &Tool<'_>| matches!(tool.kind, ToolKind::Freeform { .. });
    request.tools.iter().any(|tool| tool.name == name && freeform(tool))
}
