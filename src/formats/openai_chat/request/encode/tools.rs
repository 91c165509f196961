//! Tools and their choice → Chat.

use super::{
    super::{super::FORMAT, decode::WEB_SEARCH},
    NO_MARKS, Writer,
};
use crate::{
    chat::{Json, Place, Tool, ToolChoice, ToolKind},
    formats::{
        dropped::Field,
        hints::Quirk,
        names::FREEFORM_SCHEMA,
        write::{Elements, Members},
    },
};

impl<'a> Writer<'_, 'a> {
    /// Writes `tools`, their choice, and whether several may be called at once.
    pub(super) fn tools(&mut self, body: &mut Members<'_>) {
        let request = self.request;
        let mut listed: Vec<&Tool<'a>> = Vec::new();
        for tool in &request.tools {
            match &tool.kind {
                ToolKind::Hosted { format, raw, .. } if *format == FORMAT => {
                    if is_options(tool) {
                        body.value("web_search_options", raw);
                    } else {
                        listed.push(tool);
                    }
                }
                ToolKind::Hosted { format, .. } => {
                    let reason = format!("a tool of the vendor behind {format}");
                    self.losses.whole(tool.place, reason);
                }
                ToolKind::Function { .. } | ToolKind::Freeform { .. } => listed.push(tool),
            }
        }
        if listed.is_empty() {
            self.unused_choice();
            return;
        }
        body.array("tools", |list| listed.iter().for_each(|tool| self.tool(tool, list)));
        self.choice(body);
        if let Some(parallel) = request.parallel_tools {
            if self.hints.quirks.has(Quirk::NoParallelSwitch) {
                let reason = "the provider does not know it";
                self.losses.field(request, Field::ParallelTools, reason);
            } else {
                body.value("parallel_tool_calls", &parallel);
            }
        }
    }

    /// Without tools OpenAI refuses their choice.
    fn unused_choice(&mut self) {
        let reason = "there are no tools";
        match self.request.tool_choice {
            ToolChoice::Required | ToolChoice::Named(_) | ToolChoice::Allowed { .. } => {
                self.losses.field(self.request, Field::ToolChoice, reason);
            }
            ToolChoice::Auto | ToolChoice::None => {}
        }
        if self.request.parallel_tools.is_some() {
            self.losses.field(self.request, Field::ParallelTools, reason);
        }
    }

    fn tool(&mut self, tool: &Tool<'a>, list: &mut Elements<'_>) {
        match &tool.kind {
            ToolKind::Function { schema, strict } => {
                let schema = schema.as_ref().map_or(NO_ARGUMENTS, Json::get);
                self.named(tool, "function", list, |writer, out| {
                    out.raw("parameters", schema);
                    writer.strict(tool, *strict, out);
                });
            }
            ToolKind::Freeform { grammar } if self.hints.takes_freeform(FORMAT) => {
                self.named(tool, "custom", list, |_, out| {
                    let Some(grammar) = grammar else { return };
                    out.object("format", |format| {
                        format.value("type", "grammar");
                        format.object("grammar", |inner| {
                            inner.value("syntax", &grammar.syntax);
                            inner.value("definition", &grammar.definition);
                        });
                    });
                });
            }
            ToolKind::Freeform { .. } => {
                self.losses.reworded(tool.place, "becomes a function with one text argument");
                self.named(tool, "function", list, |_, out| {
                    out.raw("parameters", FREEFORM_SCHEMA);
                });
            }
            ToolKind::Hosted { raw, .. } => list.raw(raw.get()),
        }
    }

    fn named(
        &mut self,
        tool: &Tool<'a>,
        kind: &str,
        list: &mut Elements<'_>,
        rest: impl FnOnce(&mut Self, &mut Members<'_>),
    ) {
        let space = tool.namespace.as_ref().map(|space| &*space.name);
        let name = self.names.wire(space, &tool.name).into_owned();
        list.object(|out| {
            out.value("type", kind);
            out.object(kind, |inner| {
                inner.value("name", &name);
                inner.maybe("description", tool.description.as_deref());
                rest(self, inner);
                self.losses.extras(&tool.extra, tool.place, FORMAT, &mut |extra| {
                    inner.value(&extra.key, &extra.value);
                });
            });
            match tool.cache {
                Some(mark) if self.hints.takes_cache_marks(FORMAT) => super::write_mark(mark, out),
                Some(_) => self.losses.member(tool.place, "cache_control", NO_MARKS),
                None => {}
            }
        });
        if tool.deferred {
            let reason = "the format has no search for tools";
            self.losses.member(tool.place, "defer_loading", reason);
        }
        if tool.namespace.is_some() {
            self.losses.reworded(tool.place, "its namespace becomes part of the name");
        }
    }

    fn strict(&mut self, tool: &Tool<'_>, strict: Option<bool>, out: &mut Members<'_>) {
        if !self.hints.quirks.has(Quirk::NoStrict) {
            out.maybe("strict", strict.as_ref());
        } else if strict == Some(true) {
            self.losses.member(tool.place, "strict", "the provider does not know it");
        }
    }

    fn choice(&mut self, body: &mut Members<'_>) {
        match &self.request.tool_choice {
            ToolChoice::Auto => {}
            ToolChoice::None => body.value("tool_choice", "none"),
            ToolChoice::Required => body.value("tool_choice", "required"),
            ToolChoice::Named(name) if self.can_choose(name) => {
                body.object("tool_choice", |choice| self.chosen(name, choice));
            }
            ToolChoice::Named(_) => {
                let reason = "a tool of the vendor cannot be chosen here";
                self.losses.field(self.request, Field::ToolChoice, reason);
            }
            ToolChoice::Allowed { names, required } if self.hints.genuine => {
                body.object("tool_choice", |choice| {
                    choice.value("type", "allowed_tools");
                    choice.object("allowed_tools", |allowed| {
                        allowed.value("mode", if *required { "required" } else { "auto" });
                        allowed.array("tools", |tools| {
                            for name in names.iter().filter(|name| self.can_choose(name)) {
                                tools.object(|tool| self.chosen(name, tool));
                            }
                        });
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

    /// Whether a tool of this name is one that can be chosen: not one of another vendor.
    fn can_choose(&self, name: &str) -> bool {
        let found = self.request.tools.iter().find(|tool| tool.name == name);
        found.is_none_or(|tool| match &tool.kind {
            ToolKind::Hosted { format, .. } => *format == FORMAT && !is_options(tool),
            ToolKind::Function { .. } | ToolKind::Freeform { .. } => true,
        })
    }

    fn chosen(&self, name: &str, choice: &mut Members<'_>) {
        let tool = self.request.tools.iter().find(|tool| tool.name == name);
        let kind = match tool.map(|tool| &tool.kind) {
            Some(ToolKind::Hosted { .. }) => {
                choice.value("type", name);
                return;
            }
            Some(ToolKind::Freeform { .. }) if self.hints.takes_freeform(FORMAT) => "custom",
            Some(ToolKind::Freeform { .. } | ToolKind::Function { .. }) | None => "function",
        };
        choice.value("type", kind);
        choice.object(kind, |inner| {
            inner.value("name", &*self.names.wire_of_any(self.request, name));
        });
    }
}

/// Whether this is the search that a member of the body turns on, rather than a tool of the list.
fn is_options(tool: &Tool<'_>) -> bool {
    tool.name == WEB_SEARCH && tool.place == Place::new("/web_search_options", &[])
}

/// The schema of a function that takes nothing.
const NO_ARGUMENTS: &str = r#"{"type":"object","properties":{}}"#;
