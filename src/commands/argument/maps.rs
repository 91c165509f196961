//! Names and what they stand for, as arguments: `a=x,b=y` on a command line, an object in JSON.

use std::{borrow::Cow, str::FromStr};

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

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

pub(super) fn checked_weight(text: &str) -> Result<f64, String> {
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
