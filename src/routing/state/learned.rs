//! What answers taught about a model: how it wants to be asked, and how its tokens compare with our
//! estimate of them. Whoever asks decides what a lesson says; here it is a word.

use std::{collections::HashMap, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// See the module's documentation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Learned {
    lessons: Vec<Lesson>,
    /// Real tokens for every thousand that were estimated.
    per_thousand: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Lesson {
    word: Arc<str>,
    until: Timestamp,
}

/// A lesson is tried anew after this: providers learn too.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// More lessons about one model are not kept.
const MOST_LESSONS: usize = 16;
/// More models are not remembered.
pub const MOST_MODELS: usize = 2000;
/// Between these a measured ratio is believed.
const BELIEVABLE: std::ops::RangeInclusive<u64> = 250..=3000;

impl Learned {
    /// The lessons that hold at `now`.
    pub fn lessons(&self, now: Timestamp) -> impl Iterator<Item = &str> {
        let holds = move |lesson: &&Lesson| lesson.until > now;
        self.lessons.iter().filter(holds).map(|lesson| &*lesson.word)
    }

    /// Keeps a lesson.
    fn learn(&mut self, word: &Arc<str>, now: Timestamp) {
        self.lessons.retain(|lesson| lesson.word != *word && lesson.until > now);
        if self.lessons.len() < MOST_LESSONS {
            self.lessons.push(Lesson { word: Arc::clone(word), until: now.after(KEPT) });
        }
    }

    /// Compares an estimate with what the provider counted. Too low an estimate corrects at once,
    /// too high a one slowly, so that the next errs high.
    fn measure(&mut self, estimated: u64, counted: u64) -> bool {
        if estimated == 0 {
            return false;
        }
        let measured = counted.saturating_mul(1000).div_ceil(estimated);
        if !BELIEVABLE.contains(&measured) {
            return false;
        }
        let before = self.per_thousand;
        self.per_thousand = Some(match before {
            Some(known) if measured < known => known - (known - measured) / 16,
            Some(_) | None => measured,
        });
        self.per_thousand != before
    }

    /// What an estimate is for this model, with a margin: an estimate that errs low lets a
    /// conversation grow over the edge.
    #[must_use]
    pub fn correct(&self, estimated: u64) -> u64 {
        let per_thousand = self.per_thousand.unwrap_or(1000);
        estimated.saturating_mul(per_thousand).saturating_mul(21).div_ceil(20_000)
    }
}

/// By `provider/model`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lessons {
    models: HashMap<Arc<str>, Arc<Learned>>,
}

impl Lessons {
    /// What is known of a model.
    #[must_use]
    pub fn of(&self, model: &str) -> Option<&Arc<Learned>> {
        self.models.get(model)
    }

    /// Whether nothing is known of any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.models.is_empty()
    }

    /// Keeps a lesson about `model`.
    pub fn learn(&mut self, model: &Arc<str>, word: &Arc<str>, now: Timestamp) {
        if let Some(learned) = self.entry(model) {
            learned.learn(word, now);
        }
    }

    /// Compares an estimate for `model` with the truth; true if that changes anything.
    pub fn measure(&mut self, model: &Arc<str>, estimated: u64, counted: u64) -> bool {
        self.entry(model).is_some_and(|learned| learned.measure(estimated, counted))
    }

    fn entry(&mut self, model: &Arc<str>) -> Option<&mut Learned> {
        if self.models.len() >= MOST_MODELS && !self.models.contains_key(model) {
            return None;
        }
        Some(Arc::make_mut(self.models.entry(Arc::clone(model)).or_default()))
    }

    /// Forgets the models for which `changed` holds.
    pub fn forget(&mut self, changed: impl Fn(&str) -> bool) {
        self.models.retain(|model, _| !changed(model));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lesson_is_kept_for_a_day() {
        let (mut lessons, model) = (Lessons::default(), Arc::from("p/m"));
        lessons.learn(&model, &"a".into(), Timestamp(5));
        lessons.learn(&model, &"a".into(), Timestamp(6));
        lessons.learn(&model, &"b".into(), Timestamp(7));
        let at = |millis| {
            let learned = lessons.of("p/m").unwrap();
            learned.lessons(Timestamp(millis)).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(at(8), "a b");
        assert_eq!(at(6 + 24 * 3_600_000), "b");
    }

    #[test]
    fn estimates_follow_what_is_counted_and_err_high() {
        let mut learned = Learned::default();
        assert_eq!(learned.correct(1000), 1050);
        assert!(learned.measure(1000, 1300));
        assert_eq!(learned.correct(1000), 1365);
        assert!(learned.measure(1000, 500));
        assert_eq!(learned.correct(1000), 1313);
        for _ in 0..100 {
            learned.measure(1000, 500);
        }
        assert!((525..550).contains(&learned.correct(1000)), "{}", learned.correct(1000));
        for (estimated, counted) in [(0, 5), (1000, 1), (1000, 100_000)] {
            assert!(!learned.measure(estimated, counted), "{estimated} {counted} is not believed");
        }
    }

    #[test]
    fn memory_is_bounded() {
        let mut lessons = Lessons::default();
        for model in 0..MOST_MODELS + 10 {
            lessons.measure(&format!("p/{model}").into(), 10, 10);
        }
        assert_eq!(lessons.models.len(), MOST_MODELS);
        for word in 0..100 {
            lessons.learn(&"p/1".into(), &word.to_string().into(), Timestamp(1));
        }
        let learned = lessons.of("p/1").unwrap();
        assert_eq!(learned.lessons(Timestamp(1)).count(), MOST_LESSONS);
        lessons.forget(|model| model.starts_with("p/"));
        assert!(lessons.is_empty());
    }
}
