//! The types of arguments: each reads the same from a command line and from JSON.

use std::{borrow::Cow, fmt, str::FromStr};

use clap::ValueEnum;
use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::{
    config::{
        Strategy,
        secret::{Secret, SecretSource},
    },
    protocol::Format,
};

/// What every command that writes takes.
///
/// Flattened into the arguments of each: the schemas and the checks of the catalog make up for what
/// serde says badly about flattened structs.
#[derive(Debug, Clone, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
pub struct WriteArgs {
    /// Only tell what would change; write nothing
    #[arg(long)]
    #[serde(default)]
    pub dry_run: bool,
    /// Refuse if the config has another revision than this one
    #[arg(long, value_name = "REVISION")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_revision: Option<String>,
}

/// How requests are spread over the targets of an alias
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StrategyName {
    /// quota-aware, with pacing, affinity and fit: recommended
    Auto,
    /// the first target that is available, in order
    Ordered,
    /// one after the other
    RoundRobin,
    /// one after the other, in proportion to the weights
    WeightedRr,
    /// the same, with weights scaled by health and remaining quota
    QuotaAwareWeightedRr,
}

impl StrategyName {
    /// The strategy that it names.
    #[must_use]
    pub fn strategy(self) -> Strategy {
        match self {
            Self::Auto => Strategy::Auto,
            Self::Ordered => Strategy::Ordered,
            Self::RoundRobin => Strategy::RoundRobin,
            Self::WeightedRr => Strategy::WeightedRr,
            Self::QuotaAwareWeightedRr => Strategy::QuotaAwareWeightedRr,
        }
    }
}

/// A wire format
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema)]
pub enum FormatName {
    /// OpenAI Chat Completions
    #[value(name = "openai")]
    #[serde(rename = "openai")]
    OpenAi,
    /// OpenAI Responses
    #[value(name = "openai-responses")]
    #[serde(rename = "openai-responses")]
    OpenAiResponses,
    /// Anthropic Messages
    #[value(name = "anthropic", alias = "claude")]
    #[serde(rename = "anthropic")]
    Anthropic,
    /// Gemini generateContent
    #[value(name = "gemini")]
    #[serde(rename = "gemini")]
    Gemini,
}

impl FormatName {
    /// The format that it names.
    #[must_use]
    pub fn format(self) -> Format {
        match self {
            Self::OpenAi => Format::OpenAi,
            Self::OpenAiResponses => Format::OpenAiResponses,
            Self::Anthropic => Format::Anthropic,
            Self::Gemini => Format::Gemini,
        }
    }
}

/// How a provider's key is presented
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AuthName {
    /// `Authorization: Bearer KEY`
    Bearer,
    /// `x-api-key: KEY`
    XApiKey,
    /// `x-goog-api-key: KEY`
    XGoogApiKey,
    /// a header of another name, see `auth_header`
    Header,
    /// no key at all
    None,
}

impl AuthName {
    /// The word that the config has for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::XApiKey => "x-api-key",
            Self::XGoogApiKey => "x-goog-api-key",
            Self::Header => "header",
            Self::None => "none",
        }
    }
}

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

/// Names and what they stand for: `a=x,b=y`, or JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Mapping(pub IndexMap<String, String>);

impl FromStr for Mapping {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim_start().starts_with('{') {
            return serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"));
        }
        pairs(text)?.into_iter().map(|(name, value)| Ok((name, value.to_owned()))).collect()
    }
}

impl FromIterator<(String, String)> for Mapping {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

/// Two names and what they stand for together: `agent/mode=x`, or JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct NestedMapping(pub IndexMap<String, IndexMap<String, String>>);

impl FromStr for NestedMapping {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim_start().starts_with('{') {
            return serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"));
        }
        let mut map = Self::default();
        for (name, value) in pairs(text)? {
            let (outer, inner) = name
                .split_once('/')
                .ok_or_else(|| format!("`{name}` is not agent/mode: write agent/mode=route"))?;
            map.0
                .entry(outer.trim().to_owned())
                .or_default()
                .insert(inner.trim().to_owned(), value.to_owned());
        }
        Ok(map)
    }
}

/// A JSON object. On a command line it may also be the name of a file, which the shell reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Document(serde_json::Value);

impl Document {
    /// Its text.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.to_string()
    }
}

impl FromStr for Document {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim_start().starts_with('{') {
            return serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"));
        }
        Ok(Self(text.into()))
    }
}

impl JsonSchema for Document {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Document".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object" })
    }
}

/// Names that are on or off: `tools=true,vision=false`, or JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Switches(pub IndexMap<String, bool>);

impl FromStr for Switches {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim_start().starts_with('{') {
            return serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"));
        }
        let switch = |(name, value): (String, &str)| {
            let on = crate::config::environment::is_on(value)
                .ok_or_else(|| format!("`{name}` must be true or false"))?;
            Ok((name, on))
        };
        pairs(text)?.into_iter().map(switch).collect::<Result<_, String>>().map(Self)
    }
}

/// Models and their weights: `a/x=3,b/y=1`, or JSON.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Weights(pub IndexMap<String, f64>);

impl FromStr for Weights {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim_start().starts_with('{') {
            return serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"));
        }
        let weight = |(name, value): (String, &str)| Ok((name, checked_weight(value)?));
        pairs(text)?.into_iter().map(weight).collect::<Result<_, String>>().map(Self)
    }
}

fn checked_weight(text: &str) -> Result<f64, String> {
    let weight = text.parse::<f64>().ok().filter(|weight| weight.is_finite() && *weight >= 0.0);
    weight.ok_or_else(|| "a weight is a number of at least 0".to_owned())
}

fn pairs(text: &str) -> Result<Vec<(String, &str)>, String> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, value) =
                part.split_once('=').ok_or_else(|| format!("`{part}` is not name=value"))?;
            Ok((name.trim().to_owned(), value.trim()))
        })
        .collect()
}

/// One of the models behind an alias
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Target {
    /// `provider/model`, or another alias
    pub model: String,
    /// Its share in the weighted strategies; 0 means only when nothing else is left. 1 if absent
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub weight: Option<f64>,
}

/// `provider/model`, or `provider/model@3` with a weight. A number of more than four digits is a
/// part of the model's id: ids end in dates.
impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let weighted = text.rsplit_once('@').and_then(|(model, weight)| {
            let is_short = weight.len() <= 4 && !weight.is_empty();
            Some((model, checked_weight(weight).ok().filter(|_| is_short)?))
        });
        match weighted {
            _ if text.is_empty() => Err("is empty".to_owned()),
            Some((model, weight)) => Ok(Self { model: model.to_owned(), weight: Some(weight) }),
            None => Ok(Self { model: text.to_owned(), weight: None }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_told_from_dates() {
        for (text, model, weight) in [
            ("p/m", "p/m", None),
            ("p/m@3", "p/m", Some(3.0)),
            ("p/m@0.5", "p/m", Some(0.5)),
            ("p/m@20250514", "p/m@20250514", None),
            ("p/m@20250514@2", "p/m@20250514", Some(2.0)),
            ("p/llama3:70", "p/llama3:70", None),
            ("p/m@-1", "p/m@-1", None),
        ] {
            let target: Target = text.parse().unwrap();
            assert_eq!((target.model.as_str(), target.weight), (model, weight), "{text}");
        }
    }

    #[test]
    fn every_strategy_and_format_has_its_name() {
        for name in StrategyName::value_variants() {
            let shown = name.to_possible_value().unwrap();
            assert_eq!(shown.get_name(), name.strategy().name());
        }
        for name in FormatName::value_variants() {
            let shown = name.to_possible_value().unwrap();
            assert_eq!(shown.get_name(), name.format().name());
        }
        assert_eq!(FormatName::value_variants().len(), Format::ALL.len());
    }

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
