//! `status`: what the running gateway does.

pub mod lists;

use std::borrow::Cow;

use clap::Args;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};

use super::{
    Bad, Command, Effect, NetworkCommand,
    error::{Code, CommandError},
    page,
    running::{self, Found},
    text::{Look, Text},
    workspace::Workspace,
};
use crate::status::Status;
use lists::Section;

/// Show what the running gateway does
///
/// Where it listens, which config it uses and whether it refused a later one, what became of the
/// calls of each target, what rests after failures, and how full the rate-limit buckets are. Long
/// lists show what needs attention first; `section` goes through one of them. That no gateway runs is
/// an answer too (exit code 1).
#[derive(Debug, Clone, Args, Serialize, Deserialize, JsonSchema)]
pub struct Show {
    /// Only this list, in pages
    #[arg(long, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    section: Option<Section>,
    /// How many of each list at most
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    limit: Option<u64>,
    /// Where to go on: `next_cursor` of the page before
    #[arg(long, requires = "section")]
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
    #[arg(skip)]
    #[serde(skip)]
    found: Option<Box<Status>>,
}

/// The status, or where the config stands that no gateway runs with.
#[derive(Debug, Clone)]
pub struct Shown {
    status: Option<Box<Status>>,
    path: String,
    /// The one list that was asked for, and where the next page of it begins.
    page: Option<(Section, Option<usize>)>,
    /// The lists of which only a part is shown, with how many entries are shown and there.
    parts: Vec<(Section, usize, usize)>,
}

impl Command for Show {
    const NAME: &'static str = "status";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [&'static str] = &[r"{}", r#"{"section": "buckets", "limit": 20}"#];
    const OTHER_NAMES: &'static [&'static str] = &["get-status"];
    const BAD: Bad = Bad::Failed;
    type Output = Shown;

    fn run(self, workspace: &mut Workspace) -> Result<Shown, CommandError> {
        let start = page::start(self.cursor.as_deref())?;
        if self.cursor.is_some() && self.section.is_none() {
            return Err(CommandError::arguments("a `cursor` goes on in one `section`"));
        }
        let path = workspace.path.clone();
        let Some(mut status) = self.found else {
            return Ok(Shown { status: None, path, page: None, parts: Vec::new() });
        };
        lists::shorten_entries(&mut status);
        Ok(match self.section {
            Some(section) => one_list(status, path, section, (start, self.limit)),
            None => all_lists(status, path, self.limit),
        })
    }

    fn text(output: &Shown) -> Text {
        let mut text = Text::default();
        match &output.status {
            Some(status) => {
                for line in status.text().lines() {
                    text.line(Look::Plain, line);
                }
            }
            None => {
                text.line(Look::Plain, format!("No gateway runs with {}.", output.path));
                text.line(Look::Plain, "Start one with: llm-router start");
            }
        }
        if !output.parts.is_empty() {
            text.gap();
        }
        for (section, shown, total) in &output.parts {
            let name = section.name();
            let how = match output.page {
                Some((_, Some(next))) => format!("; go on with --cursor {next}"),
                Some((_, None)) => String::new(),
                None => format!("; see all with --section {name}"),
            };
            text.line(Look::Faint, format!("{shown} of {total} {name} shown{how}"));
        }
        text
    }

    fn is_good(output: &Shown) -> bool {
        output.status.is_some()
    }
}

impl NetworkCommand for Show {
    async fn ask(&mut self, workspace: &Workspace) -> Result<(), CommandError> {
        let found = running::find(workspace).await;
        self.found = match found.map_err(|error| CommandError::new(Code::Upstream, error))? {
            Found::Running(status) => Some(status),
            Found::Gone | Found::Nothing => None,
        };
        Ok(())
    }
}

/// One list, from a place on, and where the gateway is.
fn one_list(
    mut status: Box<Status>,
    path: String,
    section: Section,
    (start, limit): (usize, Option<u64>),
) -> Shown {
    let sizes = section.sizes(&status);
    let total = sizes.len();
    let start = start.min(total);
    let count = page::count(&sizes[start..], limit, page::LONGEST);
    for other in Section::ALL {
        let kept = if other == section { (start, count) } else { (0, 0) };
        other.keep(&mut status, kept.0, kept.1);
    }
    let end = start + count;
    let next = (end < total).then_some(end);
    let parts = if count < total { vec![(section, count, total)] } else { Vec::new() };
    Shown { status: Some(status), path, page: Some((section, next)), parts }
}

/// The beginnings of all lists.
fn all_lists(mut status: Box<Status>, path: String, limit: Option<u64>) -> Shown {
    let measure = |status: &Status| Section::ALL.map(|section| section.sizes(status));
    let beside = page::size(&*status).saturating_sub(measure(&status).iter().flatten().sum());
    let budget = page::LONGEST.saturating_sub(beside);
    let is_long = |status: &Status| measure(status).iter().flatten().sum::<usize>() > budget;
    if is_long(&status) {
        lists::sort_by_urgency(&mut status);
    }
    let sizes = measure(&status);
    let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    let wanted = sizes.each_ref().map(|sizes| sizes.iter().copied().take(limit).collect());
    let counts = page::shares(&wanted, budget);
    let mut parts = Vec::new();
    for (section, (count, sizes)) in Section::ALL.into_iter().zip(counts.into_iter().zip(&sizes)) {
        section.keep(&mut status, 0, count);
        if count < sizes.len() {
            parts.push((section, count, sizes.len()));
        }
    }
    Shown { status: Some(status), path, page: None, parts }
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut document = match &self.status {
            Some(status) => {
                let mut document =
                    serde_json::to_value(status).map_err(serde::ser::Error::custom)?;
                document["running"] = true.into();
                match self.page {
                    Some((section, next)) => only(section, next, document),
                    None => document,
                }
            }
            None => json!({ "running": false, "config": { "path": self.path } }),
        };
        for (section, _, total) in &self.parts {
            document["totals"][section.name()] = (*total).into();
        }
        document.serialize(serializer)
    }
}

/// Of a status, one list and which gateway it is of.
fn only(section: Section, next: Option<usize>, mut document: Value) -> Value {
    let kept = ["running", "url", "config", section.name()];
    if let Some(document) = document.as_object_mut() {
        document.retain(|key, _| kept.contains(&key.as_str()));
    }
    document["config"] = json!({ "path": document["config"]["path"] });
    if let Some(next) = next {
        document["next_cursor"] = next.to_string().into();
    }
    document
}

impl JsonSchema for Shown {
    fn schema_name() -> Cow<'static, str> {
        "Shown".into()
    }

    /// That of [`Status`], of which little is there when no gateway runs.
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Status::json_schema(generator);
        schema.insert("required".to_owned(), json!(["running", "config"]));
        let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
        if let Some(properties) = properties {
            if let Some(config) = properties.get_mut("config") {
                config["required"] = json!(["path"]);
            }
            let running = json!({ "type": "boolean", "description": "Whether a gateway runs" });
            properties.insert("running".to_owned(), running);
            let totals = json!({
                "type": "object",
                "additionalProperties": { "type": "integer" },
                "description": "How many entries a list has, if not all of them are shown",
            });
            properties.insert("totals".to_owned(), totals);
            let next = json!({
                "type": "string",
                "description": "Where the next page begins; absent on the last",
            });
            properties.insert("next_cursor".to_owned(), next);
        }
        schema
    }
}
