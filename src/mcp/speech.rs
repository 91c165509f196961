//! How the catalog speaks to agents: names of tools instead of command lines, results that a model
//! reads well, errors that teach.

use serde_json::Value;

use crate::commands::{CATALOG, Entry, error::CommandError};

/// The longest result, in bytes of JSON. Some clients cut longer ones, some put them into a file.
pub const LONGEST: usize = 8000;

/// Arguments that make a result shorter, in the order in which they help.
const NARROWING: &[&str] = &["section", "kind", "id", "query", "limit", "provider"];

/// Commands that are no tools of their own, with those that do the same.
pub const INSTEAD: &[(&str, &str)] =
    &[("set-provider", "add-provider"), ("set-model", "add-model")];

/// A text with `llm-router set-alias` written as `set_alias`, wherever the catalog has it.
#[must_use]
pub fn spoken(text: &str) -> String {
    const PROGRAM: &str = "llm-router ";
    let mut said = String::new();
    let mut rest = text;
    while let Some(place) = rest.find(PROGRAM) {
        let (before, from) = rest.split_at(place);
        said.push_str(before);
        let after = &from[PROGRAM.len()..];
        let end = after.find(|c: char| !c.is_ascii_lowercase() && c != '-').unwrap_or(after.len());
        let (name, then) = after.split_at(end);
        let Some(entry) = CATALOG.iter().find(|entry| entry.name == name) else {
            said.extend([PROGRAM, name]);
            rest = then;
            continue;
        };
        let instead = INSTEAD.iter().find(|(unlisted, _)| *unlisted == name);
        let tool = instead.map_or_else(|| entry.tool_name(), |(_, tool)| tool.replace('-', "_"));
        said.push_str(&tool);
        // Its flags are the names of arguments.
        let end = then.find(['\n', ',', ';', '.']).unwrap_or(then.len());
        let (arguments, after) = then.split_at(end);
        for word in arguments.split_inclusive(' ') {
            match word.strip_prefix("--") {
                Some(flag) => said.push_str(&flag.replace('-', "_")),
                None => said.push_str(word),
            }
        }
        rest = after;
    }
    said + rest
}

/// The same for every text of a result, but for what shows a file as it is.
fn speak(value: &mut Value) {
    match value {
        Value::String(text) => *text = spoken(text),
        Value::Array(list) => list.iter_mut().for_each(speak),
        Value::Object(members) => {
            for (key, value) in members {
                if key != "diff" {
                    speak(value);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A result in the words of tools and of a length that a model reads well.
///
/// # Errors
/// If it is too long, how to ask for less. What was changed is always told, if not in full.
pub fn result(entry: &Entry, arguments: &Value, mut value: Value) -> Result<Value, String> {
    speak(&mut value);
    let length = length(&value);
    if length <= LONGEST {
        return Ok(value);
    }
    if entry.writes(arguments) {
        shorten(&mut value);
        return Ok(value);
    }
    let schema = entry.input();
    let mut less: Vec<String> = NARROWING
        .iter()
        .filter(|name| schema["properties"].get(**name).is_some())
        .map(|name| format!("`{name}`"))
        .collect();
    if arguments.get("full").is_some_and(|full| full == true) {
        less.insert(0, "no `full`".to_owned());
    }
    let hint = match less.as_slice() {
        [] => "the command line shows all of it".to_owned(),
        less => format!("ask for less, with {}", less.join(", ")),
    };
    let tool = entry.tool_name();
    Err(format!(
        "error too_long: the result of {tool} has {length} bytes; at most {LONGEST} are given at \
         once\nhint: {hint}"
    ))
}

fn length(value: &Value) -> usize {
    serde_json::to_vec(value).map_or(0, |text| text.len())
}

/// Cuts the longest text or list in half until the whole fits. Types stay, so the schema holds.
fn shorten(value: &mut Value) {
    // Each round takes away half of what is longest; what has no texts and lists left cannot shrink.
    for _ in 0..200 {
        if length(value) <= LONGEST {
            return;
        }
        let Some(longest) = longest(value) else { return };
        match longest {
            Value::String(text) => {
                let half = text.len() / 2;
                cut(text, half);
            }
            Value::Array(list) => list.truncate(list.len() / 2),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => return,
        }
    }
}

/// Cuts a text to at most `most` bytes, and says so.
fn cut(text: &mut String, most: usize) {
    const MARK: &str = "... (shortened)";
    if text.len() > most {
        let most = most.saturating_sub(MARK.len());
        let end = (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
        text.truncate(end);
        text.push_str(MARK);
    }
}

/// The longest text, or list of short things, in a value.
fn longest(value: &mut Value) -> Option<&mut Value> {
    const SHORT: usize = 64;
    match value {
        Value::String(text) => (text.len() > SHORT).then_some(value),
        Value::Array(list) if list.iter().all(|element| length(element) <= LONGEST / 16) => {
            (length(value) > SHORT).then_some(value)
        }
        Value::Array(list) => list.iter_mut().filter_map(longest).max_by_key(|value| length(value)),
        Value::Object(members) => {
            members.values_mut().filter_map(longest).max_by_key(|value| length(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// An error as a model reads it: what, where, and what to do instead.
#[must_use]
pub fn error(entry: &Entry, error: &CommandError) -> String {
    let code = serde_json::to_value(error.code).unwrap_or_default();
    let code = code.as_str().unwrap_or("failed");
    let tool = entry.tool_name();
    let own = |text: String| {
        text.replace(&format!("arguments of {}", entry.name), &format!("arguments of {tool}"))
    };
    let mut text = own(spoken(&format!("error {code}: {error}")));
    cut(&mut text, LONGEST);
    text
}

/// A text for models whose lines may begin with a condition: `?test_route ` keeps a line only if
/// that tool is offered, `!set_alias ` only if it is not. `{name}` is an argument.
#[must_use]
pub fn written(template: &str, offered: &[&Entry], arguments: &[(&str, &str)]) -> String {
    let is_offered = |tool: &str| offered.iter().any(|entry| entry.tool_name() == tool);
    let mut text = String::new();
    for line in template.lines() {
        let kept = match (line.split_once(' '), line.chars().next()) {
            (Some((mark, rest)), Some('?')) => is_offered(&mark[1..]).then_some(rest),
            (Some((mark, rest)), Some('!')) => (!is_offered(&mark[1..])).then_some(rest),
            (_, _) => Some(line),
        };
        if let Some(line) = kept {
            text.push_str(line);
            text.push('\n');
        }
    }
    for (name, value) in arguments {
        text = text.replace(&format!("{{{name}}}"), value);
    }
    text
}
