//! Anthropic Messages, whole replies ⇄ the neutral vocabulary.

pub(super) mod block;
mod encode;

use serde_json::value::RawValue;

use super::{
    fault,
    usage::{Counts, WireUsage},
    words::read_stop,
};
use crate::{
    chat::{Opening, Reply, Start},
    formats::{
        Malformed,
        raw::{self, Text, open_struct},
    },
};
pub(super) use encode::encode;

open_struct! {
    struct Body<'a> {
        kind: Text<'a> = "type",
        id: Text<'a> = "id",
        model: Text<'a> = "model",
        content: Vec<&'a RawValue> = "content",
        stop_reason: Text<'a> = "stop_reason",
        stop_sequence: Text<'a> = "stop_sequence",
        usage: WireUsage<'a> = "usage",
        error: fault::Error<'a> = "error",
    }
}

/// Reads a whole reply.
pub(super) fn decode(body: &str) -> Result<Reply, Malformed> {
    let body: Body<'_> = raw::read_body(body, "an Anthropic Messages reply")?;
    if let Some(fault) = body.error.and_then(fault::read_inside) {
        return Ok(Reply { fault: Some(fault), ..Reply::default() });
    }
    let Some(content) = body.content else {
        let kind = body.kind.unwrap_or_default().0;
        return Err(Malformed::new(format!("a reply without `content` (type `{kind}`)")));
    };
    let mut reply = Reply::new(start(body.id, body.model));
    for (index, block) in content.into_iter().enumerate() {
        reply.blocks.extend(block::whole(block, &format!("/content/{index}"))?);
    }
    let mut counts = Counts::default();
    if let Some(usage) = &body.usage {
        counts.take(usage);
    }
    reply.usage = counts.usage();
    let calls = reply.blocks.iter().any(|b| matches!(b.opening, Opening::ToolCall { .. }));
    let reason = body.stop_reason.unwrap_or_default().0;
    let sequence = body.stop_sequence.map(|text| text.0.into_owned());
    reply.stop = Some(read_stop(&reason, sequence, calls));
    Ok(reply)
}

/// The start of a reply. The format's own prefix of ids is not a part of them.
pub(super) fn start(id: Option<Text<'_>>, model: Option<Text<'_>>) -> Start {
    let id = id.unwrap_or_default().0;
    Start {
        id: id.strip_prefix("msg_").unwrap_or(&id).to_owned(),
        model: model.unwrap_or_default().0.into_owned(),
        created: 0,
    }
}
