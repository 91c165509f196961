//! Marks for Anthropic's prompt cache: four at most, in the order of the prompt (tools, system,
//! messages).

use crate::{
    chat::{Block, CacheMark, CacheTtl, Content, Place, Request},
    formats::{dropped::Losses, write::Members},
};

/// Anthropic, "Prompt caching": up to four breakpoints, of which the one on the body is one.
const MOST: usize = 4;

/// Which marks are written.
///
/// The first three stay where they are. If there are more, one mark on the body stands for the rest:
/// it always reaches to the end of the conversation. So a longer conversation still begins with the
/// bytes of a shorter one, and the last of it is cached too. Providers that only speak the format
/// may not know that mark: they get the first four.
pub(super) struct Marks {
    left: usize,
    whole: Option<CacheMark>,
}

impl Marks {
    pub(super) fn of(request: &Request<'_>, genuine: bool) -> Self {
        let blocks = request.messages.iter().flat_map(|message| &message.blocks);
        let tools = request.tools.iter().filter_map(|tool| tool.cache);
        let rest = tools.chain(blocks.flat_map(on_block)).skip(MOST - 1).last();
        match request.cache.mark {
            Some(whole) => Self { left: MOST - 1, whole: Some(whole) },
            None if genuine => Self { left: MOST - 1, whole: rest },
            None => Self { left: MOST, whole: None },
        }
    }

    /// A mark on the body, for a client that wishes for a cache without saying up to where.
    pub(super) fn add(&mut self, hour: bool) {
        let ttl = hour.then_some(CacheTtl::OneHour);
        self.whole = self.whole.or(Some(CacheMark { ttl }));
    }

    pub(super) fn whole(&self) -> Option<CacheMark> {
        self.whole
    }

    /// Counts a mark that is written as a part of something raw.
    pub(super) fn count(&mut self, mark: Option<CacheMark>) {
        self.left = self.left.saturating_sub(usize::from(mark.is_some()));
    }

    /// The mark of what stands at `place`, if there is room for it.
    pub(super) fn take(
        &mut self,
        mark: Option<CacheMark>,
        place: Place,
        losses: &mut Losses,
    ) -> Option<CacheMark> {
        let mark = mark?;
        if self.left == 0 {
            losses.member(place, "cache_control", "Anthropic takes four marks");
            return None;
        }
        self.left -= 1;
        Some(mark)
    }
}

fn on_block<'b>(block: &'b Block<'_>) -> impl Iterator<Item = CacheMark> + 'b {
    let inside = match &block.content {
        Content::ToolResult(result) => result.blocks.as_slice(),
        Content::Text { .. }
        | Content::Image(_)
        | Content::Document(_)
        | Content::Audio(_)
        | Content::Reasoning(_)
        | Content::ToolCall(_)
        | Content::ToolReference(_)
        | Content::Refusal(_)
        | Content::Hosted(_)
        | Content::Opaque { .. } => &[],
    };
    inside.iter().filter_map(|block| block.cache).chain(block.cache)
}

/// Writes a mark into the object that it is on.
pub(super) fn write(mark: CacheMark, members: &mut Members<'_>) {
    members.object("cache_control", |control| {
        control.value("type", "ephemeral");
        let ttl = mark.ttl.map(|ttl| match ttl {
            CacheTtl::FiveMinutes => "5m",
            CacheTtl::OneHour => "1h",
        });
        control.maybe("ttl", ttl);
    });
}
