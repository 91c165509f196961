//! Which models answer Amp.

use clap::{Args, ValueEnum};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Command, Effect,
    argument::{
        WriteArgs,
        maps::{Mapping, NestedMapping},
    },
    changed::{Changed, bounded_lines},
    error::CommandError,
    provider::settings::merge,
    text::{Look, Text},
    workspace::Workspace,
};
use crate::config::{AmpRouting, edit::spelling};

/// Map the requests of the Amp CLI to models
///
/// Maps are merged with those that are there; an empty value removes a key. `replace` starts anew
/// with what is given, `delete` removes the whole section. Without any of these it shows what is
/// there. Values are aliases, `provider/model`, or `smart` for the default model.
#[derive(Debug, Clone, Args, Serialize, Deserialize, JsonSchema)]
pub struct Set {
    /// Whether Amp's requests are mapped at all
    #[arg(long, value_name = "BOOL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
    /// For requests that no map names; empty removes it
    #[arg(long, value_name = "ROUTE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    fallback_route: Option<String>,
    /// By mode (`smart=chat,deep=opus`)
    #[arg(long, value_name = "MODE=ROUTE,...")]
    #[serde(skip_serializing_if = "Option::is_none")]
    mode_map: Option<Mapping>,
    /// By agent (`review=opus`)
    #[arg(long, value_name = "AGENT=ROUTE,...")]
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_map: Option<Mapping>,
    /// By agent and mode (`review/deep=opus`); in JSON agent, then mode
    #[arg(long, value_name = "AGENT/MODE=ROUTE,...")]
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_mode_map: Option<NestedMapping>,
    /// By application (`cli execute mode=chat`)
    #[arg(long, value_name = "APPLICATION=ROUTE,...")]
    #[serde(skip_serializing_if = "Option::is_none")]
    application_map: Option<Mapping>,
    /// By the requested model, with or without its provider
    #[arg(long, value_name = "MODEL=ROUTE,...")]
    #[serde(skip_serializing_if = "Option::is_none")]
    model_map: Option<Mapping>,
    /// Maps to empty before anything is put into them
    #[arg(long, value_enum, value_delimiter = ',')]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    clear_maps: Vec<RuleMap>,
    /// Forget what is there and start anew with what is given
    #[arg(long)]
    #[serde(default)]
    replace: bool,
    /// Remove the whole section
    #[arg(long, conflicts_with = "replace")]
    #[serde(default)]
    delete: bool,
    #[command(flatten)]
    #[serde(flatten)]
    write: WriteArgs,
}

/// One of the maps
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RuleMap {
    Mode,
    Agent,
    AgentMode,
    Application,
    Model,
}

impl RuleMap {
    fn key(self) -> spelling::Key {
        match self {
            Self::Mode => spelling::MODE_MAP,
            Self::Agent => spelling::AGENT_MAP,
            Self::AgentMode => spelling::AGENT_MODE_MAP,
            Self::Application => spelling::APPLICATION_MAP,
            Self::Model => spelling::MODEL_MAP,
        }
    }
}

/// The result of `set-amp-routing`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AmpChanged {
    /// What answers Amp now, the first that matches wins: `kind key => route`
    routes: Vec<String>,
    #[serde(flatten)]
    changed: Changed,
}

impl Command for Set {
    const NAME: &'static str = "set-amp-routing";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLES: &'static [&'static str] = &[
        r#"{"mode_map": {"smart": "chat", "deep": "anthropic/claude-sonnet-4-5"}, "fallback_route": "chat"}"#,
        r#"{"agent_mode_map": {"review": {"deep": "chat"}}, "model_map": {"old": ""}}"#,
        r#"{"clear_maps": ["mode", "agent-mode"], "mode_map": {"rush": "chat"}}"#,
        r#"{"delete": true, "dry_run": true}"#,
        r"{}",
    ];
    type Output = AmpChanged;

    fn run(self, workspace: &mut Workspace) -> Result<AmpChanged, CommandError> {
        if self.delete && (self.replace || self.says_something()) {
            return Err(CommandError::arguments(
                "`delete` takes the whole section away; nothing else goes with it",
            ));
        }
        let mut changed = workspace.edit(&self.write, |draft, _| {
            let root = draft.root();
            if self.delete || self.replace {
                spelling::remove(root, spelling::AMP_ROUTING);
            }
            if self.delete {
                return Ok("Removed the routing of Amp.".to_owned());
            }
            if self.says_something() {
                self.apply(spelling::object(root, spelling::AMP_ROUTING));
            }
            Ok("Changed the routing of Amp.".to_owned())
        })?;
        let config = workspace.config()?;
        let is_question = !self.delete && !self.replace && !self.says_something();
        let routes = match &config.amp_routing {
            Some(amp) => bounded_lines(routes(amp), LONGEST),
            None => Vec::new(),
        };
        if is_question {
            changed.summary = match &config.amp_routing {
                Some(amp) if !amp.enabled => {
                    "Amp's requests are not mapped: it is switched off.".to_owned()
                }
                Some(amp) => {
                    format!("Amp's requests are mapped by {} rules.", self::routes(amp).len())
                }
                None => "Amp's requests are not mapped: `smart` answers, or the model they name."
                    .to_owned(),
            };
        }
        Ok(AmpChanged { routes, changed })
    }

    fn text(output: &AmpChanged) -> Text {
        output.changed.text_with(|text| {
            if !output.routes.is_empty() {
                text.gap().line(Look::Strong, "The first that matches wins");
            }
            for route in &output.routes {
                text.wrapped(Look::Plain, "  ", "    ", route);
            }
        })
    }
}

impl Set {
    fn maps(&self) -> [(spelling::Key, Option<&Mapping>); 4] {
        [
            (spelling::MODE_MAP, self.mode_map.as_ref()),
            (spelling::AGENT_MAP, self.agent_map.as_ref()),
            (spelling::APPLICATION_MAP, self.application_map.as_ref()),
            (spelling::MODEL_MAP, self.model_map.as_ref()),
        ]
    }

    fn says_something(&self) -> bool {
        self.enabled.is_some()
            || self.fallback_route.is_some()
            || self.agent_mode_map.is_some()
            || !self.clear_maps.is_empty()
            || self.maps().iter().any(|(_, map)| map.is_some())
    }

    fn apply(&self, amp: &mut Map<String, Value>) {
        for map in &self.clear_maps {
            spelling::remove(amp, map.key());
        }
        if let Some(enabled) = self.enabled {
            amp.insert("enabled".to_owned(), Value::from(enabled));
        }
        match self.fallback_route.as_deref().map(str::trim) {
            Some("") => drop(spelling::remove(amp, spelling::FALLBACK_ROUTE)),
            Some(route) => spelling::put(amp, spelling::FALLBACK_ROUTE, route),
            None => {}
        }
        for (key, map) in self.maps() {
            if let Some(map) = map {
                merge(spelling::object(amp, key), &map.0);
            }
        }
        for (agent, modes) in self.agent_mode_map.iter().flat_map(|map| &map.0) {
            let agents = spelling::object(amp, spelling::AGENT_MODE_MAP);
            let present =
                agents.keys().find(|key| key.trim().eq_ignore_ascii_case(agent.trim())).cloned();
            let agent = present.unwrap_or_else(|| agent.trim().to_owned());
            let known = agents.entry(agent.clone()).or_insert_with(|| Value::Object(Map::new()));
            if let Some(known) = known.as_object_mut() {
                merge(known, modes);
                if known.is_empty() {
                    agents.shift_remove(&agent);
                }
            }
        }
    }
}

/// More than this is not read.
const LONGEST: usize = 2000;

/// A line for each rule, in the order in which they are asked.
#[must_use]
pub fn routes(amp: &AmpRouting) -> Vec<String> {
    let mut lines = Vec::new();
    for (agent, modes) in &amp.agent_mode_map {
        lines.extend(modes.iter().map(|(mode, to)| format!("agent-mode {agent}/{mode} => {to}")));
    }
    let mut add = |kind: &str, map: &IndexMap<String, String>| {
        lines.extend(map.iter().map(|(key, to)| format!("{kind} {key} => {to}")));
    };
    add("mode", &amp.mode_map);
    add("agent", &amp.agent_map);
    add("application", &amp.application_map);
    add("model", &amp.model_map);
    lines.extend(amp.fallback_route.iter().map(|to| format!("anything else => {to}")));
    lines
}
