//! The lists of a status: which there are, and how they are cut to what a model reads.

use std::cmp::Reverse;

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    commands::{changed::bounded_lines, page},
    status::Status,
};

/// A list of the status
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Section {
    Providers,
    Aliases,
    Targets,
    Buckets,
    Cooldowns,
    Rotations,
}

/// How many targets of one alias, and the like, are told beside each other.
const MOST_BESIDE: usize = 8;
/// The longest list of warnings, or of problems.
const LONGEST_WORDS: usize = 1200;

impl Section {
    pub const ALL: [Self; 6] = [
        Self::Providers,
        Self::Aliases,
        Self::Targets,
        Self::Buckets,
        Self::Cooldowns,
        Self::Rotations,
    ];

    /// Its key in the status.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Providers => "providers",
            Self::Aliases => "aliases",
            Self::Targets => "targets",
            Self::Buckets => "buckets",
            Self::Cooldowns => "cooldowns",
            Self::Rotations => "rotations",
        }
    }

    /// How many bytes each entry has.
    #[must_use]
    pub fn sizes(self, status: &Status) -> Vec<usize> {
        match self {
            Self::Providers => page::sizes(&status.providers),
            Self::Aliases => page::sizes(&status.aliases),
            Self::Targets => page::sizes(&status.targets),
            Self::Buckets => page::sizes(&status.buckets),
            Self::Cooldowns => page::sizes(&status.cooldowns),
            Self::Rotations => page::sizes(&status.rotations),
        }
    }

    /// Leaves `count` entries, from `start` on.
    pub fn keep(self, status: &mut Status, start: usize, count: usize) {
        match self {
            Self::Providers => page::keep(&mut status.providers, start, count),
            Self::Aliases => page::keep(&mut status.aliases, start, count),
            Self::Targets => page::keep(&mut status.targets, start, count),
            Self::Buckets => page::keep(&mut status.buckets, start, count),
            Self::Cooldowns => page::keep(&mut status.cooldowns, start, count),
            Self::Rotations => page::keep(&mut status.rotations, start, count),
        }
    }
}

/// Leaves some of each list in an entry, such as the targets of an alias.
pub fn shorten_entries(status: &mut Status) {
    for alias in &mut status.aliases {
        for targets in [&mut alias.targets, &mut alias.fallback_targets] {
            let more = targets.len().saturating_sub(MOST_BESIDE);
            if more > 0 {
                targets.truncate(MOST_BESIDE);
                targets.push(format!("... {more} more"));
            }
        }
    }
    for rotation in &mut status.rotations {
        if rotation.credits.len() > MOST_BESIDE {
            rotation.credits.sort_by_key(|credit| Reverse(credit.credit));
            rotation.credits.truncate(MOST_BESIDE);
        }
    }
    let rejected = status.config.rejected.as_mut().map(|rejected| &mut rejected.problems);
    for words in rejected.into_iter().chain([&mut status.config.warnings]) {
        *words = bounded_lines(std::mem::take(words), LONGEST_WORDS);
    }
}

/// Puts first what needs somebody's attention, for those who see no more than the beginning.
pub fn sort_by_urgency(status: &mut Status) {
    status.providers.sort_by_key(|provider| provider.missing_key.is_none());
    status.targets.sort_by_key(|target| Reverse(target.failed));
    status
        .buckets
        .sort_by_key(|bucket| Reverse(bucket.used.saturating_mul(1000) / bucket.cap.max(1)));
}
