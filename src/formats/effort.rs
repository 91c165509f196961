//! How much a model reasons: which efforts it knows, how they are said, and what they are in
//! tokens. The table is data: a new family is a row.

use crate::chat::{Effort, ReasoningMode, ReasoningWish};

use Effort::{High, Low, Max, Medium, Minimal, None as No, XHigh};

/// How a model is told to reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reasoning {
    pub how: How,
    /// The efforts that it knows, in rising order.
    pub efforts: &'static [Effort],
}

/// In which words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It does not reason, or does as it likes: nothing may be said.
    Not,
    /// By effort (OpenAI).
    Effort,
    /// By effort, and adaptive thinking (Anthropic since 4.6).
    Adaptive,
    /// By a number of tokens, within the limit of the reply (Anthropic before).
    Budget,
    /// By a level (Gemini 3).
    Level,
    /// By a number of tokens from least to most, apart from the reply (Gemini 2.5). `off` tells
    /// whether 0 is allowed.
    Tokens { least: u64, most: u64, off: bool },
}

/// The families, by how the last part of a model's name begins and what else it contains. The first
/// row that fits counts.
const FAMILIES: &[(&str, &str, How, &[Effort])] = &[
    ("gpt-5.4", "-pro", How::Effort, &[Medium, High, XHigh]),
    ("gpt-5.2", "-pro", How::Effort, &[Medium, High, XHigh]),
    ("gpt-5-pro", "", How::Effort, &[High]),
    ("gpt-5.3", "codex", How::Effort, &[Low, Medium, High, XHigh]),
    ("gpt-5.2", "codex", How::Effort, &[Low, Medium, High, XHigh]),
    ("gpt-5.1", "codex", How::Effort, &[Low, Medium, High]),
    ("gpt-5.1", "", How::Effort, &[No, Low, Medium, High]),
    ("gpt-5.", "", How::Effort, &[No, Low, Medium, High, XHigh]),
    ("gpt-5", "chat", How::Not, &[]),
    ("gpt-5", "", How::Effort, &[Minimal, Low, Medium, High]),
    ("gpt-6", "", How::Effort, &[No, Low, Medium, High, XHigh]),
    ("gpt-oss", "", How::Effort, &[Low, Medium, High]),
    ("gpt-", "", How::Not, &[]),
    ("chatgpt-", "", How::Not, &[]),
    ("claude-opus-4-7", "", How::Adaptive, &[Low, Medium, High, XHigh, Max]),
    ("claude-opus-4-6", "", How::Adaptive, &[Low, Medium, High, Max]),
    ("claude-sonnet-4-6", "", How::Adaptive, &[Low, Medium, High, Max]),
    ("claude-opus-4-5", "", How::Budget, &[No, Low, Medium, High, Max]),
    ("claude-opus-4", "", How::Budget, &[No, Low, Medium, High]),
    ("claude-sonnet-4", "", How::Budget, &[No, Low, Medium, High]),
    ("claude-haiku-4", "", How::Budget, &[No, Low, Medium, High]),
    ("claude-3-7", "", How::Budget, &[No, Low, Medium, High]),
    ("claude-3", "", How::Not, &[]),
    ("claude-", "", How::Adaptive, &[Low, Medium, High, XHigh, Max]),
    ("gemini-3", "pro", How::Level, &[Low, High]),
    ("gemini-3", "", How::Level, &[Minimal, Low, Medium, High]),
    ("gemini-2.5-pro", "", How::Tokens { least: 128, most: 32_768, off: false }, TOKENS),
    ("gemini-2.5-flash-lite", "", How::Tokens { least: 512, most: 24_576, off: true }, TOKENS),
    ("gemini-2.5", "", How::Tokens { least: 0, most: 24_576, off: true }, TOKENS),
    ("gemini-", "", How::Not, &[]),
    ("grok-3-mini", "", How::Effort, &[Low, High]),
    ("grok-", "", How::Not, &[]),
    ("deepseek-", "", How::Not, &[]),
    ("llama", "", How::Not, &[]),
];

const TOKENS: &[Effort] = &[No, Low, Medium, High, Max];

/// What a model of no known family is taken for.
const UNKNOWN: Reasoning = Reasoning { how: How::Effort, efforts: &[Low, Medium, High] };

impl Reasoning {
    /// How the model of this name is told to reason. What stands before the last slash is not part
    /// of it.
    #[must_use]
    pub fn of_model(model: &str) -> Self {
        let name = model.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        let family = FAMILIES
            .iter()
            .find(|(begin, inside, ..)| name.starts_with(begin) && name.contains(inside));
        family.map_or(UNKNOWN, |(_, _, how, efforts)| Self { how: *how, efforts })
    }

    /// Whether the name told it: for other models the format of the target decides.
    #[must_use]
    pub fn is_known(model: &str) -> bool {
        let name = model.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        FAMILIES.iter().any(|(begin, inside, ..)| name.starts_with(begin) && name.contains(inside))
    }

    /// The effort that the model knows: the highest that is not above the wish, else its lowest.
    #[must_use]
    pub fn fit(&self, wish: Effort) -> Option<Effort> {
        let below = self.efforts.iter().copied().filter(|effort| *effort <= wish);
        below.max().or_else(|| self.efforts.first().copied())
    }

    /// The effort that the wish stands for, in words that the model knows; `None` if nothing is to
    /// be said. A budget is turned into an effort by its share of `max_tokens`.
    #[must_use]
    pub fn effort(&self, wish: &ReasoningWish, max_tokens: Option<u64>) -> Option<Effort> {
        let wanted = match (wish.mode, wish.effort, wish.budget) {
            (Some(ReasoningMode::Off), ..) => Effort::None,
            (_, Some(effort), _) => effort,
            (_, None, Some(budget)) => from_budget(budget, max_tokens),
            (Some(ReasoningMode::On), None, None) => Medium,
            (Some(ReasoningMode::Adaptive) | None, None, None) => return None,
        };
        self.fit(wanted)
    }

    /// The budget that the wish stands for, within `max_tokens`; `None` if the model is not to
    /// reason, or cannot within the limit. Not to be called without a wish.
    #[must_use]
    pub fn budget(&self, wish: &ReasoningWish, max_tokens: u64) -> Option<u64> {
        if wish.mode == Some(ReasoningMode::Off) || max_tokens <= LEAST_BUDGET {
            return None;
        }
        let budget = match (wish.budget, self.effort(wish, Some(max_tokens))) {
            (Some(budget), _) => budget,
            (None, None | Some(No | Minimal)) => return None,
            (None, Some(effort)) => share(effort, max_tokens),
        };
        Some(budget.clamp(LEAST_BUDGET, max_tokens - 1))
    }

    /// The same for models whose budget is apart from the reply: 0 turns it off.
    #[must_use]
    pub fn tokens(&self, wish: &ReasoningWish) -> Option<u64> {
        let How::Tokens { least, most, off } = self.how else { return None };
        let wanted = match (wish.mode, wish.budget, wish.effort) {
            (Some(ReasoningMode::Off), ..) => 0,
            (_, Some(budget), _) => budget,
            (_, None, Some(effort)) => tokens(effort),
            (Some(ReasoningMode::On), None, None) => tokens(Medium),
            (Some(ReasoningMode::Adaptive) | None, None, None) => return None,
        };
        Some(if wanted == 0 && off { 0 } else { wanted.clamp(least, most) })
    }
}

/// Anthropic: a budget has at least 1,024 tokens and less than `max_tokens`.
const LEAST_BUDGET: u64 = 1024;

/// The budget for an effort as a share of the reply's limit.
fn share(effort: Effort, max_tokens: u64) -> u64 {
    let percent = match effort {
        No | Minimal => 0,
        Low => 20,
        Medium => 45,
        High => 75,
        XHigh => 90,
        Max => return max_tokens.saturating_sub(1),
    };
    max_tokens.saturating_mul(percent) / 100
}

/// The budget for an effort where no limit of the reply matters.
#[must_use]
pub fn tokens(effort: Effort) -> u64 {
    match effort {
        No => 0,
        Minimal => 512,
        Low => 4_096,
        Medium => 8_192,
        High => 24_000,
        XHigh => 28_000,
        Max => 31_999,
    }
}

/// The effort that a budget stands for: by its share of the limit, else by its size.
#[must_use]
pub fn from_budget(budget: u64, max_tokens: Option<u64>) -> Effort {
    if budget == 0 {
        return Effort::None;
    }
    let rows = match max_tokens {
        Some(limit) if limit > 0 => {
            let percent = budget.saturating_mul(100) / limit;
            [(97, Max), (82, XHigh), (65, High), (30, Medium)].map(|(from, e)| (percent >= from, e))
        }
        Some(_) | None => [(31_999, Max), (28_000, XHigh), (24_000, High), (6_000, Medium)]
            .map(|(from, effort)| (budget >= from, effort)),
    };
    rows.into_iter().find(|(reached, _)| *reached).map_or(Low, |(_, effort)| effort)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_model_gets_the_efforts_that_it_knows() {
        let rows = [
            ("gpt-5", "minimal minimal low medium high high high"),
            ("gpt-5-mini", "minimal minimal low medium high high high"),
            ("gpt-5.1", "none none low medium high high high"),
            ("gpt-5.1-codex-max", "low low low medium high high high"),
            ("gpt-5.4", "none none low medium high xhigh xhigh"),
            ("openai/gpt-5.4", "none none low medium high xhigh xhigh"),
            ("gpt-5.3-codex", "low low low medium high xhigh xhigh"),
            ("gpt-5.2-pro", "medium medium medium medium high xhigh xhigh"),
            ("gpt-5-pro-2025-10-06", "high high high high high high high"),
            ("o3", "low low low medium high high high"),
            ("claude-opus-4-7", "low low low medium high xhigh max"),
            ("claude-sonnet-4-6", "low low low medium high high max"),
            ("gemini-3-pro-preview", "low low low low high high high"),
            ("gpt-4o", "- - - - - - -"),
        ];
        for (model, expected) in rows {
            let reasoning = Reasoning::of_model(model);
            let got = Effort::ALL.map(|e| reasoning.fit(e).map_or("-", Effort::name)).join(" ");
            assert_eq!(got, expected, "{model}");
        }
    }

    #[test]
    fn a_budget_model_gets_a_share_of_the_limit() {
        let opus = Reasoning::of_model("claude-opus-4-5");
        let sonnet = Reasoning::of_model("claude-sonnet-4-5");
        let wish = |effort| ReasoningWish { effort: Some(effort), ..ReasoningWish::default() };
        for (effort, expected, expected_sonnet) in [
            (No, None, None),
            (Minimal, None, None),
            (Low, Some(2000), Some(2000)),
            (Medium, Some(4500), Some(4500)),
            (High, Some(7500), Some(7500)),
            (XHigh, Some(7500), Some(7500)),
            (Max, Some(9999), Some(7500)),
        ] {
            assert_eq!(opus.budget(&wish(effort), 10_000), expected, "{effort:?}");
            assert_eq!(sonnet.budget(&wish(effort), 10_000), expected_sonnet, "{effort:?}");
        }
        assert_eq!(opus.budget(&wish(High), 1024), None);
        let asked = ReasoningWish { budget: Some(500), ..ReasoningWish::default() };
        assert_eq!(opus.budget(&asked, 10_000), Some(1024));
    }

    proptest! {
        #[test]
        fn a_budget_always_fits_its_limit(budget in any::<u64>(), limit in any::<u64>()) {
            let wish = ReasoningWish { budget: Some(budget), ..ReasoningWish::default() };
            let reasoning = Reasoning::of_model("claude-opus-4-5");
            if let Some(budget) = reasoning.budget(&wish, limit) {
                prop_assert!((LEAST_BUDGET..limit).contains(&budget));
            }
            prop_assert!(from_budget(budget, Some(limit)) <= Max);
        }
    }
}
