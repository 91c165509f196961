//! OpenAI Chat Completions, whole replies ⇄ the neutral vocabulary.

use super::{
    seal,
    stream::decode::Decoder,
    wire,
    words::{finish_reason, tier_name, write_usage},
};
use crate::{
    chat::{Citation, Json, Opening, Reply, ReplyBlock},
    formats::{
        Malformed,
        order::Order,
        write::{self, Elements, Members},
    },
};

/// Reads a whole reply.
pub(super) fn decode(body: &str) -> Result<Reply, Malformed> {
    let mut reply = Reply::default();
    let mut order = Order::default();
    Decoder::default().whole(body, &mut |event| {
        order.push(event, &mut |event| reply.absorb(&event));
    })?;
    Ok(reply)
}

/// Writes a whole reply.
pub(super) fn encode(reply: &Reply) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    write::object(&mut out, |body| {
        body.value("id", &format!("chatcmpl-{}", reply.start.id));
        body.value("object", "chat.completion");
        body.value("created", &reply.start.created);
        body.value("model", &reply.start.model);
        body.array("choices", |choices| {
            choices.object(|choice| {
                choice.value("index", &0);
                choice.object("message", |out| message(&reply.blocks, out));
                logprobs(&reply.blocks, choice);
                let stop = reply.stop.as_ref().map(|stop| finish_reason(stop.reason));
                choice.value("finish_reason", &stop);
            });
        });
        write_usage(&reply.usage, body);
        body.maybe("service_tier", reply.usage.tier.and_then(tier_name));
    });
    out
}

fn message(blocks: &[ReplyBlock], out: &mut Members<'_>) {
    out.value("role", "assistant");
    out.value("content", &texts(blocks, &Opening::Text));
    out.value("refusal", &texts(blocks, &Opening::Refusal));
    if let Some(reasoning) = texts(blocks, &Opening::Reasoning) {
        out.value("reasoning_content", &reasoning);
    }
    let details = details(blocks);
    if !details.is_empty() {
        out.value("reasoning_details", &details);
    }
    let cited: Vec<_> = cited(blocks);
    if !cited.is_empty() {
        out.array("annotations", |list| {
            cited.iter().for_each(|(citation, before)| annotation(citation, *before, list));
        });
    }
    if blocks.iter().any(|block| matches!(block.opening, Opening::Image { .. })) {
        out.array("images", |list| {
            for block in blocks {
                if let Opening::Image { media_type } = &block.opening {
                    list.object(|image| picture(media_type, &block.text, image));
                }
            }
        });
    }
    if blocks.iter().any(|block| is_call(&block.opening)) {
        out.array("tool_calls", |list| blocks.iter().for_each(|block| call(block, list)));
    }
}

/// The texts of all blocks of a kind, joined.
fn texts(blocks: &[ReplyBlock], kind: &Opening) -> Option<String> {
    let texts: Vec<&str> =
        blocks.iter().filter(|block| block.opening == *kind).map(|block| &*block.text).collect();
    (!texts.is_empty()).then(|| texts.concat())
}

fn details(blocks: &[ReplyBlock]) -> Vec<Json<'static>> {
    let mut details = Vec::new();
    for block in blocks {
        let Some(seal) = &block.seal else { continue };
        if seal::own_extra(seal).is_some() && is_call(&block.opening) {
            continue;
        }
        let number = u32::try_from(details.len()).unwrap_or(u32::MAX);
        details.extend(seal::detail(seal, &block.opening, number));
    }
    details
}

/// Citations, and how many characters of the joined text stand before their block.
fn cited(blocks: &[ReplyBlock]) -> Vec<(&Citation<'static>, u32)> {
    let mut before = 0u32;
    let mut cited = Vec::new();
    for block in blocks.iter().filter(|block| block.opening == Opening::Text) {
        cited.extend(block.citations.iter().map(|citation| (citation, before)));
        let length = u32::try_from(block.text.chars().count()).unwrap_or(u32::MAX);
        before = before.saturating_add(length);
    }
    cited
}

/// Writes a citation. The format has only those of pages: others are left out.
pub(super) fn annotation(citation: &Citation<'_>, before: u32, list: &mut Elements<'_>) {
    if citation.format == super::FORMAT && before == 0 {
        list.raw(citation.raw.get());
        return;
    }
    let Some(url) = &citation.url else { return };
    list.object(|out| {
        out.value("type", "url_citation");
        out.object("url_citation", |out| {
            out.text("url", url);
            out.value("title", citation.title.as_deref().unwrap_or_default());
            let (start, end) = citation.range.unwrap_or_default();
            out.value("start_index", &start.saturating_add(before));
            out.value("end_index", &end.saturating_add(before));
            out.maybe("content", citation.quote.as_ref());
        });
    });
}

/// Writes a picture as OpenRouter does: the format itself has none in replies.
pub(super) fn picture(media_type: &str, data: &str, out: &mut Members<'_>) {
    out.value("type", "image_url");
    out.object("image_url", |image| {
        image.text("url", &format!("data:{media_type};base64,{data}"));
    });
}

fn is_call(opening: &Opening) -> bool {
    match opening {
        Opening::ToolCall { .. } | Opening::FreeformCall { .. } => true,
        Opening::Text
        | Opening::Reasoning
        | Opening::Refusal
        | Opening::Hosted(_)
        | Opening::Image { .. } => false,
    }
}

fn call(block: &ReplyBlock, list: &mut Elements<'_>) {
    let carried = block.seal.as_ref().and_then(seal::own_extra);
    match &block.opening {
        Opening::ToolCall { id, name, .. } => list.object(|call| {
            call.value("id", id);
            call.value("type", "function");
            call.object("function", |function| {
                function.value("name", name);
                let arguments = if block.text.is_empty() { "{}" } else { &*block.text };
                function.text("arguments", arguments);
            });
            call.maybe("extra_content", carried.as_ref());
        }),
        // OpenAI, custom tools in Chat Completions.
        Opening::FreeformCall { id, name, .. } => list.object(|call| {
            call.value("id", id);
            call.value("type", "custom");
            call.object("custom", |custom| {
                custom.value("name", name);
                custom.text("input", &block.text);
            });
            call.maybe("extra_content", carried.as_ref());
        }),
        Opening::Text
        | Opening::Reasoning
        | Opening::Refusal
        | Opening::Hosted(_)
        | Opening::Image { .. } => {}
    }
}

fn logprobs(blocks: &[ReplyBlock], choice: &mut Members<'_>) {
    let of = |kind: &Opening| -> Vec<&Json<'static>> {
        let blocks = blocks.iter().filter(|block| block.opening == *kind);
        blocks.flat_map(|block| &block.logprobs).collect()
    };
    let (content, refusal) = (of(&Opening::Text), of(&Opening::Refusal));
    if content.is_empty() && refusal.is_empty() {
        choice.value("logprobs", &());
        return;
    }
    choice.object("logprobs", |out| {
        for (key, lists) in [("content", content), ("refusal", refusal)] {
            if lists.is_empty() {
                out.value(key, &());
                continue;
            }
            out.array(key, |list| {
                for tokens in lists {
                    for token in wire::tokens(tokens) {
                        list.raw(token.get());
                    }
                }
            });
        }
    });
}
