//! `status`: what the running gateway does.

use std::borrow::Cow;

use clap::Args;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};

use super::{
    Bad, Command, Effect, NetworkCommand,
    error::{Code, CommandError},
    running::{self, Found},
    text::{Look, Text},
    workspace::Workspace,
};
use crate::status::Status;

/// Show what the running gateway does
///
/// Where it listens, which config it uses and whether it refused a later one, what became of the
/// calls of each target, what rests after failures, and how full the rate-limit buckets are. That no
/// gateway runs is an answer too (exit code 1).
#[derive(Debug, Clone, Args, Serialize, Deserialize, JsonSchema)]
pub struct Show {
    #[arg(skip)]
    #[serde(skip)]
    found: Option<Box<Status>>,
}

/// The status, or where the config stands that no gateway runs with.
#[derive(Debug, Clone)]
pub struct Shown {
    status: Option<Box<Status>>,
    path: String,
}

impl Command for Show {
    const NAME: &'static str = "status";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [&'static str] = &[r"{}"];
    const OTHER_NAMES: &'static [&'static str] = &["get-status"];
    const BAD: Bad = Bad::Failed;
    type Output = Shown;

    fn run(self, workspace: &mut Workspace) -> Result<Shown, CommandError> {
        Ok(Shown { status: self.found, path: workspace.path.clone() })
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

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let document = match &self.status {
            Some(status) => {
                let mut document =
                    serde_json::to_value(status).map_err(serde::ser::Error::custom)?;
                document["running"] = true.into();
                document
            }
            None => json!({ "running": false, "config": { "path": self.path } }),
        };
        document.serialize(serializer)
    }
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
        }
        schema
    }
}
