//! Tools: the commands of the catalog, one each.

use std::sync::Arc;

use rmcp::{
    RoleServer,
    model::{
        CallToolRequestParams, CallToolResult, ContentBlock, ErrorData, JsonObject, MetaObject,
        Tool, ToolAnnotations,
    },
    service::RequestContext,
};
use serde_json::Value;
use tokio::runtime::Handle;

use super::{handler::Shared, lean, progress::Progress, speech};
use crate::{
    commands::{self, CATALOG, Effect, Entry, error::CommandError},
    names::did_you_mean,
    server::{
        client::{Asked, attempt},
        fetch,
    },
};

/// Claude Code shows a model only the names of tools until it looks for one; these it shows at once,
/// because work begins with one and ends with the other.
const SHOWN_AT_ONCE: &[&str] = &["get-config", "test-route"];
/// What is repeated of a name that a stranger gave.
const SHOWN: usize = 80;

/// The commands that are offered. A model chooses better among few tools: of two that do the same to
/// what is there already, one is listed. The other can be called nevertheless.
#[must_use]
pub fn offered(read_only: bool) -> Vec<&'static Entry> {
    CATALOG
        .iter()
        .filter(|entry| !speech::INSTEAD.iter().any(|(unlisted, _)| *unlisted == entry.name))
        .filter(|entry| !read_only || entry.effect == Effect::Read)
        .collect()
}

/// A command as a tool.
#[must_use]
pub fn tool(entry: &Entry) -> Tool {
    let mut description = speech::spoken(&entry.long_about());
    if entry.effect != Effect::Read {
        description.push_str("\n\n`undo` takes it back.");
    }
    let tool = Tool::new(entry.tool_name(), description, object(lean::input(entry.input())))
        .with_raw_output_schema(object(lean::output(&entry.output())))
        .with_annotations(annotations(entry));
    if SHOWN_AT_ONCE.contains(&entry.name) {
        let mut meta = MetaObject::new();
        meta.insert("anthropic/alwaysLoad".to_owned(), Value::Bool(true));
        return tool.with_meta(meta);
    }
    tool
}

/// Codex lets pass without asking what only reads, and what neither destroys nor leaves the machine;
/// whatever is not stated counts as the worst.
fn annotations(entry: &Entry) -> ToolAnnotations {
    ToolAnnotations::new()
        .read_only(entry.effect == Effect::Read)
        .destructive(entry.effect == Effect::Destroy)
        .idempotent(entry.effect != Effect::Destroy)
        .open_world(entry.asks())
}

fn object(schema: Value) -> Arc<JsonObject> {
    match schema {
        Value::Object(schema) => Arc::new(schema),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Arc::default()
        }
    }
}

/// Calls a tool.
///
/// # Errors
/// If there is none of this name. What the command says, good or bad, is a result.
pub async fn call(
    shared: &Arc<Shared>,
    request: CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResult, ErrorData> {
    let Some(entry) = commands::find(&request.name) else {
        let shown: String = request.name.chars().take(SHOWN).collect();
        let names: Vec<String> = shared.offered.iter().map(|entry| entry.tool_name()).collect();
        let near = did_you_mean(&request.name, names.iter().map(String::as_str));
        return Err(ErrorData::invalid_params(format!("there is no tool `{shown}`{near}"), None));
    };
    if shared.read_only && entry.effect != Effect::Read {
        return Ok(refused(format!(
            "error read_only: {} changes the config, and this server only reads it\nhint: it was \
             started with --read-only; ask the person to change that, or tell them the command: \
             llm-router {}",
            entry.tool_name(),
            entry.name
        )));
    }
    let arguments = Value::Object(request.arguments.unwrap_or_default());
    let who = who(context);
    let Some(outcome) = run(shared, entry, arguments.clone(), &who, Some(context)).await else {
        return Err(ErrorData::internal_error("the call was cancelled", None));
    };
    Ok(match outcome {
        Err(error) => refused(speech::error(entry, &error)),
        Ok(json) => match speech::result(entry, &arguments, json) {
            Ok(json) => CallToolResult::structured(json),
            Err(text) => refused(text),
        },
    })
}

/// Text only: where there is structured content too, some clients show a model nothing but that.
fn refused(text: String) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(text)])
}

/// The client by its own name, which is all that is known of it.
fn who(context: &RequestContext<RoleServer>) -> String {
    let name = context.client_info().map(|info| info.name).unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control()).take(40).collect();
    match name.trim() {
        "" => "mcp client".to_owned(),
        // Words that mean somebody else.
        name @ ("cli" | "tui" | "file edit") => format!("mcp client {name}"),
        name => name.to_owned(),
    }
}

/// Runs a command away from the threads that talk; one change at a time. `None` if the client does
/// not want the answer any more: then nobody is asked any further, and what was begun to be written
/// is whole.
pub async fn run(
    shared: &Arc<Shared>,
    entry: &'static Entry,
    arguments: Value,
    who: &str,
    context: Option<&RequestContext<RoleServer>>,
) -> Option<Result<Value, CommandError>> {
    let cancelled = context.map(|context| context.ct.clone()).unwrap_or_default();
    let turn = if entry.writes(&arguments) {
        let turn = Arc::clone(&shared.writes).lock_owned();
        tokio::select! {
            turn = turn => Some(turn),
            () = cancelled.cancelled() => return None,
        }
    } else {
        None
    };
    let (file, who, handle) = (shared.file.clone(), who.to_owned(), Handle::current());
    let (progress, told) = Progress::of(entry, context);
    let mut work = tokio::task::spawn_blocking(move || {
        let tell = Arc::new(move |about: &str| drop(told.send(about.to_owned())));
        let asked = Asked { entry, arguments, who: &who, handed: None, fetch: fetch::fetch(tell) };
        let done = handle.block_on(async {
            // A config is written without a pause: what ends here ends before or after it.
            tokio::select! {
                done = attempt(&file, asked) => Some(done),
                () = cancelled.cancelled() => None,
            }
        });
        // Only now may the next change begin.
        drop(turn);
        done
    });
    let done = progress.during(&mut work).await;
    let Ok(done) = done else {
        let message = format!("{} broke off, which is a defect of llm-router", entry.name);
        return Some(Err(CommandError::new(commands::error::Code::Io, message)));
    };
    Some(done?.map(|(done, gateway)| {
        let mut json = done.outcome.json;
        if let Some(gateway) = gateway {
            json["gateway"] = serde_json::to_value(gateway).unwrap_or_default();
        }
        json
    }))
}
