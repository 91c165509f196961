//! The neutral vocabulary → Anthropic Messages, whole replies.

use super::super::{
    parts::{self, carrier, reasoning},
    usage,
    words::{FORMAT, stop_reason},
};
use crate::{
    chat::{Json, Opening, Reply, ReplyBlock, StopReason},
    formats::{
        names::to_arguments,
        seals::Attach,
        write::{self, Elements, Members},
    },
};

/// Writes a whole reply.
pub(in super::super) fn encode(reply: &Reply) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    let refused = reply.blocks.iter().any(|block| matches!(block.opening, Opening::Refusal));
    write::object(&mut out, |out| {
        out.value("id", &format!("msg_{}", reply.start.id));
        out.value("type", "message");
        out.value("role", "assistant");
        out.value("model", &reply.start.model);
        out.array("content", |list| {
            for one in reply.blocks.iter().filter(|one| !is_broken(reply, one)) {
                block(one, list);
            }
        });
        let stop = reply.stop.as_ref();
        out.value("stop_reason", &stop.map(|stop| stop_reason(stop.reason, refused)));
        out.value("stop_sequence", &stop.and_then(|stop| stop.sequence.as_deref()));
        out.object("usage", |out| usage::write(&reply.usage, out));
    });
    out
}

fn block(block: &ReplyBlock, list: &mut Elements<'_>) {
    let seal = block.seal.as_ref();
    match &block.opening {
        Opening::Text | Opening::Refusal => {
            if !block.text.is_empty() || !block.citations.is_empty() {
                // A client that looks at the end of a turn finds the text there.
                if let Some(seal) = seal {
                    list.object(|out| carrier(seal, Attach::Next, out));
                }
                list.object(|out| text(block, out));
            }
            return;
        }
        Opening::Reasoning => {
            if !block.text.is_empty() || seal.is_some() {
                list.object(|out| reasoning(&block.text, seal, out));
            }
            return;
        }
        Opening::ToolCall { id, name, .. } => {
            // A client that looks at the end of a turn finds the call there.
            if let Some(seal) = seal {
                list.object(|out| carrier(seal, Attach::Call(parts::call_id(id)), out));
            }
            list.object(|out| parts::call(id, name, &input(&block.text), out));
            return;
        }
        Opening::FreeformCall { id, name, .. } => {
            if let Some(seal) = seal {
                list.object(|out| carrier(seal, Attach::Call(parts::call_id(id)), out));
            }
            // Messages has no freeform tools: the text travels as the one argument.
            list.object(|out| parts::call(id, name, &to_arguments(&block.text), out));
            return;
        }
        Opening::Hosted(hosted) => {
            if hosted.format == FORMAT {
                list.raw(hosted.raw.get());
            }
        }
        Opening::Image { .. } => list.object(parts::image),
    }
    if let Some(seal) = seal {
        list.object(|out| carrier(seal, Attach::Previous, out));
    }
}

fn text(block: &ReplyBlock, out: &mut Members<'_>) {
    out.value("type", "text");
    out.text("text", &block.text);
    if !block.citations.is_empty() {
        out.array("citations", |list| {
            for citation in &block.citations {
                parts::citation(citation, list);
            }
        });
    }
}

/// Whether the arguments of a call broke off at the limit of tokens: then it is none to be run.
fn is_broken(reply: &Reply, block: &ReplyBlock) -> bool {
    let cut = reply
        .stop
        .as_ref()
        .is_some_and(|stop| matches!(stop.reason, StopReason::MaxTokens | StopReason::ContextFull));
    let source = block.text.trim();
    cut && matches!(block.opening, Opening::ToolCall { .. })
        && !source.is_empty()
        && !is_object(source)
}

fn is_object(source: &str) -> bool {
    source.starts_with('{') && Json::parse(source).is_some()
}

/// Arguments as the object that clients want; what is none becomes a member of one.
fn input(arguments: &str) -> String {
    let source = arguments.trim();
    if source.is_empty() {
        return "{}".to_owned();
    }
    if is_object(source) {
        return source.to_owned();
    }
    let mut out = Vec::new();
    write::object(&mut out, |out| out.text("arguments", arguments));
    String::from_utf8(out).unwrap_or_default()
}
