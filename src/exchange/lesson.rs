//! What a refused request teaches, in words that can be kept: [`Repair`] ⇄ word.

use crate::{
    formats::{dropped::Field, hints::MaxTokensName, repair::Repair},
    protocol::quirk::Quirk,
};

/// The wishes that a model may be found not to take.
const WISHES: [(&str, Field); 14] = [
    ("temperature", Field::Temperature),
    ("top_p", Field::TopP),
    ("top_k", Field::TopK),
    ("presence_penalty", Field::PresencePenalty),
    ("frequency_penalty", Field::FrequencyPenalty),
    ("seed", Field::Seed),
    ("logprobs", Field::Logprobs),
    ("stop", Field::Stop),
    ("verbosity", Field::Verbosity),
    ("service_tier", Field::Tier),
    ("prompt_cache_retention", Field::CacheRetention),
    ("safety_identifier", Field::SafetyId),
    ("metadata", Field::Metadata),
    ("store", Field::Store),
];

const NAMES: [(&str, MaxTokensName); 2] = [
    ("max_tokens", MaxTokensName::MaxTokens),
    ("max_completion_tokens", MaxTokensName::MaxCompletionTokens),
];

/// The word for a lesson that holds for the model. That seals were refused says something about one
/// conversation only.
#[must_use]
pub(super) fn word(repair: Repair) -> Option<String> {
    match repair {
        Repair::WithoutSeals => None,
        Repair::MaxTokensName(name) => {
            let known = NAMES.iter().find(|(_, known)| *known == name);
            known.map(|(word, _)| format!("name {word}"))
        }
        Repair::Without(field) => {
            let known = WISHES.iter().find(|(_, known)| *known == field);
            known.map(|(word, _)| format!("without {word}"))
        }
        Repair::Quirk(quirk) => Some(format!("quirk {quirk}")),
    }
}

/// What a word says; `None` for words of other releases.
#[must_use]
pub(super) fn read(word: &str) -> Option<Repair> {
    let (kind, rest) = word.split_once(' ')?;
    match kind {
        "name" => {
            let known = NAMES.iter().find(|(word, _)| *word == rest);
            known.map(|(_, name)| Repair::MaxTokensName(*name))
        }
        "without" => {
            let known = WISHES.iter().find(|(word, _)| *word == rest);
            known.map(|(_, field)| Repair::Without(*field))
        }
        "quirk" => rest.parse::<Quirk>().ok().map(Repair::Quirk),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lessons_are_read_back() {
        let wishes = WISHES.iter().map(|(_, field)| Repair::Without(*field));
        let names = NAMES.iter().map(|(_, name)| Repair::MaxTokensName(*name));
        let quirks = Quirk::ALL.into_iter().map(Repair::Quirk);
        for repair in wishes.chain(names).chain(quirks) {
            let word = word(repair).unwrap();
            assert_eq!(read(&word), Some(repair), "{word}");
        }
        assert_eq!(word(Repair::WithoutSeals), None);
        for word in ["", "without", "without seals", "quirk of-another-time", "x y"] {
            assert_eq!(read(word), None, "{word}");
        }
    }
}
