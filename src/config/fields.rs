//! A cursor over one object of a raw document: finds keys by all their spellings, says what has the
//! wrong type, and in the end which keys nobody knows.

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::{
    problem::{Problem, join},
    secret::SecretSource,
};
use crate::{names::did_you_mean, protocol::Format};

/// See the module's documentation.
pub(super) struct Fields<'d, 'p> {
    object: &'d Map<String, Value>,
    pub(super) pointer: String,
    /// Keys that were asked for, in every spelling.
    known: Vec<&'static str>,
    pub(super) problems: &'p mut Vec<Problem>,
}

/// A value, and where it stands in the document.
#[derive(Clone)]
pub(super) struct Found<'d> {
    pub(super) value: &'d Value,
    pub(super) pointer: String,
}

impl<'d, 'p> Fields<'d, 'p> {
    /// Opens an object; anything else is a problem.
    pub(super) fn open(found: &Found<'d>, problems: &'p mut Vec<Problem>) -> Option<Self> {
        let Value::Object(object) = found.value else {
            problems.push(wrong(&found.pointer, "an object", found.value));
            return None;
        };
        let pointer = found.pointer.clone();
        Some(Self { object, pointer, known: Vec::new(), problems })
    }

    /// The value of a key; the first of its spellings is the current one and wins. `null` is
    /// absent.
    pub(super) fn find(&mut self, spellings: &[&'static str]) -> Option<Found<'d>> {
        self.known.extend_from_slice(spellings);
        let mut present = spellings.iter().filter_map(|key| Some((*key, self.object.get(*key)?)));
        let (key, value) = present.next()?;
        let found = Found { value, pointer: join(&self.pointer, key) };
        for (other, _) in present {
            let message = format!("means the same as `{key}`, which is used");
            self.problems.push(Problem::warning(join(&self.pointer, other), message));
        }
        (!value.is_null()).then_some(found)
    }

    /// Text.
    pub(super) fn text(&mut self, spellings: &[&'static str]) -> Option<String> {
        let found = self.find(spellings)?;
        match found.value.as_str() {
            Some(text) => Some(text.to_owned()),
            None => self.wrong(&found, "a string"),
        }
    }

    /// A secret or a reference to one.
    pub(super) fn secret(&mut self, spellings: &[&'static str]) -> Option<SecretSource> {
        let found = self.find(spellings)?;
        match found.value.as_str() {
            Some("") => None,
            Some(text) => Some(SecretSource::parse(text)),
            // The value is not repeated: it may be a secret all the same.
            None => {
                self.problems.push(Problem::error(found.pointer, "must be a string"));
                None
            }
        }
    }

    /// True or false.
    pub(super) fn boolean(&mut self, spellings: &[&'static str]) -> Option<bool> {
        let found = self.find(spellings)?;
        match found.value.as_bool() {
            Some(value) => Some(value),
            None => self.wrong(&found, "true or false"),
        }
    }

    /// A whole number from `least` on; also as a string of digits.
    pub(super) fn whole<T: TryFrom<u64>>(
        &mut self,
        spellings: &[&'static str],
        least: u64,
    ) -> Option<T> {
        let found = self.find(spellings)?;
        let value = found.value;
        let number = match value.as_str() {
            Some(text) => text.trim().parse().ok(),
            None => value.as_u64().or_else(|| whole_float(value)),
        };
        let fits = number.filter(|number| *number >= least).and_then(|n| T::try_from(n).ok());
        match fits {
            Some(number) => Some(number),
            None => self.wrong(&found, &format!("a whole number of at least {least}")),
        }
    }

    /// Any value at all.
    pub(super) fn any(&mut self, spellings: &[&'static str]) -> Option<Value> {
        self.find(spellings).map(|found| found.value.clone())
    }

    /// The elements of a list; a value that is no list stands for a list of one where `lone` says
    /// so.
    pub(super) fn list(&mut self, spellings: &[&'static str], lone: bool) -> Vec<Found<'d>> {
        let Some(found) = self.find(spellings) else { return Vec::new() };
        match found.value.as_array() {
            Some(values) => values
                .iter()
                .enumerate()
                .map(|(index, value)| Found {
                    value,
                    pointer: join(&found.pointer, &index.to_string()),
                })
                .collect(),
            None if lone => vec![found],
            None => {
                self.wrong::<()>(&found, "a list");
                Vec::new()
            }
        }
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, spellings: &[&'static str], lone: bool) -> Vec<String> {
        let found = self.list(spellings, lone);
        let mut texts = Vec::with_capacity(found.len());
        for found in found {
            match found.value.as_str() {
                Some(text) => texts.push(text.to_owned()),
                None => drop(self.wrong::<()>(&found, "a string")),
            }
        }
        texts
    }

    /// A list of formats, each once.
    pub(super) fn formats(&mut self, spellings: &[&'static str]) -> Vec<Format> {
        let mut formats = Vec::new();
        for found in self.list(spellings, true) {
            if let Some(format) = self.as_format(&found)
                && !formats.contains(&format)
            {
                formats.push(format);
            }
        }
        formats
    }

    /// One format.
    pub(super) fn format(&mut self, spellings: &[&'static str]) -> Option<Format> {
        let found = self.find(spellings)?;
        self.as_format(&found)
    }

    fn as_format(&mut self, found: &Found<'d>) -> Option<Format> {
        let Some(text) = found.value.as_str() else { return self.wrong(found, "a format") };
        match text.parse() {
            Ok(format) => Some(format),
            Err(message) => {
                self.problems.push(Problem::error(&found.pointer, message));
                None
            }
        }
    }

    /// The members of an object, in order.
    pub(super) fn members(&mut self, spellings: &[&'static str]) -> Vec<(&'d str, Found<'d>)> {
        let Some(found) = self.find(spellings) else { return Vec::new() };
        members(&found, self.problems)
    }

    /// Keys that later releases of the original have: kept, but without effect.
    pub(super) fn unsupported(&mut self, spellings: &[&'static str]) {
        if let Some(found) = self.find(spellings) {
            let message = "is kept, but has no effect here";
            self.problems.push(Problem::warning(found.pointer, message));
        }
    }

    /// Warns of the keys that nobody asked for.
    pub(super) fn finish(self) {
        for key in self.object.keys() {
            // `$schema` is for editors.
            if self.known.contains(&key.as_str()) || key == "$schema" {
                continue;
            }
            let hint = did_you_mean(key, self.known.iter().copied());
            let hint = hint.trim_start_matches("; ").to_owned();
            let problem =
                Problem::warning(join(&self.pointer, key), "is not a known key; it is kept");
            self.problems.push(problem.hint(hint));
        }
    }

    pub(super) fn wrong<T>(&mut self, found: &Found<'_>, wanted: &str) -> Option<T> {
        self.problems.push(wrong(&found.pointer, wanted, found.value));
        None
    }
}

/// The members of an object, in order; anything else is a problem.
pub(super) fn members<'d>(
    found: &Found<'d>,
    problems: &mut Vec<Problem>,
) -> Vec<(&'d str, Found<'d>)> {
    let Value::Object(object) = found.value else {
        problems.push(wrong(&found.pointer, "an object", found.value));
        return Vec::new();
    };
    let member = |(key, value): (&'d String, &'d Value)| {
        (key.as_str(), Found { value, pointer: join(&found.pointer, key) })
    };
    object.iter().map(member).collect()
}

/// A map of references: each a string, or an object with `ref`.
pub(super) fn references(
    members: Vec<(&str, Found<'_>)>,
    lower_case: bool,
    problems: &mut Vec<Problem>,
) -> IndexMap<String, String> {
    let mut map = IndexMap::new();
    for (key, found) in members {
        let key = if lower_case { key.trim().to_lowercase() } else { key.trim().to_owned() };
        match found.value.as_str().or_else(|| found.value.get("ref")?.as_str()) {
            Some(reference) => drop(map.insert(key, reference.trim().to_owned())),
            None => {
                problems.push(wrong(&found.pointer, "an alias or `provider/model`", found.value));
            }
        }
    }
    map
}

/// `2.0` is a whole number too.
fn whole_float(value: &Value) -> Option<u64> {
    let number = value.as_f64().filter(|number| number.fract() == 0.0 && *number >= 0.0)?;
    format!("{number:.0}").parse().ok()
}

fn wrong(pointer: &str, wanted: &str, found: &Value) -> Problem {
    let found = match found {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("\"{}\"", text.chars().take(40).collect::<String>()),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    };
    Problem::error(pointer, format!("must be {wanted}, not {found}"))
}
