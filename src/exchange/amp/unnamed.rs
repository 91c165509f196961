//! Results that Amp's subagents send without the name of their tool. The releases of spring 2026 take
//! that name out of an id which they make up when a call of Gemini's has none. A call that has one,
//! as every call does that is translated, is answered with an empty name and no id: nobody could tell
//! what it answers. Here such a result gets name and id of its call. All other bytes stay.

use std::ops::Range;

use bytes::Bytes;
use serde_json::value::RawValue;

use super::strip::members;

/// Names what has no name in a request of Gemini's format. `None` if there is nothing to name.
pub(super) fn name_results(body: &[u8]) -> Option<Bytes> {
    let text = std::str::from_utf8(body).ok()?;
    // In a text of the conversation these quotes would be escaped.
    let may = ["\"name\":\"\"", "\"name\": \"\""].iter().any(|empty| text.contains(empty));
    if !may {
        return None;
    }
    let mut named = String::with_capacity(text.len() + 128);
    let mut end = 0;
    let mut calls: Vec<Called<'_>> = Vec::new();
    for content in elements(text, member(text, 0..text.len(), "contents")?)? {
        let Some(parts) = member(text, content, "parts") else { continue };
        let parts = elements(text, parts).unwrap_or_default();
        let all = |key| parts.iter().filter_map(move |part| member(text, part.clone(), key));
        for (response, call) in all("functionResponse").zip(&calls) {
            if let Some(name) = member(text, response.clone(), "name")
                && &text[name.clone()] == "\"\""
            {
                named.push_str(&text[end..name.start]);
                named.push_str(call.name);
                if let Some(id) = call.id.filter(|_| member(text, response, "id").is_none()) {
                    named.push_str(",\"id\":");
                    named.push_str(id);
                }
                end = name.end;
            }
        }
        calls = all("functionCall").filter_map(|call| Called::read(text, call)).collect();
    }
    named.push_str(&text[end..]);
    (end > 0).then(|| named.into())
}

/// Name and id of a call, as they are written.
struct Called<'a> {
    name: &'a str,
    id: Option<&'a str>,
}

impl<'a> Called<'a> {
    fn read(text: &'a str, call: Range<usize>) -> Option<Self> {
        let written = |key| member(text, call.clone(), key).map(|place| &text[place]);
        Some(Self { name: written("name")?, id: written("id") })
    }
}

/// Where a member of the object at `place` stands.
fn member(text: &str, place: Range<usize>, key: &str) -> Option<Range<usize>> {
    let object = text.get(place.clone())?;
    let found = members(object)?.into_iter().find(|member| member.key == key)?.value;
    Some(place.start + found.start..place.start + found.end)
}

/// Where the elements of the array at `place` stand.
fn elements(text: &str, place: Range<usize>) -> Option<Vec<Range<usize>>> {
    let elements: Vec<&RawValue> = serde_json::from_str(text.get(place)?).ok()?;
    let start = |element: &RawValue| element.get().as_ptr() as usize - text.as_ptr() as usize;
    Some(elements.iter().map(|it| start(it)..start(it) + it.get().len()).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn check(contents: &str) -> String {
        let body = format!(r#"{{"contents":{contents},"n":1.0}}"#);
        name_results(body.as_bytes()).map_or("nothing".to_owned(), |named| {
            let named = String::from_utf8(named.into()).unwrap();
            let rest = named.strip_prefix(r#"{"contents":"#).unwrap();
            rest.strip_suffix(r#","n":1.0}"#).unwrap().to_owned()
        })
    }

    #[test]
    fn results_get_name_and_id_of_the_call_they_answer() {
        for (contents, expected) in [
            (
                r#"[{"parts":[{"functionCall":{"id":"c","name":"Read","args":{}}}]},{"parts":[{"functionResponse":{"name":"","response":{"output":"x"}}}]}]"#,
                r#"[{"parts":[{"functionCall":{"id":"c","name":"Read","args":{}}}]},{"parts":[{"functionResponse":{"name":"Read","id":"c","response":{"output":"x"}}}]}]"#,
            ),
            // In the order of the calls, whatever stands between them.
            (
                r#"[{"parts":[{"text":"t"},{"functionCall":{"name":"a"}},{"functionCall":{"name":"b","id":"2"}}]}, {"parts":[{"functionResponse":{"name": ""}} ,{"functionResponse":{"id":"z","name":""}}]}]"#,
                r#"[{"parts":[{"text":"t"},{"functionCall":{"name":"a"}},{"functionCall":{"name":"b","id":"2"}}]}, {"parts":[{"functionResponse":{"name": "a"}} ,{"functionResponse":{"id":"z","name":"b"}}]}]"#,
            ),
            // What has a name keeps it, and is counted.
            (
                r#"[{"parts":[{"functionCall":{"name":"a"}},{"functionCall":{"name":"b"}}]},{"parts":[{"functionResponse":{"name":"a"}},{"functionResponse":{"name":""}}]}]"#,
                r#"[{"parts":[{"functionCall":{"name":"a"}},{"functionCall":{"name":"b"}}]},{"parts":[{"functionResponse":{"name":"a"}},{"functionResponse":{"name":"b"}}]}]"#,
            ),
            // Nothing to take a name from, or no result.
            (r#"[{"parts":[{"functionResponse":{"name":""}}]}]"#, "nothing"),
            (r#"[{"parts":[{"functionCall":{"args":{"name":""}}}]}]"#, "nothing"),
            (
                r#"[{"parts":[{"functionCall":{"name":"a"}}]},{"parts":[{"text":"x"}]},{"parts":[{"functionResponse":{"name":""}}]}]"#,
                "nothing",
            ),
            (
                r#"[{"parts":[{"functionCall":{"name":"a"}}]},7,{"parts":""},{"name":""}]"#,
                "nothing",
            ),
            (r#"{"name":""}"#, "nothing"),
            (r#"[{"parts":[{"text":"\"name\":\"\""}]}]"#, "nothing"),
        ] {
            assert_eq!(check(contents), expected, "{contents}");
        }
        for body in ["", "[]", r#"{"name":"""#, r#"{"name":""}"#] {
            assert_eq!(name_results(body.as_bytes()), None, "{body}");
        }
    }

    proptest! {
        /// With the names emptied, what is sent is what was sent with them.
        #[test]
        fn emptied_names_come_back(
            turns in prop::collection::vec(prop::collection::vec("[a-z_]{1,6}", 1..4), 1..4),
            text in "\\PC{0,8}", pretty in any::<bool>(),
        ) {
            let mut counter = 0;
            let mut contents = Vec::new();
            let mut emptied = Vec::new();
            for names in turns {
                let calls: Vec<(String, String)> = names.into_iter().map(|name| {
                    counter += 1;
                    (name, format!("id-{counter}"))
                }).collect();
                let called: Vec<Value> = calls.iter().map(|(name, id)| {
                    json!({ "functionCall": { "name": name, "id": id, "args": { "t": text } } })
                }).collect();
                let answers = |full: bool| -> Vec<Value> { calls.iter().map(|(name, id)| {
                    let response = json!({ "output": text });
                    if full {
                        json!({ "functionResponse": { "name": name, "id": id, "response": response } })
                    } else {
                        json!({ "functionResponse": { "name": "", "response": response } })
                    }
                }).collect() };
                for (list, full) in [(&mut contents, true), (&mut emptied, false)] {
                    list.push(json!({ "role": "model", "parts": called }));
                    list.push(json!({ "role": "user", "parts": answers(full) }));
                }
            }
            let sent = json!({ "contents": emptied, "x": text });
            let sent = if pretty { format!("{sent:#}") } else { sent.to_string() };
            let named = name_results(sent.as_bytes()).unwrap();
            let named: Value = serde_json::from_slice(&named).unwrap();
            prop_assert_eq!(named, json!({ "contents": contents, "x": text }));
        }
    }
}
