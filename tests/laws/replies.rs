//! Generated replies: any blocks, in any pieces.

use std::borrow::Cow;

use llm_router::{
    chat::{
        Citation, Event, Json, Opening, Reply, ReplyBlock, Seal, SealKind, Start, Stop, StopReason,
        Usage,
    },
    protocol::Format,
};
use proptest::prelude::*;
use serde_json::json;

use super::requests::{json_object, text};

/// A reply that `format` can say in full: what only others have is not in it.
pub(crate) fn reply(format: Format) -> impl Strategy<Value = Reply> {
    let start = ("[a-z0-9]{1,8}", "[a-z0-9-]{1,8}", 1_700_000_000..1_800_000_000u64);
    let start = start.prop_map(|(id, model, created)| Start { id, model, created });
    (start, prop::collection::vec(block(format), 1..5), usage(format), any::<bool>()).prop_map(
        move |(start, blocks, usage, cut)| {
            let mut blocks = adjacent(blocks);
            let calls = |block: &ReplyBlock| {
                matches!(block.opening, Opening::ToolCall { .. } | Opening::FreeformCall { .. })
            };
            let refused = blocks.iter().any(|block| matches!(block.opening, Opening::Refusal));
            let reason = match (blocks.iter().any(calls), cut) {
                (true, _) => StopReason::ToolCalls,
                (false, true) if !refused => StopReason::MaxTokens,
                (false, _) => StopReason::End,
            };
            number_calls(&mut blocks);
            Reply { start, blocks, usage, stop: Some(Stop::from(reason)), fault: None }
        },
    )
}

/// Ids of calls are unique within a reply.
fn number_calls(blocks: &mut [ReplyBlock]) {
    for (index, block) in blocks.iter_mut().enumerate() {
        if let Opening::ToolCall { id, .. } | Opening::FreeformCall { id, .. } = &mut block.opening
        {
            *id = format!("call_{index}");
        }
    }
}

/// Formats without borders between blocks join neighbours of one kind; Chat has one text, one
/// reasoning and calls behind them.
fn adjacent(blocks: Vec<ReplyBlock>) -> Vec<ReplyBlock> {
    let rank = |block: &ReplyBlock| match block.opening {
        Opening::Reasoning => 0,
        Opening::Text => 1,
        Opening::Refusal => 2,
        Opening::ToolCall { .. } => 3,
        Opening::FreeformCall { .. } => 4,
        Opening::Hosted(_) | Opening::Image { .. } => 5,
    };
    let mut blocks = blocks;
    blocks.sort_by_key(rank);
    let is_call = |block: &ReplyBlock| rank(block) >= 3;
    blocks.dedup_by(|next, kept| rank(next) == rank(kept) && !is_call(kept));
    blocks
}

fn block(format: Format) -> BoxedStrategy<ReplyBlock> {
    let texts = text().prop_map(|text| ReplyBlock::new(Opening::Text, text));
    let reasoning = (text(), any::<bool>()).prop_map(move |(text, sealed)| {
        let mut block = ReplyBlock::new(Opening::Reasoning, text);
        let kind = match format {
            Format::Anthropic | Format::Gemini => SealKind::Signature,
            Format::OpenAi | Format::OpenAiResponses => SealKind::Encrypted,
        };
        if sealed && format == Format::Anthropic {
            block.seal = Some(Seal { format, kind, data: "EqQBCkYI".into(), item: None });
        }
        block
    });
    let call = ("[a-zA-Z_][a-zA-Z0-9_-]{0,12}", json_object(), prop::bool::weighted(0.2));
    let call = call.prop_map(|(name, mut arguments, spread)| {
        let id = String::new();
        // Some models write their arguments over several lines.
        if spread {
            let value: serde_json::Value = serde_json::from_str(&arguments).expect("JSON");
            arguments = format!("{value:#}\n");
        }
        ReplyBlock::new(Opening::ToolCall { id, name, namespace: None }, arguments)
    });
    let common = prop_oneof![3 => texts, 2 => reasoning, 3 => call];
    match format {
        Format::OpenAi | Format::OpenAiResponses => {
            let freeform = ("[a-z_]{1,8}", text()).prop_map(|(name, text)| {
                let id = String::new();
                ReplyBlock::new(Opening::FreeformCall { id, name, namespace: None }, text)
            });
            let refusal = text().prop_map(|text| ReplyBlock::new(Opening::Refusal, text));
            prop_oneof![8 => common, 1 => freeform, 1 => refusal].boxed()
        }
        Format::Anthropic | Format::Gemini => common.boxed(),
    }
}

fn usage(format: Format) -> impl Strategy<Value = Usage> {
    [0..5000u64, 0..5000, 0..5000, 0..5000, 0..5000].prop_map(
        move |[fresh, read, written, said, thought]| {
            let writes = format == Format::Anthropic;
            let thinks = format != Format::Anthropic;
            let written = if writes { written } else { 0 };
            let thought = if thinks { thought } else { 0 };
            Usage {
                input: fresh + read + written,
                cache_read: read,
                cache_write: written,
                output: said + thought,
                reasoning: thought,
                ..Usage::default()
            }
        },
    )
}

/// The events of `reply`, its texts in pieces of a few characters.
pub(crate) fn in_pieces(reply: &Reply, longest: usize) -> Vec<Event<'static>> {
    let mut events = Vec::new();
    reply.unfold(&mut |event| match event {
        Event::Delta { index, text } => {
            let characters: Vec<char> = text.chars().collect();
            for piece in characters.chunks(longest.max(1)) {
                let text = Cow::Owned(piece.iter().collect());
                events.push(Event::Delta { index, text });
            }
        }
        Event::Start(start) => events.push(Event::Start(start)),
        Event::Open { index, block } => events.push(Event::Open { index, block }),
        Event::Citation { index, citation } => events.push(Event::Citation { index, citation }),
        Event::Seal { index, seal } => events.push(Event::Seal { index, seal }),
        Event::Logprobs { index, tokens } => events.push(Event::Logprobs { index, tokens }),
        Event::Close { index } => events.push(Event::Close { index }),
        Event::Usage(usage) => events.push(Event::Usage(usage)),
        Event::Stop(stop) => events.push(Event::Stop(stop)),
        Event::Fault(fault) => events.push(Event::Fault(fault)),
    });
    events
}

/// A citation as `format` could write it, for cases that need one.
pub(crate) fn citation(format: Format) -> Citation<'static> {
    let raw = Json::of(&json!({ "type": "url_citation", "url": "https://example.com/" }));
    Citation {
        url: Some("https://example.com/".into()),
        title: Some("Example".into()),
        quote: None,
        range: Some((0, 1)),
        format,
        raw,
    }
}

#[test]
fn a_reply_is_the_fold_of_its_events_in_any_pieces() {
    let mut reply = Reply::new(Start { id: "1".into(), model: "m".into(), created: 7 });
    for (text, opening) in [("ä€😀", Opening::Text), ("", Opening::Reasoning)] {
        reply.blocks.push(ReplyBlock::new(opening, text));
    }
    reply.blocks[0].citations.push(citation(Format::OpenAi));
    reply.stop = Some(StopReason::End.into());
    for longest in 1..4 {
        let mut folded = Reply::default();
        for event in in_pieces(&reply, longest) {
            folded.absorb(&event);
        }
        assert_eq!(folded, reply);
    }
}

#[test]
fn generated_replies_are_in_order_and_fold_back() {
    for format in Format::ALL {
        proptest!(|(reply in reply(format), longest in 1..9usize)| {
            let events = in_pieces(&reply, longest);
            super::check_order(&events);
            let mut folded = Reply::default();
            for event in &events {
                folded.absorb(event);
            }
            prop_assert_eq!(folded, reply);
        });
    }
}
