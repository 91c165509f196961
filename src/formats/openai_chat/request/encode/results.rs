//! Results of tools → Chat: a message each, which holds text only. Images follow in a message of the
//! user, right behind the results.

use std::borrow::Cow;

use super::{
    super::{super::FORMAT, decode::ERROR},
    Writer,
    parts::is_words,
    plan::Found,
};
use crate::{
    chat::{Block, Content, Role, ToolResult},
    formats::{
        ids,
        openai::{noun, words},
        write::{Elements, Members},
    },
};

/// The result of a call that the client never answered: without one OpenAI refuses the request.
const NO_RESULT: &str = "(no result)";

impl<'t, 'a> Writer<'t, 'a> {
    /// Writes the results of an answer's calls; gives the images in them, which the user is to show.
    pub(super) fn results(
        &mut self,
        results: &[(&'t str, Option<Found<'t, 'a>>)],
        list: &mut Elements<'_>,
    ) -> Vec<&'t Block<'a>> {
        let mut images: Vec<&'t Block<'a>> = Vec::new();
        for (call, found) in results {
            list.object(|out| {
                out.value("role", "tool");
                out.value("tool_call_id", &*ids::fit(call, self.ids));
                match found {
                    Some((block, result)) => {
                        self.output(block, result, out);
                        self.extra(block, out);
                        images.extend(result.blocks.iter().filter(|block| self.follows(block)));
                    }
                    None => out.text("content", NO_RESULT),
                }
            });
        }
        for block in &images {
            self.losses.reworded(block.place, "follows the results as the user's");
        }
        images
    }

    /// Whether a block of a result is an image that the target can be shown.
    fn follows(&self, block: &Block<'a>) -> bool {
        matches!(&block.content, Content::Image(image) if self.image_url(image).is_some())
    }

    /// Writes the content of a result: one text, or several parts of text.
    fn output(&mut self, block: &Block<'a>, result: &ToolResult<'a>, out: &mut Members<'_>) {
        self.lost_seal(block);
        let marked = block.cache.is_some() && self.hints.takes_cache_marks(FORMAT);
        if !marked {
            self.lost_mark(block);
        }
        let mut texts: Vec<Cow<'_, str>> = Vec::new();
        for inner in &result.blocks {
            if inner.text() != Some("") {
                texts.push(self.stand_in(inner));
            }
        }
        if result.is_error == Some(true) {
            if result.blocks.first().is_some_and(|first| !is_words(&first.content)) {
                self.losses.reworded(block.place, "an error without words is only told as one");
            }
            match texts.first_mut() {
                Some(first) if first.starts_with(ERROR) => {}
                Some(first) => *first = Cow::Owned(format!("{ERROR}{first}")),
                None => texts.push(Cow::Borrowed(ERROR)),
            }
        }
        match &texts[..] {
            [] if !marked => out.text("content", ""),
            [only] if !marked => out.text("content", only),
            _ if self.flat => out.text("content", &texts.join("\n")),
            _ => out.array("content", |list| {
                for (at, text) in texts.iter().enumerate() {
                    list.object(|part| {
                        part.value("type", "text");
                        part.text("text", text);
                        if at + 1 == texts.len() {
                            self.mark_of(block, part);
                        }
                    });
                }
            }),
        }
    }

    fn mark_of(&self, block: &Block<'a>, part: &mut Members<'_>) {
        if let Some(mark) = block.cache.filter(|_| self.hints.takes_cache_marks(FORMAT)) {
            super::write_mark(mark, part);
        }
    }

    /// The text that a block of a result becomes. What cannot be said is named at its place.
    fn stand_in<'b>(&mut self, block: &'b Block<'a>) -> Cow<'b, str> {
        self.lost_mark(block);
        self.losses.extras(&block.extra, block.place, FORMAT, &mut |_| {});
        if is_words(&block.content) {
            self.reword(block, Role::Tool);
            return words(&block.content);
        }
        if !self.follows(block) {
            let what = noun(&block.content);
            let reason = format!("a result has no place for this {what}");
            self.losses.whole(block.place, reason);
        }
        Cow::Owned(format!("[{}]", noun(&block.content)))
    }
}
