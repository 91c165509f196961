//! Long explanations in pages: an alias may have a thousand targets, and a request may have tried
//! them all.

use crate::{
    commands::{changed::bounded_lines, page},
    exchange::record::Explained,
};

/// The longest list of what was not said to a target.
const LONGEST_DROPPED: usize = 1500;

/// Which part of an explanation is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// How many targets there are in all.
    pub total: usize,
    /// How many are shown.
    pub shown: usize,
    /// Where the next page begins, if there is one.
    pub next: Option<usize>,
}

/// Leaves of the targets, and of the attempts, those from `start` on: at most `limit`, and no more than
/// make `budget` bytes with the rest.
pub fn cut(explained: &mut Explained, start: usize, limit: Option<u64>, budget: usize) -> Part {
    explained.dropped = bounded_lines(std::mem::take(&mut explained.dropped), LONGEST_DROPPED);
    let candidates = explained.decision.as_ref().map(|decision| page::sizes(&decision.candidates));
    let (mut rows, attempts) = (candidates.unwrap_or_default(), page::sizes(&explained.attempts));
    let beside = page::size(explained).saturating_sub(rows.iter().chain(&attempts).sum());
    let total = rows.len().max(attempts.len());
    rows.resize(total, 0);
    for (row, attempt) in rows.iter_mut().zip(attempts) {
        *row += attempt;
    }
    let start = start.min(total);
    let shown = page::count(&rows[start..], limit, budget.saturating_sub(beside));
    if let Some(decision) = &mut explained.decision {
        page::keep(&mut decision.candidates, start, shown);
    }
    page::keep(&mut explained.attempts, start, shown);
    let end = start + shown;
    Part { total, shown, next: (end < total).then_some(end) }
}
