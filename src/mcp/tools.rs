//! Tools: the commands of the catalog, one each.

use std::{sync::Arc, time::Duration};

use rmcp::{
    RoleServer,
    model::{
        CallToolRequestParams, CallToolResult, ContentBlock, ErrorData, JsonObject, MetaObject,
        ProgressNotificationParam, Tool, ToolAnnotations,
    },
    service::RequestContext,
};
use serde_json::Value;
use tokio::runtime::Handle;

use super::{handler::Shared, speech};
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
/// How often a client that asked for it hears that a call still runs.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);
/// What is repeated of a name that a stranger gave.
const SHOWN: usize = 80;

/// The commands that are offered.
#[must_use]
pub fn offered(read_only: bool) -> Vec<&'static Entry> {
    CATALOG.iter().filter(|entry| !read_only || entry.effect == Effect::Read).collect()
}

/// A command as a tool.
#[must_use]
pub fn tool(entry: &Entry) -> Tool {
    let mut description = speech::spoken(&entry.long_about());
    if entry.effect != Effect::Read {
        description.push_str("\n\nThe change is kept in the history: `undo` takes it back.");
    }
    let tool = Tool::new(entry.tool_name(), description, object(entry.input()))
        .with_title(title(entry))
        .with_raw_output_schema(object(without_words(entry.output())))
        .with_annotations(annotations(entry));
    if SHOWN_AT_ONCE.contains(&entry.name) {
        let mut meta = MetaObject::new();
        meta.insert("anthropic/alwaysLoad".to_owned(), Value::Bool(true));
        return tool.with_meta(meta);
    }
    tool
}

/// The schema of a result without its descriptions: clients check results with it, and what no model
/// reads would be half of the list. The catalog has them.
#[must_use]
pub fn without_words(mut schema: Value) -> Value {
    strip(&mut schema);
    schema
}

fn strip(schema: &mut Value) {
    let Some(node) = schema.as_object_mut() else { return };
    node.remove("description");
    for (key, value) in node {
        match (key.as_str(), value) {
            ("properties", Value::Object(properties)) => {
                properties.values_mut().for_each(strip);
            }
            ("anyOf" | "oneOf" | "allOf", Value::Array(variants)) => {
                variants.iter_mut().for_each(strip);
            }
            ("items" | "additionalProperties", value) => strip(value),
            (_, _) => {}
        }
    }
}

/// `Set gateway key`
fn title(entry: &Entry) -> String {
    let words = entry.name.replace('-', " ");
    let mut letters = words.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
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
/// not want the answer any more; what was begun to be written is written nevertheless.
pub async fn run(
    shared: &Arc<Shared>,
    entry: &'static Entry,
    arguments: Value,
    who: &str,
    context: Option<&RequestContext<RoleServer>>,
) -> Option<Result<Value, CommandError>> {
    let cancelled = context.map(|context| context.ct.clone());
    let token = cancelled.clone();
    let gone = async move {
        match token {
            Some(token) => token.cancelled_owned().await,
            None => std::future::pending().await,
        }
    };
    let turn = if entry.writes(&arguments) {
        let turn = Arc::clone(&shared.writes).lock_owned();
        tokio::select! {
            turn = turn => Some(turn),
            () = gone => return None,
        }
    } else {
        None
    };
    let (file, who, handle) = (shared.file.clone(), who.to_owned(), Handle::current());
    let mut work = tokio::task::spawn_blocking(move || {
        let is_change = turn.is_some();
        let asked = Asked { entry, arguments, who: &who, handed: None, fetch: fetch::silent() };
        let done = handle.block_on(async {
            let given_up = async {
                match cancelled {
                    Some(token) if !is_change => token.cancelled_owned().await,
                    Some(_) | None => std::future::pending().await,
                }
            };
            tokio::select! {
                done = attempt(&file, asked) => Some(done),
                () = given_up => None,
            }
        });
        // Only now may the next change begin.
        drop(turn);
        done
    });
    let mut seconds = 0_u32;
    let done = loop {
        tokio::select! {
            done = &mut work => break done,
            () = tokio::time::sleep(SIGN_OF_LIFE) => {
                seconds += 1;
                show_life(context, entry, seconds).await;
            }
        }
    };
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

async fn show_life(context: Option<&RequestContext<RoleServer>>, entry: &Entry, seconds: u32) {
    let Some(context) = context else { return };
    let Some(token) = context.meta.get_progress_token() else { return };
    let message = format!("{} works since {seconds} s", entry.tool_name());
    let progress = ProgressNotificationParam::new(token, f64::from(seconds)).with_message(message);
    // A client that does not hear it misses nothing.
    drop(context.peer.notify_progress(progress).await);
}
