//! A cursor over one object of a raw document: finds keys by all their spellings, says what has the
//! wrong type, and in the end which keys nobody knows.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::{
    OnLoss,
    problem::{Problem, join},
    secret::SecretSource,
};
use crate::{
    names::did_you_mean,
    protocol::{Format, quirk::Quirk},
};

/// See the module's documentation.
pub(super) struct Fields<'d, 'p> {
    object: &'d Map<String, Value>,
    pub(super) pointer: String,
    /// Keys that were asked for, in every spelling, and whether that is the current one.
    known: Vec<(&'static str, bool)>,
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

    /// The value of a key; the first of its spellings is the current one and wins. `null` and
    /// blank text are absent, as they were in the original.
    pub(super) fn find(&mut self, spellings: &[&'static str]) -> Option<Found<'d>> {
        let asked_before = self.known.iter().any(|(key, _)| Some(key) == spellings.first());
        let mut present = spellings.iter().filter_map(|key| {
            let value = self.object.get(*key).filter(|value| !is_absent(value))?;
            Some((*key, value))
        });
        let found = present
            .next()
            .map(|(key, value)| (key, Found { value, pointer: join(&self.pointer, key) }));
        if let Some((used, _)) = &found
            && !asked_before
        {
            for (other, _) in present {
                let message = format!("means the same as `{used}`, which is used");
                self.problems.push(Problem::warning(join(&self.pointer, other), message));
            }
        }
        if !asked_before {
            self.known.extend(spellings.iter().enumerate().map(|(place, key)| (*key, place == 0)));
        }
        found.map(|(_, found)| found)
    }

    /// Where a key stands, or would stand: problems name the spelling that the user chose.
    pub(super) fn place(&mut self, spellings: &[&'static str]) -> String {
        match self.find(spellings) {
            Some(found) => found.pointer,
            None => join(&self.pointer, spellings.first().copied().unwrap_or_default()),
        }
    }

    /// Text without the space around it.
    pub(super) fn text(&mut self, spellings: &[&'static str]) -> Option<String> {
        let found = self.find(spellings)?;
        match found.value.as_str() {
            Some(text) => Some(text.trim().to_owned()),
            None => self.wrong(&found, "a string"),
        }
    }

    /// A secret or a reference to one. Space around it is a slip of pasting: no key has any.
    pub(super) fn secret(&mut self, spellings: &[&'static str]) -> Option<SecretSource> {
        let found = self.find(spellings)?;
        // The value is repeated in no message: it may be a secret whatever its shape.
        let problem = match found.value.as_str().map(|text| SecretSource::checked(text.trim())) {
            Some(Ok(source)) => return Some(source),
            Some(Err((message, hint))) => Problem::error(found.pointer, message).hint(hint),
            None => Problem::error(found.pointer, "must be a string"),
        };
        self.problems.push(problem);
        None
    }

    /// True or false.
    pub(super) fn boolean(&mut self, spellings: &[&'static str]) -> Option<bool> {
        let found = self.find(spellings)?;
        match found.value.as_bool() {
            Some(value) => Some(value),
            None => self.wrong(&found, "true or false"),
        }
    }

    /// A whole number within `range`; also as a string of digits.
    pub(super) fn whole<T: TryFrom<u64>>(
        &mut self,
        spellings: &[&'static str],
        range: RangeInclusive<u64>,
    ) -> Option<T> {
        let found = self.find(spellings)?;
        let value = found.value;
        let number = match value.as_str() {
            Some(text) => text.trim().parse().ok(),
            None => value.as_u64().or_else(|| whole_float(value)),
        };
        let fits = number.filter(|n| range.contains(n)).and_then(|n| T::try_from(n).ok());
        if fits.is_some() {
            return fits;
        }
        let wanted = match number {
            Some(number) if number > *range.end() => {
                format!("a whole number of at most {}", range.end())
            }
            Some(_) | None => format!("a whole number of at least {}", range.start()),
        };
        match value.as_str() {
            Some(text) => {
                let text: String = text.chars().take(40).collect();
                let message = format!("must be {wanted}, not `{text}`");
                self.problems.push(Problem::error(found.pointer, message));
                None
            }
            None => self.wrong(&found, &wanted),
        }
    }

    /// One of several words, whatever its case.
    pub(super) fn word<T: Copy>(
        &mut self,
        spellings: &[&'static str],
        what: &str,
        known: &[(&'static str, T)],
    ) -> Option<T> {
        let text = self.text(spellings)?;
        let wanted = text.to_lowercase();
        if let Some((_, value)) = known.iter().find(|(word, _)| *word == wanted) {
            return Some(*value);
        }
        let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
        let problem = Problem::error(self.place(spellings), format!("`{text}` is not {what}"));
        self.problems.push(problem.hint(suggestion_of(&wanted, &words)));
        None
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
            match found.value.as_str().map(str::trim) {
                Some("") => {}
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
        match text.trim().parse() {
            Ok(format) => Some(format),
            Err(message) => {
                self.problems.push(Problem::error(&found.pointer, message));
                None
            }
        }
    }

    /// A list of quirks, each once.
    pub(super) fn quirks(&mut self, spellings: &[&'static str]) -> Vec<Quirk> {
        let mut quirks = Vec::new();
        for found in self.list(spellings, true) {
            let Some(text) = found.value.as_str() else {
                self.wrong::<()>(&found, "a quirk");
                continue;
            };
            match text.trim().parse() {
                Ok(quirk) if quirks.contains(&quirk) => {}
                Ok(quirk) => quirks.push(quirk),
                Err(message) => self.problems.push(Problem::error(&found.pointer, message)),
            }
        }
        quirks
    }

    /// What happens to losses.
    pub(super) fn on_loss(&mut self) -> Option<OnLoss> {
        const KNOWN: [(&str, OnLoss); 3] =
            [("allow", OnLoss::Allow), ("warn", OnLoss::Warn), ("refuse", OnLoss::Refuse)];
        self.word(&["onLoss"], "one of the choices", &KNOWN)
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

    /// Warns of the keys that nobody asked for. Only current spellings are proposed.
    pub(super) fn finish(self) {
        for key in self.object.keys() {
            // `$schema` is for editors.
            if self.known.iter().any(|(known, _)| known == key) || key == "$schema" {
                continue;
            }
            let current = self.known.iter().filter(|(_, current)| *current).map(|(key, _)| *key);
            let message = "is not a known key; it is kept";
            let problem = Problem::warning(join(&self.pointer, key), message);
            self.problems.push(problem.hint(suggestion(key, current)));
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

/// `did you mean ...?`, or nothing.
pub(super) fn suggestion<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    did_you_mean(name, known).trim_start_matches("; ").to_owned()
}

/// The same, with all that is known behind it.
pub(super) fn suggestion_of(name: &str, known: &[&str]) -> String {
    let list = format!("known: {}", known.join(", "));
    match suggestion(name, known.iter().copied()) {
        nearest if nearest.is_empty() => list,
        nearest => format!("{nearest} {list}"),
    }
}

fn is_absent(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

/// `2.0` is a whole number too.
fn whole_float(value: &Value) -> Option<u64> {
    let number = value.as_f64().filter(|number| number.fract() == 0.0 && *number >= 0.0)?;
    format!("{number:.0}").parse().ok()
}

/// Text is not repeated: whatever stands in a wrong place may be a key.
pub(super) fn wrong(pointer: &str, wanted: &str, found: &Value) -> Problem {
    let found = match found {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(_) => "a string".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    };
    Problem::error(pointer, format!("must be {wanted}, not {found}"))
}
