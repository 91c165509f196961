//! Results of tools → `output`.

use super::{
    Writer,
    parts::{is_words, plain},
};
use crate::{
    chat::{Role, ToolResult},
    formats::{
        openai::{noun, words},
        write::{Elements, Members},
    },
};

/// How a result says that its tool failed: the format has no flag for it.
const ERROR: &str = "Error: ";

impl<'a> Writer<'_, 'a> {
    /// Writes `output`: a text where it is one, else a list of parts.
    pub(super) fn output(&mut self, result: &ToolResult<'a>, item: &mut Members<'_>) {
        let said: Vec<_> = result.blocks.iter().filter(|block| self.can_say(block)).collect();
        match (&said[..], result.blocks.first()) {
            ([], None) => item.text("output", mark(result, "")),
            ([only], _) if is_words(&only.content) && only.extra.is_empty() => {
                result.blocks.iter().for_each(|block| self.report(block));
                let text = words(&only.content);
                item.text("output", &format!("{}{text}", mark(result, &text)));
            }
            ([], Some(first)) => {
                result.blocks.iter().for_each(|block| self.report(block));
                let text = format!("{}[{}]", mark(result, ""), noun(&first.content));
                item.text("output", &text);
            }
            (_, Some(_)) => item.array("output", |content| self.output_parts(result, content)),
            ([_, ..], None) => {}
        }
    }

    /// Writes the blocks of a result, at least one.
    pub(super) fn output_parts(&mut self, result: &ToolResult<'a>, content: &mut Elements<'_>) {
        let said = result.blocks.iter().find(|block| self.can_say(block));
        let own = said.map(|block| &block.content).filter(|content| is_words(content));
        let mut prefix = mark(result, &own.map(words).unwrap_or_default());
        if own.is_none() && !prefix.is_empty() {
            plain(Role::User, "", std::mem::take(&mut prefix), content);
        }
        for block in &result.blocks {
            if self.can_say(block) {
                self.marks(block);
                self.part(block, Role::User, std::mem::take(&mut prefix), content);
            } else {
                self.report(block);
            }
        }
        if content.is_empty() {
            let what = result.blocks.first().map_or("result", |block| noun(&block.content));
            plain(Role::User, "", &format!("[{what}]"), content);
        }
    }
}

/// What must stand in front of a result's text.
fn mark(result: &ToolResult<'_>, text: &str) -> &'static str {
    if result.is_error == Some(true) && !text.starts_with(ERROR) { ERROR } else { "" }
}
