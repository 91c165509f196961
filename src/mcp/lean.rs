//! Schemas as the list of tools has them. Clients put that list before a model again and again, so it
//! has what a caller needs and no more; the catalog has the whole schemas
//! (`llm-router://commands/{name}`).
//!
//! References to shared definitions would save more, but not every client follows them.

use serde_json::{Map, Value, json};

/// The schema of arguments without what goes without saying: that a switch is off, that names which
/// nobody knows are refused further down too, and in a list what its entries are once more.
#[must_use]
pub fn input(mut schema: Value) -> Value {
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.values_mut().for_each(slim);
    }
    schema
}

fn slim(schema: &mut Value) {
    /// How the help of the command line says that a flag takes more than one.
    const REPEATED: &str = " (can be repeated)";
    let Some(node) = schema.as_object_mut() else { return };
    if node.get("default") == Some(&Value::Bool(false)) {
        node.remove("default");
    }
    if node.get("additionalProperties") == Some(&Value::Bool(false)) {
        node.remove("additionalProperties");
    }
    if let Some(Value::String(text)) = node.get_mut("description") {
        *text = text.replace(REPEATED, "");
    }
    let is_described = node.contains_key("description");
    if let Some(items) = node.get_mut("items") {
        slim(items);
        if let Some(items) = items.as_object_mut().filter(|_| is_described) {
            items.remove("description");
        }
    }
    if let Some(Value::Object(properties)) = node.get_mut("properties") {
        properties.values_mut().for_each(slim);
    }
}

/// Of the schema of a result, the types of what says something in every such result: lists may be
/// empty. Models see results, not their schemas; clients check the ones with the others.
#[must_use]
pub fn output(schema: &Value) -> Value {
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let properties: Map<String, Value> = required
        .filter_map(|name| Some((name.to_owned(), schema["properties"][name].get("type")?)))
        .filter(|(_, kind)| *kind != "array")
        .map(|(name, kind)| (name, json!({ "type": kind })))
        .collect();
    json!({ "type": "object", "properties": properties })
}
