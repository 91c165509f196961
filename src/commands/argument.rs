//! The types of arguments: each reads the same from a command line and from JSON.

pub mod key;
pub mod maps;

use std::str::FromStr;

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{config::Strategy, protocol::Format};
use maps::checked_weight;

/// What every command that writes takes.
///
/// Flattened into the arguments of each: the schemas and the checks of the catalog make up for what
/// serde says badly about flattened structs.
#[derive(Debug, Clone, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
pub struct WriteArgs {
    /// Only tell what would change
    #[arg(long)]
    #[serde(default)]
    pub dry_run: bool,
    /// Refuse if the revision is another
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
    #[value(name = "openai")]
    #[serde(rename = "openai")]
    OpenAi,
    #[value(name = "openai-responses")]
    #[serde(rename = "openai-responses")]
    OpenAiResponses,
    #[value(name = "anthropic", alias = "claude")]
    #[serde(rename = "anthropic")]
    Anthropic,
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
    Bearer,
    XApiKey,
    XGoogApiKey,
    Header,
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
}
