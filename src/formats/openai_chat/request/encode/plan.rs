//! The order of messages in Chat: an answer of the model is one message, its calls at the end; each
//! call has its result in a message right behind it; what the user says follows.

use std::collections::{BTreeMap, VecDeque};

use crate::chat::{Block, Content, Message, Request, Role, ToolResult};

/// A message to be written.
pub(super) enum Turn<'t, 'a> {
    /// System, developer or user. The blocks are no results.
    Said { message: &'t Message<'a>, blocks: Vec<&'t Block<'a>> },
    /// What the model said, in one or several messages.
    Answer { messages: Vec<&'t Message<'a>>, blocks: Vec<&'t Block<'a>> },
    /// The results of the calls of the answer before, in the order of the calls. `None`: the client
    /// never gave one.
    Results(Vec<(&'t str, Option<Found<'t, 'a>>)>),
    /// A result without its call: OpenAI refuses it, so the words are kept as the user's.
    Orphan(Found<'t, 'a>),
}

/// A block, and the result in it.
pub(super) type Found<'t, 'a> = (&'t Block<'a>, &'t ToolResult<'a>);

/// Lays out a conversation. `left_out` is a block that is not written.
pub(super) fn turns<'t, 'a>(
    request: &'t Request<'a>,
    left_out: Option<&'t Block<'a>>,
) -> Vec<Turn<'t, 'a>> {
    let mut waiting = results(request);
    let mut turns = Vec::new();
    let left_out = left_out.map(std::ptr::from_ref);
    let mut answering = false;
    for message in &request.messages {
        let blocks = message.blocks.iter().filter(|block| {
            block.result().is_none() && left_out != Some(std::ptr::from_ref(*block))
        });
        let blocks: Vec<&Block<'a>> = blocks.collect();
        for found in message.blocks.iter().filter_map(found) {
            // Results that a call has claimed stand behind that call already.
            if take(&mut waiting, &found.1.call, Some(found.0)).is_some() {
                turns.push(Turn::Orphan(found));
            }
        }
        if message.role == Role::Assistant {
            answer(&mut turns, message, blocks, answering, &mut waiting);
        } else if !blocks.is_empty() {
            turns.push(Turn::Said { message, blocks });
        }
        answering = message.role == Role::Assistant;
    }
    turns
}

fn found<'t, 'a>(block: &'t Block<'a>) -> Option<Found<'t, 'a>> {
    if let Content::ToolResult(result) = &block.content { Some((block, result)) } else { None }
}

/// Results that no call has claimed yet, by the id of their call. Ids may come up again in later
/// turns: each call takes the oldest.
type Waiting<'t, 'a> = BTreeMap<&'t str, VecDeque<Found<'t, 'a>>>;

fn results<'t, 'a>(request: &'t Request<'a>) -> Waiting<'t, 'a> {
    let mut waiting = Waiting::new();
    for found in request.messages.iter().flat_map(|message| &message.blocks).filter_map(found) {
        waiting.entry(&found.1.call).or_default().push_back(found);
    }
    waiting
}

/// The oldest result that waits for this call; if `this` is given, only that one.
fn take<'t, 'a>(
    waiting: &mut Waiting<'t, 'a>,
    call: &str,
    this: Option<&Block<'a>>,
) -> Option<Found<'t, 'a>> {
    let queue = waiting.get_mut(call)?;
    let oldest = queue.front()?.0;
    if this.is_some_and(|this| !std::ptr::eq(this, oldest)) {
        return None;
    }
    queue.pop_front()
}

/// Adds what the model says, and the results of its calls. Without anything in between it belongs
/// to the same answer as the message before (`answering`): Responses has a message for each item.
fn answer<'t, 'a>(
    turns: &mut Vec<Turn<'t, 'a>>,
    message: &'t Message<'a>,
    blocks: Vec<&'t Block<'a>>,
    answering: bool,
    waiting: &mut Waiting<'t, 'a>,
) {
    let calls: Vec<&'t str> =
        blocks.iter().filter_map(|block| block.call()).map(|call| &*call.id).collect();
    let mut found: Vec<_> = calls.into_iter().map(|id| (id, take(waiting, id, None))).collect();
    let mut results = match turns.pop() {
        Some(Turn::Results(earlier)) if answering => earlier,
        Some(turn) => {
            turns.push(turn);
            Vec::new()
        }
        None => Vec::new(),
    };
    results.append(&mut found);
    match turns.last_mut() {
        Some(Turn::Answer { messages, blocks: said }) if answering => {
            messages.push(message);
            said.extend(blocks);
        }
        Some(_) | None => turns.push(Turn::Answer { messages: vec![message], blocks }),
    }
    if !results.is_empty() {
        turns.push(Turn::Results(results));
    }
}
