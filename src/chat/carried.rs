//! What is carried without being understood: raw JSON, members without a word here, and the places
//! in the client's body that losses are reported with.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use crate::protocol::Format;

/// A JSON value as it was written, borrowed where possible. Equal means: the same text.
#[derive(Debug, Clone)]
pub struct Json<'a>(Cow<'a, RawValue>);

impl<'a> Json<'a> {
    /// `value` as JSON; `null` if it cannot be written (no value of ours can fail to).
    #[must_use]
    pub fn of(value: &impl Serialize) -> Json<'static> {
        Json(Cow::Owned(to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned())))
    }

    /// `text`, if it is JSON.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        serde_json::from_str::<&RawValue>(text).ok().map(Self::from)
    }

    /// The source text.
    #[must_use]
    pub fn get(&self) -> &str {
        self.0.get()
    }

    /// The same, without a tie to the body.
    #[must_use]
    pub fn into_owned(self) -> Json<'static> {
        Json(Cow::Owned(self.0.into_owned()))
    }

    /// The same, without a copy.
    #[must_use]
    pub fn reborrow(&self) -> Json<'_> {
        Json(Cow::Borrowed(&self.0))
    }

    /// Reads the value.
    ///
    /// # Errors
    /// If it is not what is wanted.
    pub fn read<'s, T: Deserialize<'s>>(&'s self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.get())
    }
}

impl<'a> From<&'a RawValue> for Json<'a> {
    fn from(raw: &'a RawValue) -> Self {
        Self(Cow::Borrowed(raw))
    }
}

impl PartialEq for Json<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Eq for Json<'_> {}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Json<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(deserializer).map(Self::from)
    }
}

/// A member of an object that this vocabulary has no word for. Only the format that it comes from
/// can be given it back; elsewhere it is a loss.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extra<'a> {
    pub format: Format,
    pub key: Cow<'a, str>,
    pub value: Json<'a>,
}

impl<'a> Extra<'a> {
    /// The members of an object of `format` that nobody has a word for.
    #[must_use]
    pub fn list(format: Format, rest: Vec<(Cow<'a, str>, &'a RawValue)>) -> Vec<Self> {
        let extra = |(key, value): (_, &'a RawValue)| Self { format, key, value: value.into() };
        rest.into_iter().map(extra).collect()
    }
}

/// Where something stands in the client's body: a JSON pointer that is only written out when it is
/// reported. Each `#` of the pattern stands for the next index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place {
    pattern: &'static str,
    indexes: [u32; 4],
}

impl Place {
    /// A place by its pattern, as `/messages/#/content/#` with the two indexes. More indexes than
    /// four, or than the pattern has places for, are ignored.
    #[must_use]
    pub fn new(pattern: &'static str, indexes: &[usize]) -> Self {
        let mut place = Self { pattern, indexes: [0; 4] };
        for (slot, index) in place.indexes.iter_mut().zip(indexes) {
            *slot = u32::try_from(*index).unwrap_or(u32::MAX);
        }
        place
    }

    /// Whether nothing is known of it: what is made, not read, stands nowhere.
    #[must_use]
    pub fn is_nowhere(&self) -> bool {
        self.pattern.is_empty()
    }

    /// The pointer to `key` inside it.
    #[must_use]
    pub fn member(&self, key: &str) -> String {
        format!("{self}/{}", key.replace('~', "~0").replace('/', "~1"))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut indexes = self.indexes.iter();
        let mut pieces = self.pattern.split('#');
        f.write_str(pieces.next().unwrap_or_default())?;
        for piece in pieces {
            write!(f, "{}{piece}", indexes.next().copied().unwrap_or_default())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_json_pointer() {
        for (pattern, indexes, member, expected) in [
            (
                "/messages/#/content/#",
                &[2, 1][..],
                "cache_control",
                "/messages/2/content/1/cache_control",
            ),
            ("/tools/#", &[3], "a/b~", "/tools/3/a~1b~0"),
            ("", &[], "top_k", "/top_k"),
            ("/input/#", &[7, 9, 9, 9, 9], "x", "/input/7/x"),
        ] {
            assert_eq!(Place::new(pattern, indexes).member(member), expected);
        }
    }

    #[test]
    fn raw_json_keeps_its_text() {
        let text = "{\"b\": 1.0,\n\"a\":[]}";
        let json = Json::parse(text).unwrap();
        assert_eq!(json.get(), text);
        assert_eq!(serde_json::to_string(&[&json]).unwrap(), format!("[{text}]"));
        assert_eq!(json.clone().into_owned(), json);
        assert!(Json::parse("{").is_none());
    }
}
