//! The client's format and the target's differ: the request is read and written anew, and so is what
//! comes back. Where they are the same this has nothing to do.
//!
//! A reply names the model as the client did: what answered stands in `x-llm-router-target`.

mod hints;
mod reply;
mod unasked;

pub use reply::{Answering, Translator};

use bytes::Bytes;

use super::{call::Call, count};
use crate::{
    chat::{Fault, FaultKind, Request},
    formats::{
        Malformed, codec,
        dropped::{Dropped, Weight},
        names::Names,
        refuse_state,
        repair::Repair,
        seals,
    },
    protocol::Format,
    routing::router::Target,
};

/// What has to be known to read the answer to a translated request.
#[derive(Debug)]
pub struct Translation {
    /// The format in which the provider answers.
    pub format: Format,
    /// What the client said and the provider was not told.
    pub dropped: Vec<Dropped>,
    /// Whether the provider was asked for the size of the request rather than for a reply.
    pub counts: bool,
    names: Names,
    /// Whether the client wants a stream to end with its cost (OpenAI Chat).
    usage_wanted: bool,
    /// Whether the client is not to be shown how the model came to its reply.
    unasked: bool,
}

impl Translation {
    /// What the provider was not told, in words: place and reason.
    #[must_use]
    pub fn losses(&self) -> Vec<String> {
        let words = |loss: &Dropped| format!("{} ({})", loss.path, loss.reason);
        self.dropped.iter().map(words).collect()
    }

    /// Whether the answer can pass as it is.
    #[must_use]
    pub fn is_identity(&self, client: Format) -> bool {
        self.format == client && self.names.is_identity() && !self.counts
    }
}

/// A call, and the target that it is to be written for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) call: &'a Call,
    pub(super) target: &'a Target,
    /// The format in which the target is asked.
    pub(super) format: Format,
    /// Whether `format` is the provider's own.
    pub(super) genuine: bool,
    /// What earlier answers taught, and what this target said to this request.
    pub(super) repairs: &'a [Repair],
    /// Whether a loss of content is a reason not to send it.
    pub(super) lossless: bool,
}

/// Whether a body that could pass unread must not: it holds what a reply of another vendor left
/// there.
#[must_use]
pub(super) fn is_needed(body: &[u8]) -> bool {
    seals::travel_in(body)
}

/// Writes the call for its target.
///
/// # Errors
/// Why this target cannot be asked, in words for the client.
pub(super) fn write(wanted: Wanted<'_>) -> Result<(Bytes, Translation), Box<Fault>> {
    let Wanted { call, target, format, genuine, repairs, lossless } = wanted;
    let client = call.format();
    let body = std::str::from_utf8(&call.body).map_err(|error| {
        let message = format!("the body is not UTF-8: {error}");
        Box::new(Fault::new(FaultKind::InvalidRequest, message))
    })?;
    let mut request = codec(client).decode_request(body).map_err(|bad| fault(bad, None))?;
    if format != client
        && let Some(fault) = refuse_state(&request)
    {
        return Err(Box::new(fault));
    }
    let usage_wanted = request.stream_usage;
    let unasked = format != client && unasked::is_unasked(&request);
    let counts = call.operation.counts_tokens();
    let mut hints = hints::of(target, format, genuine);
    hints.stream = call.streams;
    // The model of a Gemini request stands in its path.
    if let Some(model) = &call.model {
        request.model = model.as_str().into();
    }
    let mut dropped = Vec::new();
    for repair in repairs {
        dropped.extend(repair.apply(&mut request, &mut hints));
    }
    let encoded =
        codec(format).encode_request(&request, &hints).map_err(|bad| fault(bad, Some(target)))?;
    dropped.extend(encoded.dropped);
    dropped.sort();
    dropped.dedup();
    if lossless && format != client {
        let lost: Vec<&Dropped> =
            dropped.iter().filter(|loss| loss.weight == Weight::Content).collect();
        if !lost.is_empty() {
            return Err(Box::new(refused(target, format, &lost)));
        }
    }
    let body = if counts {
        count::question(format, target.reference.model(), &encoded.body).unwrap_or(encoded.body)
    } else {
        encoded.body
    };
    let names = encoded.names;
    Ok((body.into(), Translation { format, dropped, counts, names, usage_wanted, unasked }))
}

/// Whether the client of `call` wants a stream to end with its cost.
fn wants_usage(call: &Call) -> bool {
    let body = std::str::from_utf8(&call.body).unwrap_or_default();
    let request: Result<Request<'_>, Malformed> = codec(call.format()).decode_request(body);
    request.is_ok_and(|request| request.stream_usage)
}

fn fault(bad: Malformed, target: Option<&Target>) -> Box<Fault> {
    let message = match target {
        Some(target) => format!("{}: {}", target.name, bad.message),
        None => bad.message,
    };
    let mut fault = Fault::new(FaultKind::InvalidRequest, message);
    fault.param = bad.pointer;
    Box::new(fault)
}

/// Losses are listed to this number.
const LISTED: usize = 20;

fn refused(target: &Target, format: Format, dropped: &[&Dropped]) -> Fault {
    let list: Vec<String> = dropped
        .iter()
        .take(LISTED)
        .map(|loss| format!("{} ({})", loss.path, loss.reason))
        .collect();
    let more = match dropped.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let message = format!(
        "{} is asked in the format `{format}`, which cannot say {}{more}; `onLoss` is `refuse`",
        target.name,
        list.join(", "),
    );
    let mut fault = Fault::new(FaultKind::InvalidRequest, message);
    fault.param = dropped.first().map(|loss| loss.path.clone());
    fault
}
