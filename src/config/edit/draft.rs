//! A document that is being changed: finds what ids name in it, whatever form it is written in.

use serde_json::{Map, Value};

use super::spelling::{self, Key, get_mut, text};
use crate::config::{Config, read};

/// See the module's documentation.
#[derive(Debug, Clone)]
pub struct Draft {
    root: Map<String, Value>,
}

impl Draft {
    /// Takes a document. What is no object was no config, and is left behind.
    #[must_use]
    pub fn new(document: Value) -> Self {
        match document {
            Value::Object(root) => Self { root },
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => Self { root: Map::new() },
        }
    }

    /// The document as it is now.
    #[must_use]
    pub fn document(&self) -> Value {
        Value::Object(self.root.clone())
    }

    /// Its top level.
    pub fn root(&mut self) -> &mut Map<String, Value> {
        &mut self.root
    }

    /// Sets the version of a document that begins here, in front of all else.
    pub fn begin(&mut self) {
        let rest = std::mem::take(&mut self.root);
        self.root.insert("version".to_owned(), Value::from(super::migrate::LATEST));
        self.root.extend(rest);
    }

    /// What it says.
    #[must_use]
    pub fn config(&self) -> Config {
        read::read(&self.document()).config
    }

    /// The provider with this id.
    pub fn provider(&mut self, id: &str) -> Option<&mut Map<String, Value>> {
        let place = self.provider_place(id)?;
        self.providers()?.get_mut(place)?.as_object_mut()
    }

    /// Where the provider with this id stands in the list.
    fn provider_place(&mut self, id: &str) -> Option<usize> {
        // Whoever reads the config knows how ids are made; only objects become providers.
        let config = self.config();
        let places = self.providers()?.iter().enumerate().filter(|(_, value)| value.is_object());
        let places: Vec<usize> = places.map(|(place, _)| place).collect();
        let position = config.providers.iter().position(|provider| provider.id == id)?;
        places.get(position).copied()
    }

    fn providers(&mut self) -> Option<&mut Vec<Value>> {
        spelling::get(&self.root, spelling::PROVIDERS)?;
        Some(spelling::list(&mut self.root, spelling::PROVIDERS))
    }

    /// Adds a provider at the end.
    pub fn add_provider(&mut self, provider: Map<String, Value>) {
        spelling::list(&mut self.root, spelling::PROVIDERS).push(Value::Object(provider));
    }

    /// Removes a provider; whether it was there.
    pub fn remove_provider(&mut self, id: &str) -> bool {
        let place = self.provider_place(id);
        match (place, self.providers()) {
            (Some(place), Some(providers)) => {
                providers.remove(place);
                true
            }
            (None, _) | (_, None) => false,
        }
    }

    /// The alias with this id.
    pub fn alias(&mut self, id: &str) -> Option<&mut Map<String, Value>> {
        let aliases = get_mut(&mut self.root, spelling::MODEL_ALIASES)?.as_object_mut()?;
        let key = aliases.keys().find(|key| key.trim() == id)?.clone();
        aliases.get_mut(&key)?.as_object_mut()
    }

    /// Adds an alias at the end.
    pub fn add_alias(&mut self, id: &str, alias: Map<String, Value>) {
        let aliases = spelling::object(&mut self.root, spelling::MODEL_ALIASES);
        aliases.insert(id.to_owned(), Value::Object(alias));
    }

    /// Removes an alias; whether it was there.
    pub fn remove_alias(&mut self, id: &str) -> bool {
        let aliases = get_mut(&mut self.root, spelling::MODEL_ALIASES);
        let Some(aliases) = aliases.and_then(Value::as_object_mut) else { return false };
        let key = aliases.keys().find(|key| key.trim() == id).cloned();
        key.is_some_and(|key| aliases.shift_remove(&key).is_some())
    }
}

/// The id of a model, in its short form or its long one.
#[must_use]
pub fn model_id(model: &Value) -> Option<&str> {
    match model {
        Value::String(id) => Some(id.trim()),
        Value::Object(model) => text(model, spelling::MODEL_ID),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}

/// The place of a model in the list of its provider.
#[must_use]
pub fn model_place(provider: &mut Map<String, Value>, id: &str) -> Option<usize> {
    spelling::get(provider, spelling::MODELS)?;
    let models = spelling::list(provider, spelling::MODELS);
    models.iter().position(|model| model_id(model) == Some(id))
}

/// A model as an object: the short form is written out.
pub fn model_object<'d>(
    provider: &'d mut Map<String, Value>,
    id: &str,
) -> Option<&'d mut Map<String, Value>> {
    let place = model_place(provider, id)?;
    let model = spelling::list(provider, spelling::MODELS).get_mut(place)?;
    if model.is_string() {
        *model = Value::Object(Map::from_iter([("id".to_owned(), Value::from(id))]));
    }
    model.as_object_mut()
}

/// The place of a bucket in the list of its provider, which reads as `buckets`.
#[must_use]
pub fn bucket_place(
    provider: &mut Map<String, Value>,
    buckets: &[crate::config::Bucket],
    id: &str,
) -> Option<usize> {
    spelling::get(provider, spelling::RATE_LIMITS)?;
    let list = spelling::list(provider, spelling::RATE_LIMITS);
    let named = list.iter().position(|bucket| bucket.get("id").and_then(Value::as_str) == Some(id));
    // An id that is not written was made: the places agree where every entry could be read.
    let made = || {
        let position = buckets.iter().position(|bucket| bucket.id == id)?;
        (list.len() == buckets.len()).then_some(position)
    };
    named.or_else(made)
}

/// The reference of an alias's target, in its short form or its long one.
#[must_use]
pub fn target_reference(target: &Value) -> Option<&str> {
    match target {
        Value::String(reference) => Some(reference.trim()),
        Value::Object(target) => text(target, spelling::TARGET_REF),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}

/// Sets a list of targets. One that was there keeps what else it says, and its form.
pub fn put_targets(alias: &mut Map<String, Value>, key: Key, targets: &[(String, Option<f64>)]) {
    let old = match spelling::get(alias, key) {
        Some(Value::Array(list)) => list.clone(),
        Some(lone) => vec![lone.clone()],
        None => Vec::new(),
    };
    let written = targets.iter().map(|(reference, weight)| {
        let kept = old.iter().find(|target| target_reference(target) == Some(reference)).cloned();
        let mut target = kept.unwrap_or_else(|| Value::from(reference.as_str()));
        set_weight(&mut target, *weight);
        target
    });
    let written: Vec<Value> = written.collect();
    spelling::put(alias, key, written);
}

/// Sets the weight of a target; without one, what it has stays.
pub fn set_weight(target: &mut Value, weight: Option<f64>) {
    let Some(weight) = weight else { return };
    if let Value::String(reference) = target {
        let reference = Value::from(reference.trim());
        *target = Value::Object(Map::from_iter([("ref".to_owned(), reference)]));
    }
    if let Value::Object(target) = target {
        target.insert("weight".to_owned(), number(weight));
    }
}

/// `3` rather than `3.0`, as people write it.
fn number(value: f64) -> Value {
    let whole = format!("{value:.0}").parse::<u64>().ok().filter(|_| value.fract() == 0.0);
    whole.map_or_else(|| Value::from(value), Value::from)
}
