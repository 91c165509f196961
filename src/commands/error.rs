//! Why a command was not done, in words that say what to do instead.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;
use thiserror::Error;

use crate::{config::problem::Problem, names::did_you_mean};

/// The kinds of refusals and failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The arguments are not what the command takes.
    InvalidArguments,
    UnknownProvider,
    UnknownModel,
    UnknownAlias,
    UnknownBucket,
    UnknownChange,
    /// A secret was given where only a reference to one is taken.
    LiteralSecret,
    WeakKey,
    /// The edit would break the config, or the config is broken so that it cannot be edited.
    InvalidConfig,
    /// Others refer to what was to be removed.
    InUse,
    /// The config is not the one that was expected.
    Conflict,
    NothingToUndo,
    /// Another process holds the config.
    Locked,
    Io,
    Upstream,
    NotRunning,
}

impl Code {
    /// Whether the caller has to ask in another way, rather than later or elsewhere.
    #[must_use]
    pub fn is_callers(self) -> bool {
        match self {
            Self::InvalidArguments
            | Self::UnknownProvider
            | Self::UnknownModel
            | Self::UnknownAlias
            | Self::UnknownBucket
            | Self::UnknownChange
            | Self::LiteralSecret
            | Self::WeakKey
            | Self::InvalidConfig => true,
            Self::InUse
            | Self::Conflict
            | Self::NothingToUndo
            | Self::Locked
            | Self::Io
            | Self::Upstream
            | Self::NotRunning => false,
        }
    }
}

/// See the module's documentation. Holds no secret and no value that may be one.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
pub struct CommandError {
    pub code: Code,
    pub message: String,
    /// Where exactly.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl CommandError {
    /// An error of a kind.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), problems: Vec::new(), hint: None }
    }

    /// Arguments that fit no schema.
    pub fn arguments(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidArguments, message)
    }

    /// An id that stands for nothing, with the nearest ones that stand for something.
    pub fn unknown<'a>(
        code: Code,
        what: &str,
        id: &str,
        known: impl IntoIterator<Item = &'a str> + Clone,
    ) -> Self {
        // Ids come from strangers: only so much of one is repeated.
        let shown: String = id.chars().take(80).collect();
        let hint = did_you_mean(id, known.clone());
        let error = Self::new(code, format!("there is no {what} `{shown}`{hint}"));
        if !hint.is_empty() {
            return error;
        }
        let some: Vec<&str> = known.into_iter().take(8).collect();
        match some.as_slice() {
            [] => error.hint("nothing of the kind is configured yet"),
            some => error.hint(format!("configured: {}", some.join(", "))),
        }
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the places.
    #[must_use]
    pub fn problems(mut self, problems: Vec<Problem>) -> Self {
        self.problems = problems;
        self
    }
}

/// How many places are told in words: there may be thousands.
const MOST_PLACES: usize = 25;

/// The message, a line for each place, and the hint.
impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for problem in self.problems.iter().take(MOST_PLACES) {
            let place = if problem.pointer.is_empty() { "/" } else { &problem.pointer };
            write!(f, "\n  {place}: {}", problem.message)?;
            if let Some(hint) = &problem.hint {
                write!(f, " ({hint})")?;
            }
        }
        if self.problems.len() > MOST_PLACES {
            write!(f, "\n  ... and {} more places", self.problems.len() - MOST_PLACES)?;
        }
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}
