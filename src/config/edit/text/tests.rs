//! Texts before and after, and the laws that hold for all of them.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn check(text: &str, change: impl Fn(&mut Value), expected: &str) {
    let mut document: Value = serde_json::from_str(text).unwrap_or_else(|_| json!({}));
    change(&mut document);
    let written = overlay(text, &document);
    assert_eq!(written, expected);
    let back: Value = serde_json::from_str(written.trim_start_matches('\u{feff}')).unwrap();
    assert_eq!(back, document);
}

#[test]
fn only_what_changed_is_written() {
    let text = "{\n\t\"version\" : 2,  \"x-mine\": [1e3, 2.50],\n\t\"list\": [\n\t\t\"a\"\n\t],\n\t\"providers\": [ {\"id\":\"p\",\n\"enabled\": false} ]\n}\n\n";
    check(text, |_| {}, text);
    check(
        text,
        |document| document["defaultModel"] = json!("p/m"),
        &text.replace("} ]\n}", "} ],\n\t\"defaultModel\": \"p/m\"\n}"),
    );
}

#[test]
fn what_is_new_looks_like_what_is_there() {
    for (text, expected) in [
        ("", "{\n  \"a\": {\n    \"b\": [\"c\", 1]\n  }\n}\n"),
        ("{}", "{\n  \"a\": {\n    \"b\": [\"c\", 1]\n  }\n}"),
        ("{\"x\":1}", "{\"x\":1,\"a\":{\"b\":[\"c\",1]}}"),
        ("{ \"x\": 1 }\n", "{ \"x\": 1, \"a\": { \"b\": [\"c\", 1] } }\n"),
        (
            "{\r\n    \"x\": 1\r\n}\r\n",
            "{\r\n    \"x\": 1,\r\n    \"a\": {\r\n        \"b\": [\"c\", 1]\r\n    }\r\n}\r\n",
        ),
        (
            "{\n\t\"x\": [\n\t\t1\n\t]\n}",
            "{\n\t\"x\": [\n\t\t1\n\t],\n\t\"a\": {\n\t\t\"b\": [\n\t\t\t\"c\",\n\t\t\t1\n\t\t]\n\t}\n}",
        ),
        ("\u{feff}{\"x\":1}", "\u{feff}{\"x\":1,\"a\":{\"b\":[\"c\",1]}}"),
    ] {
        let body = text.trim_start_matches('\u{feff}');
        let mut document: Value = serde_json::from_str(body).unwrap_or_else(|_| json!({}));
        document["a"] = json!({ "b": ["c", 1] });
        assert_eq!(overlay(text, &document), expected, "{text:?}");
    }
}

#[test]
fn elements_keep_their_text_wherever_they_go() {
    let text = "{\"l\": [\"a\", {\"id\": \"b\",  \"n\": 1.0}, \"c\"]}";
    let list = |list: Value| move |document: &mut Value| document["l"] = list.clone();
    check(
        text,
        list(json!([{"id": "b", "n": 1.0}, "c"])),
        "{\"l\": [{\"id\": \"b\",  \"n\": 1.0}, \"c\"]}",
    );
    check(
        text,
        list(json!(["a", {"id": "b", "n": 2}, "c", "d"])),
        "{\"l\": [\"a\", {\"id\": \"b\",  \"n\": 2}, \"c\", \"d\"]}",
    );
    check(text, list(json!(["c", "a"])), "{\"l\": [\"c\", \"a\"]}");
    check(text, list(json!([{"id": "c", "x": 1}])), "{\"l\": [{ \"id\": \"c\", \"x\": 1 }]}");
    check(text, list(json!([])), "{\"l\": []}");
}

#[test]
fn of_a_key_that_stands_twice_the_one_that_counts_is_changed() {
    let text = "{\"a\": 1, \"a\": 2, \"b\": 3}";
    check(text, |document| document["a"] = json!(9), "{\"a\": 1, \"a\": 9, \"b\": 3}");
    check(text, |document| drop(document.as_object_mut().unwrap().shift_remove("a")), "{\"b\": 3}");
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z\\\\\"\\n é]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec(("[a-e]", inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn any_object() -> impl Strategy<Value = Value> {
    prop::collection::vec(("[a-e]", any_value()), 0..5)
        .prop_map(|members| Value::Object(members.into_iter().collect()))
}

/// The same document in several hands.
fn texts(document: &Value) -> [String; 5] {
    let pretty = serde_json::to_string_pretty(document).unwrap_or_default();
    [
        document.to_string(),
        pretty.clone() + "\n",
        pretty.replace("\n  ", "\n\t "),
        pretty.replace('\n', "\r\n"),
        format!(" {} \n", document.to_string().replace(',', " , ")),
    ]
}

proptest! {
    #[test]
    fn a_document_that_is_not_changed_is_not_touched(document in any_object()) {
        for text in texts(&document) {
            if let Ok(document) = serde_json::from_str::<Value>(&text) {
                prop_assert_eq!(overlay(&text, &document), text);
            }
        }
    }

    #[test]
    fn the_text_says_what_it_shall(old in any_object(), new in any_object()) {
        for text in texts(&old) {
            let written = overlay(&text, &new);
            let back: Value = serde_json::from_str(&written).expect("JSON");
            prop_assert_eq!(&back, &new, "{}", written);
            // What was written once is not written otherwise the next time.
            prop_assert_eq!(overlay(&written, &new), written);
        }
    }
}
