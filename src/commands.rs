//! The one list of commands. The command line, the MCP server, `ai-help`, forms and
//! `schemas/commands.json` are projections of [`CATALOG`]: a new command is a struct with its
//! [`Command`] impl and one line there.
//!
//! Commands act on a [`Workspace`] in memory. They know no file, no clock and no network.

pub mod alias;
pub mod amp;
pub mod argument;
pub mod bucket;
pub mod changed;
pub mod check;
pub mod client;
pub mod config;
pub mod discover;
pub mod error;
pub mod explain;
pub mod gateway;
pub mod guide;
pub mod history;
pub mod keys;
pub mod list;
pub mod model;
pub mod network;
pub mod page;
pub mod probe;
pub mod provider;
pub mod release;
pub mod routes;
pub mod running;
pub mod schema;
pub mod status;
pub mod test_provider;
pub mod test_route;
pub mod text;
pub mod tiny;
pub mod workspace;

use std::pin::Pin;

use clap::{ArgMatches, Args};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::config::secret::Secret;
use error::CommandError;
use text::Text;
use workspace::Workspace;

/// Every command, in the order in which people read them.
pub const CATALOG: &[Entry] = &[
    Entry::of_network::<provider::Add>(),
    Entry::of::<provider::Set>(),
    Entry::of::<provider::Remove>(),
    Entry::of::<model::Add>(),
    Entry::of::<model::Set>(),
    Entry::of::<model::Remove>(),
    Entry::of::<model::SetFallbacks>(),
    Entry::of::<alias::Set>(),
    Entry::of::<alias::SetStrategy>(),
    Entry::of::<alias::Remove>(),
    Entry::of::<bucket::Create>(),
    Entry::of::<bucket::Remove>(),
    Entry::of::<amp::Set>(),
    Entry::of::<gateway::SetDefaultModel>(),
    Entry::of::<gateway::SetKey>(),
    Entry::of::<list::List>(),
    Entry::of::<config::Get>(),
    Entry::of::<config::Validate>(),
    Entry::of::<config::Migrate>(),
    Entry::of_network::<status::Show>(),
    Entry::of_network::<explain::Explain>(),
    Entry::of_network::<test_route::TestRoute>(),
    Entry::of_network::<test_provider::TestProvider>(),
    Entry::of_network::<discover::Discover>(),
    Entry::of::<client::Show>(),
    Entry::of::<history::Show>(),
    Entry::of::<history::Undo>(),
];

/// What a command does to the config.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    Read,
    /// It adds or changes; asked twice, it does the same.
    Write,
    /// It takes something away.
    Destroy,
}

/// What a result that is no good news says: exit code 2 or 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bad {
    /// What was looked at is wrong.
    Invalid,
    /// What was tried failed, or is not there.
    Failed,
}

/// One command. The doc comments of the struct and its fields are its help everywhere.
///
/// Optional arguments are `Option`, switches are `bool`; defaults are applied in `run`, so that
/// there is one place for them.
pub trait Command: Args + Serialize + DeserializeOwned + JsonSchema + 'static {
    /// Its name, dashed; the MCP tool has the same with underscores.
    const NAME: &'static str;
    const EFFECT: Effect;
    /// Arguments of calls that work, as JSON, on the workspace of the catalog's tests.
    const EXAMPLES: &'static [&'static str];
    /// Other names of it on the command line.
    const OTHER_NAMES: &'static [&'static str] = &[];
    /// The argument that takes a secret by reference. The command line also takes the secret
    /// itself for it, outside of the arguments.
    const SECRET: Option<&'static str> = None;
    /// The argument that the command line also takes as the name of a file with JSON.
    const FILE: Option<&'static str> = None;
    /// What it means if the result is no good news.
    const BAD: Bad = Bad::Invalid;
    type Output: Serialize + JsonSchema;

    /// Does it.
    ///
    /// # Errors
    /// Why it was not done; then nothing has changed.
    fn run(self, workspace: &mut Workspace) -> Result<Self::Output, CommandError>;

    /// The result for people.
    fn text(output: &Self::Output) -> Text;

    /// Whether the result is good news: `validate` does its work on a broken config too.
    fn is_good(_: &Self::Output) -> bool {
        true
    }

    /// Takes a secret out of arguments that came from a person's command line.
    fn take_secret(&mut self) -> Option<Secret> {
        None
    }
}

/// A command that asks the network, through [`network::fetch`], before it runs. While it asks nobody
/// holds the config: what it learns it keeps in fields that are no arguments.
pub trait NetworkCommand: Command + Send {
    /// Asks, and keeps what it learns.
    ///
    /// # Errors
    /// Why it cannot be done; then it is not run.
    fn ask(
        &mut self,
        workspace: &Workspace,
    ) -> impl Future<Output = Result<(), CommandError>> + Send;
}

/// What a command came to.
#[derive(Debug)]
pub struct Outcome {
    /// The result, as the output schema says.
    pub json: Value,
    /// The same for people.
    pub text: Text,
    pub is_good: bool,
}

/// Arguments as JSON, and the secret that a person typed among them.
pub type Arguments = Result<(Value, Option<Secret>), clap::Error>;
/// A command that has asked all it needs and can run, on this or on a later state of the config.
pub type Ready = Box<dyn FnOnce(&mut Workspace) -> Result<Outcome, CommandError> + Send>;
type RunNow = fn(Value, &mut Workspace) -> Result<Outcome, CommandError>;
type Asking<'w> = Pin<Box<dyn Future<Output = Result<Ready, CommandError>> + Send + 'w>>;
type Ask = for<'w> fn(Value, &'w Workspace) -> Asking<'w>;

#[derive(Clone, Copy)]
enum Run {
    Now(RunNow),
    Asking(Ask),
}

/// A [`Command`] with its type erased.
pub struct Entry {
    pub name: &'static str,
    pub effect: Effect,
    pub examples: &'static [&'static str],
    pub other_names: &'static [&'static str],
    /// See [`Command::SECRET`].
    pub secret: Option<&'static str>,
    /// See [`Command::FILE`].
    pub file: Option<&'static str>,
    /// See [`Command::BAD`].
    pub bad: Bad,
    input: fn() -> Value,
    output: fn() -> Value,
    augment: fn(clap::Command) -> clap::Command,
    arguments: fn(&ArgMatches) -> Arguments,
    run: Run,
}

impl Entry {
    /// The entry of a command.
    #[must_use]
    pub const fn of<C: Command>() -> Self {
        Self::with::<C>(Run::Now(|arguments, workspace| {
            read::<C>(arguments).and_then(|command| outcome(command, workspace))
        }))
    }

    /// The entry of a command that needs the network.
    #[must_use]
    pub const fn of_network<C: NetworkCommand>() -> Self {
        Self::with::<C>(Run::Asking(|arguments, workspace| {
            Box::pin(async move {
                let mut command = read::<C>(arguments)?;
                command.ask(workspace).await?;
                let ready: Ready = Box::new(move |workspace| outcome(command, workspace));
                Ok(ready)
            })
        }))
    }

    const fn with<C: Command>(run: Run) -> Self {
        Self {
            name: C::NAME,
            effect: C::EFFECT,
            examples: C::EXAMPLES,
            other_names: C::OTHER_NAMES,
            secret: C::SECRET,
            file: C::FILE,
            bad: C::BAD,
            input: schema::input::<C>,
            output: schema::output::<C::Output>,
            augment: |command| C::augment_args(command),
            arguments: |matches| {
                let mut command = C::from_arg_matches(matches)?;
                let secret = command.take_secret();
                Ok((as_json(&command), secret))
            },
            run,
        }
    }

    /// The name of its MCP tool.
    #[must_use]
    pub fn tool_name(&self) -> String {
        self.name.replace('-', "_")
    }

    /// Its help in one line.
    #[must_use]
    pub fn about(&self) -> String {
        self.clap().get_about().map(ToString::to_string).unwrap_or_default()
    }

    /// Its whole help, without the arguments.
    #[must_use]
    pub fn long_about(&self) -> String {
        let command = self.clap();
        let long = command.get_long_about().or(command.get_about());
        long.map(ToString::to_string).unwrap_or_default()
    }

    /// The JSON Schema of its arguments: inlined, without `null`, for the strictest of clients.
    #[must_use]
    pub fn input(&self) -> Value {
        (self.input)()
    }

    /// The JSON Schema of its result.
    #[must_use]
    pub fn output(&self) -> Value {
        (self.output)()
    }

    /// Its form on the command line, without what all commands have.
    #[must_use]
    pub fn clap(&self) -> clap::Command {
        (self.augment)(clap::Command::new(self.name)).visible_aliases(self.other_names)
    }

    /// The arguments of a command line as JSON, and the secret that a person typed among them.
    ///
    /// # Errors
    /// If clap finds something wrong.
    pub fn arguments(&self, matches: &ArgMatches) -> Arguments {
        (self.arguments)(matches)
    }

    /// Whether these arguments change something when all goes well: then the config is locked.
    #[must_use]
    pub fn writes(&self, arguments: &Value) -> bool {
        let dry_run = arguments.get("dry_run").and_then(Value::as_bool).unwrap_or_default();
        self.effect != Effect::Read && !dry_run
    }

    /// Whether it asks the network, so that the config is not to be locked meanwhile.
    #[must_use]
    pub fn asks(&self) -> bool {
        match self.run {
            Run::Now(_) => false,
            Run::Asking(_) => true,
        }
    }

    /// Checks the arguments, all at once, and lets the command ask the network.
    ///
    /// # Errors
    /// Why it cannot be done.
    pub async fn ask(
        &self,
        arguments: Value,
        workspace: &Workspace,
    ) -> Result<Ready, CommandError> {
        check::check(self, &arguments)?;
        match self.run {
            Run::Now(run) => Ok(Box::new(move |workspace| run(arguments, workspace))),
            Run::Asking(ask) => ask(arguments, workspace).await,
        }
    }

    /// Checks the arguments, all at once, and runs the command.
    ///
    /// # Errors
    /// Why it was not done; then the workspace is as it was.
    pub async fn run(
        &self,
        arguments: Value,
        workspace: &mut Workspace,
    ) -> Result<Outcome, CommandError> {
        self.ask(arguments, workspace).await?(workspace)
    }
}

/// The command of this name, dashed or with underscores; also by its other names.
#[must_use]
pub fn find(name: &str) -> Option<&'static Entry> {
    let name = name.replace('_', "-");
    CATALOG.iter().find(|entry| entry.name == name || entry.other_names.contains(&name.as_str()))
}

fn outcome<C: Command>(command: C, workspace: &mut Workspace) -> Result<Outcome, CommandError> {
    let output = command.run(workspace)?;
    let (text, is_good) = (C::text(&output), C::is_good(&output));
    Ok(Outcome { json: as_json(&output), text, is_good })
}

fn read<C: DeserializeOwned>(arguments: Value) -> Result<C, CommandError> {
    // What is wrong in a way that a schema can say has been told; the rest is said by the types.
    serde_json::from_value(arguments).map_err(|error| CommandError::arguments(error.to_string()))
}

fn as_json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("commands and results have string keys and no odd numbers")
}

/// The catalog as one document: `schemas/commands.json`.
#[must_use]
pub fn document() -> Value {
    let entry = |entry: &Entry| {
        let examples: Vec<Value> =
            entry.examples.iter().filter_map(|text| serde_json::from_str(text).ok()).collect();
        serde_json::json!({
            "name": entry.name,
            "tool": entry.tool_name(),
            "about": entry.about(),
            "help": entry.long_about(),
            "effect": match entry.effect {
                Effect::Read => "read",
                Effect::Write => "write",
                Effect::Destroy => "destroy",
            },
            "input": entry.input(),
            "output": entry.output(),
            "examples": examples,
        })
    };
    serde_json::json!({ "commands": CATALOG.iter().map(entry).collect::<Vec<_>>() })
}
