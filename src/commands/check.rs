//! Arguments against the schema of a command: everything that is wrong, each with its place, and
//! without repeating a value that may be a secret.
//!
//! Knows the part of JSON Schema that [`super::schema`] makes, and no more; a test compares it with
//! a whole implementation.

use serde_json::{Map, Value};

use super::{
    Entry,
    argument::key::KeyReference,
    error::{Code, CommandError},
};
use crate::{
    config::problem::{Problem, join},
    names::did_you_mean,
};

/// Checks the arguments of a command.
///
/// # Errors
/// Everything that is wrong with them, and what the command takes.
pub fn check(entry: &Entry, arguments: &Value) -> Result<(), CommandError> {
    if let Some(property) = entry.secret
        && let Some(Value::String(text)) = arguments.get(property)
        && !KeyReference::is_sayable(text.trim())
    {
        // Not repeated, not even in part: it will be in a log, and in the context of a model.
        let message = format!("`{property}` is a key itself; a key is given by reference");
        return Err(CommandError::new(Code::LiteralSecret, message)
            .hint("write env:NAME or file:PATH; consider the key as known now and replace it"));
    }
    let schema = entry.input();
    let problems = problems(&schema, arguments);
    if problems.is_empty() {
        return Ok(());
    }
    let count = match problems.len() {
        1 => "a problem".to_owned(),
        count => format!("{count} problems"),
    };
    let message = format!("{count} in the arguments of {}", entry.name);
    Err(CommandError::arguments(message).problems(problems).hint(accepted(&schema)))
}

/// Everything that is wrong with a value.
#[must_use]
pub fn problems(schema: &Value, value: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    look(schema, value, "", &mut problems);
    problems
}

fn look(schema: &Value, value: &Value, pointer: &str, problems: &mut Vec<Problem>) {
    if let Some(wanted) = schema.get("type")
        && !is_of_type(wanted, value)
    {
        let message = format!("must be {}, not {}", named_types(wanted), kind(value));
        problems.push(Problem::error(pointer, message));
        return;
    }
    match value {
        Value::Object(members) => look_at_members(schema, members, pointer, problems),
        Value::Array(list) => {
            if let Some(items) = schema.get("items") {
                for (index, element) in list.iter().enumerate() {
                    look(items, element, &join(pointer, &index.to_string()), problems);
                }
            }
            let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or_default();
            if (list.len() as u64) < least {
                problems.push(Problem::error(pointer, format!("needs at least {least}")));
            }
        }
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or_default();
            if let Some(least) = schema.get("minimum").and_then(Value::as_f64)
                && number < least
            {
                problems.push(Problem::error(pointer, format!("must be at least {least}")));
            }
            if let Some(most) = schema.get("maximum").and_then(Value::as_f64)
                && number > most
            {
                problems.push(Problem::error(pointer, format!("must be at most {most}")));
            }
        }
        Value::String(text) => look_at_text(schema, text, pointer, problems),
        Value::Null | Value::Bool(_) => {}
    }
}

fn look_at_text(schema: &Value, text: &str, pointer: &str, problems: &mut Vec<Problem>) {
    let Some(words) = schema.get("enum").and_then(Value::as_array) else { return };
    let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
    if !words.contains(&text) {
        // Not repeated: whatever stands in a wrong place may be a key.
        let near = did_you_mean(text, words.iter().copied());
        let message = format!("must be one of {}{near}", words.join(", "));
        problems.push(Problem::error(pointer, message));
    }
}

fn look_at_members(
    schema: &Value,
    members: &Map<String, Value>,
    pointer: &str,
    problems: &mut Vec<Problem>,
) {
    let empty = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    for key in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
        if let Some(key) = key.as_str().filter(|key| !members.contains_key(*key)) {
            problems.push(Problem::error(join(pointer, key), "is missing"));
        }
    }
    for (key, value) in members {
        let place = join(pointer, key);
        match (properties.get(key), schema.get("additionalProperties")) {
            (Some(property), _) => look(property, value, &place, problems),
            (None, Some(Value::Bool(false))) => {
                let shown: String = key.chars().take(40).collect();
                let near = did_you_mean(key, properties.keys().map(String::as_str));
                let message = format!("`{shown}` is not an argument{near}");
                problems.push(Problem::error(join(pointer, &shown), message));
            }
            (None, Some(other)) => look(other, value, &place, problems),
            (None, None) => {}
        }
    }
}

fn is_of_type(wanted: &Value, value: &Value) -> bool {
    match wanted {
        Value::Array(types) => types.iter().any(|wanted| is_of_type(wanted, value)),
        Value::String(name) => match (name.as_str(), value) {
            ("integer", Value::Number(number)) => {
                number.is_u64()
                    || number.is_i64()
                    || number.as_f64().is_some_and(|number| number.fract() == 0.0)
            }
            ("number", Value::Number(_))
            | ("string", Value::String(_))
            | ("boolean", Value::Bool(_))
            | ("array", Value::Array(_))
            | ("object", Value::Object(_)) => true,
            _ => false,
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => true,
    }
}

fn named_types(wanted: &Value) -> String {
    let name = |name: &str| match name {
        "integer" => "a whole number",
        "number" => "a number",
        "string" => "a string",
        "boolean" => "true or false",
        "array" => "a list",
        _ => "an object",
    };
    match wanted {
        Value::Array(types) => {
            let names: Vec<&str> = types.iter().filter_map(Value::as_str).map(name).collect();
            names.join(" or ")
        }
        Value::String(wanted) => name(wanted).to_owned(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => "a value".to_owned(),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// `alias: string, [targets: array]`
fn accepted(schema: &Value) -> String {
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let properties = schema.get("properties").and_then(Value::as_object);
    let list = properties.into_iter().flatten().map(|(key, property)| {
        let kind = match property.get("enum").and_then(Value::as_array) {
            Some(words) => words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("|"),
            None => property.get("type").and_then(Value::as_str).unwrap_or("any").to_owned(),
        };
        if required.contains(&key.as_str()) {
            format!("{key}: {kind}")
        } else {
            format!("[{key}: {kind}]")
        }
    });
    format!("it takes {}", list.collect::<Vec<_>>().join(", "))
}
