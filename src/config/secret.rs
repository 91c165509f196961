//! Secrets: where they come from, and values that do not show themselves.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use subtle::ConstantTimeEq;

/// A secret's value. It shows itself to nobody: not in logs, not in errors, not in JSON.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a value into custody.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value, for the one place that has to send or compare it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether `candidate` is this secret, in a time that does not tell how much of it matches.
    #[must_use]
    pub fn matches(&self, candidate: &str) -> bool {
        self.0.as_bytes().ct_eq(candidate.as_bytes()).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("••••")
    }
}

/// Where a secret comes from, as the config says it.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// It stands in the config itself.
    Literal(Secret),
    /// `env:NAME`
    Environment(String),
    /// `file:PATH`
    File(String),
}

impl SecretSource {
    /// Reads a config value: `env:NAME`, `file:PATH`, or the secret itself.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if let Some(name) = text.strip_prefix("env:") {
            Self::Environment(name.trim().to_owned())
        } else if let Some(path) = text.strip_prefix("file:") {
            Self::File(path.trim().to_owned())
        } else {
            Self::Literal(Secret::new(text))
        }
    }

    /// The same, for text that may be wrong.
    ///
    /// # Errors
    /// What is wrong with a reference that names nothing, and what to write. Neither repeats it: a
    /// key may have been put there by mistake.
    pub fn checked(text: &str) -> Result<Self, (&'static str, &'static str)> {
        match Self::parse(text) {
            Self::Environment(name) if !is_variable_name(&name) => Err((
                "`env:` is not followed by a variable's name",
                "for example env:OPENAI_API_KEY",
            )),
            Self::File(path) if path.is_empty() => {
                Err(("`file:` is not followed by a path", "for example file:~/.keys/openai"))
            }
            source @ (Self::Literal(_) | Self::Environment(_) | Self::File(_)) => Ok(source),
        }
    }
}

/// Shows the reference, never a value.
impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(_) => f.write_str("••••"),
            Self::Environment(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{path}"),
        }
    }
}

impl fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Serializes as [`fmt::Display`] shows it: a config that is printed holds no secret.
impl Serialize for SecretSource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for SecretSource {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A secret: `env:NAME`, `file:PATH`, or the secret itself",
        })
    }
}

/// Finds the values of secrets: the shell's environment and files, or a table in tests.
pub type SecretFinder<'a> = dyn Fn(&SecretSource) -> Result<Secret, String> + 'a;

/// Whether a shell would take this as the name of a variable. A key that was put in the place of
/// such a name hardly ever passes, so that it is not quoted as one later.
#[must_use]
pub fn is_variable_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Words that guessers try first.
const GUESSED: [&str; 9] =
    ["password", "changeme", "default", "secret", "token", "admin", "qwerty", "letmein", "123456"];
/// The shortest gateway key that is strong.
const SHORTEST: usize = 24;
/// The longest run of one character in a strong key.
const LONGEST_RUN: usize = 5;

/// Whether a gateway key is strong enough to stand alone between strangers and the user's money.
///
/// # Errors
/// What is weak about it, without showing it.
pub fn strength(key: &str) -> Result<(), String> {
    let classes = [
        key.chars().any(|c| c.is_ascii_lowercase()),
        key.chars().any(|c| c.is_ascii_uppercase()),
        key.chars().any(|c| c.is_ascii_digit()),
        key.chars().any(|c| !c.is_ascii_alphanumeric()),
    ];
    let lower = key.to_lowercase();
    let chars: Vec<char> = key.chars().collect();
    let runs = chars.chunk_by(|a, b| a == b).map(<[char]>::len);
    if chars.len() < SHORTEST {
        Err(format!("the key is weak: it has fewer than {SHORTEST} characters"))
    } else if classes.into_iter().filter(|class| *class).count() < 3 {
        Err("the key is weak: it needs three of lower case, upper case, digits and symbols"
            .to_owned())
    } else if let Some(word) = GUESSED.into_iter().find(|word| lower.contains(word)) {
        Err(format!("the key is weak: it contains `{word}`"))
    } else if runs.max().unwrap_or_default() > LONGEST_RUN {
        Err("the key is weak: one character stands six times in a row".to_owned())
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn weak_keys_are_told_apart() {
        for (key, expected) in [
            ("gw_3vQn8Jx2LrT6bYw9KpZc4HdMfUa7", ""),
            ("gw_short1A", "fewer than 24"),
            ("abcdefghijklmnopqrstuvwxyz", "three of"),
            ("gw_MyPassword8Jx2LrT6bYw9KpZ", "`password`"),
            ("gw_8Jx2LrT6bYw9KpZccccccHdM", "six times"),
        ] {
            let told = strength(key).err().unwrap_or_default();
            assert_eq!(told.is_empty(), expected.is_empty(), "{key}: {told}");
            assert!(told.contains(expected), "{key}: {told}");
        }
    }

    proptest! {
        #[test]
        fn a_secret_never_shows_itself(secret in "[a-z0-9]{12,30}") {
            let source = SecretSource::parse(&secret);
            let json = serde_json::to_string(&source).unwrap();
            let shown = format!("{source} {source:?} {json} {:?}", Secret::new(secret.as_str()));
            prop_assert!(!shown.contains(&secret));
        }
    }
}
