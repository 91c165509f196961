//! The text of a config file → a JSON document, or where it is broken.

use std::{collections::HashSet, fmt};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::problem::{Problem, join};

/// A document, and what is doubtful about its text.
#[derive(Debug)]
pub struct Parsed {
    pub value: Value,
    pub problems: Vec<Problem>,
}

/// Parses a config file. A blank one is an empty config; a byte order mark is passed over.
///
/// # Errors
/// If it is not a JSON object: where it breaks, and what to look for.
pub fn parse(text: &str) -> Result<Parsed, Problem> {
    let text = text.trim_start_matches('\u{feff}');
    if text.trim().is_empty() {
        return Ok(Parsed { value: Value::Object(serde_json::Map::new()), problems: Vec::new() });
    }
    let value: Value = serde_json::from_str(text).map_err(|error| {
        Problem::error("", format!("not valid JSON: {error}"))
            .hint("look for a missing comma, quote or bracket there; JSON has no comments")
    })?;
    if !value.is_object() {
        return Err(
            Problem::error("", "must be a JSON object").hint("for example {\"providers\": []}")
        );
    }
    Ok(Parsed { value, problems: duplicates(text) })
}

/// Warns of keys that stand twice in one object: only the last one counts, which nobody expects.
fn duplicates(text: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    let walk = Walk { pointer: String::new(), problems: &mut problems };
    // The text has been parsed once already, so this cannot fail for another reason.
    let walked = walk.deserialize(&mut serde_json::Deserializer::from_str(text));
    if walked.is_err() { Vec::new() } else { problems }
}

struct Walk<'p> {
    pointer: String,
    problems: &'p mut Vec<Problem>,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let mut index = 0;
        loop {
            let pointer = join(&self.pointer, &index.to_string());
            let walk = Walk { pointer, problems: &mut *self.problems };
            if list.next_element_seed(walk)?.is_none() {
                return Ok(());
            }
            index += 1;
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            let pointer = join(&self.pointer, &key);
            if !seen.insert(key) {
                let message = "stands here twice; only the last one counts";
                self.problems.push(Problem::warning(&pointer, message));
            }
            map.next_value_seed(Walk { pointer, problems: &mut *self.problems })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> String {
        match parse(text) {
            Ok(parsed) => {
                let problems: Vec<String> =
                    parsed.problems.iter().map(ToString::to_string).collect();
                format!("{} {}", parsed.value, problems.join("; ")).trim_end().to_owned()
            }
            Err(problem) => problem.to_string(),
        }
    }

    #[test]
    fn texts_become_documents_or_problems() {
        for (text, expected) in [
            ("", "{}"),
            (" \n", "{}"),
            ("\u{feff}{\"version\":2}", "{\"version\":2}"),
            (
                "[]",
                "error at the document: must be a JSON object (for example {\"providers\": []})",
            ),
            (
                "{\"a\":1,}",
                "error at the document: not valid JSON: trailing comma at line 1 column 8 (look for a missing comma, quote or bracket there; JSON has no comments)",
            ),
            (
                "{\"a\":[{\"b\":1,\"b\":2}]}",
                "{\"a\":[{\"b\":2}]} warning at /a/0/b: stands here twice; only the last one counts",
            ),
        ] {
            assert_eq!(check(text), expected, "{text}");
        }
    }
}
