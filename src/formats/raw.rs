//! Raw JSON that is read only as far as needed.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Malformed;
/// A JSON string, borrowed from the body where it has no escapes. `Option<Text>` borrows, where
/// serde's `Option<Cow<str>>` always copies.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// The text of a JSON string; `None` for anything else.
pub(super) fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    if !raw.get().starts_with('"') {
        return None;
    }
    serde_json::from_str::<Text<'_>>(raw.get()).ok().map(|text| text.0)
}

/// Whether this is a JSON array.
pub(super) fn is_list(raw: &RawValue) -> bool {
    raw.get().starts_with('[')
}

/// Reads a part of a body.
pub(super) fn read<'a, T: Deserialize<'a>>(raw: &'a RawValue, place: &str) -> Result<T, Malformed> {
    serde_json::from_str(raw.get()).map_err(|error| Malformed {
        message: format!("`{}` is not what it must be: {error}", place.trim_start_matches('/')),
        pointer: Some(place.to_owned()),
    })
}

/// Reads a whole body.
pub(super) fn read_body<'a, T: Deserialize<'a>>(body: &'a str, what: &str) -> Result<T, Malformed> {
    serde_json::from_str(body).map_err(|error| Malformed {
        message: format!("the body is not {what}: {error}"),
        pointer: None,
    })
}

/// Joins texts of blocks.
pub(super) fn join<'a>(texts: impl Iterator<Item = Cow<'a, str>>) -> Cow<'a, str> {
    texts.reduce(|joined, text| Cow::Owned(format!("{joined}\n{text}"))).unwrap_or_default()
}

/// A struct that is read from a JSON object in one pass: the members that it names (all optional,
/// each with its spellings), and `extra`, the rest as it stands. Unlike with derived `flatten`,
/// everything stays borrowed. `null` is an absent member; of two members of one name the last
/// counts.
macro_rules! open_struct {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident<$life:lifetime> {
            $( $field:ident: $kind:ty = $key:literal $(| $alias:literal)*, )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Default)]
        $vis struct $name<$life> {
            $( $vis $field: Option<$kind>, )*
            $vis extra: Vec<(std::borrow::Cow<$life, str>, &$life serde_json::value::RawValue)>,
        }

        impl<'de: $life, $life> serde::Deserialize<'de> for $name<$life> {
            fn deserialize<D: serde::Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
                struct Visitor<$life>(std::marker::PhantomData<&$life ()>);

                impl<'de: $life, $life> serde::de::Visitor<'de> for Visitor<$life> {
                    type Value = $name<$life>;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(
                        self,
                        mut map: A,
                    ) -> Result<Self::Value, A::Error> {
                        let mut whole = $name::default();
                        while let Some($crate::formats::raw::Text(key)) = map.next_key()? {
                            match &*key {
                                $( $key $(| $alias)* => whole.$field = map.next_value()?, )*
                                _ => whole.extra.push((key, map.next_value()?)),
                            }
                        }
                        Ok(whole)
                    }
                }

                source.deserialize_map(Visitor(std::marker::PhantomData))
            }
        }
    };
}
pub(super) use open_struct;

#[cfg(test)]
mod tests {
    use super::*;

    open_struct! {
        struct Wire<'a> {
            kind: Text<'a> = "type",
            data: Vec<Wire<'a>> = "inlineData" | "inline_data",
            limit: u64 = "limit",
        }
    }

    #[test]
    fn members_without_a_name_are_kept_as_they_stand() {
        let body = r#"{"x": {"a" : 1}, "type":"t", "inline_data":[{"y":2}], "limit":null}"#;
        let wire: Wire<'_> = serde_json::from_str(body).unwrap();
        assert!(matches!(wire.kind, Some(Text(Cow::Borrowed("t")))));
        assert_eq!(wire.limit, None);
        let [(key, value)] = &wire.extra[..] else { panic!("{wire:?}") };
        assert!(matches!(key, Cow::Borrowed("x")));
        assert_eq!(value.get(), r#"{"a" : 1}"#);
        assert_eq!(wire.data.unwrap()[0].extra[0].0, "y");
        assert!(serde_json::from_str::<Wire<'_>>(r#"{"limit":"x"}"#).is_err());
        assert!(serde_json::from_str::<Wire<'_>>("[]").is_err());
    }
}
