//! What was changed, by whom, and how to take it back.

use clap::Args;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Command, Effect,
    argument::WriteArgs,
    changed::Changed,
    error::{Code, CommandError},
    text::{Look, Text},
    workspace::{Version, Workspace},
};
use crate::config::edit::revision;

/// One change of the config.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// Counts up; what `undo` takes
    pub id: u64,
    /// When, RFC 3339
    pub at: String,
    /// Who: `cli`, `tui`, the name of an MCP client, or `file edit`
    pub by: String,
    /// What, in one line
    pub summary: String,
    /// What differs, secrets masked
    pub diff: String,
    /// The revision before
    pub revision_before: String,
    /// The revision after
    pub revision_after: String,
    /// The change that this one took back, with all that came after it
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub undoes: Option<u64>,
    /// The bytes before; `None` if there was no file. Holds secrets: it is shown to nobody.
    #[serde(skip)]
    pub before: Option<String>,
}

/// Show what was changed, by whom and when
#[derive(Debug, Clone, Args, Serialize, Deserialize, JsonSchema)]
pub struct Show {
    /// Only this change, with its diff
    #[arg(value_name = "ID")]
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<u64>,
    /// How many, the newest first. 10 if absent
    #[arg(long, value_name = "COUNT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 50))]
    limit: Option<u64>,
}

/// A change in a list; the diff only where one change was asked for.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Listed {
    /// What `undo` takes
    id: u64,
    /// When, RFC 3339
    at: String,
    /// Who
    by: String,
    /// What, in one line
    summary: String,
    /// The revision after it
    revision: String,
    /// Whether a later undo took it back
    undone: bool,
    /// What differs, secrets masked
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<String>,
}

/// The newest changes.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Changes {
    /// The newest first
    changes: Vec<Listed>,
    /// How many are kept
    total: u64,
}

impl Command for Show {
    const NAME: &'static str = "history";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [&'static str] = &[r"{}", r#"{"limit": 3}"#, r#"{"change": 1}"#];
    const OTHER_NAMES: &'static [&'static str] = &["list-changes"];
    type Output = Changes;

    fn run(self, workspace: &mut Workspace) -> Result<Changes, CommandError> {
        let changes = workspace.changes();
        let undone = undone(&changes);
        let limit = usize::try_from(self.limit.unwrap_or(10)).unwrap_or(10);
        let listed = |change: &Change| Listed {
            id: change.id,
            at: change.at.clone(),
            by: change.by.clone(),
            summary: change.summary.clone(),
            revision: change.revision_after.clone(),
            undone: undone.contains(&change.id),
            diff: self.change.map(|_| change.diff.clone()),
        };
        let total = changes.len() as u64;
        let changes: Vec<Listed> = match self.change {
            Some(id) => vec![listed(of_id(&changes, id)?)],
            None => changes.iter().rev().take(limit).map(listed).collect(),
        };
        Ok(Changes { changes, total })
    }

    fn text(output: &Changes) -> Text {
        let mut text = Text::default();
        if output.changes.is_empty() {
            text.line(Look::Plain, "Nothing has been changed yet.");
            return text;
        }
        let row = |change: &Listed| {
            let undone = if change.undone { "(undone) " } else { "" };
            vec![
                change.id.to_string(),
                change.at.clone(),
                change.by.clone(),
                format!("{undone}{}", change.summary),
            ]
        };
        let rows: Vec<Vec<String>> = output.changes.iter().map(row).collect();
        text.table(&["id", "when", "who", "what"], &rows);
        for diff in output.changes.iter().filter_map(|change| change.diff.as_ref()) {
            text.gap().diff(diff);
        }
        text
    }
}

/// Take a change of the config back, to the byte
///
/// Without an id the last change that was not taken back yet; asked again, the one before. With
/// one, also everything that came after it.
#[derive(Debug, Clone, Args, Serialize, Deserialize, JsonSchema)]
pub struct Undo {
    /// The id of the change, as `history` shows it
    #[arg(value_name = "ID")]
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<u64>,
    #[command(flatten)]
    #[serde(flatten)]
    write: WriteArgs,
}

impl Command for Undo {
    const NAME: &'static str = "undo";
    const EFFECT: Effect = Effect::Destroy;
    const EXAMPLES: &'static [&'static str] = &[r#"{"dry_run": true}"#, r#"{"change": 1}"#];
    const OTHER_NAMES: &'static [&'static str] = &["undo-change"];
    type Output = Changed;

    fn run(self, workspace: &mut Workspace) -> Result<Changed, CommandError> {
        workspace.expect_revision(&self.write)?;
        let changes = workspace.changes();
        let change = match self.change {
            Some(id) => of_id(&changes, id)?,
            None => last(&changes).ok_or_else(|| {
                CommandError::new(Code::NothingToUndo, "there is nothing to undo")
            })?,
        };
        if revision(change.before.as_deref()) != change.revision_before {
            let message =
                format!("the bytes from before change {} are not kept any more", change.id);
            return Err(CommandError::new(Code::NothingToUndo, message));
        }
        let undone = undone(&changes);
        let later = changes.iter().filter(|other| {
            other.id > change.id && other.undoes.is_none() && !undone.contains(&other.id)
        });
        let summary = match later.count() {
            0 => format!("Took change {} back: {}", change.id, change.summary),
            1 => format!("Took change {} back, and the one after it.", change.id),
            count => format!("Took change {} back, and {count} after it.", change.id),
        };
        let version = Version {
            text: change.before.clone(),
            summary,
            undoes: Some(change.id),
            keys: Vec::new(),
        };
        let mut changed = workspace.adopt(&self.write, version);
        // Never refused: what was there can always be had again.
        if !self.write.dry_run {
            let errors =
                workspace.problems().into_iter().filter(crate::config::problem::Problem::is_error);
            changed.warnings.extend(errors.take(10).map(|problem| problem.to_string()));
        }
        Ok(changed)
    }

    fn text(output: &Changed) -> Text {
        output.text()
    }
}

fn of_id(changes: &[Change], id: u64) -> Result<&Change, CommandError> {
    changes.iter().find(|change| change.id == id).ok_or_else(|| {
        let ids: Vec<String> = changes.iter().rev().take(5).map(|c| c.id.to_string()).collect();
        CommandError::new(Code::UnknownChange, format!("there is no change {id}"))
            .hint(format!("the newest are {}", ids.join(", ")))
    })
}

/// The newest change that stands.
fn last(changes: &[Change]) -> Option<&Change> {
    let undone = undone(changes);
    changes.iter().rev().find(|change| change.undoes.is_none() && !undone.contains(&change.id))
}

/// The changes that a later undo took back.
fn undone(changes: &[Change]) -> Vec<u64> {
    let undos = changes.iter().filter_map(|change| Some((change.undoes?, change.id)));
    let ranges: Vec<(u64, u64)> = undos.collect();
    let is_undone = |id: u64| ranges.iter().any(|(from, to)| (*from..*to).contains(&id));
    changes.iter().map(|change| change.id).filter(|id| is_undone(*id)).collect()
}
