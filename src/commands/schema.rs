//! Schemas that the strictest of clients accept.
//!
//! One schema that a client does not understand can cost it all tools: some refuse `true` for "any
//! value", some `null`, some references and formats of Rust. So there is none of these.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value, json};

/// The schema of arguments.
#[must_use]
pub fn input<T: JsonSchema>() -> Value {
    let mut schema = Value::Object(plain::<T>(SchemaSettings::draft2020_12().for_deserialize()));
    close(&mut schema);
    schema
}

/// The schema of results.
#[must_use]
pub fn output<T: JsonSchema>() -> Value {
    Value::Object(plain::<T>(SchemaSettings::draft2020_12().for_serialize()))
}

/// Names that nobody knows are slips of the pen, and told as such: at the top and below.
fn close(schema: &mut Value) {
    let Some(schema) = schema.as_object_mut() else { return };
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    let is_named = properties.is_some();
    properties.into_iter().flat_map(Map::values_mut).for_each(close);
    schema.get_mut("items").into_iter().for_each(close);
    if is_named {
        schema.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
}

fn plain<T: JsonSchema>(settings: SchemaSettings) -> Map<String, Value> {
    let settings = settings.with(|settings| {
        settings.meta_schema = None;
        settings.inline_subschemas = true;
    });
    let mut value = Value::from(settings.into_generator().into_root_schema_for::<T>());
    simplify(&mut value);
    let mut schema = match value {
        Value::Object(schema) => schema,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    };
    // The struct's documentation is the command's, and stands beside the schema.
    schema.shift_remove("title");
    schema.shift_remove("description");
    schema.entry("type").or_insert_with(|| json!("object"));
    schema.entry("properties").or_insert_with(|| json!({}));
    schema
}

fn simplify(value: &mut Value) {
    match value {
        Value::Bool(true) => *value = json!({}),
        Value::Object(schema) => {
            simplify_node(schema);
            for (key, inner) in schema.iter_mut() {
                match key.as_str() {
                    "properties" => {
                        for property in inner.as_object_mut().into_iter().flat_map(Map::values_mut)
                        {
                            simplify(property);
                        }
                    }
                    "items" => simplify(inner),
                    // `false` says that nothing else is allowed, which every client knows.
                    "additionalProperties" if !inner.is_boolean() => simplify(inner),
                    "anyOf" | "oneOf" | "allOf" => {
                        inner.as_array_mut().into_iter().flatten().for_each(simplify);
                    }
                    _ => {}
                }
            }
        }
        Value::Null
        | Value::Bool(false)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_) => {}
    }
}

fn simplify_node(schema: &mut Map<String, Value>) {
    schema.shift_remove("format");
    if let Some(Value::String(text)) = schema.get_mut("description") {
        // A line break in the source is none in the sentence.
        *text = text.replace('\n', " ");
    }
    // An optional argument is left out, never null.
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    if schema.get("default").is_some_and(Value::is_null) {
        schema.shift_remove("default");
    }
    if let Some(Value::Array(words)) = schema.get_mut("enum") {
        words.retain(|word| !word.is_null());
    }
    for choice in ["anyOf", "oneOf"] {
        let Some(Value::Array(mut variants)) = schema.get(choice).cloned() else { continue };
        variants.retain(|variant| variant.get("type") != Some(&json!("null")));
        if let [Value::Object(only)] = variants.as_slice() {
            schema.shift_remove(choice);
            for (key, value) in only {
                schema.entry(key).or_insert_with(|| value.clone());
            }
            simplify_node(schema);
        } else if let Some(words) = documented_words(&variants) {
            schema.shift_remove(choice);
            let meanings: Vec<String> = words
                .iter()
                .filter(|(_, meaning)| !meaning.is_empty())
                .map(|(word, meaning)| format!("{word}: {meaning}"))
                .collect();
            schema.insert("type".to_owned(), json!("string"));
            let names: Vec<&String> = words.iter().map(|(word, _)| word).collect();
            schema.insert("enum".to_owned(), json!(names));
            if !meanings.is_empty() {
                let own = schema.get("description").and_then(Value::as_str).unwrap_or_default();
                let text = format!("{own} ({})", meanings.join("; ")).trim_start().to_owned();
                schema.insert("description".to_owned(), Value::from(text));
            }
        }
    }
}

/// An enum whose words have their own documentation, word by word.
fn documented_words(variants: &[Value]) -> Option<Vec<(String, String)>> {
    let mut words = Vec::new();
    for variant in variants {
        let meaning = variant.get("description").and_then(Value::as_str).unwrap_or_default();
        match (variant.get("const"), variant.get("enum").and_then(Value::as_array)) {
            (Some(Value::String(word)), _) => words.push((word.clone(), meaning.to_owned())),
            (_, Some(list)) => words.extend(
                list.iter().filter_map(Value::as_str).map(|word| (word.to_owned(), String::new())),
            ),
            (_, None) => return None,
        }
    }
    (!words.is_empty()).then_some(words)
}
