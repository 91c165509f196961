//! `providers[].rateLimits`.

use std::{
    collections::HashSet,
    num::{NonZeroU32, NonZeroU64},
};

use super::{
    super::super::{
        Bucket, Window, WindowUnit,
        fields::{Fields, Found},
        problem::{Problem, join},
    },
    slug,
};

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
    let mut read: Vec<(Bucket, bool)> = Vec::new();
    for (index, found) in fields.list(&["rateLimits", "rate-limits"], true).iter().enumerate() {
        read.extend(read_one(found, index, fields.problems));
    }
    // Ids that were given stand, wherever they are; those that were made give way.
    let given = read.iter().filter(|(_, given)| *given).map(|(bucket, _)| bucket.id.clone());
    let mut taken: HashSet<String> = given.collect();
    let buckets = read.into_iter().map(|(bucket, given)| {
        let id = if given { bucket.id.clone() } else { unique(&bucket.id, &taken) };
        taken.insert(id.clone());
        Bucket { id, ..bucket }
    });
    buckets.collect()
}

/// A bucket, and whether its id was given.
fn read_one(
    found: &Found<'_>,
    index: usize,
    problems: &mut Vec<Problem>,
) -> Option<(Bucket, bool)> {
    let mut fields = Fields::open(found, problems)?;
    let given = fields.text(&["id"]);
    let name = fields.text(&["name"]);
    let named = given.is_some();
    let made = || name.as_deref().map(slug).filter(|slug| !slug.is_empty());
    let id = given.or_else(made).unwrap_or_else(|| format!("bucket-{}", index + 1));
    let models = fields.texts(&["models", "model"], true);
    let requests = read_requests(&mut fields);
    let window = read_window(&mut fields);
    let metadata = fields.any(&["metadata"]);
    fields.finish();
    Some((Bucket { id, name, models, requests: requests?, window: window?, metadata }, named))
}

fn read_requests(fields: &mut Fields<'_, '_>) -> Option<NonZeroU64> {
    let spellings = &["requests", "limit", "requests-per-window"];
    if fields.find(spellings).is_none() {
        let problem = Problem::error(join(&fields.pointer, "requests"), "is missing");
        fields.problems.push(problem.hint("how many requests fit into the window"));
        return None;
    }
    fields.whole(spellings, 1..=u64::MAX).and_then(NonZeroU64::new)
}

const FLAT_UNIT: [&str; 3] = ["windowUnit", "window-unit", "window.unit"];
const FLAT_SIZE: [&str; 4] = ["windowSize", "window-size", "window.size", "window.value"];

/// `window: {unit, size}`, or the flat spellings.
fn read_window(fields: &mut Fields<'_, '_>) -> Option<Window> {
    let flat_unit = fields.find(&FLAT_UNIT);
    let flat_size = fields.find(&FLAT_SIZE);
    let Some(found) = fields.find(&["window"]) else {
        if flat_unit.is_none() {
            let problem = Problem::error(join(&fields.pointer, "window"), "is missing");
            fields.problems.push(problem.hint("for example {\"unit\": \"minute\", \"size\": 1}"));
            return None;
        }
        return read_unit_and_size(fields, &FLAT_UNIT, &FLAT_SIZE);
    };
    for flat in flat_unit.into_iter().chain(flat_size) {
        let message = "means the same as `window`, which is used";
        fields.problems.push(Problem::warning(flat.pointer, message));
    }
    let mut window = Fields::open(&found, fields.problems)?;
    let read = read_unit_and_size(&mut window, &["unit"], &["size", "value"]);
    window.finish();
    read
}

/// A window without a size is of one unit.
fn read_unit_and_size(
    fields: &mut Fields<'_, '_>,
    unit: &[&'static str],
    size: &[&'static str],
) -> Option<Window> {
    let size = match fields.find(size) {
        Some(_) => fields.whole(size, 1..=u64::from(u32::MAX)).and_then(NonZeroU32::new),
        None => Some(NonZeroU32::MIN),
    };
    if fields.find(unit).is_none() {
        let problem = Problem::error(fields.place(unit), "is missing");
        fields.problems.push(problem.hint("for example \"minute\""));
        return None;
    }
    let unit = fields.word(unit, "a unit of time", &UNITS)?;
    Some(Window { unit, size: size? })
}

/// `id`, or `id-2`, `id-3`, ... if that is taken.
fn unique(id: &str, taken: &HashSet<String>) -> String {
    let numbered = (2_u64..).map(|number| format!("{id}-{number}"));
    let mut candidates = std::iter::once(id.to_owned()).chain(numbered);
    candidates.find(|candidate| !taken.contains(candidate)).unwrap_or_else(|| id.to_owned())
}
