//! `server`, and the `timeouts` that providers have too.

use std::{
    num::{NonZeroU32, NonZeroU64},
    ops::RangeInclusive,
};

use super::super::{Retry, Server, Timeouts, UnknownModels, fields::Fields, problem::Problem};

const UNKNOWN_MODELS: [(&str, UnknownModels); 2] =
    [("error", UnknownModels::Error), ("default", UnknownModels::Default)];

const POSITIVE: RangeInclusive<u64> = 1..=u32::MAX as u64;

/// Reads the section.
pub(super) fn read(mut fields: Fields<'_, '_>) -> Server {
    let server = Server {
        host: fields.text(&["host"]),
        port: fields.whole(&["port"], 0..=u64::from(u16::MAX)),
        require_auth: fields.boolean(&["requireAuth"]),
        allowed_ips: read_allowed_ips(&mut fields),
        cors_origins: read_texts(&mut fields, &["corsOrigins"]),
        max_body_bytes: fields.whole(&["maxBodyBytes"], 1..=u64::MAX).and_then(NonZeroU64::new),
        max_in_flight: fields.whole(&["maxInFlight"], POSITIVE).and_then(NonZeroU32::new),
        unknown_models: fields.word(&["unknownModels"], "one of the choices", &UNKNOWN_MODELS),
        debug_routing: fields.boolean(&["debugRouting"]),
        timeouts: read_timeouts(&mut fields),
        retry: read_retry(&mut fields),
    };
    fields.finish();
    server
}

/// An empty list is not the same as none.
fn read_texts(fields: &mut Fields<'_, '_>, spellings: &[&'static str]) -> Option<Vec<String>> {
    fields.find(spellings)?;
    Some(fields.texts(spellings, true))
}

/// An empty list closes nothing, but looks as if it did.
fn read_allowed_ips(fields: &mut Fields<'_, '_>) -> Option<Vec<String>> {
    let allowed = read_texts(fields, &["allowedIps"])?;
    if allowed.is_empty() {
        let problem = Problem::warning(fields.place(&["allowedIps"]), "an empty list lets all in");
        fields.problems.push(problem.hint("name the addresses, or leave it out"));
    }
    Some(allowed)
}

/// Reads `timeouts`, of the server or of a provider.
pub(super) fn read_timeouts(fields: &mut Fields<'_, '_>) -> Option<Timeouts> {
    let found = fields.find(&["timeouts"])?;
    let mut fields = Fields::open(&found, fields.problems)?;
    let mut millis =
        |key: &'static str| fields.whole::<u64>(&[key], 1..=u64::MAX).and_then(NonZeroU64::new);
    let timeouts = Timeouts {
        connect_ms: millis("connectMs"),
        first_byte_ms: millis("firstByteMs"),
        whole_reply_ms: millis("wholeReplyMs"),
        silence_ms: millis("silenceMs"),
    };
    fields.finish();
    Some(timeouts)
}

fn read_retry(fields: &mut Fields<'_, '_>) -> Option<Retry> {
    let found = fields.find(&["retry"])?;
    let mut fields = Fields::open(&found, fields.problems)?;
    let retry = Retry {
        patience_ms: fields.whole(&["patienceMs"], 0..=u64::MAX),
        attempts: fields.whole(&["attempts"], POSITIVE).and_then(NonZeroU32::new),
        base_delay_ms: fields.whole(&["baseDelayMs"], 0..=u64::MAX),
        max_delay_ms: fields.whole(&["maxDelayMs"], 0..=u64::MAX),
    };
    fields.finish();
    Some(retry)
}
