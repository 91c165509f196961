//! Schemas of the output as Anthropic takes them: every object says that it has no members but its
//! properties. It must not know what the schema is for.

use serde_json::Value;

use crate::chat::Json;

/// Words under which a schema has schemas by name.
const BY_NAME: [&str; 3] = ["properties", "$defs", "definitions"];
/// Words under which it has one or a list of them.
const INSIDE: [&str; 5] = ["items", "prefixItems", "anyOf", "allOf", "oneOf"];

/// The schema with its objects closed (Anthropic, "Structured outputs": `additionalProperties` must
/// be set to false for objects; its SDKs add it, those of Google cannot say it). What a client says of
/// it itself stays.
pub(super) fn closed<'a>(schema: &Json<'a>) -> Json<'a> {
    let Ok(mut value) = schema.read::<Value>() else { return schema.clone() };
    if close(&mut value) { Json::of(&value) } else { schema.clone() }
}

/// Whether anything was changed.
fn close(schema: &mut Value) -> bool {
    let Value::Object(schema) = schema else { return false };
    let mut changed = false;
    for word in BY_NAME {
        for inner in schema.get_mut(word).and_then(Value::as_object_mut).into_iter().flatten() {
            changed |= close(inner.1);
        }
    }
    for word in INSIDE {
        match schema.get_mut(word) {
            Some(Value::Array(list)) => {
                for one in list {
                    changed |= close(one);
                }
            }
            Some(one) => changed |= close(one),
            None => {}
        }
    }
    let is_object = schema.get("type").is_some_and(|kind| kind == "object")
        || schema.contains_key("properties");
    if is_object && !schema.contains_key("additionalProperties") {
        schema.insert("additionalProperties".to_owned(), Value::Bool(false));
        changed = true;
    }
    changed
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_object_is_closed_unless_the_client_says_something_else() {
        let open = json!({
            "type": "object",
            "properties": {
                "a": {"type": "array", "items": {"type": "object", "properties": {}}},
                "properties": {"anyOf": [{"properties": {"b": {"type": "string"}}}, {"type": "null"}]},
                "free": {"type": "object", "additionalProperties": {"type": "string"}},
                "c": {"$ref": "#/$defs/c"},
            },
            "$defs": {"c": {"type": "object", "properties": {"d": true}}},
        });
        let expected = json!({
            "type": "object",
            "properties": {
                "a": {"type": "array", "items": {"type": "object", "properties": {}, "additionalProperties": false}},
                "properties": {"anyOf": [
                    {"properties": {"b": {"type": "string"}}, "additionalProperties": false},
                    {"type": "null"},
                ]},
                "free": {"type": "object", "additionalProperties": {"type": "string"}},
                "c": {"$ref": "#/$defs/c"},
            },
            "$defs": {"c": {"type": "object", "properties": {"d": true}, "additionalProperties": false}},
            "additionalProperties": false,
        });
        assert_eq!(closed(&Json::of(&open)), Json::of(&expected));
        assert_eq!(closed(&Json::of(&expected)), Json::of(&expected));
        assert_eq!(closed(&Json::of(&json!(true))), Json::of(&json!(true)));
    }
}
