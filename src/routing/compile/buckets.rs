//! Rate-limit buckets: ids are unique within a provider, the models they name exist, and every target
//! knows which of them it counts against.

use std::collections::HashSet;

use super::at;
use crate::{
    config::{
        Config, Provider,
        problem::{Problem, join},
    },
    names::did_you_mean,
    routing::router::{Bucket, BucketId, Target},
};

/// The name that stands for every model of the provider.
const ALL: &str = "all";

/// A bucket, and what counts against it.
pub(super) struct Scoped<'a> {
    pub(super) bucket: Bucket,
    provider: &'a str,
    models: &'a [String],
}

impl Scoped<'_> {
    fn applies(&self, target: &Target) -> bool {
        let listed = |name: &String| name == ALL || name == target.reference.model();
        *target.provider == *self.provider && self.models.iter().any(listed)
    }
}

pub(super) fn compile<'a>(config: &'a Config, problems: &mut Vec<Problem>) -> Vec<Scoped<'a>> {
    let mut buckets = Vec::new();
    for (index, provider) in config.providers.iter().enumerate() {
        let pointer = join(&at("/providers", index), "rateLimits");
        check_provider(provider, &pointer, problems);
        buckets.extend(provider.rate_limits.iter().map(|bucket| Scoped {
            bucket: Bucket {
                name: format!("{}/{}", provider.id, bucket.id).into(),
                cap: bucket.requests.get(),
                window: bucket.window,
            },
            provider: &provider.id,
            models: &bucket.models,
        }));
    }
    if buckets.len() > usize::from(u16::MAX) {
        problems.push(Problem::error("/providers", "more than 65535 buckets are too many"));
    }
    buckets
}

/// Tells every target which buckets it counts against.
pub(super) fn assign(buckets: &[Scoped<'_>], targets: &mut [Target]) {
    for target in targets {
        let own = buckets.iter().zip(0_u16..).filter(|(bucket, _)| bucket.applies(target));
        target.buckets = own.map(|(_, place)| BucketId(place)).collect();
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
