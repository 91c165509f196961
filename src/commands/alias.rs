//! Aliases: set, strategy, remove.

use clap::Args;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Command, Effect,
    argument::{StrategyName, Target, WriteArgs, maps::Weights},
    changed::Changed,
    error::{Code, CommandError},
    release::release,
    text::Text,
    workspace::Workspace,
};
use crate::{
    config::{
        Config, Strategy,
        edit::{
            draft::{Draft, put_targets, set_weight, target_reference},
            references::Subject,
            spelling,
        },
    },
    names::AliasId,
};

/// Create an alias, or change one that is there
///
/// An alias is a name that clients use as a model and that stands for one or more models. A list
/// that is given replaces the one that is there; what is left out stays as it is.
#[derive(Debug, Clone, Args, Serialize, Deserialize, JsonSchema)]
pub struct Set {
    /// The name that clients ask for
    alias: String,
    /// The models that it stands for, in order: `provider/model` or another alias, `@3` behind one
    /// for its weight (can be repeated)
    #[arg(long, visible_alias = "target", value_delimiter = ',', value_name = "MODEL[@WEIGHT]")]
    #[serde(skip_serializing_if = "Option::is_none")]
    targets: Option<Vec<Target>>,
    /// Models that are tried only when no target is left (can be repeated)
    #[arg(long, visible_alias = "fallback-target", value_delimiter = ',', value_name = "MODEL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    fallback_targets: Option<Vec<Target>>,
    /// How requests are spread over the targets. `ordered` for a new alias if absent
    #[arg(long, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    strategy: Option<StrategyName>,
    /// Remove all fallback targets
    #[arg(long)]
    #[serde(default)]
    clear_fallback_targets: bool,
    #[command(flatten)]
    #[serde(flatten)]
    write: WriteArgs,
}

impl Command for Set {
    const NAME: &'static str = "set-alias";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLES: &'static [&'static str] = &[
        r#"{"alias": "fast", "targets": [{"model": "openrouter/openai/gpt-4o-mini"}], "strategy": "auto"}"#,
        r#"{"alias": "chat", "fallback_targets": [{"model": "anthropic/claude-sonnet-4-5", "weight": 2}]}"#,
    ];
    type Output = Changed;

    fn run(self, workspace: &mut Workspace) -> Result<Changed, CommandError> {
        let id = self.alias.trim().to_owned();
        id.parse::<AliasId>().map_err(|error| CommandError::arguments(error.to_string()))?;
        let is_new = !workspace.config()?.model_aliases.contains_key(&id);
        if is_new && self.targets.as_ref().is_none_or(Vec::is_empty) {
            let message = format!("a new alias needs targets: what shall `{id}` stand for?");
            return Err(CommandError::arguments(message).hint("list shows the models there are"));
        }
        workspace.edit(&self.write, |draft, notes| {
            if is_new {
                let strategy = self.strategy.map_or(Strategy::default(), StrategyName::strategy);
                let fields = [("strategy".to_owned(), Value::from(strategy.name()))];
                draft.add_alias(&id, Map::from_iter(fields));
            }
            let alias = alias_of(draft, &id)?;
            if let Some(targets) = &self.targets {
                put_targets(alias, spelling::TARGETS, &pairs(targets));
            }
            if self.clear_fallback_targets {
                spelling::remove(alias, spelling::FALLBACK_TARGETS);
            }
            if let Some(targets) = &self.fallback_targets {
                put_targets(alias, spelling::FALLBACK_TARGETS, &pairs(targets));
            }
            if let Some(strategy) = self.strategy {
                spelling::put(alias, &["strategy"], strategy.strategy().name());
            }
            if is_new && draft.config().default_model.is_none() {
                notes.next.push(format!("llm-router set-default-model {id}"));
            }
            let done = if is_new { "Created" } else { "Changed" };
            Ok(format!("{done} the alias `{id}`."))
        })
    }

    fn text(output: &Changed) -> Text {
        output.text()
    }
}

/// Set how an alias spreads requests over its targets
#[derive(Debug, Clone, Args, Serialize, Deserialize, JsonSchema)]
pub struct SetStrategy {
    /// The alias
    alias: String,
    /// The strategy
    #[arg(value_enum)]
    strategy: StrategyName,
    /// Shares of targets in the weighted strategies (`provider/model=3`); 0 means only when nothing
    /// else is left
    #[arg(long, value_name = "MODEL=WEIGHT,...")]
    #[serde(skip_serializing_if = "Option::is_none")]
    weights: Option<Weights>,
    #[command(flatten)]
    #[serde(flatten)]
    write: WriteArgs,
}

impl Command for SetStrategy {
    const NAME: &'static str = "set-strategy";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLES: &'static [&'static str] = &[
        r#"{"alias": "chat", "strategy": "weighted-rr", "weights": {"openrouter/openai/gpt-4o-mini": 3}}"#,
    ];
    type Output = Changed;

    fn run(self, workspace: &mut Workspace) -> Result<Changed, CommandError> {
        let id = known(&workspace.config()?, &self.alias)?;
        let strategy = self.strategy.strategy().name();
        workspace.edit(&self.write, |draft, _| {
            let alias = alias_of(draft, &id)?;
            spelling::put(alias, &["strategy"], strategy);
            for (reference, weight) in self.weights.iter().flat_map(|weights| &weights.0) {
                weigh(alias, &id, reference, *weight)?;
            }
            Ok(format!("The alias `{id}` uses the strategy {strategy}."))
        })
    }

    fn text(output: &Changed) -> Text {
        output.text()
    }
}

/// Remove an alias
///
/// Refused with the list of referrers if other aliases, Amp routes or the default model name it;
/// `cascade` removes those references too.
#[derive(Debug, Clone, Args, Serialize, Deserialize, JsonSchema)]
pub struct Remove {
    /// The alias
    alias: String,
    /// Also remove every reference to it
    #[arg(long)]
    #[serde(default)]
    cascade: bool,
    #[command(flatten)]
    #[serde(flatten)]
    write: WriteArgs,
}

impl Command for Remove {
    const NAME: &'static str = "remove-alias";
    const EFFECT: Effect = Effect::Destroy;
    const EXAMPLES: &'static [&'static str] =
        &[r#"{"alias": "spare"}"#, r#"{"alias": "chat", "cascade": true}"#];
    type Output = Changed;

    fn run(self, workspace: &mut Workspace) -> Result<Changed, CommandError> {
        let id = known(&workspace.config()?, &self.alias)?;
        workspace.edit(&self.write, |draft, notes| {
            release(draft, Subject::Alias(&id), &format!("`{id}`"), self.cascade, notes)?;
            draft.remove_alias(&id);
            Ok(format!("Removed the alias `{id}`."))
        })
    }

    fn text(output: &Changed) -> Text {
        output.text()
    }
}

fn pairs(targets: &[Target]) -> Vec<(String, Option<f64>)> {
    let mut pairs: Vec<(String, Option<f64>)> = Vec::new();
    for target in targets {
        let reference = target.model.trim();
        if !reference.is_empty() && !pairs.iter().any(|(known, _)| known == reference) {
            pairs.push((reference.to_owned(), target.weight));
        }
    }
    pairs
}

fn weigh(
    alias: &mut Map<String, Value>,
    id: &str,
    reference: &str,
    weight: f64,
) -> Result<(), CommandError> {
    let mut known = Vec::new();
    for key in [spelling::TARGETS, spelling::FALLBACK_TARGETS] {
        if spelling::get(alias, key).is_none() {
            continue;
        }
        for target in spelling::list(alias, key) {
            let own = target_reference(target).unwrap_or_default().to_owned();
            if own == reference {
                set_weight(target, Some(weight));
                return Ok(());
            }
            known.push(own);
        }
    }
    let known = known.iter().map(String::as_str);
    Err(CommandError::unknown(
        Code::UnknownModel,
        &format!("target of `{id}` named"),
        reference,
        known,
    ))
}

/// The id of an alias that is there; `alias:` in front of it will do.
pub(super) fn known(config: &Config, id: &str) -> Result<String, CommandError> {
    let id = id.trim();
    let id = id.strip_prefix("alias:").unwrap_or(id);
    if config.model_aliases.contains_key(id) {
        return Ok(id.to_owned());
    }
    let ids = config.model_aliases.keys().map(String::as_str);
    Err(CommandError::unknown(Code::UnknownAlias, "alias", id, ids))
}

fn alias_of<'d>(
    draft: &'d mut Draft,
    id: &str,
) -> Result<&'d mut Map<String, Value>, CommandError> {
    draft
        .alias(id)
        .ok_or_else(|| CommandError::new(Code::UnknownAlias, format!("there is no alias `{id}`")))
}
