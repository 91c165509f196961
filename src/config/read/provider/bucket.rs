//! `providers[].rateLimits`.

use std::num::{NonZeroU32, NonZeroU64};

use super::{
    super::super::{
        Bucket, Window, WindowUnit,
        fields::{Fields, Found},
        problem::{Problem, join},
    },
    slug,
};
use crate::names::did_you_mean;

const UNITS: [(&str, WindowUnit); 6] = [
    ("second", WindowUnit::Second),
    ("minute", WindowUnit::Minute),
    ("hour", WindowUnit::Hour),
    ("day", WindowUnit::Day),
    ("week", WindowUnit::Week),
    ("month", WindowUnit::Month),
];

/// Reads the buckets of a provider. One without an id gets one from its name or its place.
pub(super) fn read_all(fields: &mut Fields<'_, '_>) -> Vec<Bucket> {
    let mut buckets: Vec<Bucket> = Vec::new();
    for (index, found) in fields.list(&["rateLimits", "rate-limits"], true).iter().enumerate() {
        let Some((bucket, named)) = read(found, index, fields.problems) else { continue };
        let id = if named { bucket.id.clone() } else { unique(&bucket.id, &buckets) };
        buckets.push(Bucket { id, ..bucket });
    }
    buckets
}

/// A bucket, and whether its id was given.
fn read(found: &Found<'_>, index: usize, problems: &mut Vec<Problem>) -> Option<(Bucket, bool)> {
    let mut fields = Fields::open(found, problems)?;
    let given = fields.text(&["id"]).map(|id| id.trim().to_owned()).filter(|id| !id.is_empty());
    let name = fields.text(&["name"]);
    let named = given.is_some();
    let made = || name.as_deref().map(slug).filter(|slug| !slug.is_empty());
    let id = given.or_else(made).unwrap_or_else(|| format!("bucket-{}", index + 1));
    let models = fields.texts(&["models", "model"], true);
    let requests = required(&mut fields, &["requests", "limit", "requests-per-window"]);
    let window = read_window(&mut fields);
    let metadata = fields.any(&["metadata"]);
    fields.finish();
    let requests = requests.and_then(NonZeroU64::new)?;
    Some((Bucket { id, name, models, requests, window: window?, metadata }, named))
}

fn required(fields: &mut Fields<'_, '_>, spellings: &[&'static str]) -> Option<u64> {
    if fields.find(spellings).is_none() {
        let pointer = join(&fields.pointer, spellings[0]);
        fields.problems.push(Problem::error(pointer, "is missing"));
        return None;
    }
    fields.whole(spellings, 1)
}

/// `window: {unit, size}`, or the flat spellings.
fn read_window(fields: &mut Fields<'_, '_>) -> Option<Window> {
    let flat_unit = fields.find(&["windowUnit", "window-unit", "window.unit"]);
    let flat_size =
        fields.whole::<u32>(&["windowSize", "window-size", "window.size", "window.value"], 1);
    let (unit, size) = match fields.find(&["window"]) {
        Some(found) => {
            let mut window = Fields::open(&found, fields.problems)?;
            let unit = window.find(&["unit"]);
            let size = window.whole::<u32>(&["size", "value"], 1);
            window.finish();
            (unit.or(flat_unit), size.or(flat_size))
        }
        None => (flat_unit, flat_size),
    };
    let Some(unit) = unit else {
        let problem = Problem::error(join(&fields.pointer, "window"), "is missing");
        fields.problems.push(problem.hint("for example {\"unit\": \"minute\", \"size\": 1}"));
        return None;
    };
    let Some(text) = unit.value.as_str() else { return fields.wrong(&unit, "a unit of time") };
    let wanted = text.trim().to_lowercase();
    let known = UNITS.into_iter().find(|(name, _)| *name == wanted);
    let Some((_, unit)) = known else {
        let names = UNITS.map(|(name, _)| name);
        let hint = did_you_mean(&wanted, names);
        let hint = format!("{} known: {}", hint.trim_start_matches("; "), names.join(", "));
        let problem = Problem::error(unit.pointer, format!("`{text}` is not a unit of time"));
        fields.problems.push(problem.hint(hint.trim().to_owned()));
        return None;
    };
    let size = NonZeroU32::new(size.unwrap_or(1))?;
    Some(Window { unit, size })
}

/// `id`, or `id-2`, `id-3`, ... if another bucket has it.
fn unique(id: &str, others: &[Bucket]) -> String {
    let taken = |id: &str| others.iter().any(|other| other.id == id);
    if !taken(id) {
        return id.to_owned();
    }
    let mut number = 2_u32;
    loop {
        let candidate = format!("{id}-{number}");
        if !taken(&candidate) {
            return candidate;
        }
        number += 1;
    }
}
