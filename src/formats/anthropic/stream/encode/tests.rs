//! What a client of Messages keeps of a stream, and what it must not be shown.

use super::*;
use crate::{
    chat::{Block, Reply, ReplyBlock},
    formats::codec,
    protocol::Format,
};

fn seal(format: Format, kind: SealKind) -> Seal<'static> {
    Seal { format, kind, data: "sealed".into(), item: None }
}

/// What a client keeps of a whole reply and sends back.
fn sent_back(reply: &Reply) -> Vec<(String, Option<Seal<'static>>)> {
    let message = String::from_utf8(codec(FORMAT).encode_reply(reply)).unwrap();
    let content: serde_json::Value = serde_json::from_str(&message).unwrap();
    let body = serde_json::json!({
        "messages": [{ "role": "assistant", "content": content["content"] }],
    });
    let body = body.to_string();
    let request = codec(FORMAT).decode_request(&body).unwrap();
    let block = |block: &Block<'_>| {
        let what = block.call().map_or("reasoning", |_| "call");
        let what = block.text().map_or(what, |_| "text");
        (what.to_owned(), block.seal.clone().map(Seal::into_owned))
    };
    request.messages.iter().flat_map(|message| message.blocks.iter().map(block)).collect()
}

#[test]
fn seals_of_every_vendor_come_back_on_their_blocks() {
    let call = || Opening::ToolCall { id: "1".into(), name: "f".into(), namespace: None };
    for (what, opening, seal) in [
        ("reasoning", Opening::Reasoning, seal(Format::OpenAiResponses, SealKind::Encrypted)),
        ("reasoning", Opening::Reasoning, seal(FORMAT, SealKind::Signature)),
        ("reasoning", Opening::Reasoning, seal(FORMAT, SealKind::Redacted)),
        ("text", Opening::Text, seal(Format::Gemini, SealKind::Signature)),
        ("call", call(), seal(Format::Gemini, SealKind::Signature)),
    ] {
        let text = if seal.kind == SealKind::Redacted { "" } else { "a" };
        let mut block = ReplyBlock::new(opening, text);
        block.seal = Some(seal.clone());
        let mut reply = Reply::default();
        reply.blocks.push(block);
        assert_eq!(sent_back(&reply), [(what.to_owned(), Some(seal.clone()))]);
        if what == "text" {
            // In a stream it travels in front of what comes next.
            reply.blocks.push(ReplyBlock::new(call(), ""));
        }
        // The same from a stream, as its client folds it.
        let mut encoder = Encoder::default();
        let mut bytes = Vec::new();
        reply.unfold(&mut |event| encoder.encode(&event, &mut bytes));
        let mut folded = Reply::default();
        let mut decoder = codec(FORMAT).stream_decoder(crate::formats::Framing::Sse);
        decoder.feed(&bytes, &mut |event| folded.absorb(&event));
        assert_eq!(sent_back(&folded).first(), Some(&(what.to_owned(), Some(seal))));
    }
}

#[test]
fn a_text_at_the_end_of_a_turn_is_its_last_block() {
    let mut reply = Reply::default();
    let mut block = ReplyBlock::new(Opening::Text, "a");
    block.seal = Some(seal(Format::Gemini, SealKind::Signature));
    reply.blocks.push(block);
    let whole = String::from_utf8(codec(FORMAT).encode_reply(&reply)).unwrap();
    let whole: serde_json::Value = serde_json::from_str(&whole).unwrap();
    let last = whole["content"].as_array().and_then(|content| content.last());
    assert_eq!(last, Some(&serde_json::json!({"type": "text", "text": "a"})));

    let mut encoder = Encoder::default();
    let mut bytes = Vec::new();
    reply.unfold(&mut |event| encoder.encode(&event, &mut bytes));
    let out = String::from_utf8(bytes).unwrap();
    assert_eq!(out.matches("event: content_block_start").count(), 1, "{out}");
}

#[test]
fn blocks_of_nothing_are_not_begun_and_half_calls_not_ended() {
    let mut encoder = Encoder::default();
    let mut out = Vec::new();
    let freeform = Opening::FreeformCall { id: "1".into(), name: "f".into(), namespace: None };
    for event in [
        Event::Open { index: 0, block: Opening::Text },
        Event::Close { index: 0 },
        Event::Open { index: 1, block: Opening::Reasoning },
        Event::Close { index: 1 },
        Event::Open { index: 2, block: freeform.clone() },
        Event::Delta { index: 2, text: "\"\n".into() },
        Event::Delta { index: 2, text: "b".into() },
        Event::Close { index: 2 },
        Event::Open { index: 3, block: freeform },
        Event::Delta { index: 3, text: "c".into() },
        Event::Fault(Fault::new(crate::chat::FaultKind::Overloaded, "no")),
    ] {
        encoder.encode(&event, &mut out);
    }
    let out = String::from_utf8(out).unwrap();
    let data = out.lines().filter_map(|line| line.strip_prefix("data: "));
    let events: Vec<serde_json::Value> =
        data.map(|data| serde_json::from_str(data).unwrap()).collect();
    let stops = events.iter().filter(|event| event["type"] == "content_block_stop").count();
    assert_eq!((stops, events[0]["index"].as_u64()), (1, Some(0)), "{out}");
    let input: String = events
        .iter()
        .filter(|event| event["index"] == 0)
        .filter_map(|event| event["delta"]["partial_json"].as_str())
        .collect();
    assert_eq!(input, r#"{"input":"\"\nb"}"#);
}
