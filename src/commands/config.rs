//! The config as a whole: show, validate, migrate.

use clap::{Args, ValueEnum};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Command, Effect,
    argument::WriteArgs,
    changed::Changed,
    error::CommandError,
    page,
    text::{Look, Text},
    workspace::Workspace,
};
use crate::config::{
    edit::{migrate, redact, spelling},
    problem::Problem,
};

/// A part of the config
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Section {
    All,
    Providers,
    Aliases,
    Amp,
    /// how the gateway listens, waits and retries
    Server,
}

/// Show the config, secrets masked
///
/// A long config is shortened: lists of models become counts. Ask for a section, for one provider
/// or alias by `id`, or for `full`.
#[derive(Debug, Clone, Args, Serialize, Deserialize, JsonSchema)]
pub struct Get {
    /// Which part. The whole if absent
    #[arg(long, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    section: Option<Section>,
    /// Only the provider or the alias with this id
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// All of it, however long
    #[arg(long)]
    #[serde(default)]
    full: bool,
}

/// The config, or a part of it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Shown {
    /// Where the config stands
    path: String,
    /// Whether there is a file
    exists: bool,
    /// Its revision; pass it as `expected_revision` of a change
    revision: String,
    /// What it says, secrets masked
    config: Map<String, Value>,
    /// Whether something was left out because it would be too long
    shortened: bool,
}

/// Results stay small: models read them.
const LONGEST: usize = 7000;

impl Command for Get {
    const NAME: &'static str = "get-config";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [&'static str] =
        &[r"{}", r#"{"section": "providers", "id": "openrouter"}"#];
    type Output = Shown;

    fn run(self, workspace: &mut Workspace) -> Result<Shown, CommandError> {
        let document = redact::redacted(workspace.document()?);
        let whole = document.as_object().cloned().unwrap_or_default();
        let mut config = match self.section.unwrap_or(Section::All) {
            Section::All => whole,
            Section::Providers => part(whole, spelling::PROVIDERS),
            Section::Aliases => part(whole, spelling::MODEL_ALIASES),
            Section::Amp => part(whole, spelling::AMP_ROUTING),
            Section::Server => part(whole, &["server"]),
        };
        if let Some(id) = self.id.as_deref().map(str::trim) {
            config = only(workspace, config, id)?;
        }
        let shortened = !self.full && is_long(&config) && {
            if self.id.is_some() {
                config.values_mut().for_each(cut_lists);
            }
            shorten(&mut config);
            true
        };
        Ok(Shown {
            path: workspace.path.clone(),
            exists: workspace.text().is_some(),
            revision: workspace.revision(),
            config,
            shortened,
        })
    }

    fn text(output: &Shown) -> Text {
        let mut text = Text::default();
        let absent = if output.exists { "" } else { ", which does not exist yet" };
        text.line(Look::Strong, format!("{}{absent}", output.path));
        text.line(Look::Faint, format!("revision {}", output.revision)).gap();
        for line in format!("{:#}", Value::Object(output.config.clone())).lines() {
            text.line(Look::Plain, line);
        }
        if output.shortened {
            text.gap().line(Look::Faint, "Shortened; see all of it with --full");
        }
        text
    }
}

fn part(mut whole: Map<String, Value>, key: spelling::Key) -> Map<String, Value> {
    whole.retain(|name, _| key.contains(&name.as_str()));
    whole
}

/// The provider or alias with this id, and nothing else.
fn only(
    workspace: &Workspace,
    mut config: Map<String, Value>,
    id: &str,
) -> Result<Map<String, Value>, CommandError> {
    let read = workspace.config()?;
    let providers = read.providers.iter().map(|provider| provider.id.as_str());
    let aliases = read.model_aliases.keys().map(String::as_str);
    let known: Vec<&str> = providers.clone().chain(aliases).collect();
    if !known.contains(&id) {
        let code = super::error::Code::UnknownProvider;
        return Err(CommandError::unknown(code, "provider or alias", id, known));
    }
    config.retain(|name, _| {
        spelling::PROVIDERS.contains(&name.as_str())
            || spelling::MODEL_ALIASES.contains(&name.as_str())
    });
    let place = providers.clone().position(|known| known == id);
    for (name, value) in &mut config {
        match value {
            Value::Array(list) if name == "providers" => {
                let mut objects = list.iter().filter(|value| value.is_object());
                *list = place.and_then(|place| objects.nth(place).cloned()).into_iter().collect();
            }
            Value::Object(aliases) if name != "providers" => {
                aliases.retain(|key, _| key.trim() == id);
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => {}
        }
    }
    config.retain(|_, value| {
        value.as_array().is_none_or(|list| !list.is_empty())
            && value.as_object().is_none_or(|map| !map.is_empty())
    });
    Ok(config)
}

fn is_long(config: &Map<String, Value>) -> bool {
    page::size(config) > LONGEST
}

/// How many entries are left of the lists of a provider or an alias that is shown alone.
const MOST_ENTRIES: usize = 40;

/// Leaves the beginnings of long lists, and says how long they are.
fn cut_lists(value: &mut Value) {
    match value {
        Value::Array(list) => {
            let more = list.len().saturating_sub(MOST_ENTRIES);
            if more > 0 {
                list.truncate(MOST_ENTRIES);
                list.push(Value::from(format!("... {more} more")));
            }
            list.iter_mut().for_each(cut_lists);
        }
        Value::Object(members) => members.values_mut().for_each(cut_lists),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Leaves out what is longest until the rest is short.
fn shorten(config: &mut Map<String, Value>) {
    if !is_long(config) {
        return;
    }
    for provider in config.get_mut("providers").and_then(Value::as_array_mut).into_iter().flatten()
    {
        for key in ["models", "lastProbe", "metadata"] {
            let Some(value) = provider.get_mut(key) else { continue };
            *value = match value.as_array() {
                Some(list) => Value::from(format!("{} models: llm-router list model", list.len())),
                None => Value::from("left out"),
            };
        }
    }
    for (name, value) in config.iter_mut() {
        if serde_json::to_string(value).is_ok_and(|text| text.len() > LONGEST / 2) {
            let count = value.as_array().map(Vec::len).or(value.as_object().map(Map::len));
            let count = count.unwrap_or_default();
            *value =
                Value::from(format!("{count} entries: ask for one by id, or list them ({name})"));
        }
    }
    if is_long(config) {
        config.clear();
    }
}

/// Tell everything that is wrong with the config, or doubtful
///
/// The same check is made at start, at every reload and before every change.
#[derive(Debug, Clone, Args, Serialize, Deserialize, JsonSchema)]
pub struct Validate {}

/// One thing that is wrong, or doubtful.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Finding {
    /// `error` or `warning`
    severity: String,
    /// Where, as a JSON pointer; empty for the whole
    pointer: String,
    /// What
    message: String,
    /// What to do
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

/// What is wrong with a config.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Verdict {
    /// Whether a gateway would use it
    valid: bool,
    /// Where it stands
    path: String,
    /// Whether there is a file
    exists: bool,
    /// Its revision
    revision: String,
    /// How many errors there are
    errors: u64,
    /// How many warnings there are
    warnings: u64,
    /// The first 25 of them, errors first
    problems: Vec<Finding>,
}

impl Command for Validate {
    const NAME: &'static str = "validate";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [&'static str] = &[r"{}"];
    const OTHER_NAMES: &'static [&'static str] = &["validate-config"];
    type Output = Verdict;

    fn run(self, workspace: &mut Workspace) -> Result<Verdict, CommandError> {
        let problems = workspace.problems();
        let errors = problems.iter().filter(|problem| problem.is_error()).count();
        let warnings = problems.len() - errors;
        let finding = |problem: Problem| Finding {
            severity: if problem.is_error() { "error" } else { "warning" }.to_owned(),
            pointer: problem.pointer,
            message: problem.message,
            hint: problem.hint,
        };
        Ok(Verdict {
            valid: errors == 0,
            path: workspace.path.clone(),
            exists: workspace.text().is_some(),
            revision: workspace.revision(),
            errors: errors as u64,
            warnings: warnings as u64,
            problems: problems.into_iter().take(25).map(finding).collect(),
        })
    }

    fn text(output: &Verdict) -> Text {
        let mut text = Text::default();
        let (look, word) =
            if output.valid { (Look::Good, "is valid") } else { (Look::Bad, "cannot be used") };
        let absent = if output.exists { "" } else { " (there is no file; the demo answers)" };
        text.line(look, format!("{} {word}{absent}", output.path));
        for problem in &output.problems {
            let look = if problem.severity == "error" { Look::Bad } else { Look::Doubtful };
            let place = if problem.pointer.is_empty() { "the document" } else { &problem.pointer };
            let hint = problem.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
            let line = format!("{} at {place}: {}{hint}", problem.severity, problem.message);
            text.wrapped(look, "  ", "    ", &line);
        }
        let more = output.errors + output.warnings - output.problems.len() as u64;
        if more > 0 {
            text.line(Look::Faint, format!("  ... and {more} more"));
        }
        text
    }

    fn is_good(output: &Verdict) -> bool {
        output.valid
    }
}

/// Write the config in its current form
///
/// Older spellings of keys become the current ones and the version becomes 2. A config in an older
/// form works as it is.
#[derive(Debug, Clone, Args, Serialize, Deserialize, JsonSchema)]
pub struct Migrate {
    #[command(flatten)]
    #[serde(flatten)]
    write: WriteArgs,
}

impl Command for Migrate {
    const NAME: &'static str = "migrate-config";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLES: &'static [&'static str] = &[r#"{"dry_run": true}"#];
    type Output = Changed;

    fn run(self, workspace: &mut Workspace) -> Result<Changed, CommandError> {
        workspace.edit(&self.write, |draft, _| {
            let renamed = migrate::migrate(draft.root());
            Ok(format!("Wrote the config in its current form; {renamed} keys have new names."))
        })
    }

    fn text(output: &Changed) -> Text {
        output.text()
    }
}
