//! Letting go: what is removed is referred to by nothing any more.

use serde_json::{Value, json};

use super::{
    changed::Notes,
    error::{Code, CommandError},
};
use crate::config::{
    edit::{
        draft::Draft,
        references::{self, Subject},
        spelling,
    },
    problem::Problem,
};

/// Lets go of what is about to be removed: refused if others refer to it, unless they shall let go.
pub fn release(
    draft: &mut Draft,
    subject: Subject<'_>,
    what: &str,
    cascade: bool,
    notes: &mut Notes,
) -> Result<(), CommandError> {
    let places = references::to(draft.root(), subject);
    if places.is_empty() {
        return Ok(());
    }
    if !cascade {
        let problem = |place: &references::Place| {
            Problem::error(place.pointer(), format!("refers to `{}`", place.reference))
        };
        let message = match places.len() {
            1 => format!("{what} is referred to"),
            count => format!("{what} is referred to {count} times"),
        };
        return Err(CommandError::new(Code::InUse, message)
            .problems(places.iter().map(problem).collect())
            .hint("change these first, or let them go too with cascade"));
    }
    let told = places.iter().map(|place| format!("{} ({})", place.pointer(), place.reference));
    notes.removed_references.extend(told);
    references::remove(draft.root(), &places);
    prune_buckets(draft, notes);
    Ok(())
}

/// A bucket whose last model has gone would limit nothing, and be an error.
fn prune_buckets(draft: &mut Draft, notes: &mut Notes) {
    let ids: Vec<String> =
        draft.config().providers.into_iter().map(|provider| provider.id).collect();
    for id in ids {
        let Some(provider) = draft.provider(&id) else { continue };
        if spelling::get(provider, spelling::RATE_LIMITS).is_none() {
            continue;
        }
        spelling::list(provider, spelling::RATE_LIMITS).retain(|bucket| {
            let models = bucket.as_object().and_then(|b| spelling::get(b, spelling::BUCKET_MODELS));
            let is_spent = models == Some(&json!([]));
            if is_spent {
                let name = bucket.get("id").and_then(Value::as_str).unwrap_or("without an id");
                notes.removed_references.push(format!("the bucket `{name}` of `{id}`"));
            }
            !is_spent
        });
    }
}
