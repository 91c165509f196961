//! Rate-limit buckets: ids are unique within a provider, and the models they name exist.

use std::collections::HashSet;

use super::at;
use crate::{
    config::{
        Config, Provider,
        problem::{Problem, join},
    },
    names::did_you_mean,
};

/// The name that stands for every model of the provider.
const ALL: &str = "all";

pub(super) fn check(config: &Config, problems: &mut Vec<Problem>) {
    for (index, provider) in config.providers.iter().enumerate() {
        let pointer = join(&at("/providers", index), "rateLimits");
        check_provider(provider, &pointer, problems);
    }
}

fn check_provider(provider: &Provider, pointer: &str, problems: &mut Vec<Problem>) {
    let mut ids = HashSet::new();
    for (index, bucket) in provider.rate_limits.iter().enumerate() {
        let pointer = at(pointer, index);
        if !ids.insert(bucket.id.as_str()) {
            let message = format!("two buckets are named `{}`", bucket.id);
            problems.push(Problem::error(join(&pointer, "id"), message));
        }
        let pointer = join(&pointer, "models");
        if bucket.models.is_empty() {
            problems.push(
                Problem::error(&pointer, "a bucket needs models")
                    .hint("[\"all\"], or ids of the provider's models"),
            );
        }
        let for_all = bucket.models.iter().any(|model| model == ALL);
        if for_all && bucket.models.len() > 1 {
            problems.push(Problem::error(&pointer, "`all` cannot stand beside model ids"));
        }
        for (place, model) in bucket.models.iter().enumerate() {
            let known = provider.models.iter().map(|model| model.id.as_str());
            if model != ALL && !known.clone().any(|id| id == model) {
                let hint = did_you_mean(model, known);
                problems.push(
                    Problem::error(
                        at(&pointer, place),
                        format!("provider `{}` has no model `{model}`", provider.id),
                    )
                    .hint(hint.trim_start_matches("; ")),
                );
            }
        }
    }
}
