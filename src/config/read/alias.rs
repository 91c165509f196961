//! `modelAliases`.

use super::super::{
    Alias, AliasTarget, Strategy,
    fields::{Fields, Found, suggestion_of},
    problem::{Problem, join},
};

/// Every strategy, with the names that are read as it; the first is the one that is written.
const STRATEGIES: [(Strategy, &[&str]); 5] = [
    (Strategy::Auto, &["auto", "automatic", "smart"]),
    (Strategy::Ordered, &["ordered"]),
    (Strategy::RoundRobin, &["round-robin", "rr"]),
    (Strategy::WeightedRr, &["weighted-rr", "weighted_rr", "weighted-round-robin"]),
    (
        Strategy::QuotaAwareWeightedRr,
        &["quota-aware-weighted-rr", "quota-aware-weighted-round-robin"],
    ),
];

/// Reads the alias that stands under the key `id`.
pub(super) fn read(mut fields: Fields<'_, '_>, id: &str) -> Alias {
    if let Some(own) = fields.text(&["id"])
        && own != id
    {
        let message = format!("differs from the key `{id}`, which is the alias's id");
        fields.problems.push(Problem::warning(join(&fields.pointer, "id"), message));
    }
    let alias = Alias {
        strategy: read_strategy(&mut fields).unwrap_or_default(),
        targets: read_targets(&mut fields, &["targets"]),
        fallback_targets: read_targets(
            &mut fields,
            &["fallbackTargets", "fallback-targets", "fallbacks"],
        ),
        on_loss: fields.on_loss(),
        metadata: fields.any(&["metadata"]),
    };
    fields.finish();
    alias
}

fn read_strategy(fields: &mut Fields<'_, '_>) -> Option<Strategy> {
    let text = fields.text(&["strategy"])?;
    let wanted = text.to_lowercase();
    let known = STRATEGIES.into_iter().find(|(_, names)| names.contains(&wanted.as_str()));
    if let Some((strategy, _)) = known {
        return Some(strategy);
    }
    let names = STRATEGIES.map(|(strategy, _)| strategy.name());
    let message = format!("`{text}` is not a strategy");
    let problem = Problem::error(join(&fields.pointer, "strategy"), message);
    fields.problems.push(problem.hint(suggestion_of(&wanted, &names)));
    None
}

/// Targets are references or objects with one; a second one of the same reference says nothing.
fn read_targets(fields: &mut Fields<'_, '_>, spellings: &[&'static str]) -> Vec<AliasTarget> {
    let mut targets: Vec<AliasTarget> = Vec::new();
    for found in fields.list(spellings, true) {
        let Some(target) = read_target(&found, fields.problems) else { continue };
        if targets.iter().any(|other| other.reference == target.reference) {
            let message = format!("`{}` is a target already", target.reference);
            fields.problems.push(Problem::warning(found.pointer, message));
        } else {
            targets.push(target);
        }
    }
    targets
}

fn read_target(found: &Found<'_>, problems: &mut Vec<Problem>) -> Option<AliasTarget> {
    if let Some(reference) = found.value.as_str() {
        let reference = reference.trim().to_owned();
        return Some(AliasTarget { reference, weight: None, metadata: None });
    }
    let mut fields = Fields::open(found, problems)?;
    let reference = fields.text(&["ref", "target", "route", "model"]);
    let weight = fields.find(&["weight"]).and_then(|found| {
        let weight = found.value.as_f64().filter(|weight| weight.is_finite() && *weight >= 0.0);
        weight.or_else(|| fields.wrong(&found, "a number of at least 0"))
    });
    let metadata = fields.any(&["metadata"]);
    if reference.is_none() {
        let problem = Problem::error(&found.pointer, "names no target");
        fields.problems.push(problem.hint("{\"ref\": \"provider/model\"}"));
    }
    fields.finish();
    Some(AliasTarget { reference: reference?, weight, metadata })
}
