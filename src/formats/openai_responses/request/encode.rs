//! The neutral vocabulary → OpenAI Responses, requests: the body. Its conversation is written by
//! [`input`], its tools by [`tools`], its wishes by [`wishes`].

mod input;
mod output;
mod parts;
mod tools;
mod wishes;

use super::super::FORMAT;
use crate::{
    chat::{Block, Message, Request, Role},
    formats::{
        Encoded, Malformed,
        dropped::Losses,
        hints::Hints,
        names::Names,
        openai::attribution,
        write::{self, Members},
    },
};

/// A request under construction.
struct Writer<'t, 'a> {
    request: &'t Request<'a>,
    hints: &'t Hints<'t>,
    names: Names,
    losses: Losses,
}

/// Writes a request.
#[expect(clippy::unnecessary_wraps, reason = "encoders of other formats refuse some requests")]
pub(in super::super) fn encode(
    request: &Request<'_>,
    hints: &Hints<'_>,
) -> Result<Encoded, Malformed> {
    let names = Names::of(request, hints.rules(FORMAT));
    let mut writer = Writer { request, hints, names, losses: Losses::default() };
    let mut body = Vec::with_capacity(1024);
    write::object(&mut body, |body| writer.body(body));
    let Writer { names, losses, .. } = writer;
    Ok(Encoded { body, dropped: losses.into_list(), names })
}

impl<'t, 'a> Writer<'t, 'a> {
    fn body(&mut self, body: &mut Members<'_>) {
        body.value("model", self.hints.model);
        let request = self.request;
        let instructions = self.instructions();
        if let Some((block, _)) = instructions {
            body.maybe("instructions", block.text());
            self.marks(block);
        }
        if let Some(block) = attribution(request) {
            self.losses.hint(block.place, "only Anthropic reads it");
        }
        let rest = &request.messages[instructions.map_or(0, |(_, messages)| messages)..];
        body.array("input", |items| self.input(rest, items));
        self.tools(body);
        self.wishes(body);
    }

    /// What `instructions` can hold, and how many messages that takes up: the first of the system's
    /// messages in front of everything, if it is one text.
    fn instructions(&self) -> Option<(&'t Block<'a>, usize)> {
        let messages = &self.request.messages;
        let count = messages.iter().take_while(|message| message.role == Role::System).count();
        let mut system = messages[..count].iter().enumerate();
        let (place, first) = system.find(|(_, message)| self.said(message).next().is_some())?;
        let mut said = self.said(first);
        let one = said.next().filter(|_| said.next().is_none())?;
        let bare = first.extra.is_empty() && one.extra.is_empty();
        (bare && one.text().is_some()).then_some((one, place + 1))
    }

    /// The blocks of a message that are to be written.
    fn said<'m>(
        &self,
        message: &'m Message<'a>,
    ) -> impl Iterator<Item = &'m Block<'a>> + use<'m, 'a> {
        let left_out = attribution(self.request).map(std::ptr::from_ref);
        message.blocks.iter().filter(move |block| {
            block.text() != Some("") && left_out != Some(std::ptr::from_ref(*block))
        })
    }

    /// Reports what stands on a block and has no place here.
    fn marks(&mut self, block: &Block<'_>) {
        if block.cache.is_some() {
            self.losses.member(block.place, "cache_control", "the target caches by itself");
        }
    }
}
