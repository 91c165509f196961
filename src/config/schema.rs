//! The JSON Schema of the config file, `schemas/config.json`, for editors and agents.
//!
//! Generated from the types, and then loosened to what [`super::read`] takes: most keys are
//! optional, and some lists take short forms. Older spellings load, but are not in the schema.

use serde_json::{Value, json};

use super::Config;

/// What must not be left out, by definition; everything else has a default.
const REQUIRED: [(&str, &[&str]); 5] = [
    ("Provider", &["id"]),
    ("Model", &["id"]),
    ("AliasTarget", &["ref"]),
    ("Bucket", &["models", "requests", "window"]),
    ("Window", &["unit"]),
];

/// Lists whose elements may be given as a string alone: definition, key, element.
const SHORT_FORMS: [(&str, &str, &str); 3] = [
    ("Provider", "models", "Model"),
    ("Alias", "targets", "AliasTarget"),
    ("Alias", "fallbackTargets", "AliasTarget"),
];

/// The schema as it stands in `schemas/config.json`.
#[must_use]
pub fn schema() -> Value {
    let mut schema = Value::from(schemars::schema_for!(Config));
    if let Some(root) = schema.as_object_mut() {
        root.remove("required");
    }
    let Some(definitions) = schema["$defs"].as_object_mut() else { return schema };
    for (name, definition) in definitions.iter_mut() {
        let required = REQUIRED.iter().find(|(known, _)| known == name).map(|(_, keys)| *keys);
        if let Some(definition) = definition.as_object_mut() {
            definition.remove("required");
            if let Some(keys) = required {
                definition.insert("required".to_owned(), json!(keys));
            }
        }
    }
    for (name, key, element) in SHORT_FORMS {
        definitions[name]["properties"][key]["items"] =
            json!({ "anyOf": [{ "type": "string" }, { "$ref": format!("#/$defs/{element}") }] });
    }
    if let Some(formats) = definitions["Format"]["oneOf"].as_array_mut() {
        let older = json!({ "type": "string", "const": "claude", "description": "The older name of `anthropic`" });
        formats.push(older);
    }
    for map in definitions.iter_mut().filter(|(name, _)| name.starts_with("FormatMap")) {
        let anthropic = map.1["properties"]["anthropic"].clone();
        map.1["properties"]["claude"] = anthropic;
    }
    schema
}
