//! Tools and their choice → OpenAI Responses.

use std::collections::BTreeMap;

use super::{super::super::FORMAT, Writer};
use crate::{
    chat::{Content, HostedKind, Json, Tool, ToolChoice, ToolKind},
    formats::{
        dropped::Field,
        hints::Quirk,
        names::FREEFORM_SCHEMA,
        raw::open_struct,
        write::{Elements, Members},
    },
};

open_struct! {
    /// What other vendors' search tools can be told that OpenAI's can too.
    struct Search<'a> {
        kind: Json<'a> = "type",
        name: Json<'a> = "name",
        allowed: Json<'a> = "allowed_domains",
        location: Json<'a> = "user_location",
        size: Json<'a> = "search_context_size",
    }
}

impl<'t, 'a> Writer<'t, 'a> {
    /// Writes `tools`, their choice, and whether several may be called at once.
    pub(super) fn tools(&mut self, body: &mut Members<'_>) {
        let tools: Vec<&Tool<'a>> = self.offered();
        if !tools.iter().any(|tool| self.can_offer(tool)) {
            tools.into_iter().for_each(|tool| self.refuse_hosted(tool));
            return;
        }
        body.array("tools", |list| self.list(&tools, list));
        self.choice(body);
        if let Some(parallel) = self.request.parallel_tools {
            if self.hints.quirks.has(Quirk::NoParallelSwitch) {
                let reason = "the provider does not know it";
                self.losses.field(self.request, Field::ParallelTools, reason);
            } else {
                body.value("parallel_tool_calls", &parallel);
            }
        }
    }

    /// All tools but those that an item brings which is written as it stands.
    fn offered(&self) -> Vec<&'t Tool<'a>> {
        let request = self.request;
        let blocks = request.messages.iter().flat_map(|message| &message.blocks);
        let bringing: Vec<String> = blocks
            .filter(|block| {
                matches!(&block.content, Content::Hosted(hosted)
                    if hosted.tool == HostedKind::ToolSearch && hosted.format == FORMAT)
            })
            .map(|block| format!("{}/", block.place))
            .collect();
        let tools = request.tools.iter();
        if bringing.is_empty() {
            return tools.collect();
        }
        tools
            .filter(|tool| {
                let place = tool.place.to_string();
                !bringing.iter().any(|item| place.starts_with(item))
            })
            .collect()
    }

    /// Whether the target has such a tool.
    fn can_offer(&self, tool: &Tool<'_>) -> bool {
        match &tool.kind {
            ToolKind::Function { .. } | ToolKind::Freeform { .. } => true,
            ToolKind::Hosted { format, .. } if *format == FORMAT => true,
            ToolKind::Hosted { tool, .. } => self.hints.genuine && stand_in(*tool).is_some(),
        }
    }

    fn refuse_hosted(&mut self, tool: &Tool<'_>) {
        if let ToolKind::Hosted { format, .. } = &tool.kind {
            self.losses.whole(tool.place, format!("a tool of the vendor behind {format}"));
        }
    }

    /// Writes all tools; those of a namespace together, where the first of them stands.
    fn list(&mut self, tools: &[&Tool<'a>], list: &mut Elements<'_>) {
        let mut spaces: BTreeMap<&str, Vec<&Tool<'a>>> = BTreeMap::new();
        let grouped = self.hints.takes_namespaces(FORMAT);
        for tool in tools.iter().filter(|_| grouped) {
            if let Some(space) = &tool.namespace {
                spaces.entry(&space.name).or_default().push(tool);
            }
        }
        for tool in tools {
            match &tool.namespace {
                Some(space) if grouped => {
                    let Some(members) = spaces.remove(&*space.name) else { continue };
                    let told = members.iter().filter_map(|tool| tool.namespace.as_ref());
                    let told = told.filter_map(|space| space.description.as_deref()).next();
                    list.object(|object| {
                        object.value("type", "namespace");
                        object.value("name", &space.name);
                        // The vendor requires one.
                        object.value("description", told.unwrap_or(&space.name));
                        object.array("tools", |list| {
                            members.iter().for_each(|tool| self.tool(tool, list));
                        });
                    });
                }
                Some(_) | None => self.tool(tool, list),
            }
        }
    }

    fn tool(&mut self, tool: &Tool<'a>, list: &mut Elements<'_>) {
        if tool.cache.is_some() {
            self.losses.member(tool.place, "cache_control", "the target caches by itself");
        }
        let space = tool.namespace.as_ref().map(|space| &*space.name);
        let name = self.names.wire(space, &tool.name).into_owned();
        match &tool.kind {
            ToolKind::Function { schema, strict } => list.object(|object| {
                object.value("type", "function");
                object.value("name", &name);
                object.maybe("description", tool.description.as_deref());
                let schema = schema.as_ref().map_or(NO_ARGUMENTS, Json::get);
                object.raw("parameters", schema);
                self.strict(tool, *strict, object);
                self.rest(tool, object);
            }),
            ToolKind::Freeform { grammar } if self.hints.takes_freeform(FORMAT) => {
                list.object(|object| {
                    object.value("type", "custom");
                    object.value("name", &name);
                    object.maybe("description", tool.description.as_deref());
                    if let Some(grammar) = grammar {
                        object.object("format", |format| {
                            format.value("type", "grammar");
                            format.value("syntax", &grammar.syntax);
                            format.value("definition", &grammar.definition);
                        });
                    }
                    self.rest(tool, object);
                });
            }
            ToolKind::Freeform { .. } => {
                self.losses.reworded(tool.place, "becomes a function with one text argument");
                list.object(|object| {
                    object.value("type", "function");
                    object.value("name", &name);
                    object.maybe("description", tool.description.as_deref());
                    object.raw("parameters", FREEFORM_SCHEMA);
                    self.strict(tool, None, object);
                });
            }
            ToolKind::Hosted { format, raw, .. } if *format == FORMAT => list.raw(raw.get()),
            ToolKind::Hosted { tool: kind, raw, .. } => match stand_in(*kind) {
                Some(name) if self.hints.genuine => self.hosted(tool, name, raw, list),
                Some(_) | None => self.refuse_hosted(tool),
            },
        }
    }

    /// Unlike elsewhere, a function is strict here unless it says otherwise.
    fn strict(&mut self, tool: &Tool<'_>, strict: Option<bool>, object: &mut Members<'_>) {
        if !self.hints.quirks.has(Quirk::NoStrict) {
            object.value("strict", &strict.unwrap_or(false));
        } else if strict == Some(true) {
            self.losses.member(tool.place, "strict", "the provider does not know it");
        }
    }

    fn rest(&mut self, tool: &Tool<'a>, object: &mut Members<'_>) {
        if tool.deferred {
            // Without a search of its own the target's model would never learn of the tool.
            let searches = |tool: &Tool<'_>| {
                matches!(&tool.kind, ToolKind::Hosted { tool, format, .. }
                    if *tool == HostedKind::ToolSearch && *format == FORMAT)
            };
            if self.request.tools.iter().any(searches) {
                object.value("defer_loading", &true);
            } else {
                let reason = "the target has no search for tools";
                self.losses.member(tool.place, "defer_loading", reason);
            }
        }
        self.losses.extras(&tool.extra, tool.place, FORMAT, &mut |extra| {
            object.value(&extra.key, &extra.value);
        });
    }

    /// Writes OpenAI's own tool in the place of another vendor's.
    fn hosted(&mut self, tool: &Tool<'_>, name: &str, raw: &Json<'_>, list: &mut Elements<'_>) {
        let search: Search<'_> = raw.read().unwrap_or_default();
        list.object(|object| {
            object.value("type", name);
            if name == "code_interpreter" {
                object.raw("container", r#"{"type":"auto"}"#);
                return;
            }
            if let Some(domains) = &search.allowed {
                object.object("filters", |filters| filters.value("allowed_domains", domains));
            }
            object.maybe("user_location", search.location.as_ref());
            object.maybe("search_context_size", search.size.as_ref());
            for (key, _) in &search.extra {
                self.losses.member(tool.place, key, "the target's search does not know it");
            }
        });
    }

    fn choice(&mut self, body: &mut Members<'_>) {
        match &self.request.tool_choice {
            ToolChoice::Auto => {}
            ToolChoice::None => body.value("tool_choice", "none"),
            ToolChoice::Required => body.value("tool_choice", "required"),
            ToolChoice::Named(name) => {
                body.object("tool_choice", |choice| self.chosen(name, choice));
            }
            ToolChoice::Allowed { names, required } if self.hints.genuine => {
                body.object("tool_choice", |choice| {
                    choice.value("type", "allowed_tools");
                    choice.value("mode", if *required { "required" } else { "auto" });
                    choice.array("tools", |tools| {
                        for name in names {
                            tools.object(|tool| self.chosen(name, tool));
                        }
                    });
                });
            }
            ToolChoice::Allowed { required, .. } => {
                let reason = "the provider has no choice among some tools";
                self.losses.field(self.request, Field::ToolChoice, reason);
                if *required {
                    body.value("tool_choice", "required");
                }
            }
        }
    }

    /// Writes which tool is meant: by its type, and by its name if the client defines it.
    fn chosen(&self, name: &str, choice: &mut Members<'_>) {
        let tool = self.request.tools.iter().find(|tool| tool.name == name);
        match tool.map(|tool| &tool.kind) {
            Some(ToolKind::Hosted { tool: HostedKind::Mcp, format, .. }) if *format == FORMAT => {
                choice.value("type", "mcp");
                choice.value("server_label", name);
            }
            Some(ToolKind::Hosted { tool, format, .. }) => {
                let own = (*format != FORMAT).then(|| stand_in(*tool)).flatten();
                choice.value("type", own.unwrap_or(name));
            }
            kind @ (Some(ToolKind::Freeform { .. } | ToolKind::Function { .. }) | None) => {
                let freeform = matches!(kind, Some(ToolKind::Freeform { .. }))
                    && self.hints.takes_freeform(FORMAT);
                choice.value("type", if freeform { "custom" } else { "function" });
                choice.value("name", &*self.names.wire_of_any(self.request, name));
            }
        }
    }
}

/// The schema of a function that takes nothing.
const NO_ARGUMENTS: &str = r#"{"type":"object","properties":{}}"#;

/// OpenAI's tool that does the same as another vendor's.
fn stand_in(tool: HostedKind) -> Option<&'static str> {
    match tool {
        HostedKind::WebSearch => Some("web_search"),
        HostedKind::CodeExecution => Some("code_interpreter"),
        HostedKind::WebFetch
        | HostedKind::FileSearch
        | HostedKind::ImageGeneration
        | HostedKind::Mcp
        | HostedKind::ToolSearch
        | HostedKind::ComputerUse
        | HostedKind::Shell
        | HostedKind::TextEditor
        | HostedKind::Memory
        | HostedKind::Other => None,
    }
}
