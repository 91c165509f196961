//! Keys as arguments: by reference, unless a person at a command line types one.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::config::secret::{Secret, SecretSource};

/// A key by reference. What a person typed instead is taken out before it becomes JSON.
#[derive(Clone, PartialEq, Eq)]
pub enum KeyReference {
    /// `env:NAME` or `file:PATH`
    Reference(String),
    /// No key.
    None,
    /// The secret that was handed over beside the arguments.
    Handed,
    /// A secret from a command line.
    Typed(Secret),
}

/// What stands in arguments for a secret that was handed over beside them.
pub const HANDED: &str = "handed-over";

impl KeyReference {
    /// Takes a typed secret out; [`KeyReference::Handed`] stays in its place.
    pub fn take(&mut self) -> Option<Secret> {
        match self {
            Self::Typed(secret) => {
                let secret = secret.clone();
                *self = Self::Handed;
                Some(secret)
            }
            Self::Reference(_) | Self::None | Self::Handed => None,
        }
    }

    /// Whether JSON may say this; secrets themselves may not be said.
    #[must_use]
    pub fn is_sayable(text: &str) -> bool {
        let is_reference = matches!(
            SecretSource::checked(text),
            Ok(SecretSource::Environment(_) | SecretSource::File(_))
        );
        is_reference || text == "none" || text == HANDED
    }
}

impl fmt::Debug for KeyReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reference(reference) => f.write_str(reference),
            Self::None => f.write_str("none"),
            Self::Handed | Self::Typed(_) => f.write_str("••••"),
        }
    }
}

/// From a command line: anything that is no reference is the key itself.
impl FromStr for KeyReference {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match SecretSource::checked(text.trim()) {
            Ok(SecretSource::Literal(_)) if text.trim().is_empty() => {
                Err("is empty; write env:NAME, file:PATH or none".to_owned())
            }
            Ok(SecretSource::Literal(_)) if text.trim() == "none" => Ok(Self::None),
            Ok(SecretSource::Literal(_)) => Ok(Self::Typed(Secret::new(text.trim()))),
            Ok(source) => Ok(Self::Reference(source.to_string())),
            Err((message, hint)) => Err(format!("{message} ({hint})")),
        }
    }
}

impl Serialize for KeyReference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Reference(reference) => reference,
            Self::None => "none",
            Self::Handed | Self::Typed(_) => HANDED,
        })
    }
}

impl<'de> Deserialize<'de> for KeyReference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.trim() {
            "none" => Ok(Self::None),
            HANDED => Ok(Self::Handed),
            text if Self::is_sayable(text) => Ok(Self::Reference(text.to_owned())),
            // Not repeated: it may be the key.
            _ => Err(D::Error::custom("a key is given as env:NAME or file:PATH")),
        }
    }
}

impl JsonSchema for KeyReference {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "KeyReference".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+|none)$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typed_key_never_becomes_json() {
        let mut key: KeyReference = "sk-live-1234567890".parse().unwrap();
        assert_eq!(serde_json::to_string(&key).unwrap(), "\"handed-over\"");
        assert_eq!(format!("{key:?}"), "••••");
        assert_eq!(key.take().unwrap().expose(), "sk-live-1234567890");
        assert_eq!(key, KeyReference::Handed);
        let told = serde_json::from_str::<KeyReference>("\"sk-live-1234567890\"").unwrap_err();
        assert!(!told.to_string().contains("sk-live"), "{told}");
    }
}
