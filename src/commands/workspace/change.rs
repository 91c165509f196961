//! Changing the document: what an edit brings in is judged, told, and kept to be written.

use serde_json::Value;

use super::{Pending, Version, Workspace};
use crate::{
    commands::{
        argument::WriteArgs,
        changed::{Changed, Notes, bounded, bounded_lines},
        error::{Code, CommandError},
        history::Change,
        routes,
    },
    config::{
        document, edit,
        edit::draft::Draft,
        problem::{Problem, Severity},
    },
};

/// Results stay small: models read them.
const LONGEST_LIST: usize = 1000;

impl Workspace {
    /// Refuses if the config is not the one that the caller knows.
    ///
    /// # Errors
    /// The revision that it has.
    pub fn expect_revision(&self, write: &WriteArgs) -> Result<(), CommandError> {
        let revision = self.revision();
        match &write.expected_revision {
            Some(expected) if *expected != revision => {
                let message = format!("the config has revision {revision}, not the expected one");
                Err(CommandError::new(Code::Conflict, message)
                    .hint("it was changed since; look at it again and decide anew"))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Changes the document. `change` returns what it did, in one line.
    ///
    /// An edit is refused only for errors that it brings in: a config that is broken elsewhere can
    /// be mended step by step.
    ///
    /// # Errors
    /// What `change` says, or the errors that it brings in. Then nothing has changed.
    pub fn edit(
        &mut self,
        write: &WriteArgs,
        change: impl FnOnce(&mut Draft, &mut Notes) -> Result<String, CommandError>,
    ) -> Result<Changed, CommandError> {
        let before = self.document()?.clone();
        self.expect_revision(write)?;
        let (mut draft, mut notes) = (Draft::new(before.clone()), Notes::default());
        let summary = change(&mut draft, &mut notes)?;
        let is_first = self.text().is_none_or(|text| text.trim().is_empty());
        if is_first && draft.document() != before {
            draft.begin();
        }
        let after = draft.document();
        let (old_router, old_problems) = self.judge(&before, &self.elsewhere(&[]));
        let (new_router, new_problems) = self.judge(&after, &self.elsewhere(&notes.keys));
        let (errors, warnings): (Vec<Problem>, Vec<Problem>) =
            brought_in(&old_problems, new_problems).into_iter().partition(Problem::is_error);
        if !errors.is_empty() {
            let message = "the change would break the config";
            return Err(CommandError::new(Code::InvalidConfig, message)
                .problems(errors)
                .hint("nothing was changed"));
        }
        let text = match &self.text {
            old if before == after => old.clone(),
            old => Some(edit::text::overlay(old.as_deref().unwrap_or_default(), &after)),
        };
        let mut told: Vec<String> = notes.warnings.clone();
        told.extend(warnings.iter().map(ToString::to_string));
        let still = old_problems.iter().filter(|problem| problem.is_error()).count();
        if still > 0 && new_router.is_none() {
            told.push("the config has errors that were there before: llm-router validate".into());
        }
        let routing = routes::changes(old_router.as_ref(), new_router.as_ref());
        let version = Version { text, summary, undoes: None, keys: notes.keys };
        let mut changed = self.adopt(write, version);
        changed.warnings = bounded_lines(told, LONGEST_LIST);
        changed.routing = routing;
        changed.removed_references = bounded_lines(notes.removed_references, LONGEST_LIST);
        changed.next = notes.next;
        Ok(changed)
    }

    /// Takes `text` as the new config, or only tells what would be.
    pub(in crate::commands) fn adopt(&mut self, write: &WriteArgs, new: Version) -> Changed {
        let Version { text, summary, undoes, keys } = new;
        let revision = edit::revision(text.as_deref());
        let changed = text != self.text;
        let diff = edit::diff::unified(&shown(self.text()), &shown(text.as_deref()));
        let mut result = Changed {
            summary: if changed { summary } else { "Nothing to change.".to_owned() },
            changed,
            dry_run: write.dry_run,
            revision: revision.clone(),
            diff: bounded(&diff),
            ..Changed::default()
        };
        if !changed || write.dry_run {
            return result;
        }
        let id = self.changes().last().map_or(1, |last| last.id + 1);
        result.undo = Some(id);
        self.pending = Some(Pending {
            text: text.clone(),
            change: Change {
                id,
                at: self.now.to_string(),
                by: self.who.clone(),
                summary: result.summary.clone(),
                diff: result.diff.clone(),
                revision_before: self.revision(),
                revision_after: revision,
                undoes,
                before: self.text.clone(),
            },
            keys,
        });
        self.document = match text.as_deref().map(document::parse) {
            None => Ok(Value::Object(serde_json::Map::new())),
            Some(parsed) => parsed.map(|parsed| parsed.value),
        };
        self.text = text;
        result
    }
}

/// The text with its secrets masked; nothing of a text that cannot be understood.
fn shown(text: Option<&str>) -> String {
    let Some(text) = text else { return String::new() };
    match document::parse(text) {
        Ok(parsed) => edit::text::overlay(text, &edit::redact::redacted(&parsed.value)),
        Err(_) => format!("({} bytes that are not JSON)\n", text.len()),
    }
}

/// The problems of `new` that `old` has not. Places in lists move when something before them goes,
/// so indices do not count.
fn brought_in(old: &[Problem], new: Vec<Problem>) -> Vec<Problem> {
    let essence = |problem: &Problem| -> (Severity, String, String) {
        let steps = problem.pointer.split('/').map(|step| match step.parse::<usize>() {
            Ok(_) => "*",
            Err(_) => step,
        });
        (problem.severity, steps.collect::<Vec<_>>().join("/"), problem.message.clone())
    };
    let mut known: Vec<_> = old.iter().map(essence).collect();
    new.into_iter()
        .filter(|problem| {
            let essence = essence(problem);
            match known.iter().position(|known| *known == essence) {
                Some(place) => {
                    known.swap_remove(place);
                    false
                }
                None => true,
            }
        })
        .collect()
}
