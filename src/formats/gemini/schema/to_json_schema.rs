//! Google's schema language → JSON Schema.

use std::borrow::Cow;

use super::node::{Members, Node};

/// The schema as JSON Schema, and whether it was anything else.
pub(super) fn convert(node: Node<'_>) -> (Node<'_>, bool) {
    let mut changed = false;
    let node = schema(node, &mut changed);
    (node, changed)
}

fn schema<'a>(node: Node<'a>, changed: &mut bool) -> Node<'a> {
    let Node::Object(members) = node else { return node };
    let mut out: Members<'a> = Vec::with_capacity(members.len());
    let mut nullable = false;
    for (key, value) in members {
        let name = keyword(&key);
        *changed |= !name.is_empty() && name != key;
        match (name, value) {
            ("type", Node::Text(kind)) => match lower(&kind) {
                Some("") => *changed = true,
                Some(word) => {
                    *changed = true;
                    out.push((key, Node::text(word)));
                }
                None => out.push((key, Node::Text(kind))),
            },
            ("nullable", Node::Bool(value)) => {
                *changed = true;
                nullable = value;
            }
            ("format", Node::Text(format)) if format == "enum" => *changed = true,
            ("propertyOrdering", _) => *changed = true,
            ("example", value) => {
                *changed = true;
                out.push((Cow::Borrowed("examples"), Node::List(vec![value])));
            }
            ("properties", Node::Object(properties)) => {
                let converted = properties.into_iter().map(|(key, value)| {
                    let value = schema(value, changed);
                    (key, value)
                });
                let converted = Node::Object(converted.collect());
                out.push((key, converted));
            }
            ("anyOf" | "oneOf" | "allOf" | "prefixItems", Node::List(list)) => {
                let list = list.into_iter().map(|item| schema(item, changed)).collect();
                out.push((Cow::Borrowed(name), Node::List(list)));
            }
            ("items" | "additionalProperties", value) => {
                let value = schema(value, changed);
                out.push((Cow::Borrowed(name), value));
            }
            (
                "minItems" | "maxItems" | "minLength" | "maxLength" | "minProperties"
                | "maxProperties",
                value,
            ) => {
                out.push((Cow::Borrowed(name), number(value, changed)));
            }
            (_, value) => out.push((key, value)),
        }
    }
    if nullable {
        allow_null(&mut out);
    }
    Node::Object(out)
}

/// The keywords that are converted, those with an underscore in their other spelling; empty for all
/// others.
fn keyword(key: &str) -> &'static str {
    match key {
        "type" => "type",
        "nullable" => "nullable",
        "format" => "format",
        "example" => "example",
        "properties" => "properties",
        "oneOf" => "oneOf",
        "allOf" => "allOf",
        "items" => "items",
        "anyOf" | "any_of" => "anyOf",
        "propertyOrdering" | "property_ordering" => "propertyOrdering",
        "additionalProperties" | "additional_properties" => "additionalProperties",
        "prefixItems" | "prefix_items" => "prefixItems",
        "minItems" | "min_items" => "minItems",
        "maxItems" | "max_items" => "maxItems",
        "minLength" | "min_length" => "minLength",
        "maxLength" | "max_length" => "maxLength",
        "minProperties" | "min_properties" => "minProperties",
        "maxProperties" | "max_properties" => "maxProperties",
        _ => "",
    }
}

/// The type's name in JSON Schema; empty if it means no type, `None` if it is one already.
fn lower(kind: &str) -> Option<&'static str> {
    let known = match kind {
        "STRING" => "string",
        "NUMBER" => "number",
        "INTEGER" => "integer",
        "BOOLEAN" => "boolean",
        "ARRAY" => "array",
        "OBJECT" => "object",
        "NULL" => "null",
        "TYPE_UNSPECIFIED" => "",
        _ => return None,
    };
    Some(known)
}

/// Protocol buffers write 64-bit numbers as strings.
fn number<'a>(value: Node<'a>, changed: &mut bool) -> Node<'a> {
    match value.as_text().and_then(|text| text.parse::<u64>().ok()) {
        Some(number) => {
            *changed = true;
            Node::Number(number.into())
        }
        None => value,
    }
}

fn allow_null(members: &mut Members<'_>) {
    for (key, value) in members {
        match (&**key, value) {
            ("type", kind @ Node::Text(_)) => {
                let only = std::mem::replace(kind, Node::Null);
                *kind = Node::List(vec![only, Node::text("null")]);
            }
            ("enum", Node::List(values)) if !values.contains(&Node::Null) => {
                values.push(Node::Null);
            }
            ("anyOf", Node::List(variants)) => {
                let null = vec![(Cow::Borrowed("type"), Node::text("null"))];
                variants.push(Node::Object(null));
            }
            _ => {}
        }
    }
}
