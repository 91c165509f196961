//! A summary that stands for the conversation before it (Anthropic, "Compaction": `compaction`
//! blocks), for targets of other formats. Anthropic drops all that stands in front of the last one;
//! so must whoever tells it to another model, or the conversation is too long again.

use std::borrow::Cow;

use super::{
    Encoded, Malformed,
    dropped::Losses,
    raw::{Text, open_struct},
};
use crate::{
    chat::{Block, Content, Message, Request, Role},
    protocol::Format,
};

open_struct! {
    struct Wire<'a> {
        content: Text<'a> = "content",
    }
}

/// Has `encode` write the request, with the last summary as words of the user and without what it
/// stands for.
pub(super) fn spelled_out(
    request: &Request<'_>,
    encode: impl FnOnce(&Request<'_>) -> Result<Encoded, Malformed>,
) -> Result<Encoded, Malformed> {
    let Some((message, block, summary)) = last(request) else { return encode(request) };
    let mut losses = Losses::default();
    let mut shorter = request.clone();
    let place = request.messages[message].blocks[block].place;
    losses.reworded(place, "the summary becomes words of the user");
    let is_leading = |message: &&Message<'_>| message.role == Role::System;
    let leading = request.messages.iter().take_while(is_leading).count();
    let mut rest = shorter.messages.split_off(message);
    shorter.messages.truncate(leading);
    if let Some(first) = rest.first_mut() {
        first.blocks.drain(..=block);
    }
    rest.retain(|message| !message.blocks.is_empty());
    let words = format!("What was said before, in summary:\n\n{summary}");
    shorter.messages.push(Message::new(Role::User, vec![Block::plain(words)]).at(place));
    shorter.messages.append(&mut rest);
    let encoded = encode(&shorter)?;
    let mut dropped = losses.into_list();
    dropped.extend(encoded.dropped);
    Ok(Encoded { dropped, ..encoded })
}

/// The last summary that can be read: its message, its block, and its words.
fn last<'r>(request: &'r Request<'_>) -> Option<(usize, usize, Cow<'r, str>)> {
    if request.format != Format::Anthropic {
        return None;
    }
    request.messages.iter().enumerate().rev().find_map(|(number, message)| {
        let mut blocks = message.blocks.iter().enumerate().rev();
        blocks.find_map(|(place, block)| {
            let Content::Opaque { kind, raw, .. } = &block.content else { return None };
            let wire: Wire<'_> = (kind == "compaction").then(|| raw.read().ok()).flatten()?;
            Some((number, place, wire.content?.0))
        })
    })
}
