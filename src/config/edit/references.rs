//! Where a document refers to its providers, models and aliases: who would be left hanging, and
//! how to let go.

use serde_json::{Map, Value};

use super::spelling::{self, Key};
use crate::config::problem::join;

/// What is referred to.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    Provider(&'a str),
    /// A model by its id and its other names.
    Model {
        provider: &'a str,
        names: &'a [String],
    },
    Alias(&'a str),
}

/// A place that refers to something.
#[derive(Debug, Clone)]
pub struct Place {
    path: Vec<Step>,
    /// `provider/model`, or an alias.
    pub reference: String,
}

#[derive(Debug, Clone, PartialEq)]
enum Step {
    Key(String),
    Index(usize),
}

impl Place {
    /// Where it stands.
    #[must_use]
    pub fn pointer(&self) -> String {
        self.path.iter().fold(String::new(), |pointer, step| match step {
            Step::Key(key) => join(&pointer, key),
            Step::Index(index) => join(&pointer, &index.to_string()),
        })
    }
}

impl Subject<'_> {
    fn is_meant_by(self, reference: &str) -> bool {
        let halves = reference.split_once('/');
        match self {
            Self::Provider(id) => halves.is_some_and(|(provider, _)| provider == id),
            Self::Model { provider, names } => halves.is_some_and(|(of, model)| {
                of == provider && names.iter().any(|name| name == model)
            }),
            Self::Alias(id) => reference.strip_prefix("alias:").unwrap_or(reference) == id,
        }
    }
}

/// Every place that refers to `subject`. What the subject itself says is not counted: it goes with
/// it.
#[must_use]
pub fn to(document: &Map<String, Value>, subject: Subject<'_>) -> Vec<Place> {
    let mut places = Vec::new();
    let walk = &mut Walk { path: Vec::new(), places: &mut places };
    walk.text(document, spelling::DEFAULT_MODEL);
    walk.aliases(document, subject);
    walk.providers(document, subject);
    walk.amp(document);
    places.retain(|place| subject.is_meant_by(&place.reference));
    places
}

/// Removes those places. A list entry goes as a whole, with its weight and notes.
pub fn remove(document: &mut Map<String, Value>, places: &[Place]) {
    // From the end, so that places in one list stay where they are until their turn.
    for place in places.iter().rev() {
        let Some((last, path)) = place.path.split_last() else { continue };
        let Some((Step::Key(first), path)) = path.split_first() else {
            if let Step::Key(key) = last {
                document.shift_remove(key);
            }
            continue;
        };
        let parent = path.iter().try_fold(document.get_mut(first), |value, step| {
            Some(match step {
                Step::Key(key) => value?.get_mut(key),
                Step::Index(index) => value?.get_mut(index),
            })
        });
        match (parent.flatten(), last) {
            (Some(Value::Array(list)), Step::Index(index)) if *index < list.len() => {
                list.remove(*index);
            }
            (Some(Value::Object(object)), Step::Key(key)) => drop(object.shift_remove(key)),
            (Some(_) | None, Step::Key(_) | Step::Index(_)) => {}
        }
    }
}

struct Walk<'p> {
    path: Vec<Step>,
    places: &'p mut Vec<Place>,
}

impl Walk<'_> {
    fn at<T>(&mut self, step: Step, look: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step);
        let result = look(self);
        self.path.pop();
        result
    }

    fn found(&mut self, reference: &str) {
        let reference = reference.trim().to_owned();
        self.places.push(Place { path: self.path.clone(), reference });
    }

    fn text(&mut self, object: &Map<String, Value>, key: Key) {
        let Some(spelling) = spelling::used(object, key) else { return };
        if let Some(reference) = reference_of(&object[spelling]) {
            self.at(Step::Key(spelling.to_owned()), |walk| walk.found(reference));
        }
    }

    /// A list of references, or one that stands for a list.
    fn list(&mut self, object: &Map<String, Value>, key: Key) {
        let Some(spelling) = spelling::used(object, key) else { return };
        let Some(list) = object[spelling].as_array() else { return self.text(object, key) };
        self.at(Step::Key(spelling.to_owned()), |walk| {
            for (index, value) in list.iter().enumerate() {
                if let Some(reference) = reference_of(value) {
                    walk.at(Step::Index(index), |walk| walk.found(reference));
                }
            }
        });
    }

    fn aliases(&mut self, document: &Map<String, Value>, subject: Subject<'_>) {
        let Some(spelling) = spelling::used(document, spelling::MODEL_ALIASES) else { return };
        let Some(aliases) = document[spelling].as_object() else { return };
        self.at(Step::Key(spelling.to_owned()), |walk| {
            for (id, alias) in aliases {
                let goes_itself = matches!(subject, Subject::Alias(gone) if id.trim() == gone);
                let Some(alias) = alias.as_object().filter(|_| !goes_itself) else { continue };
                walk.at(Step::Key(id.clone()), |walk| {
                    walk.list(alias, spelling::TARGETS);
                    walk.list(alias, spelling::FALLBACK_TARGETS);
                });
            }
        });
    }

    fn providers(&mut self, document: &Map<String, Value>, subject: Subject<'_>) {
        let Some(providers) = spelling::get(document, spelling::PROVIDERS) else { return };
        let ids: Vec<String> = crate::config::read::read(&Value::Object(document.clone()))
            .config
            .providers
            .into_iter()
            .map(|provider| provider.id)
            .collect();
        let mut ids = ids.into_iter();
        self.at(Step::Key("providers".to_owned()), |walk| {
            let Some(list) = providers.as_array() else {
                // A lone provider stands for a list of one.
                if let (Some(provider), Some(id)) = (providers.as_object(), ids.next()) {
                    walk.provider(&id, provider, subject);
                }
                return;
            };
            let objects = list
                .iter()
                .enumerate()
                .filter_map(|(place, value)| Some((place, value.as_object()?)));
            for ((place, provider), id) in objects.zip(ids) {
                walk.at(Step::Index(place), |walk| walk.provider(&id, provider, subject));
            }
        });
    }

    fn provider(&mut self, id: &str, provider: &Map<String, Value>, subject: Subject<'_>) {
        if matches!(subject, Subject::Provider(gone) if gone == id) {
            return;
        }
        for (key, look) in [
            (
                spelling::MODELS,
                Self::fallbacks as fn(&mut Self, &str, &Map<String, Value>, Subject<'_>),
            ),
            (spelling::RATE_LIMITS, Self::bucket),
        ] {
            let Some(spelling) = spelling::used(provider, key) else { continue };
            let Some(list) = provider[spelling].as_array() else { continue };
            self.at(Step::Key(spelling.to_owned()), |walk| {
                for (place, element) in list.iter().enumerate() {
                    let Some(element) = element.as_object() else { continue };
                    walk.at(Step::Index(place), |walk| look(walk, id, element, subject));
                }
            });
        }
    }

    fn fallbacks(&mut self, provider: &str, model: &Map<String, Value>, subject: Subject<'_>) {
        let goes_itself = spelling::text(model, spelling::MODEL_ID).is_some_and(|id| {
            matches!(subject, Subject::Model { .. })
                && subject.is_meant_by(&format!("{provider}/{id}"))
        });
        if !goes_itself {
            self.list(model, spelling::FALLBACK_MODELS);
        }
    }

    /// Buckets name models of their own provider.
    fn bucket(&mut self, provider: &str, bucket: &Map<String, Value>, _: Subject<'_>) {
        let before = self.places.len();
        self.list(bucket, spelling::BUCKET_MODELS);
        for place in &mut self.places[before..] {
            place.reference = format!("{provider}/{}", place.reference);
        }
    }

    fn amp(&mut self, document: &Map<String, Value>) {
        let Some(spelling) = spelling::used(document, spelling::AMP_ROUTING) else { return };
        let Some(amp) = document[spelling].as_object() else { return };
        self.at(Step::Key(spelling.to_owned()), |walk| {
            walk.text(amp, spelling::FALLBACK_ROUTE);
            for key in [
                spelling::MODE_MAP,
                spelling::AGENT_MAP,
                spelling::APPLICATION_MAP,
                spelling::MODEL_MAP,
                spelling::AGENT_MODE_MAP,
            ] {
                let Some(map) = spelling::used(amp, key) else { continue };
                walk.at(Step::Key(map.to_owned()), |walk| walk.map(&amp[map]));
            }
        });
    }

    /// A map of references, or of such maps.
    fn map(&mut self, map: &Value) {
        let Some(map) = map.as_object() else { return };
        for (key, value) in map {
            self.at(Step::Key(key.clone()), |walk| match reference_of(value) {
                Some(reference) => walk.found(reference),
                None => walk.map(value),
            });
        }
    }
}

/// A reference: text, or an object that names one.
fn reference_of(value: &Value) -> Option<&str> {
    super::draft::target_reference(value)
}
