//! The result of a command that writes.

use schemars::JsonSchema;
use serde::Serialize;

use super::text::{Look, Text};
use crate::config::secret::Secret;

/// What a change came to.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct Changed {
    /// What was done, or would be done, in one line
    pub summary: String,
    /// Whether anything differs from before
    pub changed: bool,
    /// Whether it was only tried: nothing is written then
    pub dry_run: bool,
    /// The revision of the config after the change; pass it as `expected_revision` of the next one
    pub revision: String,
    /// What differs in the file, secrets masked
    pub diff: String,
    /// What differs for requests, a line for each name
    pub routing: Vec<String>,
    /// What is doubtful now and was not before
    pub warnings: Vec<String>,
    /// References that were removed because what they named is gone
    pub removed_references: Vec<String>,
    /// The id that takes this change back: `undo ID`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undo: Option<u64>,
    /// Whether a running gateway uses the change already
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Gateway>,
    /// What to do next
    pub next: Vec<String>,
}

/// What a running gateway made of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Gateway {
    /// No gateway runs with this config
    NotRunning,
    /// The next request uses it
    TakenOver,
    /// It runs, but does not watch its config
    NotWatching,
    /// It runs and has not taken the change over in time
    NotYet,
    /// It runs and refuses the config: see `status`
    Rejected,
    /// It runs, but its key is not known here, so it cannot be asked
    NotKnown,
}

impl Gateway {
    /// The same in a line, which the shell that asked the gateway adds.
    #[must_use]
    pub fn text(self) -> (Look, &'static str) {
        match self {
            Self::NotRunning => (Look::Faint, "No gateway runs with this config."),
            Self::TakenOver => {
                (Look::Good, "The running gateway uses it from the next request on.")
            }
            Self::NotWatching => {
                (Look::Doubtful, "The running gateway does not watch its config: llm-router reload")
            }
            Self::NotYet => {
                (Look::Doubtful, "The running gateway has not taken it over yet: llm-router status")
            }
            Self::Rejected => {
                (Look::Bad, "The running gateway refuses the config: llm-router status")
            }
            Self::NotKnown => {
                (Look::Doubtful, "The running gateway cannot be asked: its key is not known here.")
            }
        }
    }
}

/// What an edit wants to be told beside its summary.
#[derive(Debug, Default)]
pub struct Notes {
    pub warnings: Vec<String>,
    pub removed_references: Vec<String>,
    pub next: Vec<String>,
    /// Files for secrets: path relative to the config's folder, and value.
    pub keys: Vec<(String, Secret)>,
}

/// Results stay small: models read them.
const LONGEST_DIFF: usize = 3000;

/// The first of `lines`, as many as are not too long together, and how many more there are.
#[must_use]
pub fn bounded_lines(lines: Vec<String>, longest: usize) -> Vec<String> {
    let mut length = 0;
    let fits = lines.iter().take_while(|line| {
        length += line.len();
        length <= longest
    });
    let (kept, all) = (fits.count(), lines.len());
    let mut lines = lines;
    lines.truncate(kept);
    if kept < all {
        lines.push(format!("... and {} more", all - kept));
    }
    lines
}

/// A diff that is not too long.
#[must_use]
pub fn bounded(diff: &str) -> String {
    if diff.len() <= LONGEST_DIFF {
        return diff.to_owned();
    }
    let mut kept = String::new();
    let mut lines = diff.lines();
    for line in lines.by_ref() {
        if kept.len() + line.len() > LONGEST_DIFF {
            break;
        }
        kept.push_str(line);
        kept.push('\n');
    }
    format!("{kept}... and {} more lines\n", lines.count() + 1)
}

impl Changed {
    /// The result for people.
    #[must_use]
    pub fn text(&self) -> Text {
        self.text_with(|_| {})
    }

    /// The same, with something between what was done and how to take it back.
    #[must_use]
    pub fn text_with(&self, more: impl FnOnce(&mut Text)) -> Text {
        let mut text = Text::default();
        if self.dry_run {
            text.wrapped(Look::Strong, "Dry run: ", "  ", &self.summary);
        } else {
            let look = if self.changed { Look::Good } else { Look::Plain };
            text.wrapped(look, "", "  ", &self.summary);
        }
        if self.dry_run && !self.diff.is_empty() {
            text.gap().diff(&self.diff);
        }
        let mut list = |title: &str, look: Look, lines: &[String]| {
            if !lines.is_empty() {
                text.gap().line(Look::Strong, title);
            }
            for line in lines {
                text.wrapped(look, "  ", "    ", line);
            }
        };
        list("For requests", Look::Plain, &self.routing);
        list("References removed", Look::Bad, &self.removed_references);
        list("Warnings", Look::Doubtful, &self.warnings);
        list("Next", Look::Plain, &self.next);
        more(&mut text);
        if self.dry_run {
            text.gap().line(Look::Faint, "Nothing was written.");
        } else if let Some(id) = self.undo {
            text.gap().line(Look::Faint, format!("Take it back with: llm-router undo {id}"));
        }
        text
    }
}
