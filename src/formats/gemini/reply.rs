//! Gemini `generateContent`, whole replies ⇄ the neutral vocabulary.

use serde_json::value::RawValue;

use super::{
    answer::{self, Beside},
    error,
    grounding::{Said, Sources},
    stream::decode::Decoder,
};
use crate::{
    chat::{Json, Opening, Reply, ReplyBlock},
    formats::{EventDecoder, Malformed, order::Order},
};

/// Reads a whole reply: a chunk, or the list of them that a stream without events is.
pub(super) fn decode(body: &str) -> Result<Reply, Malformed> {
    let mut reply = Reply::default();
    let mut order = Order::default();
    let mut decoder = Decoder::default();
    let chunks = if body.trim_start().starts_with('[') {
        let list: Vec<&RawValue> = serde_json::from_str(body)
            .map_err(|error| Malformed::new(format!("not a list of replies: {error}")))?;
        list.into_iter().map(RawValue::get).collect()
    } else {
        vec![body]
    };
    for chunk in chunks {
        decoder.chunk(chunk, &mut |event| order.push(event, &mut |event| reply.absorb(&event)))?;
    }
    if !decoder.knows_end() && !order.ended() {
        if !decoder.has_content() {
            return Err(Malformed::new("a reply without candidates"));
        }
        decoder.assume_end();
    }
    decoder.end(&mut |event| order.push(event, &mut |event| reply.absorb(&event)));
    Ok(reply)
}

/// Writes a whole reply.
pub(super) fn encode(reply: &Reply) -> Vec<u8> {
    if let Some(fault) = &reply.fault {
        return error(fault).to_string().into_bytes();
    }
    let mut said = Said::default();
    let mut sources = Sources::new();
    for block in reply.blocks.iter().filter(|block| block.opening == Opening::Text) {
        said.open_block();
        said.push(&block.text);
        sources.extend(block.citations.iter().map(|citation| (citation.clone(), said.block())));
    }
    let logprobs: Vec<Json<'static>> =
        reply.blocks.iter().flat_map(|block| block.logprobs.iter().cloned()).collect();
    let is_sound = |block: &ReplyBlock| {
        !matches!(block.opening, Opening::ToolCall { .. }) || answer::is_sound(&block.text)
    };
    let malformed = !reply.blocks.iter().all(is_sound);
    let reason = reply.stop.as_ref().map(|stop| answer::finish_reason(stop.reason, malformed));
    let beside = Beside {
        reason,
        usage: Some(&reply.usage),
        sources: Some((&sources, &said)),
        logprobs: &logprobs,
    };
    let mut out = Vec::new();
    answer::chunk(&mut out, &reply.start, &beside, |parts| {
        for block in reply.blocks.iter().filter(|block| is_sound(block)) {
            answer::part(&block.opening, &block.text, block.seal.as_ref(), parts);
        }
        if parts.is_empty() {
            answer::part(&Opening::Text, "", None, parts);
        }
    });
    out
}
