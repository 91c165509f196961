//! Google's schema language (a part of `OpenAPI` 3.0, types in upper case) ⇄ JSON Schema. Schemas
//! that need no change stay as they were written.

mod from_json_schema;
mod node;
mod to_json_schema;

use serde_json::value::RawValue;

use self::node::Node;
use crate::chat::Json;

/// Words of which one is in every schema that is not JSON Schema.
const FOREIGN: &[&str] = &[
    "\"OBJECT\"",
    "\"STRING\"",
    "\"INTEGER\"",
    "\"NUMBER\"",
    "\"BOOLEAN\"",
    "\"ARRAY\"",
    "\"NULL\"",
    "\"TYPE_UNSPECIFIED\"",
    "\"nullable\"",
    "\"propertyOrdering\"",
    "\"property_ordering\"",
    "\"any_of\"",
    "\"enum\"",
    "\"min",
    "\"max",
];

/// A schema of a request as JSON Schema. What cannot be read stays as it is: it may mean something
/// to somebody.
pub(super) fn to_json_schema(raw: &RawValue) -> Json<'_> {
    let text = raw.get().as_bytes();
    if !FOREIGN.iter().any(|word| memchr::memmem::find(text, word.as_bytes()).is_some()) {
        return raw.into();
    }
    let Ok(node) = serde_json::from_str::<Node<'_>>(raw.get()) else { return raw.into() };
    match to_json_schema::convert(node) {
        (schema, true) => Json::of(&schema),
        (_, false) => raw.into(),
    }
}

/// A JSON Schema in Google's language.
pub(super) struct Converted {
    /// `None` if it says nothing: an object without properties.
    pub(super) schema: Option<Json<'static>>,
    /// The keywords that the language does not have, each once.
    pub(super) lost: Vec<String>,
}

/// A JSON Schema in Google's language, as far as that can say it.
pub(super) fn from_json_schema(schema: &Json<'_>) -> Converted {
    let Ok(root) = schema.read::<Node<'_>>() else {
        return Converted { schema: None, lost: vec!["all of it: it cannot be read".to_owned()] };
    };
    let (node, lost) = from_json_schema::convert(&root);
    let says_nothing = match node.member("type") {
        Some(Node::Text(kind)) => kind == "OBJECT" && node.member("properties").is_none(),
        Some(_) => false,
        None => node.is_empty(),
    };
    Converted { schema: (!says_nothing).then(|| Json::of(&node)), lost }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> String {
        serde_json::from_str::<&RawValue>(text).map(to_json_schema).unwrap().get().to_owned()
    }

    #[test]
    fn googles_language_becomes_json_schema() {
        for (google, expected) in [
            (
                r#"{"type":"OBJECT","properties":{"type":{"type":"STRING","nullable":true}},"required":["type"],"propertyOrdering":["type"]}"#,
                r#"{"type":"object","properties":{"type":{"type":["string","null"]}},"required":["type"]}"#,
            ),
            (
                r#"{"type":"ARRAY","minItems":"1","items":{"type":"INTEGER","format":"int64"}}"#,
                r#"{"type":"array","minItems":1,"items":{"type":"integer","format":"int64"}}"#,
            ),
            (
                r#"{"type":"STRING","format":"enum","enum":["a","b"],"nullable":true}"#,
                r#"{"type":["string","null"],"enum":["a","b",null]}"#,
            ),
            (
                r#"{"any_of":[{"type":"STRING"},{"type":"NUMBER"}],"nullable":true,"example":1}"#,
                r#"{"anyOf":[{"type":"string"},{"type":"number"},{"type":"null"}],"examples":[1]}"#,
            ),
            // JSON Schema with types in upper case, as Gemini CLI writes it.
            (
                r#"{"type":"OBJECT","properties":{"x":{"type":"STRING","enum":["STRING"]}}}"#,
                r#"{"type":"object","properties":{"x":{"type":"string","enum":["STRING"]}}}"#,
            ),
            (r#"{"type":"TYPE_UNSPECIFIED","description":"d"}"#, r#"{"description":"d"}"#),
        ] {
            assert_eq!(json(google), expected);
        }
    }

    #[test]
    fn json_schema_stays_as_it_was_written() {
        for text in [
            r#"{ "type" : "object", "properties": {"a": {"type": "string"}} }"#,
            r#"{"type":"string", "enum":["a"], "maxLength": 3}"#,
            r#"{"properties":{"nullable":{"type":"boolean"}, "min":{}}}"#,
            "true",
            r#"{"enum":[1e999], "type":"STRING"}"#,
        ] {
            assert_eq!(json(text), text);
        }
    }

    #[test]
    fn json_schema_becomes_googles_language_and_tells_what_is_lost() {
        for (schema, expected, lost) in [
            (
                r#"{"$schema":"x","type":"object","properties":{"a":{"type":["string","null"]}},"required":["a","gone"],"additionalProperties":false}"#,
                r#"{"type":"OBJECT","properties":{"a":{"type":"STRING","nullable":true}},"required":["a"]}"#,
                "",
            ),
            (
                r##"{"$ref":"#/$defs/a","$defs":{"a":{"type":"object","properties":{"b":{"$ref":"#/definitions/c","description":"d"}}}},"definitions":{"c":{"const":"x"}}}"##,
                r#"{"type":"OBJECT","properties":{"b":{"description":"d","type":"STRING","enum":["x"]}}}"#,
                "",
            ),
            (
                r#"{"type":"string","format":"uri","pattern":"^x"}"#,
                r#"{"type":"STRING","pattern":"^x"}"#,
                "format",
            ),
            (
                r#"{"type":"string","format":"date-time"}"#,
                r#"{"type":"STRING","format":"date-time"}"#,
                "",
            ),
            (
                r#"{"oneOf":[{"type":"integer","exclusiveMinimum":0},{"type":"null"}]}"#,
                r#"{"type":"INTEGER","nullable":true}"#,
                "exclusiveMinimum",
            ),
            (
                r#"{"type":["integer","array"],"items":{"type":"number"},"minimum":1}"#,
                r#"{"anyOf":[{"type":"INTEGER","minimum":1},{"type":"ARRAY","items":{"type":"NUMBER"}}]}"#,
                "",
            ),
            (
                r#"{"enum":[1,2,null],"type":"integer"}"#,
                r#"{"type":"INTEGER","nullable":true}"#,
                "enum",
            ),
            (r#"{"enum":["a",null]}"#, r#"{"type":"STRING","enum":["a"],"nullable":true}"#, ""),
            (
                r#"{"allOf":[{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]},{"properties":{"b":true},"required":["b"]}]}"#,
                r#"{"type":"OBJECT","properties":{"a":{"type":"STRING"},"b":{}},"required":["a","b"]}"#,
                "",
            ),
            (
                r#"{"type":"object","properties":{"m":{"type":"object","additionalProperties":{"type":"string"},"patternProperties":{}}},"not":{}}"#,
                r#"{"type":"OBJECT","properties":{"m":{"type":"OBJECT"}}}"#,
                "not, additionalProperties, patternProperties",
            ),
            (r#"{"type":"array"}"#, r#"{"type":"ARRAY","items":{"type":"STRING"}}"#, "items"),
        ] {
            let converted = from_json_schema(&Json::parse(schema).unwrap());
            assert_eq!(converted.schema.unwrap().get(), expected, "{schema}");
            assert_eq!(converted.lost.join(", "), lost, "{schema}");
        }
        let nothing = Json::parse(r#"{"type":"object","properties":{}}"#).unwrap();
        assert!(from_json_schema(&nothing).schema.is_none());
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        let tree = r##"{"type":"object","properties":{"l":{"$ref":"#"},"r":{"$ref":"#"},"m":{"$ref":"#"}}}"##;
        let converted = from_json_schema(&Json::parse(tree).unwrap());
        assert_eq!(converted.lost, ["$ref"]);
        assert!(converted.schema.unwrap().get().len() < 200_000);
        let loops =
            r##"{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}}}"##;
        assert_eq!(from_json_schema(&Json::parse(loops).unwrap()).lost, ["$ref"]);
    }

    #[test]
    fn what_is_converted_comes_back_alike() {
        let schema = r#"{"type":"object","properties":{"a":{"type":["string","null"],"enum":["x",null]},"n":{"type":"integer","minimum":1}},"required":["a"]}"#;
        let google = from_json_schema(&Json::parse(schema).unwrap()).schema.unwrap();
        assert_eq!(json(google.get()), schema);
    }
}
