//! The fields of a body that name a mode or an agent: read, and taken out. All other bytes stay as
//! they are.

use std::{borrow::Cow, fmt, ops::Range};

use bytes::Bytes;
use serde::{
    Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

const MODES: [&str; 2] = ["mode", "agentMode"];
const AGENTS: [&str; 2] = ["agent", "agentType"];
/// Objects in which these fields may stand too.
const INNER: [&str; 2] = ["metadata", "params"];

/// A body without them.
pub(super) struct Stripped {
    pub(super) body: Bytes,
    /// What the fields said, in order of precedence; nothing empty.
    pub(super) modes: Vec<String>,
    pub(super) agents: Vec<String>,
}

/// Strips a body. `None` if there is nothing to strip, or if it is no JSON object.
pub(super) fn strip(body: &[u8]) -> Option<Stripped> {
    let text = std::str::from_utf8(body).ok()?;
    // Most bodies hold none of them, and need no second pass.
    let may = MODES.iter().chain(&AGENTS).any(|key| text.contains(&format!("\"{key}\"")));
    if !may {
        return None;
    }
    let mut said = Said::default();
    let stripped = said.strip(text, "")?;
    let in_order = |fields: [&str; 2]| {
        let places = ["", INNER[0], INNER[1]];
        let order = places.into_iter().flat_map(|place| fields.map(|field| (place, field)));
        let texts = order.filter_map(|wanted| {
            let found = said.0.iter().find(|(place, key, _)| (*place, key.as_str()) == wanted)?;
            Some(found.2.trim().to_owned())
        });
        texts.filter(|text| !text.is_empty()).collect()
    };
    Some(Stripped { modes: in_order(MODES), agents: in_order(AGENTS), body: stripped.into() })
}

/// Place, key and text of each field.
#[derive(Default)]
struct Said(Vec<(&'static str, String, String)>);

impl Said {
    /// The object without the fields; `None` if it has none.
    fn strip(&mut self, text: &str, place: &'static str) -> Option<String> {
        let members = members(text)?;
        let mut kept = String::with_capacity(text.len());
        let mut changed = false;
        let mut end = text.find('{')? + 1;
        kept.push_str(&text[..end]);
        let mut first = true;
        for Member { key, value } in &members {
            let lead = &text[end..value.start];
            end = value.end;
            let inner = text[value.clone()].to_owned();
            let replaced = match self.judge(key, &inner, place) {
                Judged::Keep => inner,
                Judged::Drop => {
                    changed = true;
                    continue;
                }
                Judged::Replace(without) => {
                    changed = true;
                    without
                }
            };
            // What comes first now must not begin with the comma behind what was dropped.
            let comma = lead.find(',').filter(|comma| first && lead[..*comma].trim().is_empty());
            kept.push_str(comma.map_or(lead, |comma| &lead[comma + 1..]));
            kept.push_str(&replaced);
            first = false;
        }
        kept.push_str(&text[end..]);
        changed.then_some(kept)
    }

    fn judge(&mut self, key: &str, value: &str, place: &'static str) -> Judged {
        if MODES.contains(&key) || AGENTS.contains(&key) {
            return match serde_json::from_str::<String>(value) {
                Ok(said) => {
                    self.0.push((place, key.to_owned(), said));
                    Judged::Drop
                }
                Err(_) => Judged::Keep,
            };
        }
        let inner = INNER.into_iter().find(|inner| *inner == key).filter(|_| place.is_empty());
        let Some(inner) = inner.filter(|_| value.starts_with('{')) else { return Judged::Keep };
        match self.strip(value, inner) {
            None => Judged::Keep,
            Some(rest) if members(&rest).is_none_or(|members| members.is_empty()) => Judged::Drop,
            Some(rest) => Judged::Replace(rest),
        }
    }
}

enum Judged {
    Keep,
    Drop,
    Replace(String),
}

/// A member of an object, and where its value stands in the text.
pub(super) struct Member<'a> {
    pub(super) key: Cow<'a, str>,
    pub(super) value: Range<usize>,
}

/// The members of an object, without a copy of them. `None` if this is not one object.
pub(super) fn members(text: &str) -> Option<Vec<Member<'_>>> {
    struct Members(usize);
    impl<'de> Visitor<'de> for Members {
        type Value = Vec<Member<'de>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some((key, value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                let start = value.get().as_ptr() as usize - self.0;
                members.push(Member { key: key.0, value: start..start + value.get().len() });
            }
            Ok(members)
        }
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let members = deserializer.deserialize_map(Members(text.as_ptr() as usize)).ok()?;
    deserializer.end().ok()?;
    Some(members)
}

/// A key, borrowed where it has no escape.
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn check(body: &str) -> String {
        match strip(body.as_bytes()) {
            None => "nothing".to_owned(),
            Some(Stripped { body, modes, agents }) => {
                format!("{} {modes:?} {agents:?}", String::from_utf8_lossy(&body))
            }
        }
    }

    #[test]
    fn fields_are_read_and_taken_out() {
        for (body, expected) in [
            (r#"{"model":"m"}"#, "nothing"),
            ("", "nothing"),
            ("[\"mode\"]", "nothing"),
            (r#"{"mode":"deep""#, "nothing"),
            // Deeper down it is none of our business, and neither are other types.
            (r#"{"messages":[{"mode":"x"}],"tool_config":{"mode":"ANY"}}"#, "nothing"),
            (r#"{"mode":{"a":1},"agent":7,"agentMode":null}"#, "nothing"),
            (r#"{"metadata":"mode","params":["agent"]}"#, "nothing"),
            (r#"{"params":{"params":{"mode":"x"}}}"#, "nothing"),
            (r#"{"mode":"deep"}"#, r#"{} ["deep"] []"#),
            (r#"{"mode":"deep","model":"m"}"#, r#"{"model":"m"} ["deep"] []"#),
            (r#"{"model":"m","mode":"deep"}"#, r#"{"model":"m"} ["deep"] []"#),
            (
                r#" { "a" : 1.0e5 , "mode" : "d" , "b" : [ 1 ] } "#,
                r#" { "a" : 1.0e5 , "b" : [ 1 ] }  ["d"] []"#,
            ),
            (
                r#"{ "agent" : "review" , "mode" : "d" , "b" : "é, \"mode\"" }"#,
                r#"{ "b" : "é, \"mode\"" } ["d"] ["review"]"#,
            ),
            (
                r#"{"metadata":{"mode":"b","user_id":"u"},"mode":"a","params":{"agentType":"t"}}"#,
                r#"{"metadata":{"user_id":"u"}} ["a", "b"] ["t"]"#,
            ),
            (
                r#"{"params":{"agentMode":"4","mode":"3"},"agentMode":"2","mode":" ","agent":""}"#,
                r#"{} ["2", "3", "4"] []"#,
            ),
        ] {
            assert_eq!(check(body), expected, "{body}");
        }
    }

    fn any_body() -> impl Strategy<Value = Value> {
        let key = prop::sample::select(vec![
            "mode",
            "agentMode",
            "agent",
            "agentType",
            "metadata",
            "params",
            "model",
            "x,\"y",
        ]);
        let leaf = prop_oneof![
            "\\PC{0,6}".prop_map(Value::from),
            any::<u8>().prop_map(Value::from),
            Just(Value::Null),
        ];
        let any = leaf.prop_recursive(3, 24, 5, move |inner| {
            prop_oneof![
                prop::collection::vec((key.clone(), inner.clone()), 0..5)
                    .prop_map(|members| members.into_iter().collect::<Value>()),
                prop::collection::vec(inner, 0..3).prop_map(Value::from),
            ]
        });
        prop::collection::vec(
            (prop::sample::select(vec!["mode", "agent", "metadata", "params", "m"]), any),
            0..6,
        )
        .prop_map(|members| members.into_iter().collect())
    }

    /// The same on documents.
    fn expected(body: &Value) -> Value {
        let mut body = body.clone();
        let Some(object) = body.as_object_mut() else { return body };
        let drop = |object: &mut serde_json::Map<String, Value>| {
            let before = object.len();
            object.retain(|key, value| {
                let named = ["mode", "agentMode", "agent", "agentType"].contains(&key.as_str());
                !(named && value.is_string())
            });
            before != object.len() && object.is_empty()
        };
        drop(object);
        for inner in ["metadata", "params"] {
            let emptied = object.get_mut(inner).and_then(Value::as_object_mut).is_some_and(drop);
            if emptied {
                object.shift_remove(inner);
            }
        }
        body
    }

    proptest! {
        #[test]
        fn nothing_else_is_lost(body in any_body(), pretty in any::<bool>()) {
            let text = if pretty { format!("{body:#}") } else { body.to_string() };
            let stripped = match strip(text.as_bytes()) {
                Some(stripped) => serde_json::from_slice(&stripped.body).unwrap(),
                None => body.clone(),
            };
            prop_assert_eq!(stripped, expected(&body));
        }
    }

    #[test]
    fn the_generator_makes_bodies_that_are_stripped() {
        assert_eq!(expected(&json!({ "mode": "x", "params": { "agent": "y" } })), json!({}));
    }
}
