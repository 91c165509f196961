//! Tools and their choice → Anthropic Messages.

use serde_json::value::RawValue;

use super::{super::super::words::FORMAT, Writer, marks};
use crate::{
    chat::{Grammar, HostedKind, Json, Place, Tool, ToolChoice, ToolKind},
    formats::{
        dropped::Field,
        hints::Quirk,
        names::FREEFORM_SCHEMA,
        raw::{Text, open_struct},
        write::{Elements, Members},
    },
    protocol::Format,
};

open_struct! {
    struct Schema<'a> {
        kind: &'a RawValue = "type",
    }
}

open_struct! {
    /// What vendors let clients say about a web search.
    struct Search<'a> {
        kind: Text<'a> = "type",
        filters: Filters<'a> = "filters",
        user_location: &'a RawValue = "user_location",
        max_uses: u64 = "max_uses",
    }
}

open_struct! {
    struct Filters<'a> {
        allowed_domains: &'a RawValue = "allowed_domains",
        blocked_domains: &'a RawValue = "blocked_domains",
    }
}

impl<'r> Writer<'r> {
    /// Writes the tools, and which of them may or must be called.
    pub(super) fn tools(&mut self, thinks: bool, body: &mut Members<'_>) {
        let request = self.request;
        let mut written = false;
        if !request.tools.is_empty() {
            body.array("tools", |list| {
                for tool in &request.tools {
                    self.tool(tool, list);
                }
                written = !list.is_empty();
            });
        }
        if written {
            self.choice(thinks, body);
            return;
        }
        if !matches!(request.tool_choice, ToolChoice::Auto | ToolChoice::None) {
            self.losses.field(request, Field::ToolChoice, "there is no tool to choose");
        }
        if request.parallel_tools.is_some() {
            self.losses.field(request, Field::ParallelTools, "there is no tool to call");
        }
    }

    fn tool(&mut self, tool: &'r Tool<'r>, list: &mut Elements<'_>) {
        match &tool.kind {
            ToolKind::Function { schema, strict } => list.object(|out| {
                self.head(tool, None, out);
                input_schema(schema.as_ref(), out);
                if self.hints.quirks.has(Quirk::NoStrict) && strict.is_some() {
                    self.losses.member(tool.place, "strict", "the provider does not know it");
                } else {
                    out.maybe("strict", strict.as_ref());
                }
                self.rest_of(tool, out);
            }),
            ToolKind::Freeform { grammar } => {
                self.losses.reworded(tool.place, "becomes a function with one text argument");
                list.object(|out| {
                    self.head(tool, grammar.as_ref(), out);
                    out.raw("input_schema", FREEFORM_SCHEMA);
                    self.rest_of(tool, out);
                });
            }
            ToolKind::Hosted { format, raw, .. } if *format == FORMAT => {
                self.marks.count(tool.cache);
                list.raw(raw.get());
            }
            ToolKind::Hosted { tool: kind, format, raw } => {
                let named = |name: &str| {
                    self.request.tools.iter().any(|other| !other.is_hosted() && other.name == name)
                };
                let own = own_tool(*kind).filter(|(_, name)| self.hints.genuine && !named(name));
                match own {
                    Some(own) => self.stand_in(tool.place, own, raw, list),
                    None => self.losses.whole(tool.place, format!("only {format} has it")),
                }
            }
        }
    }

    /// Name and description. The grammar of a freeform tool is told in words: nothing else tells
    /// the model what to write.
    fn head(&mut self, tool: &Tool<'_>, grammar: Option<&Grammar<'_>>, out: &mut Members<'_>) {
        let space = tool.namespace.as_ref();
        if space.is_some() {
            self.losses.reworded(tool.place, "its namespace becomes a part of its name");
        }
        out.value("name", &self.names.wire(space.map(|space| &*space.name), &tool.name));
        let rule = grammar.map(|Grammar { syntax, definition }| {
            format!("The input must match this {syntax} grammar:\n{definition}")
        });
        match (&tool.description, rule) {
            (Some(words), Some(rule)) => out.value("description", &format!("{words}\n\n{rule}")),
            (None, Some(rule)) => out.value("description", &rule),
            (words, None) => out.maybe("description", words.as_ref()),
        }
    }

    fn rest_of(&mut self, tool: &'r Tool<'r>, out: &mut Members<'_>) {
        if tool.deferred {
            if self.request.format == FORMAT {
                out.value("defer_loading", &true);
            } else {
                let why = "nothing there would load it: it is offered at once";
                self.losses.member(tool.place, "defer_loading", why);
            }
        }
        if let Some(mark) = self.marks.take(tool.cache, tool.place, &mut self.losses) {
            marks::write(mark, out);
        }
        self.losses.extras(&tool.extra, tool.place, FORMAT, &mut |extra| {
            out.value(&extra.key, &extra.value);
        });
    }

    /// Writes Anthropic's own tool in the place of another vendor's.
    fn stand_in(
        &mut self,
        place: Place,
        (dated, name): (&str, &str),
        raw: &Json<'_>,
        list: &mut Elements<'_>,
    ) {
        let wish = raw.read::<Search<'_>>().unwrap_or_default();
        list.object(|out| {
            out.value("type", dated);
            out.value("name", name);
            if let Some(filters) = wish.filters {
                out.maybe("allowed_domains", filters.allowed_domains);
                out.maybe("blocked_domains", filters.blocked_domains);
            }
            let located = wish.user_location.filter(|raw| !raw.get().contains("\"approximate\":{"));
            out.maybe("user_location", located);
            out.maybe("max_uses", wish.max_uses.as_ref());
        });
        for (key, _) in wish.extra {
            self.losses.member(place, &key, "Anthropic's tool has no such wish");
        }
    }

    fn choice(&mut self, thinks: bool, body: &mut Members<'_>) {
        let request = self.request;
        let mut choice = &request.tool_choice;
        if is_forced(choice) && thinks {
            self.losses.field(request, Field::ToolChoice, "not together with thinking");
            choice = &ToolChoice::Auto;
        }
        let (kind, name) = match choice {
            ToolChoice::Auto => ("auto", None),
            ToolChoice::None => ("none", None),
            ToolChoice::Required => ("any", None),
            ToolChoice::Named(name) => ("tool", Some(name)),
            ToolChoice::Allowed { names, required: true } if names.len() == 1 => {
                let why = "one tool that must be called is a forced one";
                self.losses.reworded_field(request, Field::ToolChoice, why);
                ("tool", names.first())
            }
            ToolChoice::Allowed { required, .. } => {
                let why = "Anthropic cannot offer tools and forbid them";
                self.losses.field(request, Field::ToolChoice, why);
                (if *required { "any" } else { "auto" }, None)
            }
        };
        let mut parallel = request.parallel_tools;
        if parallel.is_some() && (kind == "none" || self.hints.quirks.has(Quirk::NoParallelSwitch))
        {
            let why = "there is no switch for it here";
            self.losses.field(request, Field::ParallelTools, why);
            parallel = None;
        }
        let freeform = |name: &str| {
            let is = |tool: &Tool<'_>| matches!(tool.kind, ToolKind::Freeform { .. });
            request.tools.iter().any(|tool| is(tool) && tool.name == name)
        };
        if name.is_some_and(|name| freeform(name)) {
            let why = "the tool is a function there";
            let place = Place::new(Field::ToolChoice.pointer(request.format), &[]);
            match request.format {
                // Chat names the type once more, around the name.
                Format::OpenAi => self.losses.reworded_field(request, Field::ToolChoice, why),
                Format::OpenAiResponses | Format::Anthropic | Format::Gemini => {
                    self.losses.member(place, "type", why);
                }
            }
        }
        let name = name.map(|name| self.names.wire_of_any(request, name));
        body.object("tool_choice", |out| {
            out.value("type", kind);
            out.maybe("name", name.as_ref());
            out.maybe("disable_parallel_tool_use", parallel.map(|many| !many).as_ref());
        });
    }
}

/// Whether the model must call a tool.
pub(super) fn is_forced(choice: &ToolChoice<'_>) -> bool {
    match choice {
        ToolChoice::Auto | ToolChoice::None => false,
        ToolChoice::Required | ToolChoice::Named(_) => true,
        ToolChoice::Allowed { required, .. } => *required,
    }
}

/// Anthropic's tool that does the same, and its name.
fn own_tool(kind: HostedKind) -> Option<(&'static str, &'static str)> {
    match kind {
        HostedKind::WebSearch => Some(("web_search_20250305", "web_search")),
        HostedKind::WebFetch => Some(("web_fetch_20250910", "web_fetch")),
        HostedKind::CodeExecution => Some(("code_execution_20250825", "code_execution")),
        HostedKind::FileSearch
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

/// Anthropic wants `"type": "object"` in it, which others do without for tools that take nothing.
fn input_schema(schema: Option<&Json<'_>>, out: &mut Members<'_>) {
    let Some(schema) = schema else {
        return out.raw("input_schema", r#"{"type":"object","properties":{}}"#);
    };
    match schema.read::<Schema<'_>>() {
        Ok(Schema { kind: Some(_), .. }) => out.value("input_schema", schema),
        Ok(Schema { kind: None, extra }) => out.object("input_schema", |out| {
            out.value("type", "object");
            if extra.is_empty() {
                out.raw("properties", "{}");
            }
            for (key, value) in extra {
                out.value(&key, value);
            }
        }),
        Err(_) => out.raw("input_schema", r#"{"type":"object","properties":{}}"#),
    }
}
