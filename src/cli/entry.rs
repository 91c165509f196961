//! A command of the catalog on the command line: flags → arguments → the command → text or JSON.

use std::io::IsTerminal;

use anyhow::Context;
use clap::{Arg, ArgAction, ArgMatches, Args, FromArgMatches};
use serde_json::{Value, json};

use super::{ConfigArgs, block_on, complain, exit::Exit, print, secret};
use crate::{
    commands::{
        Bad, Entry,
        argument::key::HANDED,
        error::CommandError,
        text::{Look, Text},
    },
    config::secret::Secret,
    server::{
        client::{Asked, attempt},
        fetch,
    },
    store::{Environment, session::Done},
};

/// The command with what all commands have on the command line.
#[must_use]
pub fn clap(entry: &Entry) -> clap::Command {
    let json = Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print JSON");
    // What is added brings its own help; the command's stays.
    let command = ConfigArgs::augment_args(entry.clap())
        .about(entry.about())
        .long_about(entry.long_about())
        .arg(json);
    match entry.secret {
        None => command,
        Some(property) => {
            let flag = property.replace('_', "-");
            let stdin = Arg::new("key_stdin")
                .long(format!("{flag}-stdin"))
                .action(ArgAction::SetTrue)
                .conflicts_with(property)
                .help("Read the key from stdin; on a terminal it is asked for and not shown");
            command.arg(stdin)
        }
    }
}

/// Runs the command and prints its result.
///
/// # Errors
/// If stdout cannot be written to.
pub fn run(entry: &Entry, matches: &ArgMatches, environment: Environment) -> anyhow::Result<Exit> {
    let as_json = matches.get_flag("json");
    let colour = |is_terminal: bool| is_terminal && !environment.contains_key("NO_COLOR");
    let (on_out, on_err) =
        (colour(std::io::stdout().is_terminal()), colour(std::io::stderr().is_terminal()));
    let (mut arguments, typed) = entry.arguments(matches)?;
    let handed = hand_over(entry, matches, &mut arguments, typed)?;
    if let Some(property) = entry.file
        && let Err(error) = read_file(&mut arguments, property)
    {
        complain(&format!("llm-router: {error:#}\n"));
        return Ok(Exit::Invalid);
    }
    let file = ConfigArgs::from_arg_matches(matches)?.locate(environment.clone())?;
    let tell = |about: &str| complain(&format!("{about} ...\n"));
    let fetch = fetch::fetch(std::sync::Arc::new(tell));
    let asked = Asked { entry, arguments, who: "cli", handed, fetch };
    match block_on(async { Ok(attempt(&file, asked).await) })? {
        Ok((mut done, gateway)) => {
            show_new_key(&mut done);
            let mut outcome = done.outcome;
            if let Some(gateway) = gateway {
                let (look, line) = gateway.text();
                outcome.text.line(look, line);
                outcome.json["gateway"] = serde_json::to_value(gateway)?;
            }
            let text =
                if as_json { format!("{:#}\n", outcome.json) } else { outcome.text.render(on_out) };
            print(&text)?;
            Ok(match (outcome.is_good, entry.bad) {
                (true, _) => Exit::Done,
                (false, Bad::Invalid) => Exit::Invalid,
                (false, Bad::Failed) => Exit::Failed,
            })
        }
        Err(error) => {
            complain(&if as_json {
                format!("{:#}\n", json!({ "error": error }))
            } else {
                told(&error).render(on_err)
            });
            Ok(if error.code.is_callers() { Exit::Invalid } else { Exit::Failed })
        }
    }
}

/// The error for people.
fn told(error: &CommandError) -> Text {
    let mut text = Text::default();
    text.wrapped(Look::Bad, "llm-router: ", "  ", &error.message);
    for problem in &error.problems {
        let place = if problem.pointer.is_empty() { "the document" } else { &problem.pointer };
        let hint = problem.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        let line = format!("{place}: {}{hint}", problem.message);
        text.wrapped(Look::Plain, "  ", "    ", &line);
    }
    if let Some(hint) = &error.hint {
        text.wrapped(Look::Faint, "hint: ", "  ", hint);
    }
    text
}

/// Takes the key from wherever a person put it. It never becomes a part of the arguments.
fn hand_over(
    entry: &Entry,
    matches: &ArgMatches,
    arguments: &mut Value,
    typed: Option<Secret>,
) -> anyhow::Result<Option<Secret>> {
    let Some(property) = entry.secret else { return Ok(None) };
    if matches.get_flag("key_stdin") {
        arguments[property] = HANDED.into();
        return secret::read().map(Some);
    }
    if typed.is_some() {
        let flag = property.replace('_', "-");
        complain(&format!(
            "llm-router: warning: a key on a command line stays in the shell's history; \
             use --{flag} env:NAME, --{flag} file:PATH or --{flag}-stdin\n"
        ));
    }
    Ok(typed)
}

/// Puts what a file holds in the place of its name.
fn read_file(arguments: &mut Value, property: &str) -> anyhow::Result<()> {
    let Some(path) = arguments.get(property).and_then(Value::as_str) else { return Ok(()) };
    let text = std::fs::read_to_string(path).with_context(|| format!("read {path}"))?;
    let read: Value = serde_json::from_str(&text).with_context(|| format!("understand {path}"))?;
    arguments[property] = read;
    Ok(())
}

/// A key that was just made is shown on a terminal, and nowhere else: pipes end up in files and in
/// the contexts of models.
fn show_new_key(done: &mut Done) {
    let key = done.keys.iter().find(|(path, _)| path.contains("/gateway-"));
    let Some((path, key)) = key.filter(|_| done.change.is_some()) else { return };
    let text = &mut done.outcome.text;
    if std::io::stdout().is_terminal() {
        text.line(Look::Strong, format!("The key: {}", key.expose()));
    } else {
        text.line(Look::Plain, format!("The key is in the file {path} beside the config."));
    }
}
