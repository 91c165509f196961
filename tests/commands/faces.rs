//! The faces of the catalog: names, help, flags, schemas. None can drift from the others.

use std::collections::BTreeSet;

use expect_test::expect_file;
use llm_router::commands::{self, CATALOG, check};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

#[test]
fn names_are_dashed_and_belong_to_one_command() {
    let mut taken = BTreeSet::new();
    for entry in CATALOG {
        for name in std::iter::once(&entry.name).chain(entry.other_names) {
            assert!(taken.insert(*name), "{name} has two meanings");
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{name}");
        }
        assert!(commands::find(&entry.tool_name()).is_some());
        assert!(!entry.examples.is_empty(), "{} has no example", entry.name);
    }
    llm_router::cli::command().debug_assert();
}

#[test]
fn every_command_and_argument_is_described() {
    let mut bare = Vec::new();
    for entry in CATALOG {
        let about = entry.about();
        let fits = !about.ends_with('.') && about.starts_with(|c: char| c.is_ascii_uppercase());
        assert!(fits && about.len() <= 80, "{}: {about}", entry.name);
        for (face, schema) in [("input", entry.input()), ("output", entry.output())] {
            for (name, property) in schema["properties"].as_object().expect("properties") {
                let text = property["description"].as_str().unwrap_or_default();
                if text.len() < 4 {
                    bare.push(format!("{} {face} {name}", entry.name));
                }
            }
        }
        let whole = llm_router::cli::command();
        let there = whole.find_subcommand(entry.name).expect(entry.name);
        assert_eq!(there.get_about().map(ToString::to_string), Some(about));
        for argument in entry.clap().get_arguments() {
            if argument.get_help().is_none() {
                bare.push(format!("{} --{}", entry.name, argument.get_id()));
            }
        }
    }
    assert_eq!(bare, Vec::<String>::new());
}

#[test]
fn flags_are_the_properties_of_the_schema() {
    for entry in CATALOG {
        let schema = entry.input();
        let properties = schema["properties"].as_object().expect("properties");
        let required: BTreeSet<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let command = entry.clap();
        let ids: BTreeSet<&str> = command.get_arguments().map(|a| a.get_id().as_str()).collect();
        let names: BTreeSet<&str> = properties.keys().map(String::as_str).collect();
        assert_eq!(ids, names, "{}", entry.name);
        for argument in command.get_arguments() {
            let (id, property) =
                (argument.get_id().as_str(), &properties[argument.get_id().as_str()]);
            let place = format!("{} {id}", entry.name);
            if let Some(long) = argument.get_long() {
                assert_eq!(long.replace('-', "_"), id, "{place}");
            }
            assert_eq!(argument.is_required_set(), required.contains(id), "{place}");
            let words = |schema: &Value| -> Vec<String> {
                let list = schema["enum"].as_array().into_iter().flatten();
                list.filter_map(Value::as_str).map(str::to_owned).collect()
            };
            let mut schema_words = words(property);
            schema_words.extend(words(&property["items"]));
            let is_bool = property["type"] == "boolean";
            let clap_words: Vec<String> = argument
                .get_possible_values()
                .iter()
                .filter(|_| !is_bool)
                .map(|value| value.get_name().to_owned())
                .collect();
            assert_eq!(clap_words, schema_words, "{place}");
            // Defaults are applied when the command runs: on neither face is there one but `off`
            // for a switch and `none` for a list.
            let default = &property["default"];
            let is_nothing = [json!(null), json!(false), json!([])].contains(default);
            assert!(is_nothing, "{place}: {default}");
            assert!(argument.get_default_values().iter().all(|value| value == "false"), "{place}");
        }
    }
}

/// Walks a schema and calls `look` for each of its parts.
fn parts(schema: &Value, path: &str, look: &mut impl FnMut(&str, &Map<String, Value>)) {
    let Some(object) = schema.as_object() else {
        panic!("{path}: a schema that is no object");
    };
    look(path, object);
    if let Some(properties) = object.get("properties").and_then(Value::as_object) {
        for (name, property) in properties {
            parts(property, &format!("{path}/{name}"), look);
        }
    }
    if let Some(items) = object.get("items") {
        parts(items, &format!("{path}[]"), look);
    }
    if let Some(others) = object.get("additionalProperties").filter(|others| !others.is_boolean()) {
        parts(others, &format!("{path}/*"), look);
    }
}

#[test]
fn the_strictest_client_accepts_every_schema() {
    let known = [
        "type",
        "description",
        "properties",
        "required",
        "items",
        "enum",
        "default",
        "minimum",
        "maximum",
        "minItems",
        "pattern",
        "additionalProperties",
    ];
    for entry in CATALOG {
        for (face, schema) in [("input", entry.input()), ("output", entry.output())] {
            assert_eq!(schema["type"], "object", "{} {face}", entry.name);
            let mut look = |path: &str, part: &Map<String, Value>| {
                for key in part.keys() {
                    assert!(known.contains(&key.as_str()), "{path}: {key}");
                }
                assert!(part.get("type").is_none_or(Value::is_string), "{path}: {part:?}");
                assert!(!part.values().any(Value::is_null), "{path}");
            };
            parts(&schema, &format!("{} {face}", entry.name), &mut look);
            assert!(jsonschema::validator_for(&schema).is_ok(), "{} {face}", entry.name);
        }
        assert_eq!(entry.input()["additionalProperties"], json!(false), "{}", entry.name);
    }
}

#[test]
fn the_document_of_all_commands_is_current() {
    let text = serde_json::to_string_pretty(&commands::document()).expect("JSON") + "\n";
    expect_file!["../../schemas/commands.json"].assert_eq(&text);
}

#[test]
fn the_schema_of_the_brief_is_current() {
    let text = serde_json::to_string_pretty(&commands::guide::schema()).expect("JSON") + "\n";
    expect_file!["../../schemas/ai-help.json"].assert_eq(&text);
}

#[test]
fn the_brief_holds_to_its_schema_whatever_the_config_says() {
    let validator = jsonschema::validator_for(&commands::guide::schema()).expect("a schema");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    for (text, next) in [
        (None, "llm-router add-provider PROVIDER"),
        (Some("{ broken"), "llm-router validate"),
        (Some(r#"{"modelAliases": {"a": {"targets": ["no/where"]}}}"#), "llm-router validate"),
        (Some(super::CONFIG), "llm-router set-provider openrouter"),
        (
            Some(r#"{"providers": [{"id": "p", "baseUrl": "http://127.0.0.1:9"}]}"#),
            "llm-router discover-models p",
        ),
    ] {
        let workspace = super::workspace(text, Vec::new());
        let guide = runtime.block_on(commands::guide::guide(&workspace)).expect("a brief");
        assert!(guide.next[0].command.starts_with(next), "{text:?}: {:?}", guide.next);
        assert!(!guide.ready);
        let document = serde_json::to_value(&guide).expect("JSON");
        let errors: Vec<String> =
            validator.iter_errors(&document).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new(), "{text:?}");
        let told = format!("{document} {}", guide.text());
        assert!(!told.contains("literal-secret"), "{told}");
        for entry in CATALOG {
            assert!(guide.text().contains(&format!("`{}`", entry.name)), "{}", entry.name);
        }
        // What it says to do next can be said.
        for step in guide.next.iter().chain(&guide.suggestions) {
            let words = step.command.split(" # ").next().expect("a command").split(' ');
            let name = words.clone().nth(1).expect("a command");
            let known = llm_router::cli::command();
            assert!(known.find_subcommand(name).is_some(), "{}", step.command);
        }
    }
}

proptest! {
    /// The check of arguments agrees with a whole implementation of JSON Schema, but for patterns,
    /// which are for clients.
    #[test]
    fn arguments_are_judged_as_json_schema_says(
        which in 0..CATALOG.len(),
        picks in prop::collection::vec((any::<prop::sample::Index>(), 0..14_usize), 0..5),
    ) {
        let entry = &CATALOG[which];
        let mut schema = entry.input();
        let names: Vec<String> =
            schema["properties"].as_object().expect("properties").keys().cloned().collect();
        for name in &names {
            schema["properties"][name].as_object_mut().expect("a schema").remove("pattern");
        }
        let values = [
            json!(null), json!(true), json!(0), json!(1), json!(-1), json!(1.5), json!(500),
            json!("x"), json!("auto"), json!([]), json!(["x", 1]), json!({"a": "b"}),
            json!([{"model": "x", "weight": -1}]), json!({"a": {"b": "c"}}),
        ];
        let mut arguments: Map<String, Value> = picks
            .iter()
            .filter(|_| !names.is_empty())
            .map(|(index, value)| (index.get(&names).clone(), values[*value].clone()))
            .collect();
        if picks.len() == 4 {
            arguments.insert("stray".to_owned(), json!(1));
        }
        let arguments = Value::Object(arguments);
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        let told = check::problems(&schema, &arguments);
        prop_assert_eq!(told.is_empty(), validator.is_valid(&arguments), "{} {}", arguments, schema);
    }
}
