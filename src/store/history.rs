//! What was changed in a config: a folder beside it, a numbered pair of files for each change. Only
//! this user may read it, for the bytes from before may hold keys.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::write::{make_private_folder, write_private};
use crate::{
    commands::{changed::bounded, history::Change},
    config::edit::{diff, redact, revision, text},
    time::Timestamp,
};

/// How many changes are kept.
const MOST: usize = 100;

/// See the module's documentation.
#[derive(Debug, Clone)]
pub struct History {
    folder: PathBuf,
}

impl History {
    /// The history of the config at `target`, which need not exist.
    #[must_use]
    pub fn of(target: &Path) -> Self {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let stem = name.strip_suffix(".json").unwrap_or(&name);
        Self { folder: target.with_file_name(format!("{stem}.history")) }
    }

    /// The changes that are kept, the oldest first. The last may be one that somebody made in an
    /// editor since, dated `now`: it is told before it is recorded.
    #[must_use]
    pub fn changes(&self, current: Option<&str>, now: Timestamp) -> Vec<Change> {
        let mut changes = self.recorded();
        if let Some(latest) = self.latest()
            && latest.as_deref() != current
        {
            let id = changes.last().map_or(1, |last| last.id + 1);
            changes.push(file_edit(id, latest, current, now));
        }
        changes
    }

    /// Records what somebody did in an editor, and forgets what was recorded but never happened.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn settle(&self, current: Option<&str>, now: Timestamp) -> io::Result<()> {
        let Some(latest) = self.latest() else { return Ok(()) };
        let recorded = self.recorded();
        if latest.as_deref() != current {
            // The change was written and then its writer died before it could say so.
            if recorded.last().is_some_and(|last| last.revision_after == revision(current)) {
                return self.remember(current);
            }
            let id = recorded.last().map_or(1, |last| last.id + 1);
            self.record(&file_edit(id, latest, current, now))?;
            return self.remember(current);
        }
        if let Some(last) = recorded.last()
            && last.revision_after != revision(current)
        {
            // Recorded, but its writer died before it wrote.
            drop(fs::remove_file(self.path(last.id, "json")));
            drop(fs::remove_file(self.path(last.id, "before")));
        }
        Ok(())
    }

    /// Records a change that is about to be made.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn record(&self, change: &Change) -> io::Result<()> {
        make_private_folder(&self.folder)?;
        if let Some(before) = &change.before {
            write_private(&self.path(change.id, "before"), before.as_bytes())?;
        }
        let entry = serde_json::to_vec(change).map_err(io::Error::other)?;
        write_private(&self.path(change.id, "json"), &entry)?;
        let ids = self.ids();
        for id in ids.iter().take(ids.len().saturating_sub(MOST)) {
            drop(fs::remove_file(self.path(*id, "json")));
            drop(fs::remove_file(self.path(*id, "before")));
        }
        Ok(())
    }

    /// Keeps the text that was written last: an edit by hand shows as a difference from it.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn remember(&self, text: Option<&str>) -> io::Result<()> {
        make_private_folder(&self.folder)?;
        let latest = serde_json::json!({ "text": text }).to_string();
        write_private(&self.folder.join("latest.json"), latest.as_bytes())
    }

    /// The text that was written last; `None` if nothing was ever written.
    #[expect(
        clippy::option_option,
        reason = "no file was written, or it was written that there is none"
    )]
    fn latest(&self) -> Option<Option<String>> {
        let latest = fs::read(self.folder.join("latest.json")).ok()?;
        let latest: serde_json::Value = serde_json::from_slice(&latest).ok()?;
        Some(latest.get("text")?.as_str().map(str::to_owned))
    }

    fn recorded(&self) -> Vec<Change> {
        let read = |id: u64| -> Option<Change> {
            let mut change: Change =
                serde_json::from_slice(&fs::read(self.path(id, "json")).ok()?).ok()?;
            change.before = fs::read_to_string(self.path(id, "before")).ok();
            Some(change)
        };
        self.ids().into_iter().filter_map(read).collect()
    }

    fn ids(&self) -> Vec<u64> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let id = |entry: fs::DirEntry| -> Option<u64> {
            entry.file_name().to_str()?.strip_suffix(".json")?.parse().ok()
        };
        let mut ids: Vec<u64> = entries.filter_map(id).collect();
        ids.sort_unstable();
        ids
    }

    fn path(&self, id: u64, kind: &str) -> PathBuf {
        self.folder.join(format!("{id:08}.{kind}"))
    }
}

fn file_edit(id: u64, before: Option<String>, after: Option<&str>, now: Timestamp) -> Change {
    let summary = match (&before, after) {
        (_, None) => "The file was removed.",
        (None, Some(_)) => "The file was made.",
        (Some(_), Some(_)) => "The file was edited.",
    };
    let shown = |text: Option<&str>| {
        let text = text.unwrap_or_default();
        serde_json::from_str(text.trim_start_matches('\u{feff}')).map_or_else(
            |_| String::new(),
            |document| text::overlay(text, &redact::redacted(&document)),
        )
    };
    Change {
        id,
        at: now.to_string(),
        by: "file edit".to_owned(),
        summary: summary.to_owned(),
        diff: bounded(&diff::unified(&shown(before.as_deref()), &shown(after))),
        revision_before: revision(before.as_deref()),
        revision_after: revision(after),
        undoes: None,
        before,
    }
}
