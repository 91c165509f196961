//! Names that users give: providers, models, aliases. Parsed once, exact from then on.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidName {
    #[error(
        "`{0}` is not a provider id: use letters, digits, `.`, `_` and `-`, starting with a letter or digit"
    )]
    Provider(String),
    #[error(
        "`{0}` is not an alias id: use letters, digits and `._:-[]`, starting with a letter or digit"
    )]
    Alias(String),
    #[error("`{0}` is not a model reference: write `provider/model`, without spaces")]
    Model(String),
}

/// The id of a provider. Its case is kept and matters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct ProviderId(String);

impl ProviderId {
    /// The id as the user wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProviderId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let valid = text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidName::Provider(text.to_owned())) }
    }
}

impl fmt::Display for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id of a model alias. Brackets are allowed for names such as `opus[1m]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct AliasId(String);

impl AliasId {
    /// The id as the user wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AliasId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let valid = text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "._:-[]".contains(c));
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidName::Alias(text.to_owned())) }
    }
}

impl fmt::Display for AliasId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One model of one provider, written `provider/model`. The model may hold further slashes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModelRef {
    text: String,
    slash: usize,
}

impl ModelRef {
    /// Puts a reference together from its halves.
    #[must_use]
    pub fn new(provider: &ProviderId, model: &str) -> Self {
        Self { text: format!("{provider}/{model}"), slash: provider.as_str().len() }
    }

    /// The part before the first slash.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.text[..self.slash]
    }

    /// All that follows the first slash.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.text[self.slash + 1..]
    }

    /// The whole reference.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for ModelRef {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        match text.split_once('/') {
            Some((provider, model))
                if !provider.is_empty()
                    && !model.is_empty()
                    && !text.contains(char::is_whitespace) =>
            {
                Ok(Self { text: text.to_owned(), slash: provider.len() })
            }
            Some(_) | None => Err(InvalidName::Model(text.to_owned())),
        }
    }
}

impl TryFrom<String> for ModelRef {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<ModelRef> for String {
    fn from(reference: ModelRef) -> Self {
        reference.text
    }
}

impl fmt::Display for ModelRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Up to three of `known` that `name` may have been meant to be, the nearest first.
///
/// Near means few edits for the length, the same text in another case, or one ending with the
/// other after a slash (`claude-x` for `anthropic/claude-x`).
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let lower = name.to_lowercase();
    let mut scored: Vec<(usize, &str)> = known
        .into_iter()
        .filter_map(|candidate| distance(&lower, &candidate.to_lowercase()).map(|d| (d, candidate)))
        .collect();
    scored.sort_unstable();
    scored.dedup_by_key(|(_, candidate)| *candidate);
    scored.into_iter().take(3).map(|(_, candidate)| candidate).collect()
}

/// How far apart two lower-cased names are, if they are near at all.
fn distance(name: &str, candidate: &str) -> Option<usize> {
    let tail = |text: &str, end: &str| {
        text.strip_suffix(end).is_some_and(|head| head.is_empty() || head.ends_with('/'))
    };
    if !name.is_empty() && (tail(candidate, name) || tail(name, candidate)) {
        return Some(0);
    }
    // Comparing long garbage would cost more than the hint is worth.
    if name.len() > 256 {
        return None;
    }
    let edits = strsim::damerau_levenshtein(name, candidate);
    let allowed = name.chars().count().max(candidate.chars().count()) / 3;
    (edits <= allowed.max(1)).then_some(edits)
}

/// A hint for an error message: `; did you mean `a` or `b`?`, or nothing.
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    match nearest(name, known).as_slice() {
        [] => String::new(),
        names => {
            let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            format!("; did you mean {}?", quoted.join(" or "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parsed_as_the_grammar_says() {
        for id in ["openrouter", "Provider_1", "my-prov", "9router", "z.ai"] {
            assert!(id.parse::<ProviderId>().is_ok(), "{id}");
        }
        for id in ["", "-a", "a b", "a/b", "ä", "a:b"] {
            assert!(id.parse::<ProviderId>().is_err(), "{id}");
        }
        for id in ["chat.default", "opus[1m]", "a:b", "A-1"] {
            assert!(id.parse::<AliasId>().is_ok(), "{id}");
        }
        for id in ["", "[a]", "a/b", "a b"] {
            assert!(id.parse::<AliasId>().is_err(), "{id}");
        }
    }

    #[test]
    fn a_model_reference_splits_at_the_first_slash() {
        let reference: ModelRef = "openrouter/anthropic/claude-opus-4.6".parse().unwrap();
        assert_eq!(reference.provider(), "openrouter");
        assert_eq!(reference.model(), "anthropic/claude-opus-4.6");
        for text in ["", "a", "/a", "a/", "a/b c", "a /b"] {
            assert!(text.parse::<ModelRef>().is_err(), "{text}");
        }
    }

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let known = ["openrouter/gpt-4o-mini", "anthropic/claude-opus-4-6", "chat.default"];
        for (name, expected) in [
            ("claude-opus-4-6", vec!["anthropic/claude-opus-4-6"]),
            ("Chat.Default", vec!["chat.default"]),
            ("chat.defalut", vec!["chat.default"]),
            ("other/claude-opus-4-6", vec!["anthropic/claude-opus-4-6"]),
            ("zzz", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(nearest(name, known), expected, "{name}");
        }
    }
}
